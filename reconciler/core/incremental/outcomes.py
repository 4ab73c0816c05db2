"""Outcomes that recur: many tenants have the same entity, and the same becomes of it in all of them.

In the first tenant it is compared and judged. In the others its outcome is taken over, and the entity is not read. That
is right where the outcome is `context_free`. Both ways give the same plan: tests/incremental/test_recurring.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from reconciler.core.planning import EntityOutcome, permitted_by, said
from reconciler.model.bounded_cache import MOST
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.change import Judged
from reconciler.model.plans.plan import Deferred
from reconciler.model.values.keys import EntityId

Settings: TypeAlias = tuple[frozenset[str], frozenset[str], frozenset[str], bool]
"""What of a policy a verdict depends on: the options, vetoes and overrides that are on, and whether it adopts."""


@dataclass(slots=True)
class CachedOutcomes:
    """What was found out in tenants that share a desired state and `Settings`: by entity, and by its digest there.

    Of one kind of tenant no more than one tenant comes to, if as many entities of it differ.
    """

    known: dict[EntityId, dict[str, EntityOutcome]] = field(default_factory=dict)
    size: int = 0

    def among(self, digests: Mapping[EntityId, str]) -> dict[EntityId, EntityOutcome]:
        """What is known of these entities as they are."""
        none: Mapping[str, EntityOutcome] = {}
        found = ((id, self.known.get(id, none).get(digest)) for id, digest in digests.items())
        return {id: each for id, each in found if each}

    def keep(self, id: EntityId, digest: str, found: EntityOutcome) -> None:
        if self.size >= MOST:
            self.known.clear()
            self.size = 0
        self.known.setdefault(id, {})[digest] = found
        self.size += 1


def settings_of(policy: Policy) -> Settings:
    """What tenants have to have in common for their verdicts to be the same."""
    options, vetoes, overrides = (
        frozenset(id for id, setting in settings.items() if setting.on)
        for settings in (policy.options, policy.vetoes, policy.overrides)
    )
    return options, vetoes, overrides, policy.adopt.on


def in_no_tenant(outcome: EntityOutcome) -> EntityOutcome:
    """An outcome as it is in any tenant that has the same entity: without a tenant's key, one difference a wording."""
    held = tuple((_worded_apart(judged), _without_tenant(deferred)) for judged, deferred in outcome.held)
    change = replace(outcome.change, tenant="") if outcome.change else None
    return replace(outcome, change=change, held=held)


def in_tenant(outcome: EntityOutcome, policy: Policy) -> EntityOutcome:
    """An outcome `in_no_tenant` as it is in the tenant of a policy: what is deferred is worded by that policy."""
    tenant = policy.reseller
    change = outcome.change.in_tenant(tenant) if outcome.change else None
    held = tuple(
        (judged, said(judged, policy).of(deferred.change.in_tenant(tenant))) for judged, deferred in outcome.held
    )
    return replace(outcome, change=change, held=held)


def _without_tenant(deferred: Deferred) -> Deferred:
    return replace(deferred, change=replace(deferred.change, tenant=""))


def _worded_apart(judged: Iterable[Judged]) -> tuple[Judged, ...]:
    """Of what is withheld or unmanaged, one for each wording: `reasons.detail` says no more of all of them."""
    apart: dict[tuple[object, ...], Judged] = {}
    for each in judged:
        apart.setdefault((permitted_by(each), each.enabled, each.vetoes, each.difference.note), each)
    return tuple(apart.values())
