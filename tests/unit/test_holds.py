"""What holds a change back, as data; the statuses that follow; and plans of a release that had neither."""

import json
import re
from pathlib import Path

import pytest

from reconciler.core.planning.tenant_plan import status_of
from reconciler.core.savedplan.codec import decode, encode
from reconciler.core.savedplan.plan_data import plan_to_data
from reconciler.model.plans.change import Action, HeldBy, HoldKind
from reconciler.model.plans.plan import Change, Deferred, Plan, Source, TenantPlan, TenantStatus, outline
from reconciler.model.values.keys import EntityId
from reconciler.report.plans.listing import render_plan
from reconciler.report.plans.markdown import render_markdown
from reconciler.report.plans.page import render_html
from tests.scenarios import runner

OLD = Path(__file__).parent / "plans" / "0.1.0-withheld.plan"
CHANGE = Change("contoso", EntityId("Plan", "basic"), Action.CREATE, None, {"name": "Basic"})


def deferred(reason: str, hold: HeldBy | None = None, rule: str = "CB-05", *options: str) -> Deferred:
    return Deferred(reason, rule, options, "why", None, CHANGE, hold)


def plan_of(*tenants: TenantPlan) -> Plan:
    return Plan("2026-12-01T00:00:00Z", Source(None, None, False, "sha256:" + "0" * 64), tenants)


def tenant(*held: Deferred, changes: tuple[Change, ...] = (), problem: str | None = None) -> TenantPlan:
    status = TenantStatus.ERROR if problem else status_of(changes, held)
    return TenantPlan("contoso", "northwind", status, "", 0, changes, held, problem)


@pytest.mark.parametrize(
    ("changes", "reasons", "status"),
    [
        ((), (), "in_sync"),
        ((), ("unmanaged",), "in_sync"),
        ((), ("withheld",), "withheld"),
        ((), ("unsupported",), "withheld"),
        ((), ("withheld", "unmanaged"), "withheld"),
        ((), ("blocked",), "blocked"),
        ((), ("withheld", "blocked"), "blocked"),
        ((CHANGE,), (), "changes"),
        ((CHANGE,), ("withheld", "blocked"), "changes"),
    ],
)
def test_the_status_of_a_tenant(changes: tuple[Change, ...], reasons: tuple[str, ...], status: str) -> None:
    assert status_of(changes, tuple(map(deferred, reasons))) == status


IN_SYNC, NOTHING = "No changes. Your tenants match the catalog.", "No changes to apply."
COUNTS = "Plan: 0 to add, 0 to change, 0 to destroy."


@pytest.mark.parametrize(
    ("tenants", "said"),
    [
        ((), [IN_SYNC]),
        ((tenant(),), [IN_SYNC]),
        ((tenant(deferred("unmanaged")),), [IN_SYNC, "Unmanaged: 1 (listed with --verbose)"]),
        ((tenant(deferred("withheld")), tenant()), [NOTHING, "Withheld: 1 (CB-05 1)"]),
        ((tenant(deferred("blocked")),), [NOTHING, "Blocked: 1"]),
        ((tenant(problem="down"), tenant()), [COUNTS, "Errors: 1 (contoso)"]),
        (
            (tenant(problem="down"), tenant(deferred("withheld"))),
            [COUNTS, "Withheld: 1 (CB-05 1)", "Errors: 1 (contoso)"],
        ),
        ((tenant(deferred("withheld"), changes=(CHANGE,)),), [COUNTS.replace("0", "1", 1), "Withheld: 1 (CB-05 1)"]),
    ],
)
def test_only_a_plan_that_leaves_nothing_undone_says_that_tenants_match(
    tenants: tuple[TenantPlan, ...], said: list[str]
) -> None:
    plan = plan_of(*tenants)
    assert render_plan(plan).splitlines()[-len(said) :] == said
    assert "```text\n{}\n```".format("\n".join(said)) in render_markdown(plan)
    page = "".join(render_html(plan))
    assert all(each.removesuffix(" (listed with --verbose)") in page for each in said)
    assert ("Your tenants match the catalog" in page) == (said[0] == IN_SYNC)


OPTIONS = ("plans.update_fees",)


@pytest.mark.parametrize(
    ("hold", "rule", "counted"),
    [
        (HeldBy(HoldKind.OPTION, "contoso", OPTIONS), "CB-14", {"plans.update_fees": 1}),
        (HeldBy(HoldKind.OPTION, "contoso", ("a.b", "c.d")), "CB-26", {"a.b or c.d": 1}),
        (HeldBy(HoldKind.VETO, "contoso", (), ("prices",)), "CB-34", {"veto on prices": 1}),
        (
            HeldBy(HoldKind.OPTION, "contoso", OPTIONS, ("prices",)),
            "CB-14",
            {"plans.update_fees": 1, "veto on prices": 1},
        ),
        (None, "CB-14", {"plans.update_fees": 1}),
        (None, "CB-34", {"veto on prices": 1}),
    ],
)
def test_what_a_veto_holds_is_not_counted_under_the_option(
    hold: HeldBy | None, rule: str, counted: dict[str, int]
) -> None:
    assert outline(tenant(deferred("withheld", hold, rule, *OPTIONS))).withheld_by == counted


def test_every_deferred_change_of_every_scenario_says_what_holds_it() -> None:
    """As the reason, the rule and the words have it: a veto is CB-34, a guard GUARD-01, a cause above is named."""
    kinds = set()
    for start in (each.given for each in runner.scenarios()):
        plan = runner.made(start, runner.RULES) if start.catalog else plan_of()
        for each in plan_to_data(plan)["deferred_changes"]:
            reason, hold = each["reason"], each.get("hold")
            assert (hold is None) == (reason == "unmanaged")
            if hold is None:
                continue
            kinds.add(hold["kind"])
            assert (hold["kind"] == "veto") == (each["rule"] == "CB-34")
            assert (hold["kind"] == "guard") == (each["rule"] == "GUARD-01")
            assert (hold["kind"] in ("option", "veto")) == (reason == "withheld")
            assert hold["options"] == (each["allowed_by"] if hold["kind"] == "option" else [])
            above = re.match(f"{reason} at ([^:]+): ", each["detail"])
            mirrored = each["resource_change"]["type"] in ("customer", "subscription")
            assert start.catalog
            assert hold["at"] in ([above[1]] if above and not mirrored else start.catalog.policies)
    assert kinds == {each.value for each in HoldKind}


def test_a_plan_that_an_earlier_release_saved_is_read_and_said_right() -> None:
    saved = OLD.read_bytes()
    plan = decode(saved)
    assert encode(plan) == saved
    data = json.loads(saved)
    assert data["tenants"][0]["status"] == "in_sync"
    assert all("hold" not in each for each in data["deferred_changes"])
    assert render_plan(plan).splitlines()[-2:] == [NOTHING, "Withheld: 1 (veto on prices 1)"]
    assert "```text\nNo changes to apply.\nWithheld: 1 (veto on prices 1)\n```" in render_markdown(plan)
    assert '<a href="#withheld" data-state="held">' in "".join(render_html(plan))
