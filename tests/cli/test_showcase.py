"""The showcase, `catalogs/northwind/`, on the states of `examples/before/`: it shows what it says that it shows."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.cli.runner import Shop, git

PROJECT = Path(__file__).parents[2]
BEFORE = PROJECT / "examples" / "before"
CHANGES = PROJECT / "examples" / "changes"
ALLOWED = "--allow max_price_change:tailspin"
_COMMAND = re.compile(r"`reconcile ([^`]+)`")


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan as JSON."""

    data: dict[str, Any]

    def change(self, address: str) -> dict[str, Any]:
        """What is to happen to an entity."""
        return next(each for each in self.data["resource_changes"] if each["address"] == address)

    def fields(self, address: str) -> dict[str, dict[str, Any]]:
        """Its fields, by path."""
        return {each["path"]: each for each in self.change(address)["fields"]}

    def deferred(self, address: str) -> dict[str, Any]:
        """Why an entity is deferred."""
        found: Iterable[dict[str, Any]] = self.data["deferred_changes"]
        return next(each for each in found if each["resource_change"]["address"] == address)

    def tenants(self, status: str) -> set[str]:
        """The tenants of a status."""
        return {each["tenant"] for each in self.data["tenants"] if each["status"] == status}


def planned(shop: Shop, options: str = "") -> Planned:
    return Planned(json.loads(shop.run(f"plan --format json {options}").out))


