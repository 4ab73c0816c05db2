"""What a reviewer and a night shift ask: causes, overridden guards, the way back, and what if."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.runner import Shop


def doubled(shop: Shop) -> None:
    """A price that moves by more than the guard lets it."""
    shop.edit("acme/catalog.yaml", "P1Y: {fees: {recurring: 20.00}}", "P1Y: {fees: {recurring: 40.00}}")


def test_a_guard_blocks_and_is_overridden_for_one_plan(shop: Shop) -> None:
    doubled(shop)
    blocked = shop.run("plan")
    assert blocked.status == 3
    assert "max_price_change" in blocked.out
    allowed = shop.run("plan --allow max_price_change:one")
    assert allowed.status == 0
    assert re.search(r"yearly fee +20\.00 +40\.00 +\+100 %", allowed.out)


def test_apply_takes_the_override_and_the_history_has_it(shop: Shop) -> None:
    doubled(shop)
    shop.commit()
    assert shop.run("apply --auto-approve --allow max_price_change:one").status == 0
    assert "max_price_change" in shop.run("history one --format json").out
    assert shop.run("plan --allow max_price_chang:one").status == 1


def allowed_in(plan: str) -> dict[str, list[str]]:
    return {each["tenant"]: each["allowed"] for each in json.loads(plan)["tenants"] if each["upstream"]}


def test_an_override_takes_patterns_and_the_plan_has_the_pairs(shop: Shop, tmp_path: Path) -> None:
    doubled(shop)
    shop.edit("acme/resellers/two.yaml", "veto: {prices: true}", "veto: {prices: false}")
    assert shop.run("plan --allow max_price_change:one").closing == "Allowed: max_price_change:one"
    assert "\nBlocked: 1\n" in shop.run("plan --allow max_price_change:one").out
    saved = tmp_path / "plan.json"
    planned = shop.run(f"plan --allow 'max_price_change:*' --out {saved} --format json")
    assert allowed_in(planned.out) == {"one": ["max_price_change"], "two": ["max_price_change"]}
    assert allowed_in(saved.read_text("utf-8")) == allowed_in(planned.out)
    assert shop.run(f"apply {saved}").status == 0
    entries = json.loads(shop.run("history --format json").out)["entries"]
    assert [each["allowed"] for each in entries if each["plan"] == json.loads(planned.out)["digest"]] == [
        ["max_price_change"],
        ["max_price_change"],
    ]
    some = allowed_in(shop.run("plan --allow 'max_*:o*' --allow 'max_p*:tw?' --format json").out)
    assert some == {"one": ["max_changes", "max_deletes", "max_price_change"], "two": ["max_price_change"]}


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("max_price_change:onee*", 'there is no reseller "onee*": did you mean "one"'),
        ("max_price_change:acm*", 'there is no reseller "acm*"'),
        ("max_prise*:*", 'there is no guard "max_prise*": did you mean "max_price_change"'),
    ],
)
def test_an_override_that_reaches_nobody_is_an_error(shop: Shop, pattern: str, message: str) -> None:
    done = shop.run(f"plan --allow '{pattern}'")
    assert (done.status, done.out) == (1, "")
    assert message in done.err


def test_causes_are_told_from_a_commit(shop: Shop) -> None:
    shop.reprice()
    assert '"pr"' in shop.run("plan --base HEAD --format json").out
    shop.commit()
    assert shop.run("apply --auto-approve --base HEAD~1").status == 0


def test_an_applied_plan_is_undone_by_its_inverse(shop: Shop, tmp_path: Path) -> None:
    there, back = tmp_path / "there.json", tmp_path / "back.json"
    shop.reprice()
    assert shop.run(f"plan --out {there}").status == 0
    assert shop.run(f"apply {there}").status == 0
    assert shop.run(f"plan --inverse {there} --out {back}").status == 0
    assert shop.run(f"apply {back}").status == 0
    assert "Plan: 0 to add" in shop.run("plan").out


def test_what_other_options_would_do(shop: Shop) -> None:
    shop.reprice()
    what_if = shop.run("explain one --disable plans.update_fees --enable other")
    assert what_if.status == 0
    assert "plan/mail-basic" in what_if.out
