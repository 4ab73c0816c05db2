"""Days are those of the provider's time zone, in every command (DATE-01)."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from shutil import copytree

import pytest

from reconciler.shell.runs import plan_cache
from tests.cli.mirrors import exported, with_mirrors
from tests.cli.runner import FEES, Ran, Shop

DATED = "P1M: {fees: {recurring: [{from: 2026-01-01, amount: 2.00}, {from: 2027-01-01, amount: 2.20}]}}"
NEW_YEAR_IN_VIENNA = "2026-12-31T23:30:00Z"
CURRENCY = "currency: EUR\n"
PATH = "periods.P1M.fees.recurring"


def in_zone(shop: Shop, zone: str) -> None:
    shop.edit("acme/provider.yaml", CURRENCY, f"{CURRENCY}time_zone: {zone}\n")


@pytest.fixture
def dated(shop: Shop) -> Shop:
    """The new fee holds from 1 January 2027, and the provider is in Vienna."""
    shop.edit("acme/catalog.yaml", FEES, DATED)
    in_zone(shop, "Europe/Vienna")
    shop.commit()
    return shop


def planned(shop: Shop, now: str, options: str = "") -> dict[str, str]:
    """By tenant, the fee that is applied or withheld."""
    plan = json.loads(shop.run(f"plan --format json {options} --now {now}").out)
    changes = [*plan["resource_changes"], *(each["resource_change"] for each in plan["deferred_changes"])]
    fields = ((change["tenant"], field) for change in changes for field in change["fields"])
    return {tenant: field["after"] for tenant, field in fields if field["path"] == PATH}


def days(ran: Ran) -> dict[str, str]:
    return {each["tenant"]: each["day"] for each in json.loads(ran.out)["tenants"]}


def test_the_fee_of_the_day_is_planned(dated: Shop) -> None:
    assert planned(dated, "2026-12-31T22:59:59Z") == {}
    assert planned(dated, "2026-12-31T23:00:00Z") == {"one": "2.20", "two": "2.20"}
    assert planned(dated, "2027-01-01T00:00:00+01:00") == {"one": "2.20", "two": "2.20"}
    assert planned(dated, "2027-01-01") == {"one": "2.20", "two": "2.20"}
    assert planned(dated, "2026-12-31") == {}


@pytest.mark.parametrize("executor", ["--executor threads --parallelism 2", "--executor processes --parallelism 2"])
def test_whoever_plans_has_the_day(dated: Shop, executor: str) -> None:
    assert planned(dated, NEW_YEAR_IN_VIENNA, executor) == {"one": "2.20", "two": "2.20"}


def test_the_plan_has_the_day_of_each_tenant(dated: Shop) -> None:
    provider = dated.root / "coho"
    copytree(dated.root / "acme", provider)
    for file in sorted(provider.rglob("*.yaml")):
        text = file.read_text("utf-8").replace("acme", "coho").replace("reseller: one", "reseller: three")
        file.write_text(text.replace("reseller: two", "reseller: four").replace("Europe/Vienna", "UTC"), "utf-8")
    ran = dated.run(f"plan --format json --now {NEW_YEAR_IN_VIENNA}")
    assert days(ran) == {"one": "2027-01-01", "two": "2027-01-01", "three": "2026-12-31", "four": "2026-12-31"}
    for form in ("text", "markdown"):
        ran = dated.run(f"plan --format {form} --now {NEW_YEAR_IN_VIENNA}")
        assert "Day: 2027-01-01 for one, two (2026-12-31 in UTC)" in ran.out
        assert ran.out.count("Day: ") == 1
        assert "Day: " not in dated.run(f"plan --format {form} --now 2027-01-01").out
    page = dated.run(f"plan --format html --now {NEW_YEAR_IN_VIENNA}").out
    assert page.count("Day: 2027-01-01 for one, two (2026-12-31 in UTC)") == page.count("Day: ") == 1


def test_a_saved_plan_keeps_its_days(dated: Shop) -> None:
    file = dated.root / ".reconcile" / "the.plan"
    ran = dated.run(f"plan --out {file} --now {NEW_YEAR_IN_VIENNA}")
    assert "Day: 2027-01-01 for one, two (2026-12-31 in UTC)" in ran.out
    assert dated.run(f"show {file}").out == ran.out
    assert dated.run(f"apply {file} --auto-approve --now 2027-01-02").status == 0
    assert planned(dated, NEW_YEAR_IN_VIENNA) == {"two": "2.20"}
    undone = dated.run(f"plan --inverse {file} --format json --now {NEW_YEAR_IN_VIENNA}")
    assert days(undone) == {"one": "2027-01-01"}


def test_explain_and_base_go_by_the_day(dated: Shop) -> None:
    question = f"explain one plan/mail-basic#{PATH} --now"
    assert "2.20" in dated.run(f"{question} {NEW_YEAR_IN_VIENNA}").out
    assert "2.20" not in dated.run(f"{question} 2026-12-31T22:59:59Z").out
    dated.edit("acme/provider.yaml", "Europe/Vienna", "UTC")
    assert planned(dated, NEW_YEAR_IN_VIENNA, "--base HEAD") == {}


def test_mirrors_go_by_the_day(shop: Shop) -> None:
    with_mirrors(shop)
    in_zone(shop, "Pacific/Honolulu")
    (shop.root / "later.yaml.txt").write_text("kind: Subscription\nkey: sub-1\nstart_date: 2027-01-01\n", "utf-8")
    assert shop.run("tenant import one later.yaml.txt").status == 0
    for now, status in (("2027-01-01T09:59:59Z", "inactive"), ("2027-01-01T10:00:00Z", "active")):
        assert shop.run(f"watch --rounds 1 --now {now}").status == 0
        assert f"status: {status}" in shop.run("tenant export acme").out


@pytest.mark.parametrize(
    ("zone", "now", "comes"),
    [
        ("UTC", "2026-12-31T23:59:59Z", "2027-01-01"),
        ("UTC", "2027-01-01T00:00:00Z", "2027-02-01"),
        ("Pacific/Honolulu", "2027-01-01T09:59:59Z", "2027-01-01"),
        ("Pacific/Honolulu", "2027-01-01T10:00:00Z", "2027-02-01"),
        ("Pacific/Honolulu", "2027-01-01", "2027-02-01"),
        ("Pacific/Kiritimati", "2026-12-31T09:59:59Z", "2027-01-01"),
        ("Pacific/Kiritimati", "2026-12-31T10:00:00Z", "2027-02-01"),
        ("Pacific/Kiritimati", "2027-01-01", "2027-02-01"),
    ],
)
def test_a_record_is_of_the_providers_day(shop: Shop, zone: str, now: str, comes: str) -> None:
    """A cycle of the mirror ends on 1 January: a unit asked for before that day comes with it, else a month later."""
    with_mirrors(shop)
    shop.edit("acme/catalog.yaml", "unit_prices: {P1M: 2.50}", "unit_prices: {P1M: 2.50, P1Y: 25.00}")
    in_zone(shop, zone)
    assert shop.run("watch --rounds 1 --now 2026-12-10").status == 0
    asked = "act one sub-1 change_unit --as reseller --set billing_cycle=P1Y --set when=next_cycle"
    assert shop.run(f"subscription {asked} --now {now}").status == 0
    mirror = exported(shop, "acme", "Subscription", "one.sub-1")
    assert f"pending_unit:\n  billing_cycle: P1Y\n  from: '{comes}'\n" in mirror


def test_a_record_that_tells_no_moment_is_of_the_day_on_which_it_is_seen(shop: Shop) -> None:
    """A reseller's own system may write anything there."""
    with_mirrors(shop)
    shop.edit("acme/catalog.yaml", "unit_prices: {P1M: 2.50}", "unit_prices: {P1M: 2.50, P1Y: 25.00}")
    assert shop.run("watch --rounds 1 --now 2026-12-10").status == 0
    said = "billing_cycle: P1Y\nunit_change: next_cycle\nhistory: [{at: yesterday, action: change_unit}]\n"
    given = f"kind: Subscription\nkey: sub-1\n{said}"
    assert shop.run("tenant import one", stdin=given).status == 0
    assert shop.run("watch --rounds 1 --now 2026-12-31").status == 0
    assert "from: '2027-01-01'" in exported(shop, "acme", "Subscription", "one.sub-1")


