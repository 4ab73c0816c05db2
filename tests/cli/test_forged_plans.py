"""Saved plans that were replaced, with a digest that fits: `show` and `apply` refuse them, and nothing is written."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.core.codec import digest_of
from tests.cli.runner import Shop

Forgery = Callable[[dict[str, Any]], None]


def forged(shop: Shop, forge: Forgery) -> None:
    """A plan of one new price, saved as ``p.plan`` and altered."""
    shop.reprice()
    shop.commit()
    shop.run("plan --out p.plan")
    path = shop.root / "p.plan"
    data = json.loads(path.read_bytes())
    forge(data)
    path.write_text(json.dumps({**data, "digest": digest_of(data)}), "utf-8")


def _change(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["resource_changes"][0]["change"]
    return found


def _another_amount(data: dict[str, Any]) -> None:
    _change(data)["after"]["periods"]["P1M"]["fees"]["recurring"] = "9999.00"


def _no_periods(data: dict[str, Any]) -> None:
    _change(data)["after"]["periods"] = "x"


@pytest.mark.parametrize("forge", [_another_amount, _no_periods])
def test_a_plan_that_contradicts_itself_is_neither_shown_nor_applied(shop: Shop, forge: Forgery) -> None:
    forged(shop, forge)
    before = shop.state
    for command in ("show p.plan", "apply p.plan", "plan --inverse p.plan"):
        done = shop.run(command)
        assert (done.status, done.out) == (1, "")
        assert "the saved plan contradicts itself; plan again: " in done.err
    assert shop.state == before


def test_what_the_plan_does_not_say_of_an_entity_is_not_written_with_the_rest(shop: Shop) -> None:
    """Both documents say another name: their difference is the price alone, and the state never had that name."""

    def forge(data: dict[str, Any]) -> None:
        for document in ("before", "after"):
            _change(data)[document]["name"] = "Forged"

    forged(shop, forge)
    before = shop.state
    done = shop.run("apply p.plan")
    assert done.status == 1
    assert "the plan says something else of" in done.out + done.err
    assert shop.state == before


def test_a_tenant_below_another_upstream_is_refused(shop: Shop) -> None:
    forged(shop, lambda data: data["tenants"][0].update(upstream="evil"))
    before = shop.state
    done = shop.run("apply p.plan")
    assert done.status == 1
    assert 'is "evil", its policy "acme"' in done.err
    assert shop.state == before


def test_an_honest_plan_is_applied(shop: Shop) -> None:
    forged(shop, lambda data: None)
    assert shop.run("apply p.plan").status == 0
