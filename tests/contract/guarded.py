"""What the tests of the guard write: subscriptions of every kind, and every way in which one could be changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from reconciler.stores.base import Committed, EntityWrite, Refusal, TenantStore, TenantWrite
from tests.contract.samples import AT

MIRROR_BODY: Body = {
    "name": "Acme - Microsoft 365",
    "customer": "contoso.acme",
    "product": "microsoft-365",
    "plan": "m365-basic",
    "billing_cycle": "P1M",
    "quantity": 25,
    "quantity_effective": "2026-12-01",
    "paid": True,
    "status": "active",
    "source_status": "active",
    "activation_date": "2026-11-01",
    "start_date": "2026-11-01",
    "renew_automatically": True,
    "characteristics": {"domain": "acme.example"},
    "unit_change": "next_cycle",
    "pending_unit": {"billing_cycle": "P1Y", "from": "2027-01-01"},
    "renewals": [{"date": "2026-12-01", "product": "microsoft-365", "quantity": 25}],
    "provisioning_sync": "ok",
    "add_ons": {"backup": {"product": "backup-365", "billing_cycle": "P1M", "quantity": 5, "prices": {"P1M": "1.00"}}},
    "reseller": "contoso",
    "source": "sub-1",
    "bill_to": "contoso",
    "responsible_user": "partner-desk",
    "sharing_rule": "public",
    "ribbon": "This subscription is managed by Contoso Tenant Reseller",
    "locked": ["customer", "product"],
    "prices": {"P1M": "5.10"},
    "cycle_end": "2027-01-01",
    "history": [{"at": AT, "action": "create"}],
    "last_applied": {"name": "Acme - Microsoft 365", "prices": {"P1M": "5.10"}, "status": "active", "records": 1},
}
"""A mirror with a value in every field that one has."""


def subscription(key: str, *, origin: str | None = None, **changed: Any) -> Entity:
    """A subscription; ``None`` leaves a field out."""
    body = {name: value for name, value in {**MIRROR_BODY, **changed}.items() if value is not None}
    return Entity(EntityId("Subscription", key), body, origin)


def customer(key: str, *, origin: str | None = None, **changed: Any) -> Entity:
    body = {"name": "Acme", "reference": "c-17", "billing_day": 15, **changed}
    return Entity(EntityId("Customer", key), {name: each for name, each in body.items() if each is not None}, origin)


MIRROR = subscription("contoso.sub-1", origin="contoso")
MIRROR_OF_A_MIRROR = subscription("contoso.east.sub-1", origin="contoso", customer="contoso.east.acme")
COPIED_CUSTOMER = customer("contoso.acme", origin="contoso")
OWN, OWN_CUSTOMER = subscription("own-1"), customer("own")
HELD = (MIRROR, MIRROR_OF_A_MIRROR, COPIED_CUSTOMER, OWN, OWN_CUSTOMER)
"""What a distributor's tenant holds at the beginning of each test."""


@dataclass(frozen=True)
class ActionAttempt:
    """A change of a mirror: what it is like afterwards. ``rule``: by which it is denied; ``None``: it is allowed."""

    name: str
    after: Entity | None
    rule: str | None
    action: str | None = None


