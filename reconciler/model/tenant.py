"""The documents that only a tenant's state has: the tenant itself, its customers and their subscriptions."""

from typing import Annotated, Literal

from pydantic import Field

from reconciler.model.documents import Document, Part
from reconciler.model.fields import (
    Amount,
    BillingDay,
    Count,
    Date,
    Flag,
    Key,
    KeySet,
    Leaf,
    Period,
    Scalar,
    TenantKey,
    Text,
)
from reconciler.model.options import ADD_BILLING_CYCLES, SYNC_TERMS_AND_CONDITIONS, UPDATE_ORDER_FLOW, UPDATE_ROLES
from reconciler.model.sync import GATED, OWN_SHARED, Items, KindSync, Ref, reseller_owned, synced_by


class TenantBillingCycle(Part):
    """A unit, tenant-wide."""

    active: Annotated[Flag, synced_by(ADD_BILLING_CYCLES, rule="IW-07")] = True


class Tenant(Document):
    """A tenant: its own name and currency, and what its service template gave it."""

    sync = KindSync(dependent="FIELDS", own=OWN_SHARED)
    kind: Literal["Tenant"]
    key: TenantKey
    name: Annotated[Text | None, reseller_owned(rule="FIELDS")] = None
    currency: Annotated[Text | None, reseller_owned(rule="FIELDS")] = None
    order_flow: Annotated[
        Key | None,
        Ref("OrderFlow", with_origin=True),
        synced_by(UPDATE_ORDER_FLOW, rule="CB-29", at_creation=GATED),
    ] = None
    roles: Annotated[
        KeySet,
        Field(default_factory=list),
        Ref("Role", with_origin=True),
        synced_by(UPDATE_ROLES, rule="CB-30", at_creation=GATED),
    ]
    terms_and_conditions: Annotated[
        KeySet,
        Field(default_factory=list),
        Ref("TermsAndConditions", with_origin=True),
        synced_by(SYNC_TERMS_AND_CONDITIONS, rule="CB-31", at_creation=GATED),
    ]
    billing_cycles: Annotated[
        dict[Period, TenantBillingCycle],
        Field(default_factory=dict),
        Items(created=synced_by(ADD_BILLING_CYCLES, rule="IW-07"), removed=None, at_creation=GATED),
    ]


class Customer(Document):
    """An end customer."""

    kind: Literal["Customer"]
    key: Key
    name: Text | None = None
    billing_day: BillingDay | None = None
    reference: Text | None = None


class AddOn(Part):
    """An add-on of a subscription."""

    product: Annotated[Key, Ref("Product", copied=False)]
    billing_cycle: Period | None = None
    quantity: Count | None = None
    prices: Annotated[dict[Period, Amount], Field(default_factory=dict)]
    billing_options: Annotated[dict[str, Scalar], Field(default_factory=dict)]


class Renewal(Part):
    """A renewal: from a day on, the product and quantity."""

    date: Date
    product: Key | None = None
    quantity: Count | None = None


class HistoryRecord(Part):
    """What happened to a mirrored subscription (SUB-31)."""

    at: Text
    action: Text
    detail: Text | None = None


SubscriptionStatus = Literal["active", "inactive", "suspended", "cancelled", "deleted"]


class Subscription(Document):
    """A subscription; at the distributor, the mirror of a reseller's."""

    kind: Literal["Subscription"]
    key: Key
    name: Text | None = None
    customer: Key
    product: Annotated[Key, Ref("Product", copied=False)]
    plan: Annotated[Key | None, Ref("Plan", copied=False)] = None
    billing_cycle: Period | None = None
    quantity: Count | None = None
    quantity_effective: Date | None = None
    paid: Flag = False
    status: Annotated[SubscriptionStatus, Leaf("text")] = "active"
    activation_date: Date | None = None
    start_date: Date | None = None
    renew_automatically: Flag = False
    characteristics: Annotated[dict[str, Scalar], Field(default_factory=dict)]
    unit_change: Annotated[Literal["current_cycle", "next_cycle"] | None, Leaf("text")] = None
    renewals: Annotated[list[Renewal], Field(default_factory=list)]
    provisioning_sync: Text | None = None
    add_ons: Annotated[dict[Key, AddOn], Field(default_factory=dict)]
    reseller: TenantKey | None = None
    source: Key | None = None
    bill_to: Key | None = None
    responsible_user: Text | None = None
    sharing_rule: Text | None = None
    ribbon: Text | None = None
    locked: KeySet | None = None
    prices: Annotated[dict[Period, Amount], Field(default_factory=dict)]
    billing_options: Annotated[dict[str, Scalar], Field(default_factory=dict)]
    custom_fields: Annotated[dict[str, Scalar], Field(default_factory=dict)]
    bill_to_contact: Text | None = None
    type: Text | None = None
    cycle_end: Date | None = None
    history: Annotated[list[HistoryRecord], Field(default_factory=list)]
