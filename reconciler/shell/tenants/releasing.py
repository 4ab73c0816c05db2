"""Releases an entity that is synced from upstream, and undoes that: `tenant release` (ORIGIN-03).

Both write a journal record and the change in one transaction.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from reconciler.core.records import RELEASE_RULE, change_to_data, is_shared, made_own, origins_that_differ
from reconciler.model.plans.change import Action
from reconciler.model.plans.origins import RECLAIMED, RELEASED
from reconciler.model.plans.plan import Change, FieldChange
from reconciler.model.values.digests import prefixed_digest
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId, address
from reconciler.model.values.plain_values import Body
from reconciler.stores.base import Current, Edit, EntityWrite, Record, TenantStore

ACTION, RELEASE, UNDO = "action", "tenant release", "tenant release --undo"


class ReleaseResult(StrEnum):
    """The result of a release, or of undoing one."""

    RELEASED = "released"
    ALREADY = "already_released"
    UNDONE = "undone"


class CannotRelease(Exception):
    """The entity is not synced from upstream, or is not released. The message is for users.

    ``near``: the existing entities, if none has that id.
    """

    def __init__(self, message: str, near: tuple[EntityId, ...] = ()) -> None:
        self.near = near
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A request to release an entity of a tenant, or with ``undo`` to undo that: by whom, and when (ISO 8601)."""

    tenant: str
    entity: EntityId
    undo: bool
    by: str
    at: str

    @property
    def address(self) -> str:
        return address(self.tenant, self.entity)


def release(request: ReleaseRequest, store: TenantStore) -> ReleaseResult:
    """Execute a request. Raises `CannotRelease` and `StoreError`; nothing was written then."""
    done = ReleaseResult.ALREADY

    def decide(current: Current) -> Edit:
        nonlocal done
        edit = _edit(request, current)
        done = ReleaseResult.ALREADY if not edit else ReleaseResult.UNDONE if request.undo else ReleaseResult.RELEASED
        return edit

    # a refused or repeated request takes no lock and creates no database
    if decide(Current(store.observe(request.tenant), store.recorded_origins(request.tenant))):
        store.overwrite(request.tenant, decide, actor=request.by, at=request.at)
    return done


def _edit(request: ReleaseRequest, current: Current) -> Edit:
    """The edit for the tenant's current state; empty if the entity is already released."""
    entities = current.snapshot.entities
    recorded, have = current.recorded_origins.get(request.entity), entities.get(request.entity)
    if recorded is None and have is None:
        raise CannotRelease(f'{request.tenant} has no "{request.entity}"', tuple(entities))
    if is_shared(request.entity) and not request.undo:
        raise CannotRelease(f"{request.address} cannot be released: it is already the tenant's own document")
    if request.undo and (recorded is None or not recorded.released):
        raise CannotRelease(f"{request.address} is not released, so there is nothing to undo")
    if not request.undo and recorded and recorded.released:
        return Edit()
    if not request.undo and recorded is None and (have is None or have.origin is None):
        raise CannotRelease(f"{request.address} is not synced from upstream: it is already the tenant's own")
    after = have if request.undo or have is None else made_own(have)
    writes = (EntityWrite(request.entity, have, after),) if after != have else ()
    changes = (_change(request.tenant, have, after),) if have and after and after != have else ()
    notes = {ACTION: UNDO if request.undo else RELEASE, RECLAIMED if request.undo else RELEASED: [str(request.entity)]}
    return Edit(
        writes,
        journalled(request.tenant, changes, notes, by=request.by, at=request.at, revision=current.snapshot.revision),
    )


def journalled(  # noqa: PLR0913 - the fields of a record
    tenant: str, changes: tuple[dict[str, Any], ...], notes: Body, *, by: str, at: str, revision: int
) -> Record:
    """A journal record outside a plan. ``revision``: of the state that was read; makes the record's digest unique."""
    digest = prefixed_digest((orjson.dumps([tenant, notes, at, by, revision], option=orjson.OPT_SORT_KEYS),))
    return Record(tenant, digest, at, by, None, changes, notes)


def _change(tenant: str, before: Entity, after: Entity) -> dict[str, Any]:
    differing = origins_that_differ(before, after)
    fields = tuple(FieldChange(path, mine, theirs, (), RELEASE_RULE) for path, mine, theirs in differing)
    return change_to_data(
        Change(tenant, before.id, Action.UPDATE, before.document(), after.document(), fields, rule=RELEASE_RULE)
    )
