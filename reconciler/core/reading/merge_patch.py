"""Patches of a tenant's state: JSON Merge Patch (RFC 7396) of entities, as `tenant import` writes them."""

from collections.abc import Iterable, Iterator, Mapping

from reconciler.core.reading.state_documents import StatePatch
from reconciler.core.schema import fields_of, prune_empty
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Value


def merged(value: Value, patch: Value) -> Value:
    """The value with the patch applied: maps merge, ``None`` removes, anything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(value) if isinstance(value, Mapping) else {}
    for name, inner in patch.items():
        if inner is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), inner)
    return result


def patched(state: State, patches: Iterable[StatePatch], *, replace: bool) -> Iterator[tuple[EntityId, Entity | None]]:
    """Every entity that the patches change, as it will be; ``None`` for a removed one.

    ``replace``: the documents are the whole state, so nothing that they omit stays, whether entity or field.
    """
    named = set()
    for patch in patches:
        named.add(patch.id)
        have = None if replace else state.get(patch.id)
        yield patch.id, _entity(patch, have)
    if replace:
        yield from ((id, None) for id in sorted(state) if id not in named)


def _entity(patch: StatePatch, have: Entity | None) -> Entity:
    before = {**have.body, "origin": have.origin} if have else {}
    body = prune_empty(merged(before, patch.body), fields_of(patch.kind))
    origin = body.pop("origin", None)
    return Entity(patch.id, body, origin)
