"""Upstreams: what a provider's catalog offers on a day, and what a reseller's state offers to its own resellers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from reconciler.core.desired import Upstream
from reconciler.core.renames import old_keys
from reconciler.core.shape import FieldShape, kind_shapes
from reconciler.model.amounts import in_force
from reconciler.model.entity import Entity, State
from reconciler.model.keys import EntityId
from reconciler.model.source import Documents, ProviderTree, SourceDocument
from reconciler.model.values import Body, Value


class Settled(Mapping[EntityId, Entity]):
    """A provider's catalog, its dated amounts as they hold ``on`` a day: of each entity when it is looked at, once."""

    def __init__(self, documents: Mapping[EntityId, SourceDocument], on: date) -> None:
        self._documents = documents
        self._on = on
        self._known: dict[EntityId, Entity] = {}

    def __getitem__(self, id: EntityId) -> Entity:
        if id not in self._known:
            self._known[id] = settled(self._documents[id].entity, self._on)
        return self._known[id]

    def __contains__(self, id: object) -> bool:
        return id in self._documents

    def __iter__(self) -> Iterator[EntityId]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)


def provider_upstream(tree: ProviderTree, on: date) -> Upstream:
    """A provider's catalog, its dated amounts as they hold ``on`` that day."""
    hidden = hidden_templates(tree.documents)
    return Upstream(tree.key, Settled(tree.documents, on), tree.documents, hidden, renames=tree.renames)


def reseller_upstream(key: str, state: State, tree: ProviderTree, on: date) -> Upstream:
    """A reseller's state after its own plan (AP-06). Notification templates stay at the provider.

    A copy does not say what it was called: the provider's catalog does (AP-21).
    """
    after = {id: settled(entity, on) for id, entity in state.items()}
    came_down = {new: old for new, old in tree.renames.items() if new in state and state[new].origin is not None}
    return Upstream(key, after, {}, hidden_templates(tree.documents), renames={**old_keys(state), **came_down})


def with_labels(upstream: Upstream, above: Upstream) -> Upstream:
    """A reseller's upstream whose copies of plans have their originals' labels: labels themselves do not come down."""
    copies = {id for id, each in upstream.state.items() if id.kind == "Plan" and each.origin == above.key}
    coming = {id for id in upstream.held if id.kind == "Plan"}
    return replace(upstream, labels={id: above.labels_of(id) for id in sorted(copies | coming)})


def hidden_templates(documents: Documents) -> frozenset[str]:
    """The keys of the notification templates that resellers do not see (CB-20)."""
    templates = (documents[id].entity for id in documents.of("NotificationTemplate"))
    return frozenset(each.id.key for each in templates if not each.body.get("visible_to_resellers", False))


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
