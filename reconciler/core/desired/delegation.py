"""The desired state from delegation: plans on the delegated list, their dependencies, and what a service template
gives.

Which plans are on the list, and what happens to those that left it: AP-04, AP-06, AP-16, CB-08, CB-09, CB-35.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Set
from dataclasses import dataclass, field, replace
from itertools import chain

from reconciler.core.desired.wanted import STATUS_ONLY, Upstream, Wanted
from reconciler.core.schema import ReferenceNodes, RuleBook, named_in
from reconciler.core.states import entities_with_origin, origin_of
from reconciler.core.workspace import GIVEN
from reconciler.model.documents.catalog import ACTIVE, DISABLED
from reconciler.model.documents.policy import Selection
from reconciler.model.documents.settings import Policy, Selected
from reconciler.model.plans.change import Obstacle
from reconciler.model.values.diagnostics import Place
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId, noun
from reconciler.model.values.plain_values import Body, Value

PLAN = "Plan"
LINKED = ("OrderFlow", "Role", "TermsAndConditions")
"""The kinds in a template that the tenant's own document links to."""
_NONE: frozenset[EntityId] = frozenset()


def delegation(policy: Policy, upstream: Upstream, actual: State) -> Mapping[EntityId, Wanted]:
    """The wanted entities from the delegated list and the service template, without their dependencies."""
    found = (
        *_plans(policy, upstream, actual),
        *from_template(policy, upstream, actual),
        own_document(policy, upstream, actual),
    )
    return {wanted.id: wanted for wanted in found}


@dataclass(frozen=True, slots=True)
class ListedBy:
    """A plan on the delegated list, and whether the list names it (or else matches it by labels)."""

    selected: Selected
    named: bool

    @property
    def place(self) -> Place:
        """The place of the list."""
        return self.selected.place


def delegated_list(policy: Policy, upstream: Upstream) -> Mapping[str, ListedBy]:
    """The plans on the tenant's delegated list, by key: those of the template and those of the policy."""
    listed: dict[str, ListedBy] = {}
    for selected in policy.plans:
        named = _called(selected.selection.include, upstream)
        excluded = _called(selected.selection.exclude, upstream)
        by_name, matched = ListedBy(selected, named=True), ListedBy(selected, named=False)
        for key in _matched(selected.selection, upstream):
            if key not in excluded:
                listed.setdefault(key, matched)
        listed.update(dict.fromkeys(named - excluded, by_name))
    return dict(sorted(listed.items()))


def _called(keys: Iterable[str], upstream: Upstream) -> set[str]:
    return {upstream.called(EntityId(PLAN, key)).key for key in keys}


def _matched(selection: Selection, upstream: Upstream) -> Iterator[str]:
    if selection.match is not None:
        plans = (id for id in chain(upstream.state, upstream.held) if id.kind == PLAN)
        everything = not selection.match
        yield from (id.key for id in plans if everything or _matches(upstream.labels_of(id), selection.match))


