"""Upstreams: what a provider's catalog offers on a day, and what a reseller's state offers to its own resellers."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from itertools import chain

from reconciler.core.desired.lazy_mapping import LazyMapping
from reconciler.core.desired.renames import old_keys
from reconciler.core.desired.wanted import Upstream
from reconciler.core.schema import effective
from reconciler.core.states import entities_with_origin
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Documents, ProviderTree, SourceDocument
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId


def provider_upstream(tree: ProviderTree, on: date) -> Upstream:
    """A provider's catalog, with the amounts that are effective on the day."""

    def stated(id: EntityId) -> Entity:
        document = tree.documents[id]
        return effective(document.entity, on) if document.dated else document.entity

    state = LazyMapping(tree.documents, stated)
    return Upstream(tree.key, state, tree.documents, hidden_templates(tree.documents), names=tree.renames)


def reseller_upstream(
    policy: Policy, state: State, tree: ProviderTree, on: date, *, above: Upstream | None = None
) -> Upstream:
    """A reseller's state after its own plan (AP-06). Notification templates stay at the provider.

    ``policy``: the reseller's. ``above``: the reseller's own upstream, if known; it supplies the documents that declare
    the copies, and renames by tenants other than the provider (AP-21).
    """
    after = {id: effective(entity, on) for id, entity in state.items()}
    hidden = hidden_templates(tree.documents)
    names = _names(after, policy.upstream, tree.renames)
    upstream = Upstream(policy.reseller, after, {}, hidden, names=names, origin=policy.upstream)
    return with_ancestors(upstream, above) if above else upstream


def needs_ancestors(policy: Policy, upstream: Upstream, actual: State) -> bool:
    """Whether the upstream alone is not enough: the delegated list matches labels, or a listed or delegated entity is
    missing upstream and may have been renamed (AP-21).
    """
    by_labels = any(each.selection.match is not None for each in policy.plans)
    listed = (EntityId("Plan", key) for each in policy.plans for key in each.selection.include)
    copies = entities_with_origin(actual, upstream.key)
    return by_labels or any(id not in upstream.state for id in chain(listed, copies))


def with_ancestors(upstream: Upstream, above: Upstream) -> Upstream:
    """A reseller's upstream with facts from its own upstream: renames, and the documents that declare the copies."""
    names = _names(upstream.state, upstream.origin, above.names)
    upstream = replace(upstream, names=names) if names != upstream.names else upstream
    copies = (id for id, each in upstream.state.items() if each.origin == above.key)
    declared = {id: each for id, each in _originals(copies, upstream, above).items() if each in above.documents}
    documents = {id: above.documents[each] for id, each in declared.items()}
    stated = {id: above.originals.get(each) or above.state[each] for id, each in declared.items()}
    return replace(upstream, documents=documents, originals=stated)


def _names(
    state: State, origin: str, above: Mapping[EntityId, tuple[EntityId, ...]]
) -> Mapping[EntityId, tuple[EntityId, ...]]:
    """Former keys: those of copies come from above, those of the reseller's own entities from themselves."""
    names = {new: olds for new, olds in above.items() if new not in state or state[new].origin == origin}
    return {**names, **old_keys(state)}


def _originals(copies: Iterable[EntityId], upstream: Upstream, above: Upstream) -> dict[EntityId, EntityId]:
    """For each copy, the entity above that it is a copy of, under its current key there."""
    now = upstream.called_now()
    return {id: above.called(now.get(id, id)) for id in copies}


def with_labels(upstream: Upstream, above: Upstream) -> Upstream:
    """A reseller's upstream with the labels of its plans' originals: labels are not copied."""
    copies = {id for id, each in upstream.state.items() if id.kind == "Plan" and each.origin == above.key}
    coming = {id for id in upstream.held if id.kind == "Plan"}
    originals = _originals(sorted(copies | coming), upstream, above)
    return replace(upstream, labels={id: above.labels_of(original) for id, original in originals.items()})


def hidden_templates(documents: Documents) -> Mapping[str, SourceDocument]:
    """The notification templates that are hidden from resellers, by key (CB-20)."""
    return {
        each.key: each
        for each in documents.of("NotificationTemplate")
        if not each.entity.body.get("visible_to_resellers", False)
    }
