"""Plans of every kind that a report may have to show, made by hand: the smallest of each, the largest, an evil one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from reconciler.model.plans.change import Action, HeldBy, HoldKind, TrippedGuard
from reconciler.model.plans.plan import (
    SOLD_BELOW_COST,
    Change,
    Declared,
    Deferred,
    FieldChange,
    Plan,
    PlanWarning,
    Scheduled,
    Source,
    TenantPlan,
    TenantStatus,
)
from reconciler.model.values.keys import EntityId
from tests.reports.history import history_plan

PROVIDER = "northwind"
COMMIT, BASE = "3c681ec69c" * 4, "6fcce3468d" * 4
SOURCE = Source(
    COMMIT, BASE, False, "sha256:" + "0" * 64, "Anna Keller", "VM prices 2027: +10 %", "2026-11-30T12:22:00+00:00"
)
FEE = ("periods", "P1M", "fees", "recurring")
TEXT = ("description",)
EVIL = (
    "</script><img src=x onerror=alert(1)>",
    "</style></title><svg onload=alert(1)>",
    "a\u202edesrever\u2066b\u200fc\u0000\u001b[2Jd",
    "مشغل الشبكة",
    "@org/team #12 GH-1 :tada: www.example.com https://example.com/x",
    "x" * 400,
    '" onmouseover="alert(1)" x="',
    "`</code>` | **b** <!-- c --> [l](javascript:alert(1)) &lt;b&gt;",
)
"""Names and texts that try to become markup, to reverse what stands around them, or to spread over the page."""


def update(tenant: str, key: str, *fields: FieldChange, name: str = "", cause: str = "pr") -> Change:
    """A change of a plan's fields."""
    body = {"kind": "Plan", "key": key, "name": name or key}
    return Change(tenant, EntityId("Plan", key), Action.UPDATE, body, body, fields, cause=cause)


def fee(before: str, after: str, *, cause: str = "pr", line: int = 14) -> FieldChange:
    """A change of a monthly fee."""
    place = Declared("northwind/plans/web.yaml", line)
    return FieldChange(FEE, before, after, ("plans.update_fees",), "CB-12", cause, place)


def create(tenant: str, key: str, name: str = "", kind: str = "Plan") -> Change:
    """A new entity; a plan with a monthly and a yearly fee."""
    periods = {"P1M": {"fees": {"recurring": "34.00"}}, "P1Y": {"fees": {"recurring": "340.00"}}}
    body = {"kind": kind, "key": key, "name": name or key} | ({"periods": periods} if kind == "Plan" else {})
    return Change(tenant, EntityId(kind, key), Action.CREATE, None, body, allowed_by=("plans.create",), cause="pr")


def off(change: Change, *, template: str = "", at: str = "", line: int = 9) -> Deferred:
    """The change, withheld because the option is off: in the policy, in a service template, or at a tenant above."""
    hold = HeldBy(
        HoldKind.OPTION,
        at or change.tenant,
        ("plans.update_fees",),
        set="options: {plans: {update_fees: true}}",
        template=template,
    )
    where = Declared(f"northwind/templates/{template}.yaml", 3) if template else Declared("northwind/r.yaml", line)
    detail = f"the option plans.update_fees is off in {change.tenant}"
    return Deferred("withheld", "CB-14", ("plans.update_fees",), detail, where, change, hold)


def veto(change: Change) -> Deferred:
    """The change, withheld by a veto on prices."""
    hold = HeldBy(HoldKind.VETO, change.tenant, vetoes=("prices",), set="veto: {prices: false}")
    return Deferred("withheld", "CB-34", (), "a veto on prices", Declared("northwind/r.yaml", 7), change, hold)


def guarded(change: Change) -> Deferred:
    """The change, blocked by the guard on prices."""
    hold = HeldBy(HoldKind.GUARD, change.tenant, guards=(TrippedGuard("max_price_change", "5%"),))
    detail = "the price would change by 10 %; the guard lets 5 % through"
    return Deferred("blocked", "GUARD-01", (), detail, Declared("northwind/r.yaml", 5), change, hold)


