"""Desired states that tenants share: of one upstream, list, template and price list it is computed once.

A tenant is compared by digests with the copy of everything that it should have; only what differs, and what could never
agree, is then looked at, so that the cost follows the change. Where more than that would have to be known, there is no
short way, and the tenant is compared in full: both ways give the same plan (tests/laws/test_short_way.py).
"""

from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, partial
from typing import Any, TypeAlias

from reconciler.core import synchronised
from reconciler.core.copying import copy_of
from reconciler.core.delegation import (
    PLAN,
    Closure,
    Listing,
    delegated_list,
    given,
    has_needs,
    listed_plan,
    off_the_list,
    own_document,
)
from reconciler.core.descent import Traced
from reconciler.core.desired import Desired, Upstream, Wanted
from reconciler.core.diff import Among, Comparison
from reconciler.core.leftovers import InSync, named_by
from reconciler.core.planning import overrides_of
from reconciler.core.price_list import PRODUCT, PriceList, inactive_units, units
from reconciler.core.recurring import Recurrence, Recurring, Settings, settings_of
from reconciler.core.renames import as_called_now, relinked
from reconciler.core.resolve import without_cycles
from reconciler.core.shape import RuleBook, references
from reconciler.core.sketch import Common, Sketch, origin_of
from reconciler.model.keys import EntityId
from reconciler.model.kinds import TENANT
from reconciler.model.memory import Memory, MemoryOfThings
from reconciler.model.settings import Policy

SEEN = 16
"""So many different states are remembered, of those that tenants have in common."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """The desired states that were computed, by all that they depend on."""

    rules: RuleBook
    known: dict[tuple[Any, ...], "Shared"] = field(default_factory=dict)

    def compare(self, policy: Policy, upstream: Upstream, trace: Traced, on: date) -> Comparison | None:
        """A tenant's comparison ``on`` its day, by digests; ``None`` where it has to be compared in full."""
        sketch = trace.state
        assert isinstance(sketch, Sketch), "only digests are compared by digests"
        key = (on, *_key(policy, upstream))
        if key not in self.known:
            self.known[key] = Shared.of(policy, upstream, self.rules, on)
        trace = replace(trace, released=as_called_now(trace.released, upstream))
        way = ShortWay(self.known[key], policy, sketch, trace)
        return way.comparison() if way.is_open() else None


def _key(policy: Policy, upstream: Upstream) -> tuple[Any, ...]:
    """What a desired state depends on, the tenant's own document aside. The upstream is known by being the same."""
    plans = tuple((repr(each.selection), each.place) for each in policy.plans)
    handed_out = tuple((kind, repr(each.value), each.place) for kind, each in policy.given.items() if each.value)
    return id(upstream), plans, handed_out, policy.listed.place if policy.listed else None


