"""Warnings on the command line: of `validate`, and of plans that are made, saved, shown and known again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.savedplan.codec import decode, encode
from reconciler.core.savedplan.plan_data import digest_of_data
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
    assert "Warning: contoso, fabrikam, litware:" in run("show saved.plan", workspace).out
    comment = run("show saved.plan --format markdown", workspace).out
    assert "> **1 warning.**\n>\n> - `contoso` `fabrikam` `litware`: `" in comment
    page = run("show saved.plan --format html", workspace).out
    assert 'id="warnings"' in page
    assert "contoso, fabrikam, litware" in page[page.index('id="warnings"') :]


def test_the_plan_that_undoes_another_warns_as_every_plan_does(workspace: Path) -> None:
    """Of templates hidden by now, and of purchase prices that it puts back above the selling price (IW-05)."""
    now = "--now 2026-12-01T08:00:00Z"
    prices = "kind: PriceList\nkey: emea\nname: EMEA\ncurrency: EUR\nproducts: {office: {P1M: 5.10}}\n"
    (workspace / "northwind/prices.yaml").write_text(prices, "utf-8")
    policy = workspace / "northwind/contoso.yaml"
    policy.write_text(policy.read_text("utf-8") + "price_list: emea\n", "utf-8")
    cycle = "{active: true, purchase_price: 7.20, selling_price: 7.00}"
    patch = f"kind: Product\nkey: office\nbilling_cycles: {{P1M: {cycle}}}\n"
    assert run("tenant import contoso -", workspace, stdin=patch).status == 0
    assert "sold-below-cost" not in run(f"plan --out p.plan --format json {now}", workspace).out
    assert run(f"apply p.plan {now}", workspace).status == 0
    back = json.loads(run(f"plan --inverse p.plan --out back.plan --format json {now}", workspace).out)["warnings"]
    assert [(each["code"], each["tenants"], each["address"]) for each in back] == [
        ("hidden-template", ["contoso"], "contoso/notification_schedule/reminders"),
        ("sold-below-cost", ["contoso"], "contoso/product/office"),
    ]
    assert back[1]["detail"] == "P1M is sold below cost: purchase price 7.20, selling price 7.00"
    shown = run("show back.plan", workspace)
    assert (shown.status, "Warning: contoso:" in shown.out) == (0, True)


def test_a_plan_that_was_saved_before_there_were_warnings_is_read_and_keeps_its_identity(workspace: Path) -> None:
    run("plan --out saved.plan --now 2026-12-01T08:00:00Z", workspace)
    data: dict[str, Any] = json.loads((workspace / "saved.plan").read_bytes())
    del data["warnings"]
    data["digest"] = digest_of_data(data)
    older = decode(json.dumps(data).encode())
    assert older.warnings == ()
    assert json.loads(encode(older)) == data
