"""The comparison of one tenant with the shared desired state, by digests."""

from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property, partial

from reconciler.core.desired import (
    PLAN,
    PRODUCT,
    AssignedPriceList,
    Closure,
    Desired,
    Reachable,
    Wanted,
    from_template,
    inactive_units,
    listed_plan,
    off_the_list,
    own_document,
    relinked,
    units,
    without_cycles,
)
from reconciler.core.incremental.differing import DifferingScope
from reconciler.core.incremental.outcomes import CachedOutcomes, in_tenant, settings_of
from reconciler.core.incremental.shared import DigestDiff, Shared
from reconciler.core.planning import Comparison, EntityOutcome, overrides_of
from reconciler.core.records import RestoredState
from reconciler.core.states import LazyState, origin_of
from reconciler.model.documents.kinds import TENANT
from reconciler.model.documents.settings import Policy
from reconciler.model.values.keys import EntityId


@dataclass(frozen=True)
class DigestComparison:
    """Builds the comparison of one tenant from the shared desired state."""

    shared: Shared
    policy: Policy
    state: LazyState
    restored: RestoredState

    @cached_property
    def digest_diff(self) -> "DigestDiff":
        """The differences that the digests show; those of contents shared between tenants are computed once."""
        state, common = self.state, self.state.common
        if common is None:
            return self.shared.diff(state.synced, state.origins)
        shared, diff = self.shared, self.shared.diff_of_shared(common)
        came = {id for id, each in state.own.items() if each.origin == shared.upstream.key}
        own = came - shared.desired.wanted.keys()
        return DigestDiff(
            diff.differing, diff.unwanted_copies | own, diff.suffices and not any(map(shared.may_be_removed, own))
        )

    @property
    def unwanted_copies(self) -> frozenset[EntityId]:
        """The unwanted copies in the tenant."""
        return self.digest_diff.unwanted_copies

    def suffices(self) -> bool:
        """Whether digests suffice: nothing in the tenant is, or may be, renamed, removed or retired."""
        return self.digest_diff.suffices

    def comparison(self, *, recompute: bool = False) -> Comparison:
        """The comparison of the tenant, limited to what is not known to be in sync.

        ``recompute``: do not take over outcomes from other tenants.
        """
        shared, policy, state = self.shared, self.policy, self.state
        off = {id for id in self.unwanted_copies if id.kind == PLAN}
        differing = self.differing()
        to_compare = differing | off
        memory = shared.outcomes.setdefault(settings_of(policy), CachedOutcomes())
        known = {} if recompute else self._known(to_compare, memory)
        to_compare -= known.keys()
        state.fetch((*to_compare, EntityId(TENANT, policy.reseller)))
        needs, touched = self._closed(to_compare, off, self._listed(to_compare))
        if known.keys() & touched.keys():
            return self.comparison(recompute=True)
        wanted = {**shared.desired.wanted, **{id: without_cycles(each) for id, each in touched.items()}}
        own = own_document(policy, shared.upstream, state)
        wanted[own.id] = self._with_units(own)
        to_compare |= {*touched, own.id}
        # a copy's links follow renames (AP-21)
        linking = to_compare | self.unwanted_copies if shared.upstream.names else to_compare
        state.fetch(linking)
        renamed = relinked(state, shared.upstream, linking)
        for id in self.restored.released:
            wanted.pop(id, None)
        desired = Desired(shared.upstream, wanted, needs)
        on, overrides = shared.on, overrides_of(policy)
        scope = DifferingScope(
            shared=shared,
            to_compare=frozenset(to_compare),
            differing=differing,
            unwanted_copies=self.unwanted_copies,
            taken_over={id: in_tenant(each, policy) for id, each in known.items()},
            memory=memory,
        )
        found = Comparison(
            policy.reseller, desired, renamed.state, shared.rules, overrides, on, renamed, self.restored, scope
        )
        return replace(found, in_full=partial(self.comparison, recompute=True)) if known else found

    def _known(self, to_compare: Set[EntityId], memory: CachedOutcomes) -> Mapping[EntityId, EntityOutcome]:
        """The cached outcomes of these entities. Empty if an outcome may depend on more than the entity: its links may
        follow a rename (AP-21), or the tenant's own document is created with the first change.
        """
        state = self.state
        if self.shared.upstream.names or EntityId(TENANT, self.policy.reseller) not in state:
            return {}
        known = memory.known.keys() & to_compare - self.shared.always
        there = {id for id in known if origin_of(state, id) == self.shared.upstream.key}
        digests = state.digests(there)
        found = memory.among({id: digests[id] for id in there if id in digests})
        live = self._live(to_compare - found.keys())
        return {id: each for id, each in found.items() if id in live}

    def _live(self, unknown: Set[EntityId]) -> Reachable:
        """The entities that a copy here needs (CB-16), as far as the dependencies of that copy are known."""
        shared, here = self.shared.desired, self.shared.upstream.key

        def stays(id: EntityId) -> bool:
            return id not in unknown and origin_of(self.state, id) == here

        return Reachable(shared.wanted, lambda id: shared.holders.get(id, ()), stays)

    def differing(self) -> set[EntityId]:
        """The entities that the tenant lacks or that differ, and those that digests cannot decide."""
        return {*self.digest_diff.differing, *self.shared.always}

    def _closed(
        self, to_compare: Collection[EntityId], off: Iterable[EntityId], listed: AssignedPriceList | None
    ) -> tuple[Mapping[EntityId, frozenset[EntityId]], Mapping[EntityId, Wanted]]:
        """The dependencies of this tenant's entities, and the wanted entities that differ from the shared ones."""
        shared = self.shared
        roots = {each.id: each for each in self._roots(to_compare, listed)}
        roots |= {id: each for id in off if (each := self._off(id))}
        here = shared.upstream.key
        missing = {id for id in to_compare if id in shared.closure.needs and origin_of(self.state, id) != here}
        touched = {**roots, **shared.closure.without_requests_by(missing)}
        needs = dict(shared.closure.needs)
        for id in to_compare:
            needs.pop(id, None)
        closure = Closure(shared.upstream, self.state, shared.rules, ChainMap(touched, shared.closure.wanted), needs)
        closure.close(sorted(to_compare))
        return needs, touched

    def _roots(self, to_compare: Iterable[EntityId], listed: AssignedPriceList | None) -> Iterator[Wanted]:
        """The entities that are wanted for themselves, as they should be in this tenant."""
        shared = self.shared
        for id in to_compare:
            if id.kind == PLAN and id.key in shared.plans:
                found = listed_plan(id, shared.plans[id.key], shared.upstream, self.state)
                if found:
                    yield found
        yield from (
            each for each in from_template(self.policy, shared.upstream, self.state) if each.id in shared.always
        )
        yield from listed.products() if listed else ()

    def _off(self, id: EntityId) -> Wanted | None:
        """A copy of a plan that is not in the shared desired state: off the list, or not active upstream."""
        listing = self.shared.plans.get(id.key)
        if listing is None:
            return off_the_list(id, self.policy)
        return listed_plan(id, listing, self.shared.upstream, self.state)

    def _listed(self, to_compare: Iterable[EntityId]) -> AssignedPriceList | None:
        """The tenant's price list, limited to the compared products."""
        listed = self.shared.listed
        if listed is None:
            return None
        among = {id.key for id in to_compare if id.kind == PRODUCT}
        prices = {key: each for key, each in listed.prices.items() if key in among}
        return replace(listed, prices=prices, actual=self.state)

    def _with_units(self, own: Wanted) -> Wanted:
        """The tenant's own document with the units to activate: every product of the list counts, in sync or not."""
        if self.shared.listed is None:
            return own
        inactive = inactive_units(self.shared.periods, self.state.get(own.id))
        listed = self.shared.listed.prices if inactive else {}
        prices = {key: each for key, each in listed.items() if not inactive.isdisjoint(each)}
        self.state.fetch(EntityId(PRODUCT, key) for key in prices)
        return units(replace(self.shared.listed, prices=prices, actual=self.state), own)
