"""The incremental engine: the plans of the plain engine, at a cost proportional to the change.

The desired state of tenants with the same upstream, list, template and price list is computed once (`Shared`). A tenant
is compared with it by digests, and only differing entities are read. If digests do not suffice, the plain engine
compares the whole tenant. Both give the same plans: tests/incremental/test_short_way.py.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from reconciler.core.desired import Upstream, as_called_now
from reconciler.core.incremental.digest_comparison import DigestComparison
from reconciler.core.incremental.shared import Shared
from reconciler.core.planning import Comparison, PlainEngine
from reconciler.core.records import RestoredState
from reconciler.core.schema import RuleBook
from reconciler.core.states import LazyState
from reconciler.model.documents.settings import Policy


@dataclass(frozen=True, slots=True)
class IncrementalEngine:
    """The incremental engine, with a cache of shared desired states by all that they depend on.

    ``most``: the cache is cleared once it holds more (``None``: never).
    """

    rules: RuleBook
    known: dict[tuple[Any, ...], "Shared"] = field(default_factory=dict)
    most: int | None = None

    def compare(self, policy: Policy, upstream: Upstream, restored: RestoredState, on: date) -> Comparison:
        """The comparison by digests if the tenant's are known and suffice; else the plain one. Raises `Unavailable`."""
        found = self._by_digests(policy, upstream, restored, on) if isinstance(restored.state, LazyState) else None
        return found or PlainEngine(self.rules).compare(policy, upstream, restored, on)

    def _by_digests(self, policy: Policy, upstream: Upstream, restored: RestoredState, on: date) -> Comparison | None:
        state = restored.state
        assert isinstance(state, LazyState), "only digests are compared by digests"
        if self.most is not None and len(self.known) > self.most:
            self.known.clear()
        key = (on, *_key(policy, upstream))
        if key not in self.known:
            self.known[key] = Shared.of(policy, upstream, self.rules, on)
        restored = replace(restored, released=as_called_now(restored.released, upstream))
        by_digests = DigestComparison(self.known[key], policy, state, restored)
        return by_digests.comparison() if by_digests.suffices() else None


def _key(policy: Policy, upstream: Upstream) -> tuple[Any, ...]:
    """What a desired state depends on, except the tenant's own document. The upstream is identified by object
    identity.
    """
    plans = tuple((repr(each.selection), each.place) for each in policy.plans)
    handed_out = tuple((kind, repr(each.value), each.place) for kind, each in policy.given.items() if each.value)
    return id(upstream), plans, handed_out, policy.listed.place if policy.listed else None
