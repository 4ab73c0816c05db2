"""Warnings on the command line: of `validate`, and of plans that are made, saved, shown and known again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.savedplan.codec import decode, digest_of_data, encode
from tests.cli.runner import run

SCENARIO = Path(__file__).parents[1] / "scenarios/CB-20-a-template-hidden-after-delegation-is-a-warning"
HOLDERS = ["contoso", "fabrikam", "litware"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The scenario's workspace, with its tenants as they are before."""
    folder = tmp_path / "workspace"
    shutil.copytree(SCENARIO / "catalogs", folder)
    for state in sorted((SCENARIO / "before").iterdir()):
        assert run(f"tenant import {state.stem} {state}", folder).status == 0
    return folder


def test_validate_warns_and_is_valid_all_the_same(workspace: Path) -> None:
    text, github = run("validate", workspace), run("validate --format github", workspace)
    told = run("validate --format json", workspace)
    assert (text.status, github.status, told.status) == (0, 0, 0)
    assert "warning hidden-template: " in text.out
    assert text.closing.startswith("Valid: ")
    assert github.out.startswith("::warning file=northwind/catalog.yaml,line=45,")
    assert json.loads(told.out)["valid"] is True
    assert [each["tenants"] for each in json.loads(told.out)["problems"]] == [HOLDERS]


def test_a_plan_warns_however_it_comes_about(workspace: Path) -> None:
    env = {"RECONCILE_CACHE": str(workspace.parent / "cache")}
    ask = "plan --format json --now 2026-12-01T08:00:00Z"
    made, known = run(ask, workspace, env=env), run(ask, workspace, env=env)
    assert made.out == known.out
    (warning,) = json.loads(made.out)["warnings"]
    assert (warning["code"], warning["tenants"]) == ("hidden-template", HOLDERS)
    assert warning["address"] == "contoso/notification_schedule/reminders"
    assert warning["declared_at"]["line"] == 45
    run("plan --out saved.plan --now 2026-12-01T08:00:00Z", workspace)
    assert json.loads(run("show saved.plan --format json", workspace).out)["warnings"] == [warning]
    for form in ("text", "markdown", "html"):
        assert "Warning: contoso, fabrikam, litware:" in run(f"show saved.plan --format {form}", workspace).out


def test_a_plan_that_was_saved_before_there_were_warnings_is_read_and_keeps_its_identity(workspace: Path) -> None:
    run("plan --out saved.plan --now 2026-12-01T08:00:00Z", workspace)
    data: dict[str, Any] = json.loads((workspace / "saved.plan").read_bytes())
    del data["warnings"]
    data["digest"] = digest_of_data(data)
    older = decode(json.dumps(data).encode())
    assert older.warnings == ()
    assert json.loads(encode(older)) == data