@dataclass(frozen=True)
class Shared:
    """What every tenant of a kind should have, as if each had a copy of everything.

    ``closure``: all of it before anything is left out (`without_cycles`). ``synced``: by entity, the digest of a copy
    in sync; ``always``: what is looked at in every tenant, as digests cannot tell. ``recurring``: what was found out of
    entities in tenants of the same settings. ``seen``: what their digests told.
    """

    upstream: Upstream
    rules: RuleBook
    on: date
    plans: Mapping[str, Listing]
    listed: PriceList | None
    closure: Closure
    desired: Desired
    synced: Mapping[EntityId, str]
    always: frozenset[EntityId]
    recurring: dict[Settings, Recurring] = field(default_factory=dict)
    seen: MemoryOfThings[Common, "Seen"] = field(default_factory=lambda: MemoryOfThings(Memory(SEEN)))

    @classmethod
    def of(cls, policy: Policy, upstream: Upstream, rules: RuleBook, on: date) -> "Shared":
        plans = delegated_list(policy, upstream)
        found = (listed_plan(EntityId(PLAN, key), each, upstream, {}) for key, each in plans.items())
        roots = {each.id: each for each in (*filter(None, found), *given(policy, upstream, {}))}
        listed = PriceList.of(policy, upstream, {}, on)
        if listed:
            roots |= {each.id: each for each in listed.products()}
        closure = Closure(upstream, None, rules, roots, {})
        closure.close()
        wanted = {id: without_cycles(each) for id, each in closure.wanted.items()}
        linked = _linked(rules)
        always = frozenset(id for id, each in wanted.items() if not _told_by_digest(each, wanted, linked))
        synced = {
            id: synchronised.of_copy(id, each.body, upstream.key, each.silent)
            for id, each in wanted.items()
            if id not in always
        }
        desired = Desired(upstream, wanted, closure.needs)
        return cls(upstream, rules, on, plans, listed, closure, desired, synced, always)

    @cached_property
    def old_keys(self) -> frozenset[EntityId]:
        return frozenset(old for olds in self.upstream.names.values() for old in olds)

    @cached_property
    def periods(self) -> frozenset[str]:
        """Every billing cycle of the price list."""
        return self.listed.periods() if self.listed else frozenset()

    @cached_property
    def by_kind(self) -> Mapping[str, tuple[EntityId, ...]]:
        """What is wanted, by kind."""
        found: dict[str, list[EntityId]] = {}
        for id in self.desired.wanted:
            found.setdefault(id.kind, []).append(id)
        return {kind: tuple(ids) for kind, ids in found.items()}

    @cached_property
    def naming(self) -> Mapping[EntityId, frozenset[EntityId]]:
        """By an entity that is not wanted, the entities whose copies name it all the same."""
        found: dict[EntityId, set[EntityId]] = {}
        for id in self.synced:
            copy = copy_of(self.desired.wanted[id].body, self.rules.kinds[id.kind].fields, self.upstream.key)
            for target in named_by(id, copy, self.rules) - self.desired.wanted.keys():
                found.setdefault(target, set()).add(id)
        return {target: frozenset(by) for target, by in found.items()}

    @cached_property
    def lacking(self) -> tuple[EntityId, ...]:
        """Products of the price list that the upstream does not have."""
        listed = (EntityId(PRODUCT, key) for key in self.listed.prices) if self.listed else ()
        return tuple(id for id in listed if id not in self.upstream.state)

    def see(self, synced: Mapping[EntityId, str], origins: Mapping[EntityId, str | None]) -> "Seen":
        """What the digests of a state tell, beside the copies of everything."""
        wanted, here = self.desired.wanted, self.upstream.key
        besides = frozenset(id for id in synced if id not in wanted and origins.get(id) == here)
        moved = any(old in synced for old in self.old_keys) or any(origins.get(id) == here for id in self.lacking)
        differing = frozenset(id for id, digest in self.synced.items() if synced.get(id) != digest)
        return Seen(differing, besides, not moved and not any(map(self.may_go, besides)))

    def see_common(self, common: Common) -> "Seen":
        """The same of what tenants have in common, which is looked at once. A tenant's own document is not wanted
        of an upstream, so that nothing of what differs is missing from it.
        """
        return self.seen.of(common, lambda common: self.see(common.synced, common.origins))

    def may_go(self, id: EntityId) -> bool:
        """Whether what came down and is not wanted may have to be removed or retired."""
        shape = self.rules.kinds.get(id.kind)
        removed = shape is not None and shape.sync.removed is not None
        return removed or (self.listed is not None and id.kind == PRODUCT)


@dataclass(frozen=True, slots=True)
class Seen:
    """What digests tell of a state: what is missing or otherwise, what came down ``besides`` what is wanted, and
    whether that ``tells`` enough: nothing is to be renamed, removed or retired, or may be.
    """

    differing: frozenset[EntityId]
    besides: frozenset[EntityId]
    tells: bool


Linked: TypeAlias = Mapping[str, tuple[tuple[str, str], ...]]
"""By kind, its fields that link to others, and the kinds of these."""


def _linked(rules: RuleBook) -> Linked:
    return {
        kind: tuple((each.name, each.ref.kind) for each in shape.fields if each.links and each.ref)
        for kind, shape in rules.kinds.items()
    }


