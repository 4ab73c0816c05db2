"""A cache of outcomes: many tenants have the same entity, with the same outcome.

The entity is compared and judged in the first tenant. Other tenants take over its outcome without reading the entity.
This is correct if the outcome is `context_free`. Both ways give the same plan: tests/incremental/test_recurring.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from reconciler.core.planning import EntityOutcome, deferral_reason, note_of, permitted_by
from reconciler.model.bounded_cache import MOST
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.change import Judged
from reconciler.model.plans.plan import Deferred
from reconciler.model.values.keys import EntityId

PolicySettings: TypeAlias = tuple[frozenset[str], frozenset[str], frozenset[str], bool]
"""The part of a policy that verdicts depend on: the options, vetoes and overrides that are on, and whether it
adopts.
"""


@dataclass(slots=True)
class CachedOutcomes:
    """The outcomes in tenants that share a desired state and `PolicySettings`, by entity and its digest.

    Bounded to about one large tenant's entities.
    """

    known: dict[EntityId, dict[str, EntityOutcome]] = field(default_factory=dict)
    size: int = 0

    def among(self, digests: Mapping[EntityId, str]) -> dict[EntityId, EntityOutcome]:
        """The cached outcomes of entities with these digests."""
        none: Mapping[str, EntityOutcome] = {}
        found = ((id, self.known.get(id, none).get(digest)) for id, digest in digests.items())
        return {id: each for id, each in found if each}

    def keep(self, id: EntityId, digest: str, found: EntityOutcome) -> None:
        if self.size >= MOST:
            self.known.clear()
            self.size = 0
        self.known.setdefault(id, {})[digest] = found
        self.size += 1


def settings_of(policy: Policy) -> PolicySettings:
    """The settings that tenants must share to share verdicts."""
    options, vetoes, overrides = (
        frozenset(id for id, setting in settings.items() if setting.on)
        for settings in (policy.options, policy.vetoes, policy.overrides)
    )
    return options, vetoes, overrides, policy.adopt.on


def in_no_tenant(outcome: EntityOutcome) -> EntityOutcome:
    """An outcome without a tenant's key, with one difference per wording, as it is cached."""
    held = tuple((_worded_apart(judged), _without_tenant(deferred)) for judged, deferred in outcome.held)
    change = replace(outcome.change, tenant="") if outcome.change else None
    return replace(outcome, change=change, held=held)


def in_tenant(outcome: EntityOutcome, policy: Policy) -> EntityOutcome:
    """The cached outcome in a policy's tenant: the reasons of deferred changes are worded by that policy."""
    tenant = policy.reseller
    change = outcome.change.in_tenant(tenant) if outcome.change else None
    held = tuple(
        (judged, deferral_reason(judged, policy).of(deferred.change.in_tenant(tenant)))
        for judged, deferred in outcome.held
    )
    return replace(outcome, change=change, held=held)


def _without_tenant(deferred: Deferred) -> Deferred:
    return replace(deferred, change=replace(deferred.change, tenant=""))


def _worded_apart(judged: Iterable[Judged]) -> tuple[Judged, ...]:
    """One of the withheld or unmanaged differences per wording: `reasons.detail` gives the same text for them as for
    all.
    """
    apart: dict[tuple[object, ...], Judged] = {}
    for each in judged:
        apart.setdefault((permitted_by(each), each.enabled, each.vetoes, note_of(each.difference)), each)
    return tuple(apart.values())
