"""What a reviewer and a night shift ask: causes, overridden guards, the way back, and what if."""

from pathlib import Path

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
    assert "20.00 -> 40.00" in allowed.out


def test_apply_takes_the_override_and_the_history_has_it(shop: Shop) -> None:
    doubled(shop)
    assert shop.run("apply --auto-approve --allow max_price_change:one").status == 0
    assert "max_price_change" in shop.run("history one --format json").out
    assert shop.run("plan --allow max_price_chang:one").status == 1


def test_causes_are_told_from_a_commit(shop: Shop) -> None:
    shop.reprice()
    assert '"pr"' in shop.run("plan --base HEAD --format json").out
    assert shop.run("apply --auto-approve --base HEAD").status == 0


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
