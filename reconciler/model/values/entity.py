"""Entities of any kind, in a tenant or in a provider's catalog."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from reconciler.model.values.digests import prefixed_digest, record_digest
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: its identity, its body (without kind, key and origin) and the upstream that it was copied from, if
    any.
    """

    id: EntityId
    body: Body
    origin: str | None = None

    def document(self) -> dict[str, Value]:
        """The entity as a document of a tenant's state."""
        head: dict[str, Value] = {"kind": self.id.kind, "key": self.id.key}
        if self.origin is not None:
            head["origin"] = self.origin
        return {**head, **self.body}

    def digest(self) -> str:
        """The digest of the whole entity, independent of the order of its maps."""
        return record_digest(orjson.dumps(self.document(), option=orjson.OPT_SORT_KEYS))


State: TypeAlias = Mapping[EntityId, Entity]
"""A tenant's actual state, or an upstream's: every entity by its identity."""


def entity(document: Mapping[str, Value]) -> Entity:
    """The inverse of `Entity.document`."""
    body = {name: value for name, value in document.items() if name not in ("kind", "key", "origin")}
    return Entity(EntityId(document["kind"], document["key"]), body, document.get("origin"))


def fingerprint(digests: Iterable[tuple[EntityId, str]]) -> str:
    """The fingerprint of a whole state, from its entities' digests: ``sha256:...``. An empty state has one too."""
    return fingerprint_of((lines(digests),))


def lines(digests: Iterable[tuple[EntityId, str]]) -> str:
    """The text that a fingerprint is computed from: a line per entity, sorted; a state's text is that of its kinds in
    order.
    """
    return "".join([f"{kind}/{key} {digest}\n" for (kind, key), digest in sorted(digests)])


def fingerprint_of(pieces: Iterable[str]) -> str:
    """The fingerprint of a state, from the `lines` of its kinds, sorted."""
    return prefixed_digest(piece.encode() for piece in pieces)


def state_fingerprint(state: State) -> str:
    """The fingerprint of a state in memory."""
    return fingerprint((id, each.digest()) for id, each in state.items())
