"""What a report says once: changes that one veto, guard or precondition holds."""

from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, Deferred, FieldChange, Plan, Source, TenantPlan, TenantStatus
from reconciler.model.values.keys import EntityId
from reconciler.report.plans.listing_folding import fold_deferred

FEES, PRICES = ("plans.update_fees",), ("resources.update_prices",)
BASIC, PRO = EntityId("Plan", "web-basic"), EntityId("Plan", "web-pro")


def field(path: str, cause: str | None = None) -> FieldChange:
    return FieldChange(tuple(path.split(".")), "6.00", "6.60", FEES, "CB-12", cause)


def held(reason: str, rule: str, options: tuple[str, ...], change: Change, detail: str = "why") -> Deferred:
    return Deferred(reason, rule, options, detail, None, change)


def updated(entity: EntityId, *fields: FieldChange) -> Change:
    return Change("contoso", entity, Action.UPDATE, {}, {}, fields)


def created(entity: EntityId, cause: str | None = None) -> Change:
    return Change("contoso", entity, Action.CREATE, None, {"name": "Web"}, cause=cause)


def plan_of(*deferred: Deferred) -> Plan:
    tenants = (TenantPlan("contoso", "northwind", TenantStatus.IN_SYNC, "", deferred=deferred),)
    return Plan("2026-12-01T08:00:00Z", Source(None, None, False, "sha256:"), tenants)


FEE, PRICE = field("periods.P1M.fees.recurring"), field("resources.seat.prices.recurring")


def test_a_veto_is_told_once_whatever_options_it_wins_over() -> None:
    plan = plan_of(
        held("withheld", "CB-34", FEES, updated(BASIC, FEE)), held("withheld", "CB-34", PRICES, updated(BASIC, PRICE))
    )
    (hold,) = fold_deferred(plan, "withheld")
    assert hold.options == ()
    assert [each.fields for each in hold.changes] == [(FEE, PRICE)]


def test_options_are_told_apart() -> None:
    plan = plan_of(
        held("withheld", "CB-14", FEES, updated(BASIC, FEE)), held("withheld", "CB-14", PRICES, updated(BASIC, PRICE))
    )
    assert [hold.options for hold in fold_deferred(plan, "withheld")] == [FEES, PRICES]


def test_a_guard_is_told_once_with_everything_that_it_blocks() -> None:
    plan = plan_of(
        held("blocked", "GUARD-01", FEES, updated(BASIC, FEE)),
        held("blocked", "GUARD-01", ("plans.create",), created(PRO)),
    )
    (hold,) = fold_deferred(plan, "blocked")
    assert [each.entity for each in hold.changes] == [BASIC, PRO]


def test_what_blocks_differently_is_told_apart() -> None:
    plan = plan_of(
        held("blocked", "AP-04", FEES, created(BASIC), "it is a draft"),
        held("blocked", "CB-20", FEES, created(PRO), "a template is hidden"),
    )
    assert len(fold_deferred(plan, "blocked")) == 2