@pytest.fixture(scope="module")
def _imported(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("showcase")
    copytree(PROJECT / "catalogs" / "northwind", root / "catalogs" / "northwind")
    (root / "catalogs" / "reconcile.yaml").write_bytes((PROJECT / "catalogs" / "reconcile.yaml").read_bytes())
    (root / ".gitignore").write_text(".reconcile/\n*.plan\n", "utf-8")
    git(root, "init", "--quiet", "--initial-branch=main")
    shop = Shop(root)
    shop.commit("the showcase")
    for state in sorted(BEFORE.glob("*.yaml")):
        assert shop.run(f"tenant import {state.stem} {state}").status == 0
    return shop


@pytest.fixture(scope="module")
def _applied(_imported: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(Path(copytree(_imported.root, tmp_path_factory.mktemp("applied") / "shop")))
    assert shop.run(f"apply --auto-approve {ALLOWED}").status == 0
    return shop


@pytest.fixture(scope="module")
def first(_imported: Shop) -> Planned:
    """The first plan; the guard at Tailspin holds."""
    return planned(_imported)


@pytest.fixture
def applied(_applied: Shop, tmp_path: Path) -> Shop:
    """After the first apply, with Tailspin's prices allowed."""
    return Shop(Path(copytree(_applied.root, tmp_path / "shop")))


def test_it_has_three_levels_of_resellers(first: Planned) -> None:
    upstream = {each["tenant"]: each["upstream"] for each in first.data["tenants"]}
    assert [upstream["proseware"], upstream["relecloud"], upstream["contoso"]] == ["relecloud", "contoso", "northwind"]
    assert first.change("proseware/plan/hosting-pro")["change"]["after"]["origin"] == "relecloud"


def test_a_resellers_own_plan_goes_to_its_reseller_by_its_label(first: Planned) -> None:
    assert first.change("woodgrove/plan/fabrikam-phone-flat")["change"]["after"]["origin"] == "fabrikam"


def test_price_lists_hold_at_deeper_levels(first: Planned) -> None:
    cycles = {
        tenant: first.change(f"{tenant}/product/web-hosting")["change"]["after"]["billing_cycles"]["P1M"]
        for tenant in ("contoso", "relecloud", "proseware")
    }
    assert {tenant: cycle["purchase_price"] for tenant, cycle in cycles.items()} == {
        "contoso": "2.90", "relecloud": "3.40", "proseware": "3.40"
    }  # fmt: skip


def test_a_rename_reaches_a_copy_beside_its_prices(first: Planned) -> None:
    fields = first.fields("adatum/plan/hosting-start")
    assert (fields["key"]["before"], fields["key"]["after"]) == ("hosting-basic", "hosting-start")
    assert fields["periods.P1M.fees.recurring"]["after"] == "3.90"


def test_what_is_withheld_above_is_withheld_below_by_the_root_cause(first: Planned) -> None:
    held = first.deferred("southridge/plan/m365-e3")
    assert held["detail"].startswith("withheld at adatum: plans.create ")
    assert held["policy"]["file"] == "northwind/resellers/adatum.yaml"


def test_a_guard_trips_once_and_is_allowed(first: Planned, _imported: Shop) -> None:
    assert first.tenants("blocked") == {"tailspin"}
    assert "8.90 -> 11.70" in first.deferred("tailspin/plan/m365-business-standard")["detail"]
    assert planned(_imported, ALLOWED).tenants("blocked") == set()


def test_service_terms_in_conflict_are_all_named(first: Planned) -> None:
    held = first.deferred("wingtip/plan/domain-eu")
    assert (held["rule"], held["reason"]) == ("AP-17", "blocked")
    assert '"annual", "monthly"' in held["detail"]


def test_without_the_states_nothing_is_blocked(tmp_path: Path, _imported: Shop) -> None:
    copytree(_imported.root / "catalogs" / "northwind", tmp_path / "northwind")
    (tmp_path / "reconcile.yaml").write_text("kind: Workspace\nversion: 1\n", "utf-8")
    empty = Shop(tmp_path)
    assert empty.run("apply --auto-approve").status == 0
    again = empty.run("plan --detailed-exitcode")
    assert (again.status, "No changes to apply.\n" in again.out) == (0, True)


def test_a_second_plan_has_nothing_to_do_but_what_is_blocked(applied: Shop) -> None:
    again = applied.run("plan")
    assert again.status == 3
    assert "No changes to apply.\n" in again.out
    assert planned(applied).tenants("blocked") == {"wingtip"}
    applied.run(f"tenant import wingtip {CHANGES / 'wingtip-agrees.yaml'}")
    assert applied.run("apply --auto-approve").status == 0
    assert "No changes to apply.\n" in applied.run("plan").out


def test_what_was_adopted_keeps_what_is_the_resellers(applied: Shop) -> None:
    state = applied.run("tenant export tailspin").out.split("---\n")
    (basic,) = [each for each in state if each.startswith("kind: Plan\nkey: m365-business-basic\norigin: northwind\n")]
    assert "published: false\n" in basic
    (product,) = [each for each in state if each.startswith("kind: Product\nkey: microsoft-365\norigin: northwind\n")]
    assert "selling_price: 7.90" in product
    assert any(each.startswith("kind: Plan\nkey: laptop-care\nname: ") for each in state)


def test_an_override_that_holds_is_told_where_nothing_differs(applied: Shop) -> None:
    shown = "'sales_category/office-apps#display_in_control_panel'"
    assert "    In sync: " in applied.run(f"explain contoso {shown}").out
    assert "    The reseller's own: " in applied.run(f"explain relecloud {shown}").out


def test_the_price_round_reaches_every_level_as_each_policy_says(applied: Shop) -> None:
    applied.run(f"tenant import fabrikam {CHANGES / 'fabrikam-drifts.yaml'}")
    git(applied.root, "switch", "--quiet", "--create", "price-round")
    git(applied.root, "apply", str(CHANGES / "price-round.patch"))
    applied.commit("Price round")
    plan = planned(applied, "--base main")
    fee, year = "periods.P1M.fees.recurring", "periods.P1Y.fees.recurring"
    for tenant in ("contoso", "relecloud", "fabrikam", "woodgrove", "tailspin"):
        changed = plan.fields(f"{tenant}/plan/hosting-pro")[fee]
        assert (changed["before"], changed["after"], changed["cause"]) == ("9.90", "10.90", "pr")
    assert plan.fields("fabrikam/plan/hosting-pro")[year]["cause"] == "drift"
    assert plan.deferred("proseware/plan/hosting-pro")["policy"]["file"].endswith("relecloud/proseware.yaml")
    assert plan.deferred("litware/plan/hosting-start")["resource_change"]["cause"] == "backlog"


def test_below_the_first_level_the_document_that_says_it_is_named(applied: Shop) -> None:
    """Unless a reseller in between says otherwise: then it is the list that asks for the plan."""
    applied.run(f"tenant import fabrikam {CHANGES / 'fabrikam-drifts.yaml'}")
    own = planned(applied).fields("woodgrove/plan/hosting-pro")["periods.P1Y.fees.recurring"]
    assert (own["after"], own["declared_at"]["file"]) == ("89.00", "northwind/resellers/fabrikam/woodgrove.yaml")
    git(applied.root, "apply", str(CHANGES / "price-round.patch"))
    plan = planned(applied)
    fees = [plan.fields(f"{tenant}/plan/hosting-pro") for tenant in ("contoso", "relecloud", "woodgrove")]
    places = [each["periods.P1M.fees.recurring"]["declared_at"]["file"] for each in fees]
    assert places == ["northwind/plans/web.yaml"] * 3


def test_every_command_that_the_page_names_does_what_it_says(_imported: Shop, _applied: Shop) -> None:
    """Each runs, before the first apply and after it."""
    commands = _COMMAND.findall((PROJECT / "catalogs" / "README.md").read_text("utf-8"))
    assert len(commands) > 15
    for command in commands:
        for shop in (_imported, _applied):
            done = shop.run(command)
            assert done.status in (0, 3), (command, done.err)
            assert "Error" not in done.err


def test_every_file_that_the_page_names_is_there() -> None:
    names = re.findall(r"`([\w./-]+\.yaml)`", (PROJECT / "catalogs" / "README.md").read_text("utf-8"))
    assert len(names) > 20
    assert [name for name in names if not (PROJECT / "catalogs" / "northwind" / name).exists()] == []
