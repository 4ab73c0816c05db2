"""What was changed behind the guard's back is restored, and neither history nor cycle are told by it (SUB-40)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.values.keys import EntityId
from tests.laws.resale import OWN_PRODUCT, PROVIDER, Resale, folder, paid

MIRROR = "contoso.sub-1"
TAMPERED: dict[str, Any] = {
    "customer": "fabrikam.other",
    "product": "exchange",
    "plan": "none",
    "billing_cycle": "P1Y",
    "quantity": 99,
    "quantity_effective": "2030-01-01",
    "paid": False,
    "status": "deleted",
    "source_status": "suspended",
    "activation_date": "2020-01-01",
    "start_date": "2020-01-01",
    "renew_automatically": False,
    "characteristics": {"domain": "other.example"},
    "unit_change": "next_cycle",
    "pending_unit": {"billing_cycle": "P1Y", "from": "2030-01-01"},
    "renewals": [{"date": "2030-01-01"}],
    "provisioning_sync": "failed",
    "add_ons": {"kept": None},
    "reseller": "fabrikam",
    "source": "sub-2",
    "bill_to": "fabrikam",
    "ribbon": "Ours",
    "locked": ["product"],
    "cycle_end": "2030-01-01",
    "history": [],
}
"""Another value of every field that is locked."""


@pytest.fixture
def resale() -> Iterator[Resale]:
    world = Resale(folder(), billing_days={"contoso": 20})
    add_ons = {"kept": {"product": "backup", "billing_cycle": "P1M", "quantity": 2}}
    world.write("contoso", {"kind": "Customer", "key": "acme", "name": "Acme"}, paid("sub-1", "acme", add_ons=add_ons))
    world.apply(world.plan())
    yield world
    world.close()


def drift(world: Resale, **fields: Any) -> None:
    world.write(PROVIDER, {"kind": "Subscription", "key": MIRROR, **fields})


def source(world: Resale, **fields: Any) -> None:
    world.write("contoso", {"kind": "Subscription", "key": "sub-1", **fields})


def actions(world: Resale) -> list[str]:
    return [each["action"] for each in world.body(PROVIDER, MIRROR)["history"]]


@pytest.mark.parametrize("name", sorted(TAMPERED))
def test_every_locked_field_is_restored(resale: Resale, name: str) -> None:
    before = resale.body(PROVIDER, MIRROR)
    assert name in before["locked"]
    drift(resale, **{name: TAMPERED[name]})
    resale.apply(resale.plan())
    assert resale.body(PROVIDER, MIRROR) == before
    assert not any(each.changes for each in resale.plan().tenants)


def test_all_of_them_at_once(resale: Resale) -> None:
    before = resale.body(PROVIDER, MIRROR)
    assert set(TAMPERED) == {*before["locked"]} - {"last_applied"}
    drift(resale, **TAMPERED)
    resale.apply(resale.plan())
    assert resale.body(PROVIDER, MIRROR) == before


def test_drift_beside_a_change_is_no_action_of_the_reseller(resale: Resale) -> None:
    drift(resale, quantity=99, characteristics={"a": "b"}, add_ons={"kept": {"quantity": 7}})
    source(resale, renew_automatically=False)
    resale.apply(resale.plan())
    assert actions(resale) == ["create", "set_renew_automatically"]


def test_drift_beside_a_change_of_the_same_field_is_told_as_the_reseller_made_it(resale: Resale) -> None:
    drift(resale, quantity=99)
    source(resale, quantity=30)
    resale.apply(resale.plan())
    assert resale.body(PROVIDER, MIRROR)["history"][-1]["detail"] == "10 -> 30"


def test_drift_that_happens_to_be_the_change_is_recorded_all_the_same(resale: Resale) -> None:
    drift(resale, quantity=30)
    source(resale, quantity=30)
    resale.apply(resale.plan())
    assert actions(resale) == ["create", "change_quantity"]


def test_what_ran_out_is_not_brought_back_by_drift(resale: Resale) -> None:
    source(resale, renew_automatically=False)
    resale.apply(resale.plan())
    resale.now += timedelta(days=40)
    resale.apply(resale.plan())
    assert resale.body(PROVIDER, MIRROR)["status"] == "inactive"
    before = resale.body(PROVIDER, MIRROR)
    for tampered in ({"renew_automatically": True}, {"status": "active"}, {"source_status": "inactive"}):
        drift(resale, **tampered, cycle_end="2030-01-01")
        resale.apply(resale.plan())
        assert resale.body(PROVIDER, MIRROR) == before


def test_records_that_the_distributor_added_stay(resale: Resale) -> None:
    resale.act(PROVIDER, MIRROR, "edit", "type=internal")
    source(resale, quantity=11)
    resale.apply(resale.plan())
    resale.act(PROVIDER, MIRROR, "edit", "type=external")
    drift(resale, quantity=99)
    resale.apply(resale.plan())
    assert actions(resale) == ["create", "edit", "change_quantity", "edit"]
    drift(resale, history=[{"at": "2020-01-01T00:00:00Z", "action": "create"}])
    resale.apply(resale.plan())
    assert actions(resale) == ["create", "edit", "change_quantity", "edit"]


def test_a_flag_that_is_off_by_default_is_not_switched_off(resale: Resale) -> None:
    source(resale, renew_automatically=None)
    resale.apply(resale.plan())
    source(resale, renew_automatically=False, quantity=11)
    resale.apply(resale.plan())
    assert actions(resale) == ["create", "set_renew_automatically", "change_quantity"]


def test_a_subscription_taken_up_again_before_its_mirror_ran_out(resale: Resale) -> None:
    """The source ends on 15 December, the mirror on the 20th: between them, a new cycle begins for both (SUB-30)."""
    resale.act("contoso", "sub-1", "set_renew_automatically", "value=false")
    resale.now += timedelta(days=31)
    resale.act("contoso", "sub-1", "run_billing")
    assert resale.body("contoso", "sub-1")["status"] == "inactive"
    assert resale.body(PROVIDER, MIRROR)["status"] == "active"
    resale.act("contoso", "sub-1", "activate")
    assert resale.body("contoso", "sub-1")["cycle_end"] == "2027-01-15"
    assert resale.body(PROVIDER, MIRROR)["cycle_end"] == "2027-01-20"
    assert actions(resale) == ["create", "set_renew_automatically", "run_billing", "activate"]


def test_the_same_where_the_outside_world_takes_it_up(resale: Resale) -> None:
    source(resale, renew_automatically=False)
    resale.apply(resale.plan())
    resale.now += timedelta(days=31)
    source(resale, status="inactive")
    resale.apply(resale.plan())
    source(resale, status="active")
    resale.apply(resale.plan())
    assert resale.body(PROVIDER, MIRROR)["cycle_end"] == "2027-01-20"
    assert actions(resale) == ["create", "set_renew_automatically", "activate"]


def test_what_comes_late_ends_when_it_would_have_ended(resale: Resale) -> None:
    resale.mirrors.remove("contoso")
    resale.declare()
    resale.act("contoso", "sub-1", "set_renew_automatically", "value=false")
    resale.now += timedelta(days=10)
    resale.act("contoso", "sub-1", "change_unit", "billing_cycle=P1W")
    assert resale.body("contoso", "sub-1")["cycle_end"] == "2026-11-29"
    resale.now += timedelta(days=60)
    resale.mirrors.add("contoso")
    resale.declare()
    resale.apply(resale.plan())
    assert resale.body(PROVIDER, MIRROR)["cycle_end"] == "2026-12-20"
    assert actions(resale) == ["create", "set_renew_automatically", "change_unit", "expire"]


def test_a_unit_that_changes_with_the_next_cycle_does_not_touch_the_one_that_runs(resale: Resale) -> None:
    """Also where the change and the switching off come together."""
    source(resale, renew_automatically=False, billing_cycle="P1Y", unit_change="next_cycle")
    resale.apply(resale.plan())
    assert resale.body(PROVIDER, MIRROR)["cycle_end"] == "2026-12-20"


def test_switching_off_what_is_off_brings_nothing_back(resale: Resale) -> None:
    source(resale, renew_automatically=False)
    resale.apply(resale.plan())
    resale.now += timedelta(days=60)
    resale.act("contoso", "sub-1", "set_renew_automatically", "value=false")
    assert resale.body(PROVIDER, MIRROR)["status"] == "inactive"
    assert resale.body(PROVIDER, MIRROR)["cycle_end"] == "2026-12-20"


def test_an_add_on_that_comes_back_has_a_price_that_nobody_edited(resale: Resale) -> None:
    """It is priced as the list has it now, and follows from then on (SUB-16)."""
    drift(resale, add_ons={"kept": None})
    resale.prices = {"office": {"P1M": "5.10"}}
    resale.declare()
    resale.apply(resale.plan())
    assert resale.body(PROVIDER, MIRROR)["add_ons"]["kept"]["prices"] == {"P1M": "1.00"}
    resale.prices = {"office": {"P1M": "5.10"}, "backup": {"P1M": "0.90"}}
    resale.declare()
    resale.apply(resale.plan())
    assert resale.body(PROVIDER, MIRROR)["add_ons"]["kept"]["prices"] == {"P1M": "0.90"}


def test_a_customer_follows_whatever_holds_its_subscription(resale: Resale) -> None:
    source(resale, product=OWN_PRODUCT)
    resale.write("contoso", {"kind": "Customer", "key": "acme", "name": "Acme Group"})
    resale.apply(resale.plan())
    assert resale.state(PROVIDER)[EntityId("Customer", "contoso.acme")].body["name"] == "Acme Group"
    assert resale.body(PROVIDER, MIRROR)["product"] == "office"