def tenant_plan(
    tenant: str,
    changes: Sequence[Change] = (),
    deferred: Sequence[Deferred] = (),
    *,
    upstream: str = PROVIDER,
    currency: str = "EUR",
    problem: str | None = None,
) -> TenantPlan:
    """One tenant's plan, whose status fits its contents."""
    status = (
        TenantStatus.ERROR
        if problem
        else TenantStatus.BLOCKED
        if any(each.reason == "blocked" for each in deferred)
        else TenantStatus.CHANGES
        if changes
        else TenantStatus.WITHHELD
        if deferred
        else TenantStatus.IN_SYNC
    )
    return TenantPlan(
        tenant, upstream, status, "", 0, tuple(changes), tuple(deferred), problem=problem, currency=currency
    )


def plan_of(*tenants: TenantPlan, source: Source = SOURCE, scheduled: tuple[Scheduled, ...] = ()) -> Plan:
    return Plan("2026-11-30T12:22:39Z", source, tenants, scheduled=scheduled)


def _outcome(number: int, changes: Sequence[Change]) -> tuple[Sequence[Change], Sequence[Deferred]]:
    """By the last digit of a tenant's number: all of it, a part, nothing, blocked, or nothing to do."""
    match number % 10:
        case 3:
            return changes[1:], [off(each, template="bronze") for each in changes[:1]]
        case 4:
            return (), [veto(each) for each in changes]
        case 5:
            return (), [guarded(each) for each in changes]
        case 6:
            return (), ()
        case _:
            return changes, ()


@cache
def mixed(tenants: int, entities: int = 8) -> Plan:
    """So many tenants with changes of the same entities and every outcome; every third is below another."""

    def each(number: int) -> TenantPlan:
        name = f"reseller-{number:03d}"
        changes = [
            update(name, f"vm-{at}", fee(f"{at + 10}.00", f"{at + 11}.00"), name=f"VM {at}") for at in range(entities)
        ]
        made, deferred = _outcome(number, changes)
        upstream = f"reseller-{number - 2:03d}" if number % 3 == 2 else PROVIDER
        return tenant_plan(name, made, deferred, upstream=upstream)

    return plan_of(*map(each, range(tenants)))


@cache
def distinct(tenants: int) -> Plan:
    """So many tenants, each with 50 changes of its own: 200 tenants have 10,000."""

    def changes(number: int) -> Iterator[Change]:
        name = f"reseller-{number:03d}"
        for at in range(50):
            key = f"plan-{number:03d}-{at:02d}"
            yield update(name, key, fee(f"{at + 10}.00", f"{at + 11}.00", line=at + 1), name=f"Plan {number}/{at}")

    return plan_of(*(tenant_plan(f"reseller-{number:03d}", [*changes(number)]) for number in range(tenants)))


def evil() -> Plan:
    """Every text of a plan is hostile."""

    def each(number: int, text: str) -> TenantPlan:
        place = Declared(text, 3)
        path = ("periods", text, "fees", "recurring")
        fields = (
            FieldChange(path, "1.00", "2.00", (text,), "CB-12", "pr", place),
            FieldChange((text, text), text, [text, {text: text}], (text,), "CB-12", "drift", place, text),
        )
        made = replace(update(text, text, *fields, name=text), declared_at=place)
        new = Change(text, EntityId("Plan", f"new {text}"), Action.CREATE, None, {"name": text, text: text}, cause="pr")
        hold = HeldBy(HoldKind.OPTION, text, (text,), set=f"options: {{{text}: true}}", template=text)
        guard = HeldBy(HoldKind.GUARD, text, guards=(TrippedGuard("max_price_change", text),))
        needs = HeldBy(HoldKind.PRECONDITION, text)
        deferred = (
            Deferred("withheld", text, (text,), f"{text}; {text}", place, replace(made, fields=fields[:1]), hold),
            Deferred("blocked", text, (), text, place, replace(made, fields=fields[1:]), guard),
            Deferred("blocked", text, (), text, None, new, needs),
        )
        found = tenant_plan(text, [made, new], deferred, currency=text)
        warning = PlanWarning(SOLD_BELOW_COST, (text,), EntityId("Product", text), text, place)
        return replace(found, warnings=(warning,), upstream=EVIL[number - 1] if number else PROVIDER)

    source = Source(COMMIT, BASE, True, "sha256:" + EVIL[0], EVIL[0], EVIL[1], EVIL[2])
    coming = tuple(Scheduled("2027-01-01", EntityId("Plan", each), FEE, each, (each,), each, each) for each in EVIL)
    failed = tenant_plan("broken", problem=f"{EVIL[0]}\n{EVIL[1]}")
    return plan_of(*(each(*item) for item in enumerate(EVIL)), failed, source=source, scheduled=coming)


