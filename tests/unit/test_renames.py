"""Renames in a store: the old key goes and the new one comes in one transaction, and nothing is left to do."""

from pathlib import Path

import orjson
import pytest

from reconciler.core.savedplan.codec import decode
from tests.scenarios import runner
from tests.unit.workspaces import invoke, workspace_of

SCENARIO = runner.HERE / "AP-21-rename-keeps-the-plan"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return workspace_of(SCENARIO.name, tmp_path)


def test_a_rename_is_applied_from_a_saved_plan_and_converges(workspace: Path) -> None:
    saved = workspace.parent / "saved.plan"
    assert invoke(workspace, "plan", "--out", str(saved)).exit_code == 0
    (change,) = [each for each in decode(saved.read_bytes()).tenants[0].changes if each.entity.key == "web-start"]
    assert change.before is not None
    assert (change.before["key"], change.action, change.fields[0].rule) == ("web-basic", "update", "AP-21")
    done = invoke(workspace, "apply", str(saved))
    assert done.exit_code == 0, done.output
    assert "0 added" in done.output
    exported = invoke(workspace, "tenant", "export", "contoso").stdout
    assert exported == (SCENARIO / "expected-after.yaml").read_text("utf-8")
    assert invoke(workspace, "plan", "--detailed-exitcode").exit_code == 0
    (record,) = orjson.loads(invoke(workspace, "history", "--format", "json").stdout)["entries"]
    assert "contoso/plan/web-start" in [each["address"] for each in record["changes"]]


def test_a_rename_is_undone_by_the_inverse_of_its_plan(workspace: Path) -> None:
    before = invoke(workspace, "tenant", "export", "contoso").stdout
    saved, back = workspace.parent / "saved.plan", workspace.parent / "back.plan"
    assert invoke(workspace, "plan", "--out", str(saved)).exit_code == 0
    assert invoke(workspace, "apply", str(saved)).exit_code == 0
    assert invoke(workspace, "tenant", "export", "contoso").stdout != before
    assert invoke(workspace, "plan", "--inverse", str(saved), "--out", str(back)).exit_code == 0
    done = invoke(workspace, "apply", str(back))
    assert done.exit_code == 0, done.output
    assert invoke(workspace, "tenant", "export", "contoso").stdout == before


def test_an_inverse_takes_no_key_that_is_in_use_by_now(workspace: Path) -> None:
    saved = workspace.parent / "saved.plan"
    assert invoke(workspace, "plan", "--out", str(saved)).exit_code == 0
    assert invoke(workspace, "apply", str(saved)).exit_code == 0
    own = workspace.parent / "own.yml"
    text = (SCENARIO / "before.yaml").read_text("utf-8")
    own.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("origin:")), "utf-8")
    assert invoke(workspace, "tenant", "import", "contoso", str(own)).exit_code == 0
    undone = invoke(workspace, "plan", "--inverse", str(saved))
    assert "contoso/plan/web-basic, which it was, is there again" in undone.stdout


def test_a_guard_holds_a_rename_too() -> None:
    scenario = runner.Scenario(SCENARIO)
    files = {
        path: text.replace("upstream: northwind\n", "upstream: northwind\nguards: {max_changes: 0}\n")
        for path, text in runner.files_of(SCENARIO / "catalogs").items()
    }
    start = runner.given(files, scenario.befores(), runner.DAY)
    plans = runner.planned(start, runner.RULES)
    assert plans[0].changes == ()
    assert {each.rule for each in plans[0].deferred} == {"GUARD-01"}
    assert runner.after(plans, start.states) == {}


def test_the_field_can_be_explained(workspace: Path) -> None:
    done = invoke(workspace, "explain", "contoso", "plan/web-start")
    assert done.exit_code == 0, done.output
    assert "the upstream renamed it; no option is needed" in done.stdout
