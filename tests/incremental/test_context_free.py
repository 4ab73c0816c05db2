"""An outcome is taken over from one tenant to another only where it is `context_free`: each example breaks a condition.

The same entity stands in several tenants, and what becomes of it differs, or brings something else along in each. The
outcome of the first tenant must not be taken for that of the others, so that a condition that is left out gives another
plan than comparing each tenant in full.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from reconciler.core.desired import Desired, Upstream
from reconciler.core.planning import Comparison, EntityOutcome, PlainEngine, Scope
from reconciler.core.records import RestoredState
from reconciler.core.schema import RuleBook
from reconciler.model.documents.declarations import synced_by
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog
from reconciler.model.plans.change import (
    Create,
    Difference,
    HeldUpdate,
    Judged,
    Remove,
    Rename,
    Restore,
    Root,
    TakeOver,
    TakeOverItem,
    Update,
    UpdateLink,
    Verdict,
)
from reconciler.model.plans.origins import RecordedOrigin
from reconciler.model.plans.plan import TenantPlan
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, Value
from tests.incremental.shop import RESELLERS, in_sync, same_plans, shop, tree_planner
from tests.laws.grown import RULES
from tests.laws.worlds import PROVIDER

FIRST, SECOND = RESELLERS[:2]
WEB, MAIL = EntityId("Plan", "web"), EntityId("Plan", "mail")
PRODUCT, GROUP = EntityId("Product", "one"), EntityId("ProductGroup", "one")
CATEGORY = EntityId("PlanCategory", "one")
CATEGORIES_ON = {"plans": {"update_fees": True, "update_categories": True}}


def _states() -> dict[str, dict[EntityId, Entity]]:
    return {tenant: in_sync(tenant) for tenant in RESELLERS}


def _changed(plan: TenantPlan) -> list[EntityId]:
    return [each.entity for each in plan.changes]


def test_what_a_change_brings_along_comes_in_each_tenant() -> None:
    """`Update.needs`: the category that the plan moves to comes with the change."""
    two = {"kind": "PlanCategory", "key": "two", "name": "Two"}
    plans = same_plans(shop(options=CATEGORIES_ON, besides=[two], Plan={"plan_category": "two"}), _states())
    assert [_changed(each) for each in plans] == [[EntityId("PlanCategory", "two"), WEB]] * 5


def test_a_link_to_an_own_entity_stays_in_the_tenant_that_has_one() -> None:
    """`Comparison.asked`: whose the linked category is decides, and nobody but the first tenant has one."""
    states = {tenant: _with(state, WEB, "sales_categories", ["own"]) for tenant, state in _states().items()}
    states[FIRST][EntityId("SalesCategory", "own")] = Entity(EntityId("SalesCategory", "own"), {"name": "Own"})
    plans = same_plans(shop("12.00", CATEGORIES_ON), states)
    assert [len(each.changes[0].fields) for each in plans] == [1, 2, 2, 2, 2]


def test_what_nothing_keeps_alive_in_one_tenant_changes_in_the_others() -> None:
    """`Judgement.moot`: without the plans, nothing in the first tenant needs their category (CB-16)."""
    states = _states()
    del states[FIRST][WEB], states[FIRST][MAIL]
    plans = same_plans(shop(options=CATEGORIES_ON, PlanCategory={"name": "Other"}), states)
    assert [_changed(each) for each in plans] == [[], *[[CATEGORY]] * 4]


def test_what_a_product_gives_changes_where_the_product_is() -> None:
    """IW-12: it is wanted for itself as long as one that gives it is a copy in the tenant; that is no condition."""
    states = _states()
    for gone in (WEB, MAIL, PRODUCT):
        del states[SECOND][gone]
    options = {"price_list": {"product_groups": True}}
    plans = same_plans(shop(options=options, ProductGroup={"name": "Other"}), states)
    assert [_changed(each) for each in plans] == [[GROUP], [], *[[GROUP]] * 3]


def test_a_lost_origin_comes_back_where_it_was_lost() -> None:
    """`Restore`: corrected, the entity is the very one that the other tenants have."""
    states = _states()
    states[FIRST][WEB] = replace(states[FIRST][WEB], origin=None)
    lineages = {FIRST: {WEB: RecordedOrigin(PROVIDER, frozenset({("periods", "P1M")}))}}
    plans = same_plans(shop("12.00"), states, lineages)
    assert [len(each.changes[0].fields) for each in plans] == [2, 1, 1, 1, 1]


def test_an_own_item_is_taken_over_in_each_tenant() -> None:
    """`TakeOverItem` is found out once: whether the policy adopts is among what the tenants have in common."""
    states = {tenant: _with(state, WEB, "periods", {"P1M": {"fees": {}}}) for tenant, state in _states().items()}
    apart = {tenant: {"adopt": True} for tenant in RESELLERS[1:]}
    plans = same_plans(shop(options={"plans": {"create": True}}, apart=apart), states)
    assert [len(each.changes) for each in plans] == [0, 1, 1, 1, 1]
    assert [bool(each.changes and each.changes[0].common) for each in plans] == [False, False, True, True, True]


def test_what_is_left_over_in_one_tenant_is_in_use_in_another() -> None:
    """An entity that nothing wants: whether it is left over depends on what refers to it."""
    gone = EntityId("PlanCategory", "gone")
    left = {**in_sync(FIRST), gone: Entity(gone, {"name": "Gone"}, PROVIDER)}
    used = _with(left, EntityId("Plan", "own"), "plan_category", "gone")
    here, there = _outcomes(shop(), left)(gone), _outcomes(shop(), used)(gone)
    assert (len(here.held), len(there.held)) == (1, 0)
    assert not here.context_free
    assert not there.context_free


def test_what_comes_with_another_entity_comes_where_that_does() -> None:
    """`Judgement.arrivals`: the category comes because a plan does that is withheld elsewhere."""
    state = {id: each for id, each in in_sync(FIRST).items() if id not in (WEB, MAIL, CATEGORY)}
    coming = _outcomes(shop(options={"plans": {"create": True}}), state)(CATEGORY)
    assert coming.change is not None
    assert not coming.context_free


def test_a_unit_is_activated_where_a_product_sells_by_it() -> None:
    """`Update.accompanies`: the product that the unit comes along with is a copy in one state alone (IW-07)."""
    prices = {"kind": "PriceList", "key": "list", "currency": "EUR", "products": {"one": {"P1M": "5.00"}}}
    catalog = shop(
        options={"price_list": {"add_billing_cycles": True}}, besides=[prices], ServiceTemplate={"price_list": "list"}
    )
    tenant = EntityId("Tenant", FIRST)
    without = {id: each for id, each in in_sync(FIRST).items() if id not in (WEB, MAIL, PRODUCT)}
    here, there = _outcomes(catalog, in_sync(FIRST))(tenant), _outcomes(catalog, without)(tenant)
    assert here.change is not None
    assert there.change is None
    assert not here.context_free


_FEE = synced_by("plans.update_fees", rule="CB-12")
_AT: tuple[EntityId, Path, None, Body, str] = (WEB, ("periods", "P1M"), None, {}, "CB-04")
_ABOVE = Root(PROVIDER, Verdict.WITHHELD, "CB-05", (), "off", None)
_KINDS: dict[str, tuple[Difference, bool]] = {
    "a creation waits for the tenant's service terms (AP-17)": (Create(WEB, {}, _FEE, "CB-03", ()), False),
    "so does a takeover": (TakeOver(WEB, {}, {}, _FEE, "CB-03", ()), False),
    "a removal waits for what names the entity (IW-16)": (Remove(GROUP, {}, _FEE, "IW-16"), False),
    "a value is held elsewhere (SUB-13)": (
        HeldUpdate(*_AT, _FEE, amount=True, root=_ABOVE, obstacles=()),
        False,
    ),
    "a new key may be taken (AP-21)": (Rename(*_AT), False),
    "the journal says where an entity came from (ORIGIN-02)": (Restore(*_AT), False),
    "a field": (Update(*_AT, _FEE), True),
    "an item": (TakeOverItem(*_AT, _FEE), True),
    "a relation that goes": (UpdateLink(*_AT, _FEE), True),
    "a field that brings an entity": (Update(*_AT, _FEE, needs=(CATEGORY,)), False),
    "an item that brings an entity": (TakeOverItem(*_AT, _FEE, (CATEGORY,)), False),
    "a relation to a peer": (UpdateLink(*_AT, _FEE, (PRODUCT,)), False),
    "a unit that comes along": (Update(*_AT, _FEE, accompanies=(PRODUCT,)), False),
}


@pytest.mark.parametrize("why", _KINDS)
def test_every_kind_of_difference(why: str) -> None:
    difference, free = _KINDS[why]
    assert Judged(difference, Verdict.APPLY).context_free is free
    assert not Judged(difference, Verdict.BLOCKED).context_free


def test_what_depends_on_the_entity_alone_is_context_free() -> None:
    assert _outcomes(shop("12.00"), in_sync(FIRST))(WEB).context_free
    assert _outcomes(shop(), in_sync(FIRST))(WEB).context_free


def _with(state: Mapping[EntityId, Entity], id: EntityId, field: str, value: Value) -> dict[EntityId, Entity]:
    """A state in which an entity says something else, or an own one says that."""
    have = state.get(id) or Entity(id, {})
    return {**state, id: replace(have, body={**have.body, field: value})}


@dataclass(frozen=True, slots=True)
class _Noted(Scope):
    """Everything is compared, and the function that finds an outcome is kept."""

    found: list[Callable[[EntityId], EntityOutcome]] = field(default_factory=list)

    def record(self, desired: Desired, actual: State, outcome: Callable[[EntityId], EntityOutcome]) -> None:
        self.found.append(outcome)


@dataclass(frozen=True, slots=True)
class _Noting:
    """The plain engine, whose comparisons have the given scope."""

    rules: RuleBook
    scope: Scope

    def compare(self, policy: Policy, upstream: Upstream, trace: RestoredState, on: date) -> Comparison:
        return replace(PlainEngine(self.rules).compare(policy, upstream, trace, on), scope=self.scope)


def _outcomes(catalog: Catalog, state: State) -> Callable[[EntityId], EntityOutcome]:
    """What becomes of each entity of the first tenant in a state, as the plain engine says it."""
    noted = _Noted()
    planner = replace(tree_planner(catalog, {FIRST: state}), engine=_Noting(RULES, noted))
    planner.plan(FIRST)
    return noted.found[0]
