"""The guard's table at the command: every action × who acts × whose subscription it is (SUB-17, SUB-32 to SUB-39)."""

from collections.abc import Iterator

import pytest

from reconciler import app
from reconciler.app import timestamp
from reconciler.model.documents.subscriptions import ACTIONS
from reconciler.stores.base import EntityWrite, Snapshot
from tests.contract.test_guard import ALLOWED_ACTIONS, DENIED_ACTIONS
from tests.laws.resale import PROVIDER, Resale, folder, paid, tenants

SETTINGS = {
    "change_quantity": ("quantity=12",),
    "change_unit": ("billing_cycle=P1Y",),
    "upgrade": ("product=premium",),
    "downgrade": ("product=exchange", "quantity=3"),
    "set_renew_automatically": ("value=false",),
    "edit": ("custom_fields.cost_centre=c42",),
    "add_add_on": ("add_on=more", "product=backup"),
    "change_add_on": ("add_on=kept", "prices.P1M=0.70"),
    "cancel_add_on": ("add_on=kept",),
    "edit_pricing": ("prices.P1M=4.90",),
}
"""What an action that changes something is given; the same for everybody."""
PREPARED = {"activate": "suspended"}
"""The status in which an action makes sense, if not active."""
KINDS = {
    "own of the provider": (PROVIDER, "own-1"),
    "own of a reseller": ("contoso", "sub-1"),
    "own of a reseller's reseller": ("east", "sub-1"),
    "mirror": (PROVIDER, "contoso.sub-1"),
    "mirror at a reseller": ("contoso", "east.sub-1"),
    "mirror of a mirror": (PROVIDER, "contoso.east.sub-1"),
}
ACTORS = ("distributor", "reseller", None)


@pytest.fixture
def resale() -> Iterator[Resale]:
    world = Resale(folder())
    add_ons = {"kept": {"product": "backup", "billing_cycle": "P1M", "quantity": 2}}
    for tenant, key in (("contoso", "sub-1"), ("east", "sub-1"), (PROVIDER, "own-1")):
        world.write(tenant, {"kind": "Customer", "key": "acme", "name": "Acme"}, paid(key, "acme", add_ons=add_ons))
    world.apply(world.plan())
    yield world
    world.close()


def everything(world: Resale) -> list[Snapshot]:
    return [world.snapshot(tenant) for tenant in tenants()]


def _in_the_status_for(world: Resale, action: str) -> None:
    if action in PREPARED:
        for tenant, key in (("contoso", "sub-1"), ("east", "sub-1"), (PROVIDER, "own-1")):
            world.act(tenant, key, "suspend")


def test_the_table_is_whole() -> None:
    assert set(DENIED_ACTIONS) | set(ALLOWED_ACTIONS) == set(ACTIONS)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_action_by_everybody_on_every_kind_of_subscription(resale: Resale, action: str) -> None:
    _in_the_status_for(resale, action)
    for kind, (tenant, key) in KINDS.items():
        for role in ACTORS:
            before = everything(resale)
            if _makes_no_sense(action, role) and "mirror" not in kind:
                with pytest.raises(app.Unknown, match=f"{action} is the distributor's"):
                    resale.act(tenant, key, action, *SETTINGS.get(action, ()), role=role)
                assert everything(resale) == before
                continue
            acted = resale.act(tenant, key, action, *SETTINGS.get(action, ()), role=role)
            found = acted.denied.rule if acted.denied else None
            assert found == (_denied(action, role) if "mirror" in kind else None), (kind, role)
            if found:
                assert everything(resale) == before
            elif action == "run_billing":
                assert everything(resale) == before, "nothing has ended yet"
            else:
                assert f"subscription/{key}" in acted.changed
                assert resale.body(tenant, key)["history"][-1]["action"] == action
            _undo(resale, before)


def _makes_no_sense(action: str, role: str | None) -> bool:
    """What only distributors do, no reseller does, whatever way it asks."""
    return role == "reseller" and not ACTIONS[action].resellers


def _denied(action: str, role: str | None) -> str | None:
    """A reseller acts on its own; who does not say as whom, acts on a mirror as its distributor."""
    return "SUB-19" if role == "reseller" else DENIED_ACTIONS.get(action)


def _undo(world: Resale, before: list[Snapshot]) -> None:
    for snapshot in before:
        now = world.state(snapshot.tenant)
        writes = [
            EntityWrite(id, now.get(id), snapshot.entities.get(id))
            for id in sorted({*now, *snapshot.entities})
            if now.get(id) != snapshot.entities.get(id)
        ]
        if writes:
            world.store(snapshot.tenant).overwrite(snapshot.tenant, writes, actor="tenant", at=timestamp(world.now))


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        (("quantity=11",), "SUB-38"),
        (("renew_automatically=false", "type=x"), "SUB-38"),
        (("characteristics.domain=x",), "SUB-38"),
        (("add_ons.kept.quantity=3",), "SUB-17"),
        (("last_applied.status=inactive",), "SUB-38"),
        (("ribbon=ours",), "SUB-38"),
    ],
)
@pytest.mark.parametrize("kind", [each for each in KINDS if "mirror" in each])
def test_an_edit_of_what_is_locked_is_denied(resale: Resale, kind: str, settings: tuple[str, ...], rule: str) -> None:
    before = everything(resale)
    acted = resale.act(*KINDS[kind], "edit", *settings)
    assert acted.denied is not None
    assert acted.denied.rule == rule
    assert everything(resale) == before


@pytest.mark.parametrize("kind", [each for each in KINDS if "mirror" in each])
def test_pricing_is_edited_but_for_the_unit(resale: Resale, kind: str) -> None:
    denied = resale.act(*KINDS[kind], "edit_pricing", "billing_cycle=P1Y").denied
    assert denied is not None
    assert denied.rule == "SUB-39"
    settings = ("prices.P1M=0.10", "billing_options.invoice=yearly", "add_ons.kept.prices.P1M=0.20")
    assert resale.act(*KINDS[kind], "edit_pricing", *settings).denied is None
    assert resale.body(*KINDS[kind])["add_ons"]["kept"]["prices"] == {"P1M": "0.20"}
    resale.apply(resale.plan())
    assert resale.body(*KINDS[kind])["prices"] == {"P1M": "0.10"}
