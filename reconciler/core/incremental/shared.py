"""Desired states that tenants share: computed once per upstream, list, template and price list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TypeAlias

from reconciler.core.desired import (
    PRODUCT,
    AssignedPriceList,
    Closure,
    Desired,
    ListedBy,
    Upstream,
    Wanted,
    delegated_list,
    has_needs,
    is_retirable,
    wanted_for_themselves,
    without_cycles,
)
from reconciler.core.incremental.outcomes import CachedOutcomes, PolicySettings
from reconciler.core.planning import is_removable, named_by
from reconciler.core.schema import RuleBook, copy_in_sync
from reconciler.core.states import SharedContents, of_copy
from reconciler.model.bounded_cache import BoundedCache, IdentityCache
from reconciler.model.documents.kinds import TENANT
from reconciler.model.documents.settings import Policy
from reconciler.model.values.keys import EntityId

MOST_DIFFS = 16
"""The number of shared contents whose digest differences are cached."""


@dataclass(frozen=True)
class Shared:
    """The desired state of every tenant with the same settings, assuming that each has a copy of everything.

    ``closure``: the state before `without_cycles`. ``synced``: by entity, the digest of a copy in sync. ``always``:
    entities that are compared in every tenant, because digests cannot decide. ``outcomes``: cached outcomes by
    settings. ``digest_diffs``: cached digest differences.
    """

    upstream: Upstream
    rules: RuleBook
    on: date
    plans: Mapping[str, ListedBy]
    listed: AssignedPriceList | None
    closure: Closure
    desired: Desired
    synced: Mapping[EntityId, str]
    always: frozenset[EntityId]
    outcomes: dict[PolicySettings, CachedOutcomes] = field(default_factory=dict)
    digest_diffs: IdentityCache[SharedContents, "DigestDiff"] = field(
        default_factory=lambda: IdentityCache(BoundedCache(MOST_DIFFS))
    )

    @classmethod
    def of(cls, policy: Policy, upstream: Upstream, rules: RuleBook, on: date) -> "Shared":
        plans = delegated_list(policy, upstream)
        roots, listed = wanted_for_themselves(policy, upstream, {}, on)
        del roots[EntityId(TENANT, policy.reseller)]  # each tenant has its own
        closure = Closure(upstream, None, rules, roots, {})
        closure.close()
        wanted = {id: without_cycles(each) for id, each in closure.wanted.items()}
        linked = _linked(rules)
        always = frozenset(id for id, each in wanted.items() if not _is_decided_by_digest(each, wanted, linked))
        synced = {
            id: of_copy(id, each.body, upstream.key, each.ignored_fields)
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
        """The wanted entities, by kind."""
        found: dict[str, list[EntityId]] = {}
        for id in self.desired.wanted:
            found.setdefault(id.kind, []).append(id)
        return {kind: tuple(ids) for kind, ids in found.items()}

    @cached_property
    def naming(self) -> Mapping[EntityId, frozenset[EntityId]]:
        """For entities that are not wanted: the entities whose copies in sync reference them."""
        found: dict[EntityId, set[EntityId]] = {}
        for id in self.synced:
            copy = copy_in_sync(self.desired.wanted[id].body, self.rules.kinds[id.kind].fields, self.upstream.key)
            for target in named_by(id, copy, self.rules) - self.desired.wanted.keys():
                found.setdefault(target, set()).add(id)
        return {target: frozenset(by) for target, by in found.items()}

    @cached_property
    def lacking(self) -> tuple[EntityId, ...]:
        """Products of the price list that the upstream lacks."""
        listed = (EntityId(PRODUCT, key) for key in self.listed.prices) if self.listed else ()
        return tuple(id for id in listed if id not in self.upstream.state)

    def diff(self, synced: Mapping[EntityId, str], origins: Mapping[EntityId, str | None]) -> "DigestDiff":
        """The differences between the digests of a state and those of a tenant in sync."""
        wanted, here = self.desired.wanted, self.upstream.key
        unwanted = frozenset(id for id in synced if id not in wanted and origins.get(id) == here)
        moved = any(old in synced for old in self.old_keys) or any(origins.get(id) == here for id in self.lacking)
        differing = frozenset(id for id, digest in self.synced.items() if synced.get(id) != digest)
        return DigestDiff(differing, unwanted, not moved and not any(map(self.may_be_removed, unwanted)))

    def diff_of_shared(self, common: SharedContents) -> "DigestDiff":
        """The same for contents that tenants share, cached. They lack only the tenant's own document, which is not in
        an upstream's desired state, so nothing else is missing from them.
        """
        return self.digest_diffs.of(common, lambda common: self.diff(common.synced, common.origins))

    def may_be_removed(self, id: EntityId) -> bool:
        """Whether an unwanted copy may have to be removed or retired."""
        return is_removable(id.kind, self.rules) or (self.listed is not None and is_retirable(id.kind))


@dataclass(frozen=True, slots=True)
class DigestDiff:
    """The result of comparing a state's digests: entities that are missing or differ, unwanted copies
    (``unwanted_copies``), and whether this suffices (``suffices``): nothing is, or may be, renamed, removed or retired.
    """

    differing: frozenset[EntityId]
    unwanted_copies: frozenset[EntityId]
    suffices: bool


Linked: TypeAlias = Mapping[str, tuple[tuple[str, str], ...]]
"""By kind, the fields that link to other entities, and the kinds of these."""


def _linked(rules: RuleBook) -> Linked:
    return {
        kind: tuple((each.name, each.ref.kind) for each in shape.fields if each.links and each.ref)
        for kind, shape in rules.kinds.items()
    }


def _is_decided_by_digest(wanted: Wanted, all_wanted: Mapping[EntityId, Wanted], linked: Linked) -> bool:
    """Whether a copy with an equal digest cannot differ: all of it is compared, and all of its links are wanted too."""
    if not has_needs(wanted):
        return False
    for name, kind in linked[wanted.id.kind]:
        for key in wanted.body.get(name, ()):
            if (kind, key) not in all_wanted:
                return False
    return True
