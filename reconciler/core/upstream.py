"""Upstreams: what a provider's catalog offers on a day, and what a reseller's state offers to its own resellers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from reconciler.core.desired import Upstream
from reconciler.core.renames import old_keys
from reconciler.core.shape import FieldShape, kind_shapes
from reconciler.model.amounts import in_force
from reconciler.model.entity import Entity, State
from reconciler.model.keys import EntityId
from reconciler.model.source import ProviderTree, SourceDocument
from reconciler.model.values import Body, Value


def provider_upstream(tree: ProviderTree, on: date) -> Upstream:
    """A provider's catalog, its dated amounts as they hold ``on`` that day."""
    state = {id: settled(document.entity, on) for id, document in tree.documents.items()}
    return Upstream(tree.key, state, tree.documents, hidden_templates(tree.documents), renames=old_keys(state))


def reseller_upstream(
    key: str, state: State, tree: ProviderTree, on: date, *, above: Upstream | None = None
) -> Upstream:
    """A reseller's state after its own plan (AP-06). Notification templates stay at the provider.

    A copy does not say what it was called: the provider's catalog does (AP-21). ``above``: the reseller's own
    upstream, where it is known; it tells which documents declare what the copies say.
    """
    after = {id: settled(entity, on) for id, entity in state.items()}
    called = old_keys({id: document.entity for id, document in tree.documents.items()})
    came_down = {new: olds for new, olds in called.items() if new in state and state[new].origin is not None}
    upstream = Upstream(key, after, {}, hidden_templates(tree.documents), renames={**old_keys(state), **came_down})
    return _with_documents(upstream, above) if above else upstream


def _with_documents(upstream: Upstream, above: Upstream) -> Upstream:
    copies = [id for id, each in upstream.state.items() if each.origin == above.key and id in above.documents]
    documents = {id: above.documents[id] for id in copies}
    originals = {id: above.originals.get(id) or above.state[id] for id in copies}
    return replace(upstream, documents=documents, originals=originals)


def with_labels(upstream: Upstream, above: Upstream) -> Upstream:
    """A reseller's upstream whose copies of plans have their originals' labels: labels themselves do not come down."""
    copies = {id for id, each in upstream.state.items() if id.kind == "Plan" and each.origin == above.key}
    coming = {id for id in upstream.held if id.kind == "Plan"}
    return replace(upstream, labels={id: above.labels_of(id) for id in sorted(copies | coming)})


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