def _told_by_digest(wanted: Wanted, all_wanted: Mapping[EntityId, Wanted], linked: Linked) -> bool:
    """Whether a copy that has the digest cannot differ: all of it is compared, and all that it links to comes too."""
    if not has_needs(wanted):
        return False
    for name, kind in linked[wanted.id.kind]:
        for key in wanted.body.get(name, ()):
            if (kind, key) not in all_wanted:
                return False
    return True


@dataclass(frozen=True)
class ShortWay:
    """From what tenants share to the comparison of one tenant."""

    shared: Shared
    policy: Policy
    sketch: Sketch
    trace: Traced

    @cached_property
    def seen(self) -> "Seen":
        """What its digests tell of the tenant, of what it has in common with others once."""
        sketch, common = self.sketch, self.sketch.common
        if common is None:
            return self.shared.see(sketch.synced, sketch.origins)
        shared, seen = self.shared, self.shared.see_common(common)
        came = {id for id, each in sketch.own.items() if each.origin == shared.upstream.key}
        own = came - shared.desired.wanted.keys()
        return Seen(seen.differing, seen.besides | own, seen.tells and not any(map(shared.may_go, own)))

    @property
    def besides(self) -> frozenset[EntityId]:
        """What came down to the tenant, and is not wanted."""
        return self.seen.besides

    def is_open(self) -> bool:
        """Whether digests tell enough: nothing in the tenant is to be renamed, removed or retired, or may be."""
        return self.seen.tells

    def comparison(self, *, anew: bool = False) -> Comparison:
        """What the tenant should have beside what it has, as far as that is not known to be in sync.

        ``anew``: and whatever is known of other tenants.
        """
        shared, policy, sketch = self.shared, self.policy, self.sketch
        off = {id for id in self.besides if id.kind == PLAN}
        differing = self.differing()
        looked = differing | off
        memory = shared.recurring.setdefault(settings_of(policy), Recurring())
        recurring = {} if anew else self._recurring(looked, memory)
        looked -= recurring.keys()
        sketch.fetch((*looked, EntityId(TENANT, policy.reseller)))
        listed = self._listed(looked)
        needs, touched = self._closed(looked, off, listed)
        if recurring.keys() & touched.keys():
            return self.comparison(anew=True)
        wanted = {**shared.desired.wanted, **{id: without_cycles(each) for id, each in touched.items()}}
        own = own_document(policy, shared.upstream, sketch)
        wanted[own.id] = self._with_units(own)
        looked |= {*touched, own.id}
        linking = looked | self.besides if shared.upstream.names else looked  # a copy's links follow (AP-21)
        sketch.fetch(linking)
        renamed = relinked(sketch, shared.upstream, linking)
        for id in self.trace.released:
            wanted.pop(id, None)
        desired = Desired(shared.upstream, wanted, needs)
        on, overrides = shared.on, overrides_of(policy)
        among = Among(
            looked=frozenset(looked),
            shared=shared.desired,
            recurring=recurring,
            memory=memory,
            anew=partial(self.comparison, anew=True),
            in_sync=InSync(self.besides, shared.synced, differing, lambda: shared.naming, lambda: shared.by_kind),
        )
        return Comparison(
            policy.reseller, desired, renamed.state, shared.rules, overrides, on, renamed, among, self.trace
        )

    def _recurring(self, looked: Set[EntityId], memory: Recurring) -> Mapping[EntityId, Recurrence]:
        """What of this is known from another tenant. Nothing, where more than the entity itself is asked for: where
        its links may follow a rename (AP-21), or the tenant's own document comes with what is applied first.
        """
        sketch = self.sketch
        if self.shared.upstream.names or EntityId(TENANT, self.policy.reseller) not in sketch:
            return {}
        known = memory.known.keys() & looked - self.shared.always
        there = {id for id in known if origin_of(sketch, id) == self.shared.upstream.key}
        digests = sketch.digests(there)
        found = memory.among({id: digests[id] for id in there if id in digests})
        others = looked - found.keys()
        return {id: each for id, each in found.items() if self._is_needed(id, others)}

    def _is_needed(self, id: EntityId, unknown: Set[EntityId]) -> bool:
        """Whether something keeps an entity alive here (CB-16), of which it is known what it needs."""
        wanted, here = self.shared.desired.wanted, self.shared.upstream.key
        if wanted[id].given:
            return True
        holders = (each for each in self.shared.desired.holders.get(id, ()) if each not in unknown)
        return any(wanted[each].for_itself and origin_of(self.sketch, each) == here for each in holders)

    def differing(self) -> set[EntityId]:
        """What the tenant lacks, or has otherwise, or what digests cannot tell."""
        return {*self.seen.differing, *self.shared.always}

    def _closed(
        self, looked: Collection[EntityId], off: Iterable[EntityId], listed: PriceList | None
    ) -> tuple[Mapping[EntityId, frozenset[EntityId]], Mapping[EntityId, Wanted]]:
        """What this tenant's entities need, and all that is wanted otherwise than it is shared."""
        shared = self.shared
        roots = {each.id: each for each in self._roots(looked, listed)}
        roots |= {id: each for id in off if (each := self._off(id))}
        touched = {**roots, **dict(self._without_givers(looked))}
        needs = dict(shared.closure.needs)
        for id in looked:
            needs.pop(id, None)
        closure = Closure(shared.upstream, self.sketch, shared.rules, ChainMap(touched, shared.closure.wanted), needs)
        closure.close(sorted(looked))
        return needs, touched

    def _roots(self, looked: Iterable[EntityId], listed: PriceList | None) -> Iterator[Wanted]:
        """What is wanted for itself, as it should be here."""
        shared = self.shared
        for id in looked:
            if id.kind == PLAN and id.key in shared.plans:
                found = listed_plan(id, shared.plans[id.key], shared.upstream, self.sketch)
                if found:
                    yield found
        yield from (each for each in given(self.policy, shared.upstream, self.sketch) if each.id in shared.always)
        yield from listed.products() if listed else ()

    def _off(self, id: EntityId) -> Wanted | None:
        """A plan that came down and is not among what is shared: off the list, or not active upstream."""
        listing = self.shared.plans.get(id.key)
        if listing is None:
            return off_the_list(id, self.policy)
        return listed_plan(id, listing, self.shared.upstream, self.sketch)

    def _listed(self, looked: Iterable[EntityId]) -> PriceList | None:
        """The tenant's price list, as far as its products are looked at."""
        listed = self.shared.listed
        if listed is None:
            return None
        among = {id.key for id in looked if id.kind == PRODUCT}
        prices = {key: each for key, each in listed.prices.items() if key in among}
        return replace(listed, prices=prices, actual=self.sketch)

    def _with_units(self, own: Wanted) -> Wanted:
        """The tenant's own document with the units to activate: every product of the list counts, in sync or not."""
        if self.shared.listed is None:
            return own
        inactive = inactive_units(self.shared.periods, self.sketch.get(own.id))
        listed = self.shared.listed.prices if inactive else {}
        prices = {key: each for key, each in listed.items() if not inactive.isdisjoint(each)}
        self.sketch.fetch(EntityId(PRODUCT, key) for key in prices)
        return units(replace(self.shared.listed, prices=prices, actual=self.sketch), own)

    def _without_givers(self, looked: Iterable[EntityId]) -> Iterator[tuple[EntityId, Wanted]]:
        """What only copies give that are not here is not given (IW-12)."""
        shared, here = self.shared, self.shared.upstream.key
        missing = {id for id in looked if id in shared.closure.needs and origin_of(self.sketch, id) != here}
        for id in sorted({each for giver in missing for each in self._gives(giver)}):
            wanted = shared.closure.wanted.get(id)
            if wanted and wanted.givers:
                givers = wanted.givers - missing
                yield id, replace(wanted, givers=givers, given=bool(givers))

    def _gives(self, id: EntityId) -> Iterator[EntityId]:
        giving = tuple(each for each in self.shared.rules.kinds[id.kind].fields if each.ref and each.ref.gives)
        return references(self.shared.closure.wanted[id].body, giving)
