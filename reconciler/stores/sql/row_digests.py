"""Computes and caches digests of entities; tenants of one template have identical rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

from reconciler.core.schema import faults
from reconciler.core.states import of_actual
from reconciler.model.bounded_cache import BoundedCache
from reconciler.model.documents.kinds import TENANT_KINDS
from reconciler.model.shared_values import SharedValues
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.stores.base import StoreError
from reconciler.stores.sql.statements import Row

Digests: TypeAlias = tuple[str, str]
"""The digests of an entity and of its synchronised part."""
Written: TypeAlias = tuple[str, str, str | None, str]
"""An entity as stored in a row: kind, key, origin and body."""
_AT_MOST = 40_000_000
"""Characters of bodies to cache, for rows read and for rows written."""


@dataclass(slots=True)
class RowDigestCache:
    """A cache keyed by the serialized row, not by object identity, because callers may change a body afterwards.

    Kinds of which every tenant has its own entities are not cached: no two rows are identical.
    """

    _read: BoundedCache[Written, Digests | None] = field(default_factory=lambda: BoundedCache(_AT_MOST))
    _made: BoundedCache[Written, Digests] = field(default_factory=lambda: BoundedCache(_AT_MOST))

    def of(self, row: Written, what: str) -> Digests | None:
        """The digests of a stored row; ``None`` for an invalid body. Raises `StoreError` for invalid JSON."""
        if row in self._read.known:
            return self._read.known[row]
        each = made(row, what)
        sound = next(faults({each.id: each}), None) is None
        digests = (each.digest(), of_actual(each)) if sound else None
        return digests if row[0] in TENANT_KINDS else self._read.keep(row, digests, len(row[3]))

    def row(self, tenant: str, entity: Entity) -> Row:
        """The row of an entity to write. Raises `TypeError` for a value that cannot be stored."""
        body = _spelled(entity)
        if entity.id.kind in TENANT_KINDS:
            return _row(tenant, entity, body, entity.digest(), of_actual(entity))
        written = (entity.id.kind, entity.id.key, entity.origin, body)
        found = self._made.known.get(written)
        digest, synced = found or self._made.keep(written, (entity.digest(), of_actual(entity)), len(body))
        return _row(tenant, entity, body, digest, synced)

    def row_of(self, tenant: str, entity: Entity) -> Row:
        """The row of a stored entity. An invalid body has no ``synced``, so that readers do not use its digests and
        find the damage.
        """
        if next(faults({entity.id: entity}), None) is None:
            return self.row(tenant, entity)
        return _row(tenant, entity, _spelled(entity), entity.digest(), None)


def _spelled(entity: Entity) -> str:
    return orjson.dumps(entity.body, option=orjson.OPT_SORT_KEYS).decode()


def _row(tenant: str, entity: Entity, body: str, digest: str, synced: str | None) -> Row:
    head = {"tenant": tenant, "kind": entity.id.kind, "key": entity.id.key, "origin": entity.origin}
    return {**head, "body": body, "digest": digest, "synced": synced}


def made(row: Written, what: str, shared: SharedValues | None = None) -> Entity:
    """The entity of a row. Raises `StoreError` for a body that is not JSON; ``what`` names the body in messages.

    ``shared``: the values that it shares with other rows, for kinds of which a tenant may have very many entities.
    """
    kind, key, origin, body = row
    value = loaded(body, dict, f"{what}/{kind}/{key}")
    return Entity(EntityId(kind, key), shared.of_map(value) if shared and kind in TENANT_KINDS else value, origin)


@contextmanager
def damage(what: str) -> Iterator[None]:
    """Convert errors from malformed stored values to a `StoreError` that reports ``what`` as damaged."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{what} is damaged: it is not as it was written ({type(error).__name__})") from error


def loaded(text: str, kind: type, what: str) -> Any:
    """The JSON value, which must be of this type. Raises `StoreError`."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"{what} is damaged: it is not JSON ({error})") from error
    if not isinstance(value, kind):
        raise StoreError(f"{what} is damaged: it is not a {'map' if kind is dict else 'list'}")
    return value
