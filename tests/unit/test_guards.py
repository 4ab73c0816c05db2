"""Guards beyond what the scenarios show: many faults, exact shares, overrides that are recorded, and the command."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from reconciler import app
from reconciler.cli.main import reconcile
from reconciler.core.planning.guards import GUARDS, NAMED_FAULTS
from reconciler.core.savedplan.codec import decode, encode
from reconciler.core.workspace.policies import GUARD_DEFAULTS
from reconciler.model.documents import options
from reconciler.model.documents.policy import Guards
from reconciler.model.plans.plan import Plan, Source, TenantPlan
from reconciler.shell.connections.access import Access
from tests.scenarios import runner

SCENARIO = runner.HERE / "GUARD-01-a-price-that-is-allowed"
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def scenario_plan(files: dict[str, str], before: str, **allowed: frozenset[str]) -> TenantPlan:
    start = runner.given({"reconcile.yaml": "kind: Workspace\nversion: 1\n", **files}, {"": before}, runner.DAY)
    assert start.catalog is not None, start.problems
    (plan,) = runner.planned(replace(start, allowed=allowed), runner.RULES)
    return plan


def fees(plans: dict[str, str], *, origin: str = "") -> str:
    """Plans by key with their monthly fee, and what they need."""
    head = f"origin: {origin}\n" if origin else ""
    basics = [
        f"kind: ServiceTerm\nkey: t\n{head}delegated: true\n",
        f"kind: PlanCategory\nkey: c\n{head}",
        f"kind: ProductCategory\nkey: d\n{head}",
        f"kind: Product\nkey: p\n{head}category: d\n",
    ]
    body = "product: p\nplan_category: c\nservice_term: t\n"
    made = [
        f"kind: Plan\nkey: {key}\n{head}{body}periods: {{P1M: {{fees: {{recurring: {fee}}}}}}}\n"
        for key, fee in plans.items()
    ]
    return "---\n".join([*basics, *made])


def repriced(
    before: dict[str, str], after: dict[str, str], guards: str = "{}", **allowed: frozenset[str]
) -> TenantPlan:
    steering = (
        "kind: Provider\nkey: northwind\ncurrency: EUR\n---\n"
        "kind: SyncPolicy\nreseller: contoso\nupstream: northwind\ndelegate: {plans: {match: {}}}\n"
        f"options: {{plans: {{update_fees: true}}}}\nguards: {guards}\n"
    )
    files = {"northwind/a.yaml": steering, "northwind/b.yaml": fees(after)}
    return scenario_plan(files, fees(before, origin="northwind"), **allowed)


def test_every_guard_has_a_setting_a_default_and_an_id() -> None:
    assert set(GUARDS) == set(options.GUARDS) == set(GUARD_DEFAULTS) == set(Guards.model_fields)


def test_every_entity_at_fault_is_named_and_the_plan_does_not_grow_with_their_square() -> None:
    keys = [f"p{number:03}" for number in range(3 * NAMED_FAULTS)]
    plan = repriced(dict.fromkeys(keys, "1.00"), dict.fromkeys(keys, "2.00"))
    assert plan.changes == ()
    assert len(plan.deferred) == len(keys)
    for each in plan.deferred:
        assert f"{each.change.entity}#" in each.detail
        assert each.detail.count("(+100%)") <= NAMED_FAULTS + 1


@pytest.mark.parametrize(
    ("before", "after", "trips"),
    [
        ("0.000000019", "0.0000000285", False),
        ("0.000000019", "0.000000028500000000000000000001", True),
        ("10", "5.0", False),
        ("10", "4.999999999999999999999999999999", True),
        ("0", "1000", False),
        ("0.00", "0", False),
        ("123456789012345678901234567890", "123456789012345678901234567891", False),
    ],
)
def test_shares_are_exact(before: str, after: str, trips: bool) -> None:
    plan = repriced({"a": before}, {"a": after}, "{price_to_zero: false}")
    assert [each.rule for each in plan.deferred] == (["GUARD-01"] if trips else [])


def test_all_guards_that_trip_are_named_at_once() -> None:
    plan = repriced({"a": "6.00"}, {"a": "0"}, "{max_changes: 0}")
    (held,) = plan.deferred
    for guard in ("max_price_change", "price_to_zero", "max_changes"):
        assert f"guard {guard}: " in held.detail
        assert f"--allow {guard}:contoso" in held.detail
    assert held.policy is not None
    assert (held.policy.file, held.policy.line) == ("northwind/a.yaml", 10)


def test_what_is_allowed_is_part_of_the_plan() -> None:
    plan = repriced({"a": "6.00"}, {"a": "60"}, contoso=frozenset({"max_price_change", "max_deletes"}))
    assert [each.address for each in plan.changes] == ["contoso/tenant/contoso", "contoso/plan/a"]
    assert plan.allowed == ("max_deletes", "max_price_change")
    whole = Plan("2026-12-01T00:00:00Z", Source(None, None, False, f"sha256:{'0' * 64}"), (plan,))
    assert decode(encode(whole)) == whole
    assert orjson.loads(encode(whole))["tenants"][0]["allowed"] == ["max_deletes", "max_price_change"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "catalogs"
    shutil.copytree(SCENARIO / "catalogs", root)
    done = invoke(root, "tenant", "import", "contoso", str(SCENARIO / "before.yaml"))
    assert done.exit_code == 0, done.output
    return root


def invoke(root: Path, *arguments: str) -> Any:
    return CliRunner().invoke(reconcile, ["-C", str(root), *arguments])


def test_the_command_blocks_and_lets_through_and_the_journal_says_so(workspace: Path) -> None:
    assert invoke(workspace, "plan").exit_code == 3
    assert invoke(workspace, "apply", "--auto-approve").exit_code == 3
    done = invoke(workspace, "apply", "--auto-approve", "--allow", "max_price_change:contoso")
    assert done.exit_code == 0, done.output
    (record,) = orjson.loads(invoke(workspace, "history", "--format", "json").stdout)["entries"]
    assert record["allowed"] == ["max_price_change"]
    assert "  allowed: max_price_change\n" in invoke(workspace, "history").stdout


def test_an_override_belongs_to_planning(workspace: Path) -> None:
    saved = workspace.parent / "saved.plan"
    assert invoke(workspace, "plan", "--allow", "max_price_change:contoso", "--out", str(saved)).exit_code == 0
    refused = invoke(workspace, "apply", str(saved), "--allow", "max_price_change:contoso")
    assert refused.exit_code == 2  # as click has it; `main` makes it 1
    assert "cannot be given with a saved plan" in refused.output
    done = invoke(workspace, "apply", str(saved))
    assert done.exit_code == 0, done.output
    assert orjson.loads(invoke(workspace, "history", "--format", "json").stdout)["entries"][0]["allowed"] == [
        "max_price_change"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_price_chang:contoso", 'there is no guard "max_price_chang": did you mean "max_price_change"'),
        ("max_deletes:contos", 'there is no reseller "contos": did you mean "contoso"'),
        ("max_deletes", '"max_deletes" is no guard and tenant'),
    ],
)
def test_an_override_of_what_there_is_not_is_refused(workspace: Path, text: str, message: str) -> None:
    opened = app.open_workspace(workspace)
    with Access(workspace, {}) as access, pytest.raises(app.Unknown) as refused:
        app.make_plan(opened, access, now=NOW, allow=[text])
    assert message in str(refused.value)
