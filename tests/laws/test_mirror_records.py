"""One record for each action, neither more nor fewer, where several come to a mirror at once (SUB-31)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from reconciler import app
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from reconciler.stores.base import EntityWrite
from tests.laws.resale import PROVIDER, Resale, folder, paid

MIRROR = "contoso.sub-1"


@pytest.fixture
def resale() -> Iterator[Resale]:
    world = Resale(folder())
    customers = [{"kind": "Customer", "key": key, "name": key.title()} for key in ("acme", "bolt")]
    world.write("contoso", *customers, paid("sub-1", "acme", plan="basic"))
    world.apply(world.plan())
    yield world
    world.close()


def source(world: Resale, **fields: Any) -> None:
    world.write("contoso", {"kind": "Subscription", "key": "sub-1", **fields})


def records(world: Resale) -> list[tuple[str, str | None]]:
    """What was recorded since the mirror came."""
    return [(each["action"], each.get("detail")) for each in world.body(PROVIDER, MIRROR)["history"][1:]]


def mirrors(world: Resale, *, on: bool) -> None:
    (world.mirrors.add if on else world.mirrors.remove)("contoso")
    world.declare()


def test_what_was_imported_before_an_action_is_an_edit_beside_it(resale: Resale) -> None:
    source(resale, customer="bolt")
    resale.act("contoso", "sub-1", "downgrade", "product=backup")
    assert resale.body(PROVIDER, MIRROR)["customer"] == "contoso.bolt"
    assert records(resale) == [("downgrade", "office -> backup"), ("edit", "customer")]


def test_an_edit_tells_only_what_the_action_beside_it_does_not(resale: Resale) -> None:
    source(resale, customer="bolt")
    resale.act("contoso", "sub-1", "upgrade", "product=premium", "plan=more")
    assert resale.body(PROVIDER, MIRROR)["plan"] == "more"
    assert records(resale) == [("upgrade", "office -> premium"), ("edit", "customer")]


def test_what_ran_out_and_is_renewed_since_ran_out_once(resale: Resale) -> None:
    """The reseller's own record tells of it: it is not told again by what the mirror becomes."""
    resale.act("contoso", "sub-1", "set_renew_automatically", "value=false")
    mirrors(resale, on=False)
    resale.now += timedelta(days=31)
    resale.act("contoso", "sub-1", "run_billing")
    resale.act("contoso", "sub-1", "set_renew_automatically", "value=true")
    mirrors(resale, on=True)
    resale.apply(resale.plan())
    assert resale.body(PROVIDER, MIRROR)["status"] == "inactive"
    actions = [action for action, _ in records(resale)]
    assert actions == ["set_renew_automatically", "run_billing", "set_renew_automatically"]


@pytest.mark.parametrize(
    ("before", "given"),
    [
        ((), ("billing_cycle=P1M",)),
        ((), ("billing_cycle=P1M", "when=next_cycle")),
        (("billing_cycle=P1Y", "when=next_cycle"), ("billing_cycle=P1Y", "when=next_cycle")),
        (("billing_cycle=P1Y",), ("billing_cycle=P1Y", "when=next_cycle")),
    ],
    ids=["now", "next", "next again", "not now but next"],
)
def test_a_change_to_the_same_unit_makes_no_sense(
    resale: Resale, before: tuple[str, ...], given: tuple[str, ...]
) -> None:
    if before:
        resale.act("contoso", "sub-1", "change_unit", *before)
    there = resale.body("contoso", "sub-1")
    unit = there.get("pending_unit", there)["billing_cycle"]
    with pytest.raises(app.Unknown, match=f"is billed by {unit} .*already|is billed by {unit} already"):
        resale.act("contoso", "sub-1", "change_unit", *given)
    assert resale.body("contoso", "sub-1") == there


def test_a_unit_that_comes_with_the_next_cycle_can_come_now(resale: Resale) -> None:
    """On both sides the cycle that runs is one of the new unit from then on (SUB-27)."""
    resale.act("contoso", "sub-1", "change_unit", "billing_cycle=P1Y", "when=next_cycle")
    ends = [resale.body(*at)["cycle_end"] for at in ((PROVIDER, MIRROR), ("contoso", "sub-1"))]
    assert ends == ["2026-12-15", "2026-12-15"]
    resale.act("contoso", "sub-1", "change_unit", "billing_cycle=P1Y", "when=current_cycle")
    ends = [resale.body(*at)["cycle_end"] for at in ((PROVIDER, MIRROR), ("contoso", "sub-1"))]
    assert ends == ["2027-11-15", "2027-11-15"]
    assert [action for action, _ in records(resale)] == ["change_unit", "change_unit"]


def _withheld_half_way(world: Resale) -> list[Body]:
    """Both mirrors of a subscription of east's that has changed since, and become active, and is mirrored no more."""
    world.write("east", {"kind": "Customer", "key": "acme"}, paid("sub-2", "acme", start_date="2026-11-20"))
    world.apply(world.plan())
    world.mirrors.remove("east")
    world.declare()
    world.now += timedelta(days=10)
    world.act("east", "sub-2", "change_quantity", "quantity=6")
    return _half_way(world)


def _half_way(world: Resale) -> list[Body]:
    return [world.body(*at) for at in (("contoso", "east.sub-2"), (PROVIDER, "contoso.east.sub-2"))]


def test_what_is_withheld_half_way_up_stays_as_it_is_above(resale: Resale) -> None:
    """The provider's follows the mirror that there is, and not what that one misses (TREE-02)."""
    before = _withheld_half_way(resale)
    resale.apply(resale.plan())
    assert _half_way(resale) == before
    assert not any(each.changes for each in resale.plan().tenants)


def test_what_is_lost_half_way_up_is_blocked_above(resale: Resale) -> None:
    """A mirror at the provider whose source is gone, and does not come back, stays as it is (SUB-41)."""
    _, above = _withheld_half_way(resale)
    id = EntityId("Subscription", "east.sub-2")
    lost = EntityWrite(id, resale.state("contoso")[id], None)
    resale.store("contoso").overwrite("contoso", [lost], actor="x", at="2026-11-25T00:00:00Z")
    plan = resale.plan()
    resale.apply(plan)
    assert resale.body(PROVIDER, "contoso.east.sub-2") == above
    deferred = {each.change.address: each.rule for tenant in plan.tenants for each in tenant.deferred}
    assert deferred["northwind/subscription/contoso.east.sub-2"] == "SUB-41"
