"""Digests that are taken of entities, and remembered: tenants of one template have the same rows, letter by letter."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

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
_AT_MOST = 20_000
"""So many rows are remembered: some tens of megabytes."""


@dataclass(slots=True)
class Taken:
    """Remembers by what is written, not by whose value it was: whoever gave a body may change it afterwards."""

    _read: dict[Written, Digests | None] = field(default_factory=dict)
    _made: dict[Written, Digests] = field(default_factory=dict)

    def of(self, row: Written, what: str) -> Digests | None:
        """Of a row that was read; ``None`` for what is no body of ours. Raises `StoreError` for what is no JSON."""
        if row not in self._read:
            if len(self._read) >= _AT_MOST:
                self._read.clear()
            each = made(row, what)
            sound = next(faults({each.id: each}), None) is None
            self._read[row] = (each.digest(), of_actual(each)) if sound else None
        return self._read[row]

    def row(self, tenant: str, entity: Entity) -> Row:
        """To be written. Raises `TypeError` for a value that no store keeps."""
        id = entity.id
        body = orjson.dumps(entity.body, option=orjson.OPT_SORT_KEYS).decode()
        written = (id.kind, id.key, entity.origin, body)
        if (found := self._made.get(written)) is None:
            if len(self._made) >= _AT_MOST:
                self._made.clear()
            found = self._made[written] = (entity.digest(), of_actual(entity))
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