def _matches(have: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(have.get(name) == value for name, value in labels.items())


def _plans(policy: Policy, upstream: Upstream, actual: State) -> Iterator[Wanted]:
    listed = delegated_list(policy, upstream)
    for key, listing in listed.items():
        if wanted := listed_plan(EntityId(PLAN, key), listing, upstream, actual):
            yield wanted
    for id in entities_with_origin(actual, upstream.key):
        if id.kind == PLAN and id.key not in listed:
            yield off_the_list(id, policy)


def listed_plan(id: EntityId, listing: ListedBy, upstream: Upstream, actual: State) -> Wanted | None:
    """A plan on the list, as wanted; ``None`` for a plan that the list only matches and that cannot be delegated."""
    above = upstream.state.get(id)
    copy = actual[id] if origin_of(actual, id) == upstream.key else None
    if above is None:
        return _lacking(id, listing, upstream, copy is not None)
    if copy or above.body.get("status", ACTIVE) == ACTIVE or listing.named or id in upstream.held:
        return _listed(above, listing, upstream, copy)
    return None


def _listed(above: Entity, listing: ListedBy, upstream: Upstream, copy: Entity | None) -> Wanted:
    """A plan on the list. While it is not active upstream, an existing copy is disabled (CB-35)."""
    wanted = upstream.wanted(above.id, above.body, listing.place, requested=True)
    status = above.body.get("status", ACTIVE)
    if status == ACTIVE:
        back = copy is not None and copy.body.get("status") == DISABLED
        return replace(wanted, rules={("status",): "CB-09"}) if back else wanted
    if copy is None and above.id in upstream.held:
        return replace(wanted, body={**above.body, "status": ACTIVE}, root=upstream.held[above.id].root)
    if copy is None:
        detail = f'plan "{above.id.key}" is {status} at {upstream.key}: only an active plan can be delegated'
        return replace(wanted, obstacles=(Obstacle("AP-04", detail),))
    return replace(wanted, body={**above.body, "status": DISABLED}, rules={("status",): "CB-35"})


def _lacking(id: EntityId, listing: ListedBy, upstream: Upstream, before: bool) -> Wanted:
    """A plan on the list that the upstream lacks: inherits the block there (TREE-02), or cannot be delegated
    (AP-05).
    """
    if before:
        return _taken_off(id, listing.place)
    if id in upstream.held:
        held = upstream.held[id]
        return Wanted(id, held.body, requested=True, place=listing.place, root=held.root)
    detail = f'{upstream.key} has no plan "{id.key}" to delegate'
    return Wanted(id, {}, requested=True, place=listing.place, obstacles=(Obstacle("AP-05", detail),))


def off_the_list(id: EntityId, policy: Policy) -> Wanted:
    """A delegated plan that is no longer on the list (CB-08)."""
    return _taken_off(id, policy.plans[0].place if policy.plans else policy.document.place)


def _taken_off(id: EntityId, place: Place) -> Wanted:
    return Wanted(id, {"status": DISABLED}, requested=True, only_fields=STATUS_ONLY, place=place)


def from_template(policy: Policy, upstream: Upstream, actual: State) -> Iterator[Wanted]:
    """What the service template gives (CB-19, CB-29 to CB-31), as the upstream has it."""
    for kind, setting in policy.given.items():
        keys = [setting.value] if isinstance(setting.value, str) else setting.value or ()
        for id in (upstream.called(EntityId(kind, key)) for key in keys):
            above = upstream.state.get(id)
            if above is None:
                yield _not_given(id, setting.place, upstream, actual)
            else:
                yield upstream.wanted(id, above.body, requested=True)


def _not_given(id: EntityId, place: Place, upstream: Upstream, actual: State) -> Wanted:
    """An entity that the template gives and the upstream lacks. If the tenant has it, it stays as it is; otherwise it
    inherits the block there, or is blocked (TREE-02).
    """
    if id in actual:
        return Wanted(id, {}, requested=True, only_fields=frozenset(), place=place)
    if id in upstream.held:
        held = upstream.held[id]
        return Wanted(id, held.body, requested=True, place=place, root=held.root)
    detail = f'{upstream.key} has no {noun(id.kind)} "{id.key}" to give'
    return Wanted(id, {}, requested=True, place=place, obstacles=(Obstacle("TREE-02", detail),))


def own_document(policy: Policy, upstream: Upstream, actual: State) -> Wanted:
    """The tenant's own document, linked to what the template gives and either the upstream or the tenant has."""
    links = {field: _links(policy, kind, upstream, actual) for kind, field in GIVEN.items() if kind in LINKED}
    body = {"name": policy.name, "currency": policy.currency, **links}
    place = next((each.place for each in policy.given.values() if each.value), policy.document.place)
    body = {name: value for name, value in body.items() if value}
    return Wanted(EntityId("Tenant", policy.reseller), body, place=place)


def _links(policy: Policy, kind: str, upstream: Upstream, actual: State) -> Value:
    value = policy.given[kind].value
    named = [upstream.called(EntityId(kind, key)) for key in ([value] if isinstance(value, str) else value or ())]
    there = [id.key for id in named if id in upstream.state or id in actual]
    return there if not isinstance(value, str) else next(iter(there), None)


def has_needs(wanted: Wanted) -> bool:
    """Whether the dependencies of a wanted entity are wanted too."""
    return wanted.only_fields is None and not (wanted.obstacles or wanted.root)


@dataclass(frozen=True, slots=True)
class Closure:
    """Computes the dependencies of wanted entities, transitively. Plans that left the list or cannot be delegated have
    none.

    ``actual``: the tenant's state; ``None``: assume a tenant that has an up-to-date copy of everything.
    """

    upstream: Upstream
    actual: State | None
    rules: RuleBook
    wanted: MutableMapping[EntityId, Wanted]
    needs: dict[EntityId, frozenset[EntityId]]
    _offered_ids: dict[tuple[str, str], EntityId | None] = field(default_factory=dict, init=False, repr=False)
    _alike: dict[frozenset[EntityId], frozenset[EntityId]] = field(default_factory=dict, init=False, repr=False)

    def close(self, roots: Iterable[EntityId] | None = None) -> None:
        """Adds the dependencies of ``roots`` (``None``: of all) to ``wanted``, and records who needs what in
        ``needs``.
        """
        among = self.wanted if roots is None else [id for id in roots if id in self.wanted]
        queue = [id for id in among if has_needs(self.wanted[id])]
        while queue:
            id = queue.pop()
            if id in self.needs:
                continue
            linked, kept, gives = self._needed(self.wanted[id])
            self.needs[id] = linked | kept if kept else linked
            lacking = {id for id in self.needs[id] if id not in self.wanted}
            for target in sorted(lacking | gives):
                self._want(target, giver=id if target in gives else None)
            queue += (target for target in linked if target not in self.needs)
            queue += (target for target in kept if self._ours(target))

    def without_requests_by(self, missing: Set[EntityId]) -> Mapping[EntityId, Wanted]:
        """The wanted entities that change if these are missing: an entity that only they give, and that the tenant has
        no copy of, is not given (IW-12).
        """
        given = {target for giver in missing for target in self._given_by(self.wanted[giver])}
        found: dict[EntityId, Wanted] = {}
        for id in sorted(given & self.wanted.keys()):
            wanted = self.wanted[id]
            if wanted.requested_by:
                requested_by = wanted.requested_by - missing
                found[id] = replace(wanted, requested_by=requested_by, requested=bool(requested_by))
        return found

    def _given_by(self, wanted: Wanted) -> frozenset[EntityId]:
        giving = self.rules.reference_nodes(wanted.id.kind, "giving")
        return self._named(wanted.body, giving) if giving else _NONE

    def _want(self, id: EntityId, *, giver: EntityId | None) -> None:
        known = self.wanted.get(id)
        if known is None:
            known = self.wanted[id] = self.upstream.wanted(id, self.upstream.state[id].body)
        if giver and (known.requested_by or not known.requested):
            self.wanted[id] = replace(known, requested=True, requested_by=known.requested_by | {giver})

    def _ours(self, id: EntityId) -> bool:
        return self.actual is None or origin_of(self.actual, id) == self.upstream.key

    def _needed(self, wanted: Wanted) -> tuple[frozenset[EntityId], frozenset[EntityId], frozenset[EntityId]]:
        """What an entity needs according to the upstream, what its copy keeps referencing, and what it gives."""
        kind, ours, reference_nodes = wanted.id.kind, self._ours(wanted.id), self.rules.reference_nodes
        linked = self._named(wanted.body, reference_nodes(kind))
        gives = self._given_by(wanted) if ours else _NONE
        if self.actual is None or not ours:
            return linked, _NONE, gives
        return linked, self._named(self.actual[wanted.id].body, reference_nodes(kind, "staying")), gives

    def _named(self, body: Body, nodes: ReferenceNodes) -> frozenset[EntityId]:
        """The entities that a body references, as far as the upstream has them."""
        found = named_in(body, nodes)
        # the copy of a set takes half the memory of one that grew; there is one for every entity
        ids = frozenset({id for each in found if (id := self._offered(each))})
        return self._alike.setdefault(ids, ids)

    def _offered(self, named: tuple[str, str]) -> EntityId | None:
        if named not in self._offered_ids:
            id = EntityId(*named)
            self._offered_ids[named] = id if id.kind in self.rules.kinds and id in self.upstream.state else None
        return self._offered_ids[named]