def test_a_plan_is_known_until_the_next_day_of_a_provider(
    shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, plan_cache.__name__)
    env = {"RECONCILE_CACHE": str(tmp_path / "cache")}
    in_zone(shop, "Pacific/Honolulu")
    for now, count in (
        ("2026-12-01T10:00:00Z", 1),
        ("2026-12-01T23:59:59Z", 1),
        ("2026-12-02T09:59:59Z", 1),
        ("2026-12-01", 1),
        ("2026-12-02T10:00:00Z", 2),
        ("2026-12-02", 2),
    ):
        assert shop.run(f"plan --now {now}", env=env).status == 0
        said = [each.getMessage() for each in caplog.records]
        assert said.count("the plan is not cached") == count, now


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Europe/Wien", "did you mean Europe/"),
        ("europe/vienna", "did you mean Europe/Vienna"),
        ("Vienna", "did you mean Europe/Vienna"),
        ('"+02:00"', "an IANA name such as Europe/Vienna, or UTC"),
    ],
)
def test_an_unknown_zone_is_an_error_at_its_line(shop: Shop, zone: str, hint: str) -> None:
    in_zone(shop, zone)
    ran = shop.run("validate")
    assert ran.status == 1
    quoted = zone if zone.startswith('"') else f'"{zone}"'
    assert f"acme/provider.yaml:6:12: error bad-time-zone: time_zone: {quoted} is not a time zone" in ran.out
    assert hint in ran.out
    assert shop.run("plan").status == 1
