"""The documents that only a tenant's state has: the tenant itself, its customers and their subscriptions."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, create_model

from reconciler.model.documents.catalog import IDENTITY, NAME, Document, Part
from reconciler.model.documents.declarations import (
    COPIED,
    GATED,
    OWN_BLOCKS,
    OWN_SHARED,
    Bookkeeping,
    Items,
    KindSync,
    Ref,
    distributor_owned,
    mirrored,
    mirrored_until_edited,
    reseller_owned,
    synced_by,
)
from reconciler.model.documents.options import (
    ADD_BILLING_CYCLES,
    SYNC_TERMS_AND_CONDITIONS,
    UPDATE_ORDER_FLOW,
    UPDATE_ROLES,
)
from reconciler.model.values.field_types import (
    Amount,
    BillingDay,
    Count,
    Date,
    Flag,
    Key,
    KeySet,
    Leaf,
    MirroredKey,
    Period,
    Scalar,
    TenantKey,
    Text,
)


class TenantBillingCycle(Part):
    """A unit, tenant-wide."""

    active: Annotated[
        Flag, Field(description="Whether the unit is in use."), synced_by(ADD_BILLING_CYCLES, rule="IW-07")
    ] = True


class Tenant(Document):
    """A tenant: its own name and currency, and what its service template gave it."""

    sync = KindSync(dependent="FIELDS", own=OWN_SHARED)
    kind: Literal["Tenant"]
    key: Annotated[TenantKey, IDENTITY]
    name: Annotated[Text | None, NAME, reseller_owned(rule="FIELDS")] = None
    currency: Annotated[
        Text | None, Field(description="The currency of all amounts, ISO 4217."), reseller_owned(rule="FIELDS")
    ] = None
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
        Field(default_factory=dict, description="The units that the tenant uses at all."),
        Items(created=synced_by(ADD_BILLING_CYCLES, rule="IW-07"), removed=None, at_creation=GATED),
    ]


class Customer(Document):
    """An end customer; at the distributor, the copy of a reseller's (SUB-03). No billing information is copied."""

    sync = KindSync(dependent="SUB-03", own=OWN_BLOCKS)
    kind: Literal["Customer"]
    key: Annotated[MirroredKey, IDENTITY]
    name: Annotated[Text | None, NAME, mirrored(rule="SUB-03")] = None
    billing_day: Annotated[
        BillingDay | None,
        Field(description="The day of the month on which is billed."),
        distributor_owned(rule="SUB-14"),
    ] = None
    reference: Annotated[
        Text | None, Field(description="The customer's number in another system."), mirrored(rule="SUB-03")
    ] = None


_PRICES = dict[Period, Amount]
_OPTIONS = dict[str, Scalar]


class AddOn(Part):
    """An add-on of a subscription (SUB-15 to SUB-17)."""

    product: Annotated[
        Key, Field(description="The add-on's product."), Ref("Product", copied=False), mirrored(rule="SUB-15")
    ]
    billing_cycle: Annotated[Period | None, Field(description="How often is billed."), mirrored(rule="SUB-15")] = None
    quantity: Annotated[Count | None, Field(description="How many."), mirrored(rule="SUB-15")] = None
    prices: Annotated[
        _PRICES,
        Field(default_factory=dict, description="Amounts by billing cycle."),
        mirrored_until_edited(rule="SUB-16"),
    ]
    billing_options: Annotated[
        _OPTIONS,
        Field(default_factory=dict, description="How it is billed, beside its prices."),
        distributor_owned(rule="SUB-17"),
    ]


class Renewal(Part):
    """A renewal: from a day on, the product and quantity."""

    date: Annotated[Date, Field(description="The day from which it holds.")]
    product: Annotated[Key | None, Field(description="The product from then on.")] = None
    quantity: Annotated[Count | None, Field(description="How many.")] = None


class HistoryRecord(Part):
    """What happened to a subscription (SUB-31). ``at``: ISO 8601; ``action``: as `subscription act` names it."""

    at: Annotated[Text, Field(description="When it happened, ISO 8601.")]
    action: Annotated[Text, Field(description="What was done.")]
    detail: Annotated[Text | None, Field(description="What else there is to say.")] = None


if TYPE_CHECKING:

    class PendingUnit(Part):
        """A billing cycle that comes with the next cycle, and the day on which that begins (SUB-27)."""

        billing_cycle: Period