def errors_only() -> Plan:
    problem = "the state cannot be read: connection refused\nthe server said nothing"
    return plan_of(*(tenant_plan(f"reseller-{each:03d}", problem=problem) for each in range(12)))


def withheld_only() -> Plan:
    return plan_of(*(tenant_plan(name, (), [off(update(name, "web", fee("1", "2")))]) for name in ("a", "b", "c")))


def nothing_to_do() -> Plan:
    return plan_of(*(tenant_plan(f"reseller-{each:03d}") for each in range(10)))


def first_plan() -> Plan:
    """Everything is new, and no base is known."""

    def each(name: str) -> TenantPlan:
        plans = [create(name, f"vm-{at}", f"VM {at}") for at in range(6)]
        return tenant_plan(name, [*plans, *(create(name, f"cat-{at}", kind="SalesCategory") for at in range(12))])

    return plan_of(*map(each, ("contoso", "fabrikam", "litware")), source=replace(SOURCE, base=None))


def one_tenant() -> Plan:
    """One tenant: a plan goes, another returns, fields change, an amount is to come, a difference is unmanaged."""
    status = [
        FieldChange(("status",), before, after, ("plans.enable_disable",), "CB-08", "pr")
        for before, after in (("active", "disabled_by_provider"), ("disabled_by_provider", "active"))
    ]
    text = FieldChange(TEXT, "Old", "New", ("plans.update_categories",), "CB-15", "drift")
    changes = [
        update("contoso", "web", fee("10.00", "15.00"), text, name="Web hosting"),
        update("contoso", "old", status[0], name="Old hosting"),
        update("contoso", "back", status[1], name="Back again"),
        Change("contoso", EntityId("Resource", "seat"), Action.DELETE, {"name": "Seat"}, None, cause="backlog"),
    ]
    coming = Scheduled("2027-01-01", EntityId("Plan", "web"), FEE, "16.00", ("contoso",), "15.00", "Web hosting")
    own = Deferred("unmanaged", "", (), "", None, update("contoso", "own", FieldChange(TEXT, "a", "b", (), "")))
    return plan_of(tenant_plan("contoso", changes, [own]), scheduled=(coming,))


def two_currencies() -> Plan:
    tenants = [(f"{currency}-{number}", currency) for currency in ("EUR", "CHF") for number in range(3)]
    change = fee("1.00", "1.10")
    return plan_of(*(tenant_plan(name, [update(name, "web", change)], currency=currency) for name, currency in tenants))


def emoji() -> Plan:
    """Every name is of characters that take four bytes each."""

    def each(number: int) -> TenantPlan:
        name = "🦊" * 20 + chr(0x1F600 + number % 64) * (number // 64 + 1)
        changes = [update(name, f"{'🚀' * 30}{at}", fee(f"{at + 1}.00", f"{at + 2}.00")) for at in range(60)]
        return tenant_plan(name, changes[: number % 60 + 1])

    return plan_of(*map(each, range(200)))


def deep() -> Plan:
    """A chain of 1,200 resellers, each below the one before; the first withholds prices from all below it."""
    names = [f"level-{number:04d}" for number in range(1_200)]
    uppers = [PROVIDER, *names]
    return plan_of(
        *(
            tenant_plan(name, (), [off(update(name, "web", fee("1", "2")), at=names[0])], upstream=upper)
            for name, upper in zip(names, uppers, strict=False)
        )
    )


KINDS: Mapping[str, Callable[[], Plan]] = {
    "nothing to do": nothing_to_do,
    "one tenant": one_tenant,
    "errors only": errors_only,
    "withheld only": withheld_only,
    "first plan": first_plan,
    "two currencies": two_currencies,
    "mixed": lambda: mixed(40),
    "evil": evil,
    "emoji": emoji,
    "deep": deep,
    "history": lambda: history_plan(10),
}
"""By name, without the largest, which take longer."""
LARGEST: Mapping[str, Callable[[], Plan]] = {**KINDS, "largest": lambda: distinct(200)}
"""With 10,000 different changes."""