def attempts(mirror: Entity) -> Iterator[ActionAttempt]:
    """Every field of a mirror, changed and left out; the parts of its add-ons and of its memory; its coming and going.

    Written by hand, from SUB-17 and SUB-32 to SUB-39: what the distributor may change is named here, and nothing else.
    """
    history = mirror.body["history"]
    for name, value in CHANGED.items():
        rule = None if name in FREE else "SUB-17" if name == "add_ons" else "SUB-38"
        yield ActionAttempt(f"{name}-changed", with_field(mirror, name, value), rule)
        if name in mirror.body:
            yield ActionAttempt(f"{name}-removed", with_field(mirror, name, None), rule)
    for name, value in ADD_ON_CHANGED.items():
        add_ons = {"backup": {**mirror.body["add_ons"]["backup"], name: value}}
        rule = None if name in ("prices", "billing_options") else "SUB-17"
        yield ActionAttempt(f"add-on-{name}", with_field(mirror, "add_ons", add_ons), rule)
    second = {**mirror.body["add_ons"], "second": {"product": "backup-365"}}
    yield ActionAttempt("add-on-added", with_field(mirror, "add_ons", second), "SUB-17")
    yield ActionAttempt("one-renewal-of-several", with_field(mirror, "renewals", [{"date": "2026-12-02"}]), "SUB-38")
    for name, value in (("prices", {"P1M": "0.01"}), ("records", 7), ("status", "suspended"), ("name", "x")):
        memory = {**mirror.body["last_applied"], name: value}
        yield ActionAttempt(f"last_applied.{name}", with_field(mirror, "last_applied", memory), "SUB-38")
    noted = {"at": AT, "action": "edit"}
    yield ActionAttempt("history-grown", with_field(mirror, "history", [*history, noted]), None)
    yield ActionAttempt("history-rewritten", with_field(mirror, "history", [noted]), "SUB-38")
    yield ActionAttempt("history-rewritten-and-grown", with_field(mirror, "history", [noted, *history]), "SUB-38")
    yield ActionAttempt("history-emptied", with_field(mirror, "history", []), "SUB-38")
    yield ActionAttempt("a-locked-field-among-free-ones", both(mirror, quantity=26, type="x"), "SUB-38")
    yield ActionAttempt("a-locked-field-beside-an-add-on", both(mirror, quantity=26, add_ons={}), "SUB-38")
    yield ActionAttempt("a-field-that-nobody-knows", with_field(mirror, "surprise", "x"), "SUB-38")
    yield ActionAttempt("origin-lost", Entity(mirror.id, mirror.body, None), "ORIGIN-01")
    yield ActionAttempt("origin-changed", Entity(mirror.id, mirror.body, "fabrikam"), "ORIGIN-01")
    yield ActionAttempt("origin-lost-with-all-else", Entity(mirror.id, {}, None), "ORIGIN-01")
    yield ActionAttempt("deleted", None, "SUB-32")
    yield ActionAttempt("nothing-changed", mirror, None)


FREE = frozenset(
    {
        "billing_options",
        "bill_to_contact",
        "custom_fields",
        "labels",
        "moved_from",
        "name",
        "prices",
        "responsible_user",
        "sharing_rule",
        "type",
    }
)
"""The top-level fields of a mirror that are its distributor's to write (SUB-12, SUB-13, SUB-38, SUB-39)."""

CHANGED: Body = {
    "labels": {"a": "b"},
    "moved_from": ["contoso.sub-0"],
    "name": "Another name",
    "customer": "own",
    "product": "exchange",
    "plan": "m365-premium",
    "billing_cycle": "P1Y",
    "quantity": 26,
    "quantity_effective": "2026-12-02",
    "paid": False,
    "status": "suspended",
    "source_status": "suspended",
    "activation_date": "2026-11-02",
    "start_date": "2026-11-02",
    "renew_automatically": False,
    "characteristics": {"domain": "acme.example", "seats": "all"},
    "unit_change": "current_cycle",
    "pending_unit": {"billing_cycle": "P1W", "from": "2027-01-01"},
    "renewals": [],
    "provisioning_sync": "failed",
    "add_ons": {},
    "reseller": "fabrikam",
    "source": "sub-2",
    "bill_to": "fabrikam",
    "responsible_user": "Grace",
    "sharing_rule": "private",
    "ribbon": "Ours now",
    "locked": [],
    "prices": {"P1M": "4.00", "P1Y": "40.00"},
    "billing_options": {"invoice": "monthly"},
    "custom_fields": {"cost_centre": "42"},
    "bill_to_contact": "Ada",
    "type": "internal",
    "cycle_end": "2030-01-01",
    "history": [],
    "last_applied": None,
}
"""Another value of every field that a subscription's document has, kind and key aside."""

ADD_ON_CHANGED: Body = {
    "product": "exchange",
    "billing_cycle": "P1Y",
    "quantity": 6,
    "prices": {"P1M": "0.50"},
    "billing_options": {"invoice": "yearly"},
}


def with_field(mirror: Entity, name: str, value: Any) -> Entity:
    return both(mirror, **{name: value})


def both(mirror: Entity, **values: Any) -> Entity:
    body = {name: each for name, each in {**mirror.body, **values}.items() if each is not None}
    return Entity(mirror.id, body, mirror.origin)


def write(
    store: TenantStore,
    *writes: EntityWrite,
    role: str | None = "distributor",
    action: str | None = None,
    tenant: str = "northwind",
) -> tuple[Committed, ...] | Refusal:
    """Write on what is there now."""
    now = store.observe(tenant)
    part = TenantWrite(tenant, writes, role or "x", AT, now.fingerprint, now.revision, role=role, action=action)
    return store.write([part])