else:  # `from` is a Python keyword
    PendingUnit = create_model(
        "PendingUnit",
        __base__=Part,
        __doc__="A billing cycle that comes with the next cycle, and the day on which that begins (SUB-27).",
        __module__=__name__,
        billing_cycle=(Annotated[Period, Field(description="The billing cycle to come.")], ...),
        **{
            "from": (
                Annotated[Date, Field(description="The day on which it takes effect: the end of the cycle that runs.")],
                ...,
            )
        },
    )


StatusName = Literal["active", "inactive", "suspended", "cancelled", "deleted"]


class AddOnLastApplied(Part):
    """What was applied last of an add-on."""

    product: Key | None = None
    billing_cycle: Period | None = None
    quantity: Count | None = None
    prices: Annotated[_PRICES, Field(default_factory=dict)]


class LastApplied(Part):
    """A mirror as it was last applied. Later edits, drift (SUB-13, SUB-40) and actions of the reseller (SUB-31) are
    differences from it.

    ``records``: how many of the source's history records have come. ``source_unit``: the billing cycle that its source
    said, where it is another: ahead of the mirror's, or behind it (SUB-27).
    """

    name: Text | None = None
    customer: MirroredKey | None = None
    product: Key | None = None
    plan: Key | None = None
    billing_cycle: Period | None = None
    quantity: Count | None = None
    quantity_effective: Date | None = None
    paid: Flag | None = None
    status: Annotated[StatusName | None, Leaf("text")] = None
    source_status: Annotated[StatusName | None, Leaf("text")] = None
    activation_date: Date | None = None
    start_date: Date | None = None
    renew_automatically: Flag | None = None
    characteristics: Annotated[_OPTIONS, Field(default_factory=dict)]
    unit_change: Annotated[Literal["current_cycle", "next_cycle"] | None, Leaf("text")] = None
    pending_unit: Annotated[PendingUnit | None, Leaf("part")] = None
    source_unit: Annotated[Period | None, Field(description="The billing cycle that the source said.")] = None
    renewals: Annotated[list[Renewal], Field(default_factory=list)]
    provisioning_sync: Text | None = None
    add_ons: Annotated[
        dict[Key, AddOnLastApplied], Field(default_factory=dict, description="Its add-ons, with their prices.")
    ]
    prices: Annotated[_PRICES, Field(default_factory=dict)]
    cycle_end: Date | None = None
    history: Annotated[list[HistoryRecord], Field(default_factory=list)]
    records: Annotated[Count | None, Field(description="How many of the source's history records have come.")] = None


