"""Releases an entity that is synced from upstream, and undoes that: `tenant release` (ORIGIN-03).

Both write a journal record and the change in one transaction.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from reconciler.core.records import GIVEN_UP, change_to_data, given_up, is_shared, origins_that_differ
from reconciler.model.plans.change import Action
from reconciler.model.plans.origins import RECLAIMED, RELEASED
from reconciler.model.plans.plan import Change, FieldChange
from reconciler.model.values.digests import prefixed_digest
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId, address
from reconciler.model.values.plain_values import Body
from reconciler.stores.base import Current, Edit, EntityWrite, Record, TenantStore

ACTION, RELEASE, UNDO = "action", "tenant release", "tenant release --undo"


class Release(StrEnum):
    """The result of a release, or of undoing one."""

    RELEASED = "released"
    ALREADY = "already_released"
    UNDONE = "undone"


class NotToRelease(Exception):
    """The entity is not synced from upstream, or is not released. The message is for users.

    ``near``: the existing entities, if none has that id.
    """

    def __init__(self, message: str, near: tuple[EntityId, ...] = ()) -> None:
        self.near = near
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to release an entity of a tenant, or with ``undo`` to undo that: by whom, and when (ISO 8601)."""

    tenant: str
    entity: EntityId
    undo: bool
    by: str
    at: str

    @property
    def address(self) -> str:
        return address(self.tenant, self.entity)


def release(wish: Wish, store: TenantStore) -> Release:
    """Execute a request. Raises `NotToRelease` and `StoreError`; nothing was written then."""
    done = Release.ALREADY

    def decide(current: Current) -> Edit:
        nonlocal done
        edit = _edit(wish, current)
        done = Release.ALREADY if not edit else Release.UNDONE if wish.undo else Release.RELEASED
        return edit

    # a refused or repeated request takes no lock and creates no database
    if decide(Current(store.observe(wish.tenant), store.came_down(wish.tenant))):
        store.overwrite(wish.tenant, decide, actor=wish.by, at=wish.at)
    return done


def _edit(wish: Wish, current: Current) -> Edit:
    """The edit for the tenant's current state; empty if the entity is already released."""
    entities = current.snapshot.entities
    descent, have = current.came_down.get(wish.entity), entities.get(wish.entity)
    if descent is None and have is None:
        raise NotToRelease(f'{wish.tenant} has no "{wish.entity}"', tuple(entities))
    if is_shared(wish.entity) and not wish.undo:
        raise NotToRelease(f"{wish.address} cannot be released: it is already the tenant's own document")
    if wish.undo and (descent is None or not descent.released):
        raise NotToRelease(f"{wish.address} is not released, so there is nothing to undo")
    if not wish.undo and descent and descent.released:
        return Edit()
    if not wish.undo and descent is None and (have is None or have.origin is None):
        raise NotToRelease(f"{wish.address} is not synced from upstream: it is already the tenant's own")
    after = have if wish.undo or have is None else given_up(have)
    writes = (EntityWrite(wish.entity, have, after),) if after != have else ()
    changes = (_change(wish.tenant, have, after),) if have and after and after != have else ()
    notes = {ACTION: UNDO if wish.undo else RELEASE, RECLAIMED if wish.undo else RELEASED: [str(wish.entity)]}
    return Edit(
        writes,
        journalled(wish.tenant, changes, notes, by=wish.by, at=wish.at, revision=current.snapshot.revision),
    )


def journalled(  # noqa: PLR0913 - the fields of a record
    tenant: str, changes: tuple[dict[str, Any], ...], notes: Body, *, by: str, at: str, revision: int
) -> Record:
    """A journal record outside a plan. ``revision``: of the state that was read; makes the record's digest unique."""
    digest = prefixed_digest((orjson.dumps([tenant, notes, at, by, revision], option=orjson.OPT_SORT_KEYS),))
    return Record(tenant, digest, at, by, None, changes, notes)


def _change(tenant: str, before: Entity, after: Entity) -> dict[str, Any]:
    differing = origins_that_differ(before, after)
    fields = tuple(FieldChange(path, mine, theirs, (), GIVEN_UP) for path, mine, theirs in differing)
    return change_to_data(
        Change(tenant, before.id, Action.UPDATE, before.document(), after.document(), fields, rule=GIVEN_UP)
    )
