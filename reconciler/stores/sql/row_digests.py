"""Digests that are taken of entities, and remembered: tenants of one template have the same rows, letter by letter."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

from reconciler.core.schema import faults
from reconciler.core.states import of_actual
from reconciler.model.bounded_cache import BoundedCache
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.stores.base import StoreError
from reconciler.stores.sql.statements import Row

Digests: TypeAlias = tuple[str, str]
"""Of an entity, and of its synchronised part."""
Written: TypeAlias = tuple[str, str, str | None, str]
"""An entity as a row has it: kind, key, origin and body."""
_AT_MOST = 40_000_000
"""So many characters of bodies are remembered, of rows that were read and of those that were written."""


@dataclass(slots=True)
class RowDigestCache:
    """Remembers by what is written, not by whose value it was: whoever gave a body may change it afterwards."""

    _read: BoundedCache[Written, Digests | None] = field(default_factory=lambda: BoundedCache(_AT_MOST))
    _made: BoundedCache[Written, Digests] = field(default_factory=lambda: BoundedCache(_AT_MOST))

    def of(self, row: Written, what: str) -> Digests | None:
        """Of a row that was read; ``None`` for what is no body of ours. Raises `StoreError` for what is no JSON."""
        if row in self._read.known:
            return self._read.known[row]
        each = made(row, what)
        sound = next(faults({each.id: each}), None) is None
        return self._read.keep(row, (each.digest(), of_actual(each)) if sound else None, len(row[3]))

    def row(self, tenant: str, entity: Entity) -> Row:
        """To be written. Raises `TypeError` for a value that no store keeps."""
        body = _spelled(entity)
        written = (entity.id.kind, entity.id.key, entity.origin, body)
        found = self._made.known.get(written)
        digest, synced = found or self._made.keep(written, (entity.digest(), of_actual(entity)), len(body))
        return _row(tenant, entity, body, digest, synced)

    def row_of(self, tenant: str, entity: Entity) -> Row:
        """Of an entity that stands in the store: without ``synced`` for one that is no body of ours, so that no reader
        goes by its digests and every reader finds the damage.
        """
        if next(faults({entity.id: entity}), None) is None:
            return self.row(tenant, entity)
        return _row(tenant, entity, _spelled(entity), entity.digest(), None)


def _spelled(entity: Entity) -> str:
    return orjson.dumps(entity.body, option=orjson.OPT_SORT_KEYS).decode()


def _row(tenant: str, entity: Entity, body: str, digest: str, synced: str | None) -> Row:
    head = {"tenant": tenant, "kind": entity.id.kind, "key": entity.id.key, "origin": entity.origin}
    return {**head, "body": body, "digest": digest, "synced": synced}


def made(row: Written, what: str) -> Entity:
    """The entity of a row. Raises `StoreError` for a body that is no JSON; ``what``: whose bodies these are."""
    kind, key, origin, body = row
    return Entity(EntityId(kind, key), loaded(body, dict, f"{what}/{kind}/{key}"), origin)


@contextmanager
def damage(what: str) -> Iterator[None]:
    """Values of a store in a form that nobody wrote are a `StoreError` that says ``what`` is damaged."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{what} is damaged: it is not as it was written ({type(error).__name__})") from error


def loaded(text: str, kind: type, what: str) -> Any:
    """A value of this kind. Raises `StoreError` for what is none."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"{what} is damaged: it is not JSON ({error})") from error
    if not isinstance(value, kind):
        raise StoreError(f"{what} is damaged: it is not a {'map' if kind is dict else 'list'}")
    return value
