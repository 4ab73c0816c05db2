"""What if: `reconcile explain TENANT --enable …  --disable …`."""

from pathlib import Path

import pytest

from tests.unit.workspaces import invoke, workspace_of


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return workspace_of("AP-21-rename-needs-no-option", tmp_path)


def test_what_would_be_released(workspace: Path) -> None:
    done = invoke(workspace, "explain", "contoso", "--enable", "plans.update_fees")
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        "contoso with plans.update_fees on:\n"
        "  1 would be released:\n"
        "    plan/web-start#periods.P1M.fees.recurring\n"
        "  0 would be held\n"
    )


def test_what_would_be_held(workspace: Path) -> None:
    policy = workspace / "northwind/contoso.yaml"
    policy.write_text(policy.read_text("utf-8").replace("update_fees: false", "update_fees: true"), "utf-8")
    done = invoke(workspace, "explain", "contoso", "--disable", "plans")
    assert "  0 would be released\n  1 would be held:\n    plan/web-start#periods.P1M.fees.recurring\n" in done.stdout


def test_a_guard_that_would_trip_is_said(workspace: Path) -> None:
    with (workspace / "northwind/contoso.yaml").open("a", encoding="utf-8") as policy:
        policy.write("guards: {max_price_change: 5%}\n")
    done = invoke(workspace, "explain", "contoso", "--enable", "plans.update_fees")
    assert "a guard would block the whole plan:\n    guard max_price_change: 5%" in done.stdout


def test_an_unknown_option_is_refused(workspace: Path) -> None:
    done = invoke(workspace, "explain", "contoso", "--enable", "plans.update_fee")
    assert done.exit_code != 0
    assert 'did you mean "plans.update_fees"' in done.output


def test_an_address_or_a_supposition(workspace: Path) -> None:
    assert invoke(workspace, "explain", "contoso").exit_code != 0
    assert invoke(workspace, "explain", "contoso", "plan/web-start", "--enable", "plans").exit_code != 0
