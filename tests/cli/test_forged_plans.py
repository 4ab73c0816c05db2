"""Saved plans that were replaced, with a digest that fits: `show` and `apply` refuse them, and nothing is written.

All are forged from one plan in one shop, which refusing leaves as it is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from shutil import copytree
from typing import Any

import pytest

from reconciler.core.savedplan.plan_data import digest_of_data
from tests.cli.mirrors import with_mirrors
from tests.cli.runner import Ran, Shop

Forgery = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Saved:
    """A shop, and the bytes of a plan that is to be applied to it."""

    shop: Shop
    plan: bytes

    def forged(self, forge: Forgery) -> None:
        """Write the plan, altered, as ``p.plan``."""
        data = json.loads(self.plan)
        forge(data)
        (self.shop.root / "p.plan").write_text(json.dumps({**data, "digest": digest_of_data(data)}), "utf-8")

    def refused(self, forge: Forgery) -> Ran:
        """What applying the altered plan says; nothing is written."""
        self.forged(forge)
        before = self.shop.state
        done = self.shop.run("apply p.plan")
        assert done.status == 1
        assert self.shop.state == before
        return done


def _saved(shop: Shop) -> Saved:
    assert shop.run("plan --out p.plan").status == 0
    return Saved(shop, (shop.root / "p.plan").read_bytes())


@pytest.fixture(scope="module")
def saved(_applied: Shop, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """A plan of one new price."""
    shop = Shop(tmp_path_factory.mktemp("forged") / "shop")
    copytree(_applied.root, shop.root)
    shop.reprice()
    shop.commit()
    return _saved(shop)


@pytest.fixture(scope="module")
def mirrored(_applied: Shop, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """A plan of one new mirror."""
    shop = Shop(tmp_path_factory.mktemp("mirrored") / "shop")
    copytree(_applied.root, shop.root)
    return _saved(with_mirrors(shop))


def _change(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["resource_changes"][0]["change"]
    return found


def _another_amount(data: dict[str, Any]) -> None:
    _change(data)["after"]["periods"]["P1M"]["fees"]["recurring"] = "9999.00"


def _no_periods(data: dict[str, Any]) -> None:
    _change(data)["after"]["periods"] = "x"


@pytest.mark.parametrize("forge", [_another_amount, _no_periods])
def test_a_plan_that_contradicts_itself_is_neither_shown_nor_applied(saved: Saved, forge: Forgery) -> None:
    saved.forged(forge)
    before = saved.shop.state
    for command in ("show p.plan", "apply p.plan", "plan --inverse p.plan"):
        done = saved.shop.run(command)
        assert (done.status, done.out) == (1, "")
        assert "the saved plan contradicts itself; plan again: " in done.err
    assert saved.shop.state == before


def _another_name(data: dict[str, Any]) -> None:
    """Both documents say another name: their difference is the price alone, and the state never had that name."""
    for document in ("before", "after"):
        _change(data)[document]["name"] = "Forged"


def test_what_the_plan_does_not_say_of_an_entity_is_not_written_with_the_rest(saved: Saved) -> None:
    done = saved.refused(_another_name)
    assert "the plan's values of" in done.out + done.err


def test_a_tenant_below_another_upstream_is_refused(saved: Saved) -> None:
    done = saved.refused(lambda data: data["tenants"][0].update(upstream="evil"))
    assert 'is "evil", its policy "acme"' in done.err


def _remembers(name: str, value: Any) -> Forgery:
    """A mirror that is to remember something else of its source, which no field shows and no document of it says."""

    def forge(data: dict[str, Any]) -> None:
        mirrors = (each["change"] for each in data["resource_changes"] if each["type"] == "subscription")
        next(mirrors)["after"]["last_applied"][name] = value

    return forge


@pytest.mark.parametrize(("name", "value"), [("records", 7), ("source_unit", "P1Y")])
def test_what_a_mirror_remembers_of_its_source_is_what_its_source_has(mirrored: Saved, name: str, value: Any) -> None:
    done = mirrored.refused(_remembers(name, value))
    assert "the plan's values of one/subscription/sub-1, which is mirrored to it" in done.err


def test_an_honest_plan_is_applied(saved: Saved, mirrored: Saved) -> None:
    """Last: this one does write."""
    for each in (saved, mirrored):
        each.forged(lambda data: None)
        assert each.shop.run("apply p.plan").status == 0