class Subscription(Document):
    """A subscription; at the distributor, the mirror of a reseller's.

    What is `mirrored` is locked for the distributor (SUB-38, SUB-40); everything else is its own.
    """

    sync = KindSync(
        created=mirrored(rule="SUB-01"),
        removed=mirrored(rule="SUB-41"),
        own=OWN_BLOCKS,
    )
    kind: Literal["Subscription"]
    key: Annotated[MirroredKey, IDENTITY]
    name: Annotated[Text | None, NAME, mirrored_until_edited(rule="SUB-05")] = None
    customer: Annotated[
        MirroredKey, Field(description="The key of the end customer."), Ref("Customer"), mirrored(rule="SUB-06")
    ]
    product: Annotated[
        Key, Field(description="The key of the product."), Ref("Product", copied=False), mirrored(rule="SUB-25")
    ]
    plan: Annotated[
        Key | None,
        Field(description="The key of the plan, if it is one of a plan."),
        Ref("Plan", copied=False),
        mirrored(rule="SUB-10"),
    ] = None
    billing_cycle: Annotated[Period | None, Field(description="How often is billed."), mirrored(rule="SUB-27")] = None
    quantity: Annotated[Count | None, Field(description="How many."), mirrored(rule="SUB-23")] = None
    quantity_effective: Annotated[
        Date | None, Field(description="The day from which the quantity holds."), mirrored(rule="SUB-23")
    ] = None
    paid: Annotated[
        Flag, Field(description="Whether it is paid for; a trial is not (SUB-02)."), mirrored(rule="SUB-02")
    ] = False
    status: Annotated[
        StatusName, Field(description="Where it is in its life."), Leaf("text"), mirrored(rule="SUB-09")
    ] = "active"
    source_status: Annotated[
        StatusName | None,
        Field(description="Of a mirror: the status at the reseller, whose cycle may end another day (SUB-29)."),
        Leaf("text"),
        mirrored(rule="SUB-29"),
    ] = None
    activation_date: Annotated[
        Date | None, Field(description="The day on which it was activated."), mirrored(rule="SUB-08")
    ] = None
    start_date: Annotated[Date | None, Field(description="The day from which it runs."), mirrored(rule="SUB-08")] = None
    renew_automatically: Annotated[
        Flag, Field(description="Whether it goes on when its cycle ends (SUB-28)."), mirrored(rule="SUB-21")
    ] = False
    characteristics: Annotated[
        _OPTIONS,
        Field(default_factory=dict, description="What the service needs to know, such as a domain."),
        mirrored(rule="SUB-22"),
    ]
    unit_change: Annotated[
        Literal["current_cycle", "next_cycle"] | None,
        Field(description="When the last change of the billing cycle takes or took effect."),
        Leaf("text"),
        mirrored(rule="SUB-27"),
    ] = None
    pending_unit: Annotated[
        PendingUnit | None,
        Field(description="The billing cycle that comes with the next cycle, and the day on which that begins."),
        Leaf("part"),
        mirrored(rule="SUB-27"),
    ] = None
    renewals: Annotated[
        list[Renewal],
        Field(default_factory=list, description="What it will be from which day on."),
        mirrored(rule="SUB-25"),
    ]
    provisioning_sync: Annotated[
        Text | None, Field(description="How its provisioning stands."), mirrored(rule="SUB-11")
    ] = None
    add_ons: Annotated[
        dict[Key, AddOn],
        Field(default_factory=dict, description="Its add-ons, by key."),
        Items(created=mirrored(rule="SUB-15"), removed=mirrored(rule="SUB-15"), noun="add-on"),
    ]
    reseller: Annotated[TenantKey | None, Field(description="The tenant's key."), mirrored(rule="SUB-04")] = None
    source: Annotated[
        MirroredKey | None,
        Field(description="Of a mirror: the key of the subscription at the reseller."),
        mirrored(rule="SUB-04"),
    ] = None
    bill_to: Annotated[
        Key | None, Field(description="Who is billed: of a mirror, the reseller (SUB-07)."), mirrored(rule="SUB-07")
    ] = None
    responsible_user: Annotated[
        Text | None,
        Field(description="Who is responsible for mirrored subscriptions."),
        distributor_owned(rule="SUB-12", at_creation=COPIED),
    ] = None
    sharing_rule: Annotated[
        Text | None,
        Field(description="With whom mirrored subscriptions are shared."),
        distributor_owned(rule="SUB-12", at_creation=COPIED),
    ] = None
    ribbon: Annotated[Text | None, Field(description="What is shown above it (SUB-18)."), mirrored(rule="SUB-18")] = (
        None
    )
    locked: Annotated[
        KeySet | None, Field(description="The fields that the distributor cannot change."), mirrored(rule="SUB-38")
    ] = None
    prices: Annotated[
        _PRICES,
        Field(default_factory=dict, description="Amounts by billing cycle."),
        mirrored_until_edited(rule="SUB-13"),
    ]
    billing_options: Annotated[
        _OPTIONS,
        Field(default_factory=dict, description="How it is billed, beside its prices."),
        distributor_owned(rule="SUB-14"),
    ]
    custom_fields: Annotated[
        _OPTIONS,
        Field(default_factory=dict, description="Whatever else is kept with it."),
        distributor_owned(rule="SUB-38"),
    ]
    bill_to_contact: Annotated[
        Text | None, Field(description="Whom the bill is sent to."), distributor_owned(rule="SUB-38")
    ] = None
    type: Annotated[
        Text | None, Field(description="What sort of subscription it is."), distributor_owned(rule="SUB-38")
    ] = None
    cycle_end: Annotated[
        Date | None, Field(description="The day on which the current cycle ends."), mirrored(rule="SUB-29")
    ] = None
    history: Annotated[
        list[HistoryRecord],
        Field(default_factory=list, description="What happened to it, the latest last."),
        mirrored(rule="SUB-31"),
    ]
    last_applied: Annotated[
        LastApplied | None,
        Field(description="A mirror as it was last applied; edits and drift are differences from it (SUB-13, SUB-40)."),
        Leaf("memory"),
        Bookkeeping(rule="SUB-13"),
    ] = None
