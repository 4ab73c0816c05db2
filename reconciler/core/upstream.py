"""Upstreams: what a provider's catalog offers on a day, and what a reseller's state offers to its own resellers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from itertools import chain

from reconciler.core.desired import Upstream
from reconciler.core.renames import old_keys
from reconciler.core.shape import FieldShape, kind_shapes
from reconciler.model.amounts import in_force
from reconciler.model.entity import Entity, State
from reconciler.model.keys import EntityId
from reconciler.model.settings import Policy
from reconciler.model.source import ProviderTree, SourceDocument
from reconciler.model.values import Body, Value


def provider_upstream(tree: ProviderTree, on: date) -> Upstream:
    """A provider's catalog, its dated amounts as they hold ``on`` that day."""
    state = {id: settled(document.entity, on) for id, document in tree.documents.items()}
    return Upstream(tree.key, state, tree.documents, hidden_templates(tree.documents), names=old_keys(state))


def reseller_upstream(key: str, state: State, tree: ProviderTree, on: date, *, origin: str) -> Upstream:
    """A reseller's state after its own plan (AP-06), by the names of the provider's catalog. ``origin``: of its copies.

    Notification templates stay at the provider.
    """
    after = {id: settled(entity, on) for id, entity in state.items()}
    above = old_keys({id: document.entity for id, document in tree.documents.items()})
    names = {**_of_copies(above, state, origin), **old_keys(state)}
    return Upstream(key, after, {}, hidden_templates(tree.documents), names=names, origin=origin)


def asks_further_up(policy: Policy, upstream: Upstream, actual: State) -> bool:
    """Whether more must be known than the upstream tells: its list goes by labels, or it names or has what the upstream
    lacks, and that may have been renamed (AP-21).
    """
    by_labels = any(each.selection.match is not None for each in policy.plans)
    listed = (EntityId("Plan", key) for each in policy.plans for key in each.selection.include)
    copies = (id for id, each in actual.items() if each.origin == upstream.key)
    return by_labels or any(id not in upstream.state for id in chain(listed, copies))


def with_names(upstream: Upstream, above: Upstream) -> Upstream:
    """A reseller's upstream that knows what was renamed further up: by the provider, and by resellers of their own."""
    names = _of_copies(above.names, upstream.state, upstream.origin)
    return replace(upstream, names={**names, **old_keys(upstream.state)})


def _of_copies(names: Mapping[EntityId, EntityId], state: State, origin: str) -> dict[EntityId, EntityId]:
    """A copy does not say what it was called, what is above does; a reseller's own says so itself."""
    return {new: old for new, old in names.items() if new not in state or state[new].origin == origin}


def with_labels(upstream: Upstream, above: Upstream) -> Upstream:
    """A reseller's upstream whose copies of plans have their originals' labels: labels themselves do not come down."""
    copies = {id for id, each in upstream.state.items() if id.kind == "Plan" and each.origin == above.key}
    coming = {id for id in upstream.held if id.kind == "Plan"}
    originals = upstream.originals()
    above_it = {id: above.called(originals.get(id, id)) for id in sorted(copies | coming)}
    return replace(upstream, labels={id: above.labels_of(original) for id, original in above_it.items()})


def hidden_templates(documents: Mapping[EntityId, SourceDocument]) -> frozenset[str]:
    """The keys of the notification templates that resellers do not see (CB-20)."""
    return frozenset(
        id.key
        for id, document in documents.items()
        if id.kind == "NotificationTemplate" and not document.entity.body.get("visible_to_resellers", False)
    )


def settled(entity: Entity, on: date) -> Entity:
    """The entity with every dated amount replaced by the one that holds."""
    shape = kind_shapes().get(entity.id.kind)
    if shape is None:
        return entity
    return Entity(entity.id, _settled(entity.body, shape.fields, on), entity.origin)


def _settled(body: Body, fields: tuple[FieldShape, ...], on: date) -> dict[str, Value]:
    result = dict(body)
    for field in fields:
        value = body.get(field.name)
        if value is None:
            continue
        match field.type:
            case "amount" if isinstance(value, list):
                result[field.name] = in_force(value, on)
            case "struct":
                result[field.name] = _settled(value, field.fields, on)
            case "items":
                result[field.name] = {key: _settled(item, field.fields, on) for key, item in value.items()}
            case _:
                pass
    return result
