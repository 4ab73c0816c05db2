"""The text of a plan, whole, for plans made by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from textwrap import dedent
from typing import Any

import pytest

from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import (
    Change,
    Declared,
    Deferred,
    FieldChange,
    Plan,
    Scheduled,
    Source,
    TenantPlan,
    TenantStatus,
)
from reconciler.model.values.keys import EntityId
from reconciler.report.plans.listing import render_plan
from reconciler.report.values import clean, shown, shown_pair

FEES = ("plans.update_fees",)
BASIC = EntityId("Plan", "m365-business-basic")
POLICY = Declared("northwind/resellers/contoso.yaml", 9)
OFF = "plans.create is off (policy, northwind/resellers/contoso.yaml:9); set options: {plans: {create: true}}"


def plan_of(*tenants: TenantPlan) -> Plan:
    return Plan("2026-12-01T08:00:00Z", Source(None, None, False, "sha256:" + "0" * 64), tenants)


def tenant(
    name: str,
    changes: Iterable[Change] = (),
    deferred: Iterable[Deferred] = (),
    status: TenantStatus | None = None,
    problem: str | None = None,
) -> TenantPlan:
    made = tuple(replace(each, tenant=name) for each in changes)
    held = tuple(replace(each, change=replace(each.change, tenant=name)) for each in deferred)
    status = status or (TenantStatus.CHANGES if made else TenantStatus.IN_SYNC)
    return TenantPlan(name, "northwind", status, "", changes=made, deferred=held, problem=problem)


def created(kind: str, key: str, *, needed_by: tuple[EntityId, ...] = (), **body: Any) -> Change:
    document = {"kind": kind, "key": key, "origin": "northwind", **body}
    return Change("-", EntityId(kind, key), Action.CREATE, None, document, needed_by=needed_by)


def updated(entity: EntityId, *fields: FieldChange) -> Change:
    return Change("-", entity, Action.UPDATE, {}, {}, fields)


def field(path: str, before: Any, after: Any, line: int | None = None, cause: str | None = None) -> FieldChange:
    place = Declared("northwind/plans/m365.yaml", line) if line else None
    return FieldChange(tuple(path.split(".")), before, after, FEES, "CB-12", cause, place)


def withheld(change: Change, detail: str = OFF, policy: Declared | None = POLICY) -> Deferred:
    return Deferred("withheld", "CB-05", ("plans.create",), detail, policy, change)


def expect(text: str, expected: str) -> None:
    assert text == dedent(expected).lstrip("\n")


REPRICED = updated(
    BASIC,
    field("periods.P1M.fees.recurring", "6.00", "6.60", 14),
    field("periods.P1Y", {"fees": {"recurring": "66.00"}}, None),
    field("sales_categories", ["office-apps"], ["office-apps", "on-sale"], 9),
    field("status", None, "active", 8),
)


def test_nothing_to_do() -> None:
    expect(render_plan(plan_of(tenant("contoso"))), "No changes. Your tenants match the catalog.\n")
    expect(render_plan(plan_of()), "No changes. Your tenants match the catalog.\n")


def test_create_update_and_remove() -> None:
    new = created("Plan", "web-pro", name="Web Pro", periods={"P1M": {"fees": {"recurring": "6.00"}}}, published=True)
    gone = Change(
        "-", EntityId("Role", "clerk"), Action.DELETE, {"kind": "Role", "key": "clerk", "name": "Clerk"}, None
    )
    expect(
        render_plan(plan_of(tenant("contoso", [new, REPRICED, gone]))),
        """
        reconcile will perform the following actions:

          # contoso: plan "web-pro" will be created
          + name: "Web Pro"
          + periods.P1M.fees.recurring: 6.00
          + published: true

          # contoso: plan "m365-business-basic" will be updated in place
          ~ periods.P1M.fees.recurring: 6.00 -> 6.60                   # northwind/plans/m365.yaml:14
          - periods.P1Y: {fees: {recurring: 66.00}} -> (none)
          ~ sales_categories: [office-apps] -> [office-apps, on-sale]  # northwind/plans/m365.yaml:9
          + status: (none) -> "active"                                 # northwind/plans/m365.yaml:8

          # contoso: role "clerk" will be removed
          - name: "Clerk"

        Plan: 1 to add, 1 to change, 1 to destroy.
        """,
    )


def test_dependents_are_short_and_say_what_needs_them() -> None:
    category = created("SalesCategory", "office-apps", needed_by=(BASIC,), name="Office", position=3)
    nameless = created("Role", "clerk")
    text = render_plan(plan_of(tenant("contoso", [category, nameless])))
    expect(
        text,
        """
        reconcile will perform the following actions:

          # contoso: sales category "office-apps" will be created (needed by plan "m365-business-basic")
          + name: "Office"

          # contoso: role "clerk" will be created
          + role "clerk"

        Plan: 2 to add, 0 to change, 0 to destroy.
        """,
    )
    assert "+ position: 3" in render_plan(plan_of(tenant("contoso", [category])), verbose=True)


def test_tenants_with_the_same_changes_are_shown_once() -> None:
    other = updated(BASIC, field("periods.P1M.fees.recurring", "5.00", "6.60", 14))
    elsewhere = replace(REPRICED, fields=tuple(replace(each, declared_at=None) for each in REPRICED.fields))
    plan = plan_of(tenant("contoso", [REPRICED]), tenant("fabrikam", [elsewhere]), tenant("litware", [other]))
    text = render_plan(plan)
    assert text.count("# contoso, fabrikam: plan") == 1
    assert text.count("# litware: plan") == 1
    assert "5.00 -> 6.60  # northwind/plans/m365.yaml:14" in text
    assert "6.00 -> 6.60\n" in text  # its place is not the same in both, so that none is shown
    assert "Plan: 0 to add, 3 to change, 0 to destroy." in text


def test_long_lists_of_tenants_are_abbreviated() -> None:
    names = [f"t{number:03}" for number in range(300)]
    plan = plan_of(*(tenant(name, [REPRICED]) for name in names))
    assert '# t000, t001 and 298 more: plan "m365-business-basic"' in render_plan(plan)
    assert f'# {", ".join(names)}: plan "m365-business-basic"' in render_plan(plan, verbose=True)


def test_dependents_of_several_tenants_say_only_what_holds_for_all() -> None:
    one = created("Role", "clerk", needed_by=(BASIC, EntityId("Plan", "a")), name="Clerk")
    two = created("Role", "clerk", needed_by=(BASIC,), name="Clerk")
    text = render_plan(plan_of(tenant("contoso", [one]), tenant("fabrikam", [two])))
    assert '# contoso, fabrikam: role "clerk" will be created (needed by plan "m365-business-basic")' in text


def test_withheld_with_option_place_and_what_would_release_it() -> None:
    fees = Deferred(
        "withheld", "CB-14", FEES, "plans.update_fees is off; set it", Declared("n/c.yaml", 4), replace(REPRICED)
    )
    deferred = [withheld(created("Plan", "a")), withheld(created("Plan", "b")), fees]
    expect(
        render_plan(plan_of(tenant("contoso", deferred=deferred))),
        """
        Withheld by policy:

          # contoso: withheld by plans.create (CB-05)
          + plan "a"
          + plan "b"
            because plans.create is off (policy, northwind/resellers/contoso.yaml:9);
                    set options: {plans: {create: true}}

          # contoso: withheld by plans.update_fees (CB-14)
          ~ plan "m365-business-basic"
              ~ periods.P1M.fees.recurring: 6.00 -> 6.60                   # northwind/plans/m365.yaml:14
              - periods.P1Y: {fees: {recurring: 66.00}} -> (none)
              ~ sales_categories: [office-apps] -> [office-apps, on-sale]  # northwind/plans/m365.yaml:9
              + status: (none) -> "active"                                 # northwind/plans/m365.yaml:8
            because plans.update_fees is off;
                    set it;
                    decided at n/c.yaml:4

        No changes to apply.
        Withheld: 3 (plans.create 2, plans.update_fees 1)
        """,
    )


def test_what_several_tenants_withhold_is_shown_once_with_each_ones_reason() -> None:
    elsewhere = withheld(created("Plan", "a"), "plans.create is off at f.yaml:3", None)
    plan = plan_of(
        tenant("contoso", deferred=[withheld(created("Plan", "a"))]), tenant("fabrikam", deferred=[elsewhere])
    )
    expect(
        render_plan(plan),
        """
        Withheld by policy:

          # contoso, fabrikam: withheld by plans.create (CB-05)
          + plan "a"
            because contoso: plans.create is off (policy, northwind/resellers/contoso.yaml:9);
                    set options: {plans: {create: true}}
            because fabrikam: plans.create is off at f.yaml:3

        No changes to apply.
        Withheld: 2 (plans.create 2)
        """,
    )


def test_many_reasons_are_counted() -> None:
    plan = plan_of(
        *(tenant(f"t{number}", deferred=[withheld(created("Plan", "a"), f"off {number}", None)]) for number in range(9))
    )
    assert "and likewise for 6 more (listed with --verbose)" in render_plan(plan)
    assert "t8: off 8" in render_plan(plan, verbose=True)


def test_alternatives_count_as_one_option_and_a_veto_says_so() -> None:
    either = replace(withheld(updated(BASIC), "none is on", None), allowed_by=("other.a", "other.b"))
    veto = replace(withheld(REPRICED, "veto prices holds it", None), allowed_by=FEES, rule="CB-34")
    text = render_plan(plan_of(tenant("contoso", deferred=[either, veto])))
    assert "# contoso: withheld by other.a or other.b (CB-05)" in text
    assert "# contoso: withheld by a veto (CB-34)" in text
    assert "Withheld: 1 (other.a or other.b 1, veto on prices 1)" in text


def test_blocked_is_no_match() -> None:
    blocked = Deferred("blocked", "AP-19", ("plans.create",), "own service terms: annual", None, created("Plan", "a"))
    expect(
        render_plan(plan_of(tenant("contoso", deferred=[blocked], status=TenantStatus.BLOCKED))),
        """
        Blocked until something else changes:

          # contoso: blocked (AP-19)
          + plan "a"
            because own service terms: annual

        No changes to apply.
        Blocked: 1
        """,
    )


def test_unmanaged_is_counted_and_listed_when_asked_for() -> None:
    name = updated(BASIC, field("name", "Basic", "Business Basic"))
    deferred = [Deferred("unmanaged", "FIELDS", (), "no option synchronises this", None, name)]
    plan = plan_of(tenant("contoso", deferred=deferred))
    expect(
        render_plan(plan),
        """
        No changes. Your tenants match the catalog.
        Unmanaged: 1 (listed with --verbose)
        """,
    )
    expect(
        render_plan(plan, verbose=True),
        """
        Unmanaged, because no option covers these differences:

          # contoso: unmanaged (FIELDS)
          ~ plan "m365-business-basic"
              ~ name: "Basic" -> "Business Basic"
            because no option synchronises this

        No changes. Your tenants match the catalog.
        Unmanaged: 1
        """,
    )


def test_tenants_in_error() -> None:
    failed = tenant("litware", status=TenantStatus.ERROR, problem="the store cannot be reached\nconnection refused")
    expect(
        render_plan(plan_of(tenant("contoso"), failed)),
        """
        These tenants could not be planned:

          # litware: the store cannot be reached
            connection refused

        Plan: 0 to add, 0 to change, 0 to destroy.
        Errors: 1 (litware)
        """,
    )


def test_causes_are_told() -> None:
    drift = replace(REPRICED, cause="drift", fields=(field("status", "x", "active", 8, "drift"),))
    text = render_plan(plan_of(tenant("contoso", [drift])))
    assert 'plan "m365-business-basic" will be updated in place (drift)' in text
    assert '~ status: "x" -> "active"  # drift, northwind/plans/m365.yaml:8' in text


def test_equal_changes_of_different_causes_are_told_apart_and_counted() -> None:
    fee, name = field("fees.recurring", "6.00", "6.60", 14), field("name", "x", "y", 3, "backlog")
    due = updated(BASIC, replace(fee, cause="pr"), name)
    text = render_plan(
        plan_of(tenant("contoso", [due]), tenant("fabrikam", [updated(BASIC, replace(fee, cause="drift"), name)]))
    )
    assert "# contoso: plan" in text
    assert "6.00 -> 6.60  # pr, " in text
    assert "# fabrikam: plan" in text
    assert "6.00 -> 6.60  # drift, " in text
    assert text.endswith(
        "Plan: 0 to add, 2 to change, 0 to destroy.\nCauses: 2 entities (pr and backlog 1, drift and backlog 1)\n"
    )


def test_a_guard_that_is_overridden_is_told_with_the_counts() -> None:
    allowed = replace(tenant("contoso", [REPRICED]), allowed=("max_deletes", "max_price_change"))
    text = render_plan(plan_of(allowed, tenant("fabrikam", [REPRICED])))
    assert text.endswith(
        "Plan: 0 to add, 2 to change, 0 to destroy.\nAllowed: max_deletes:contoso, max_price_change:contoso\n"
    )


def test_of_what_is_scheduled_for_a_plan_the_first_is_listed_and_the_rest_counted() -> None:
    paths = [("periods", "P1M", "fees", each) for each in ("recurring", "renewal", "setup")]
    coming = [Scheduled("2027-01-01", BASIC, path, "6.60", ("contoso", "fabrikam")) for path in paths]
    plan = replace(plan_of(tenant("contoso")), scheduled=tuple(coming))
    line = 'Scheduled: 2027-01-01, 2 tenants: plan "m365-business-basic" periods.P1M.fees.recurring -> 6.60'
    assert render_plan(plan).startswith(f"{line} and 2 more (listed with --verbose)\n\nNo changes.")
    assert [each.split()[-3] for each in render_plan(plan, verbose=True).splitlines()[:3]] == [
        "periods.P1M.fees.recurring", "periods.P1M.fees.renewal", "periods.P1M.fees.setup"
    ]  # fmt: skip


def test_what_a_pull_request_has_a_part_in_is_first_among_what_is_withheld() -> None:
    before = withheld(replace(created("Plan", "a"), cause="backlog"))
    now = withheld(replace(created("Plan", "b"), cause="pr"), "another reason", None)
    text = render_plan(plan_of(tenant("contoso", deferred=[before]), tenant("fabrikam", deferred=[now])))
    assert text.index('+ plan "b"  # pr\n') < text.index('+ plan "a"  # backlog\n')


def test_colour_changes_nothing_but_colour() -> None:
    plan = plan_of(tenant("contoso", [REPRICED], [withheld(created("Plan", "a"))]))
    coloured = render_plan(plan, colour=True)
    assert "\x1b[32m+\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_plan(plan)


def test_nothing_reaches_the_terminal_unescaped() -> None:
    hostile = created("Role", "clerk", name="\x1b[2J\u202eevil\nPlan: 0 to add", labels={"a\x07b": "\x9b31m"})
    held = withheld(created("Role", "r"), "detail \x1b[31m; \u2066", Declared("a\x1b.yaml", 1))
    failed = tenant("litware", status=TenantStatus.ERROR, problem="\x1b]0;title\x07")
    text = render_plan(plan_of(tenant("contoso", [hostile], [held]), failed), verbose=True)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert r'name: "\u001b[2J\u202eevil\nPlan: 0 to add"' in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("6.00", "6.00"),
        ("0.000000019", "0.000000019"),
        ("active", '"active"'),
        ('say "hi"', r'"say \"hi\""'),
        ("", '""'),
        (12, "12"),
        (True, "true"),
        (None, "(none)"),
        ([], "[]"),
        (["a", "b c"], '[a, "b c"]'),
        ({"b": "x", "a b": ["y"]}, '{"a b": [y], b: "x"}'),
        ([{"from": "2027-01-01", "amount": "6.60"}], "[6.60 from 2027-01-01]"),
        ("Größe", '"Größe"'),
    ],
)
def test_values(value: Any, text: str) -> None:
    assert shown(value) == text


def test_long_values_are_abbreviated_to_where_they_differ() -> None:
    long = "x" * 100
    assert shown_pair(long + "a", long + "b") == ('"…xxxxxxxxxxxxa"', '"…xxxxxxxxxxxxb"')
    assert shown_pair(long, None) == ('"' + "x" * 69 + '…"', "(none)")
    many = [f"key-{number}" for number in range(40)]
    assert shown_pair(many, [*many[1:], "new"]) == ("[key-0, … 39 in both]", "[new, … 39 in both]")
    assert shown_pair(long + "a", long + "b", full=True) == (f'"{long}a"', f'"{long}b"')


def test_clean_leaves_plain_text_alone() -> None:
    assert clean("Größe 6,00 € – ok") == "Größe 6,00 € – ok"
    assert clean("\U000e0001") == r"\U000e0001"


def test_one_problem_of_many_tenants_is_told_once() -> None:
    names = [f"r{number:03}" for number in range(300)]
    failed = tuple(TenantPlan(each, "northwind", TenantStatus.ERROR, "", problem="the disk failed") for each in names)
    plan = Plan("2026-12-01T00:00:00Z", Source(None, None, False, "sha256:0"), failed)
    shown = render_plan(plan)
    assert shown.count("the disk failed") == 1
    assert "  # r000, r001 and 298 more: the disk failed" in shown
    assert "Errors: 300 (r000, r001 and 298 more)" in shown
    assert all(each in render_plan(plan, verbose=True) for each in names)
