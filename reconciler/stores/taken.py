"""Digests that are taken of entities, and remembered: tenants of one template have the same rows, letter by letter."""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

import orjson

from reconciler.core.bodies import faults
from reconciler.core.synchronised import of_actual
from reconciler.model.entity import Entity
from reconciler.model.keys import EntityId
from reconciler.stores.base import StoreError
from reconciler.stores.statements import Row

Digests: TypeAlias = tuple[str, str]
"""Of an entity, and of its synchronised part."""
Written: TypeAlias = tuple[str, str, str | None, str]
"""An entity as a row has it: kind, key, origin and body."""
_AT_MOST = 40_000_000
"""So many characters of bodies are remembered, of rows that were read and of those that were written."""
_T = TypeVar("_T")


@dataclass(slots=True)
class _Memory(Generic[_T]):
    """What was found out of rows, until there are too many; then it begins anew."""

    known: dict[Written, _T] = field(default_factory=dict)
    size: int = 0

    def keep(self, row: Written, found: _T) -> _T:
        self.size += len(row[3])
        if self.size > _AT_MOST:
            self.known.clear()
            self.size = len(row[3])
        self.known[row] = found
        return found


@dataclass(slots=True)
class Taken:
    """Remembers by what is written, not by whose value it was: whoever gave a body may change it afterwards."""

    _read: _Memory[Digests | None] = field(default_factory=_Memory)
    _made: _Memory[Digests] = field(default_factory=_Memory)

    def of(self, row: Written, what: str) -> Digests | None:
        """Of a row that was read; ``None`` for what is no body of ours. Raises `StoreError` for what is no JSON."""
        if row in self._read.known:
            return self._read.known[row]
        each = made(row, what)
        sound = next(faults({each.id: each}), None) is None
        return self._read.keep(row, (each.digest(), of_actual(each)) if sound else None)

    def row(self, tenant: str, entity: Entity) -> Row:
        """To be written. Raises `TypeError` for a value that no store keeps."""
        id = entity.id
        body = orjson.dumps(entity.body, option=orjson.OPT_SORT_KEYS).decode()
        written = (id.kind, id.key, entity.origin, body)
        found = self._made.known.get(written) or self._made.keep(written, (entity.digest(), of_actual(entity)))
        digest, synced = found
        head = {"tenant": tenant, "kind": id.kind, "key": id.key, "origin": entity.origin}
        return {**head, "body": body, "digest": digest, "synced": synced}


def made(row: Written, what: str) -> Entity:
    """The entity of a row. Raises `StoreError` for a body that is no JSON; ``what``: whose bodies these are."""
    kind, key, origin, body = row
    return Entity(EntityId(kind, key), loaded(body, dict, f"{what}/{kind}/{key}"), origin)


def loaded(text: str, kind: type, what: str) -> Any:
    """A value of this kind. Raises `StoreError` for what is none."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"{what} is damaged: it is not JSON ({error})") from error
    if not isinstance(value, kind):
        raise StoreError(f"{what} is damaged: it is not a {'map' if kind is dict else 'list'}")
    return value
