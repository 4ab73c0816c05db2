# long: the one field table
"""The fields of every document, and the kinds that catalogs synchronise, with the field table declared on their fields.

To add a field or change who owns one, change its declaration here; the diff, the judge, `docs/rules.md`, the JSON
Schemas and the tests follow. ``Field(description=...)`` describes a field; references, and fields whose type is a part,
need none. Fields without a default are required, except in a tenant's state.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from reconciler.model.documents.declarations import (
    EMPTY,
    GATED,
    OWN_BLOCKS,
    CatalogOnly,
    Follows,
    Items,
    KindSync,
    Links,
    Ref,
    StateOnly,
    reseller_owned,
    synced_by,
    unmanaged,
)
from reconciler.model.documents.options import (
    ACTIVATION,
    ADD_BILLING_CYCLES,
    ATTACH_USAGE_STATISTICS,
    ENABLE_DISABLE,
    PLANS_CREATE,
    PRICE_LIST_PRODUCTS,
    PRODUCT_GROUPS,
    PRODUCT_TYPE_OPTIONS,
    PURCHASE_PRICES,
    RELATIONS,
    REMOVE_BILLING_CYCLES,
    REMOVE_OBSOLETE,
    RESOURCES_CREATE,
    SYNC_DISPLAY,
    SYNC_TERMS_AND_CONDITIONS,
    UPDATE_CATEGORIES,
    UPDATE_FEES,
    UPDATE_LIMITS,
    UPDATE_NOTIFICATION_SCHEDULES,
    UPDATE_ORDER_FLOW,
    UPDATE_PRICES,
    UPDATE_ROLES,
)
from reconciler.model.values.field_types import (
    Amount,
    Count,
    Days,
    Flag,
    FormerKeys,
    Key,
    KeyList,
    KeySet,
    Leaf,
    Period,
    Text,
    Version,
    Whole,
)

IDENTITY = Field(description="Its identity, which never changes (AP-21).")
NAME = Field(description="What people call it.")
DESCRIPTION = Field(description="More about it, for people.")


class Part(BaseModel):
    """A part of a document: a map with known fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Document(Part):
    """A document: its kind, its key, and the fields that every document may have."""

    sync: ClassVar[KindSync | None] = None
    own_key: ClassVar[str] = "key"

    labels: Annotated[dict[str, Text], Field(default_factory=dict, description="Free labels, for selectors.")]
    moved_from: Annotated[
        FormerKeys | None, Field(description="The key this entity had before, or all that it had (AP-21).")
    ] = None


class ServiceTerm(Document):
    """A contract term of plans. A copy that came down always has `delegated: true` (AP-02, AP-20)."""

    sync = KindSync(dependent="AP-02")
    kind: Literal["ServiceTerm"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, unmanaged(rule="AP-02")] = None
    delegated: Annotated[
        Flag,
        Field(description="Whether plans of this term may be delegated."),
        unmanaged(rule="AP-20", at_creation=True),
    ] = True
    duration: Annotated[Period | None, Field(description="How long the term is."), unmanaged(rule="AP-02")] = None


class PlanCategory(Document):
    """A category of plans (AP-07 to AP-09)."""

    sync = KindSync(dependent="AP-07")
    kind: Literal["PlanCategory"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, synced_by(UPDATE_CATEGORIES, rule="CB-15")] = None
    description: Annotated[Text | None, DESCRIPTION, reseller_owned(rule="AP-07", at_creation=EMPTY)] = None


class SalesCategory(Document):
    """A category under which customers find plans."""

    sync = KindSync(dependent="CB-06")
    kind: Literal["SalesCategory"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, synced_by(UPDATE_CATEGORIES, rule="CB-15")] = None
    description: Annotated[Text | None, DESCRIPTION, synced_by(UPDATE_CATEGORIES, rule="CB-15")] = None
    position: Annotated[
        Whole | None, Field(description="Its place among the categories."), synced_by(UPDATE_CATEGORIES, rule="CB-15")
    ] = None
    display_in_control_panel: Annotated[
        Flag,
        Field(description="Whether customers see it in their control panel."),
        synced_by(UPDATE_CATEGORIES, rule="CB-18", unless_override=SYNC_DISPLAY),
    ] = True


class ProductCategory(Document):
    """A category of products (AP-10)."""

    sync = KindSync(dependent="AP-10")
    kind: Literal["ProductCategory"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, unmanaged(rule="AP-10")] = None


class Marketing(Part):
    """The marketing material of a product group."""

    headline: Annotated[Text | None, Field(description="The headline."), synced_by(PRODUCT_GROUPS, rule="IW-12")] = None
    text: Annotated[Text | None, Field(description="The text."), synced_by(PRODUCT_GROUPS, rule="IW-12")] = None
    image: Annotated[Text | None, Field(description="The picture's URL."), synced_by(PRODUCT_GROUPS, rule="IW-12")] = (
        None
    )


class ProductGroup(Document):
    """A group of products, with its marketing material."""

    sync = KindSync(
        dependent="IW-04",
        created=synced_by(PRODUCT_GROUPS, rule="IW-12"),
        removed=synced_by(PRODUCT_GROUPS, rule="IW-16"),
        held_by=("Product", "group"),
    )
    kind: Literal["ProductGroup"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, synced_by(PRODUCT_GROUPS, rule="IW-12")] = None
    marketing: Annotated[Marketing, Field(default_factory=Marketing)]


class ProductTypeOptions(Part):
    """The options of a product type that follow the provider (IW-17 to IW-21)."""

    auto_cancel_add_ons: Annotated[
        Flag,
        Field(description="Whether the cancellation of an add-on is executed by itself."),
        synced_by(PRODUCT_TYPE_OPTIONS, rule="IW-17"),
    ] = False
    auto_cancel_subscriptions: Annotated[
        Flag,
        Field(description="Whether the cancellation of a subscription is executed by itself."),
        synced_by(PRODUCT_TYPE_OPTIONS, rule="IW-18"),
    ] = False
    auto_downgrade: Annotated[
        Flag,
        Field(description="Whether a request to downgrade is executed by itself."),
        synced_by(PRODUCT_TYPE_OPTIONS, rule="IW-19"),
    ] = False
    quantity_limit: Annotated[
        Count | None,
        Field(description="The greatest quantity of a subscription."),
        synced_by(PRODUCT_TYPE_OPTIONS, rule="IW-20"),
    ] = None
    single_active_subscription: Annotated[
        Flag,
        Field(description="Whether a customer has one active subscription at most."),
        synced_by(PRODUCT_TYPE_OPTIONS, rule="IW-21"),
    ] = False


class ProductType(Document):
    """A type of products."""

    sync = KindSync(dependent="IW-04")
    kind: Literal["ProductType"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, unmanaged(rule="IW-22")] = None
    description: Annotated[Text | None, DESCRIPTION, unmanaged(rule="IW-22")] = None
    options: Annotated[ProductTypeOptions, Field(default_factory=ProductTypeOptions)]


class ResourceCategory(Document):
    """A category by which the resources of a plan are grouped (CB-15)."""

    sync = KindSync(dependent="CB-03")
    kind: Literal["ResourceCategory"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, synced_by(UPDATE_CATEGORIES, rule="CB-15")] = None


class Resource(Document):
    """Something that is metered and rated. It exists at the provider only (CB-01)."""

    kind: Literal["Resource"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME] = None
    unit: Annotated[Text | None, Field(description="What is counted.")] = None


class NotificationTemplate(Document):
    """A message that notification schedules send. It stays at the provider; resellers may see it or not (CB-20)."""

    kind: Literal["NotificationTemplate"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME] = None
    visible_to_resellers: Annotated[Flag, Field(description="Whether resellers may use it (CB-20).")] = False


class NotificationSchedule(Document):
    """When which notification is sent: days before the end, and the template."""

    sync = KindSync(dependent="CB-03", created=synced_by(UPDATE_NOTIFICATION_SCHEDULES, rule="CB-19"))
    kind: Literal["NotificationSchedule"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, synced_by(UPDATE_NOTIFICATION_SCHEDULES, rule="CB-19")] = None
    notices: Annotated[
        Days,
        Field(default_factory=dict, description="Days before the end, and the notification template."),
        Ref("NotificationTemplate", at="values", copied=False),
        synced_by(UPDATE_NOTIFICATION_SCHEDULES, rule="CB-19"),
    ]


class ExpirationSchedule(Document):
    """What happens after a subscription's end: days after it, and the action."""

    sync = KindSync(dependent="CB-03")
    kind: Literal["ExpirationSchedule"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, synced_by(UPDATE_FEES, rule="CB-13")] = None
    steps: Annotated[
        Days,
        Field(default_factory=dict, description="Days after the end, and the action."),
        synced_by(UPDATE_FEES, rule="CB-13"),
    ]


class OrderFlow(Document):
    """The steps that an order takes, in order."""

    sync = KindSync(
        created=synced_by(UPDATE_ORDER_FLOW, rule="CB-29"), removed=synced_by(UPDATE_ORDER_FLOW, rule="CB-29")
    )
    kind: Literal["OrderFlow"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, synced_by(UPDATE_ORDER_FLOW, rule="CB-29")] = None
    steps: Annotated[
        KeyList,
        Field(default_factory=list, description="The steps, in their order."),
        synced_by(UPDATE_ORDER_FLOW, rule="CB-29"),
    ]


class Role(Document):
    """A role of a reseller's staff, and its privileges."""

    sync = KindSync(created=synced_by(UPDATE_ROLES, rule="CB-30"), removed=synced_by(UPDATE_ROLES, rule="CB-30"))
    kind: Literal["Role"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, synced_by(UPDATE_ROLES, rule="CB-30")] = None
    privileges: Annotated[
        KeySet, Field(default_factory=list, description="What the role may do."), synced_by(UPDATE_ROLES, rule="CB-30")
    ]


class TermsAndConditions(Document):
    """Terms that customers accept, and where acceptance is required."""

    sync = KindSync(
        created=synced_by(SYNC_TERMS_AND_CONDITIONS, rule="CB-31"),
        removed=synced_by(SYNC_TERMS_AND_CONDITIONS, rule="CB-31"),
    )
    kind: Literal["TermsAndConditions"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, synced_by(SYNC_TERMS_AND_CONDITIONS, rule="CB-31")] = None
    version: Annotated[
        Version | None,
        Field(description="Which version of the text this is."),
        synced_by(SYNC_TERMS_AND_CONDITIONS, rule="CB-31"),
    ] = None
    url: Annotated[
        Text | None,
        Field(description="Where the text can be read."),
        synced_by(SYNC_TERMS_AND_CONDITIONS, rule="CB-31"),
    ] = None
    required: Annotated[
        KeySet,
        Field(default_factory=list, description="Where acceptance is required."),
        synced_by(SYNC_TERMS_AND_CONDITIONS, rule="CB-31"),
    ]


_RELATION = Links(created=synced_by(RELATIONS, rule="IW-10"), removed=unmanaged(rule="IW-23"))


class Relations(Part):
    """A product's relations to others."""

    upgrade: Annotated[KeySet, Field(default_factory=list), Ref("Product"), _RELATION]
    downgrade: Annotated[KeySet, Field(default_factory=list), Ref("Product"), _RELATION]
    required: Annotated[KeySet, Field(default_factory=list), Ref("Product"), _RELATION]
    cross: Annotated[KeySet, Field(default_factory=list), Ref("Product"), _RELATION]


class BillingCycle(Part):
    """A billing cycle of a tenant's product: what it pays, and what it asks."""

    active: Annotated[
        Flag, Field(description="Whether the product is sold by this billing cycle."), reseller_owned(rule="IW-05")
    ] = True
    purchase_price: Annotated[
        Amount | None,
        Field(description="What the tenant pays: it follows the price list (IW-05)."),
        synced_by(PURCHASE_PRICES, rule="IW-05"),
    ] = None
    selling_price: Annotated[
        Amount | None,
        Field(description="What the tenant asks: it is the tenant's own (IW-05)."),
        reseller_owned(rule="IW-05", at_creation=EMPTY),
    ] = None


class Product(Document):
    """A product: what plans sell, and what price lists price."""

    sync = KindSync(dependent="AP-10", created=synced_by(PRICE_LIST_PRODUCTS, rule="IW-04"), own=OWN_BLOCKS)
    kind: Literal["Product"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, unmanaged(rule="AP-10")] = None
    category: Annotated[Key, Ref("ProductCategory"), unmanaged(rule="AP-12")]
    type: Annotated[Key | None, Ref("ProductType"), unmanaged(rule="IW-04")] = None
    group: Annotated[Key | None, Ref("ProductGroup", gives=True), synced_by(PRODUCT_GROUPS, rule="IW-15")] = None
    active: Annotated[Flag, Field(description="Whether it is sold."), synced_by(ACTIVATION, rule="IW-09")] = True
    published: Annotated[
        Flag, Field(description="Whether customers see it."), reseller_owned(rule="AP-11", at_creation=False)
    ] = True
    add_on_of: Annotated[KeySet, Field(default_factory=list), Ref("Product", copied=False), unmanaged(rule="IW-04")]
    relations: Annotated[Relations, Field(default_factory=Relations)]
    unit_prices: Annotated[
        dict[Period, Amount],
        Field(
            default_factory=dict,
            description="The price of a unit by billing cycle, where no price list says another (SUB-13).",
        ),
        CatalogOnly(),
    ]
    billing_cycles: Annotated[
        dict[Period, BillingCycle],
        Field(default_factory=dict, description="What the tenant pays and asks, by billing cycle."),
        StateOnly(),
        Items(
            created=synced_by(ADD_BILLING_CYCLES, rule="IW-06"),
            removed=synced_by(REMOVE_BILLING_CYCLES, rule="IW-08"),
        ),
    ]


class Fees(Part):
    """The fees of a subscription period."""

    setup: Annotated[
        Amount | None, Field(description="Once, at the beginning."), synced_by(UPDATE_FEES, rule="CB-12")
    ] = None
    recurring: Annotated[Amount | None, Field(description="In each period."), synced_by(UPDATE_FEES, rule="CB-12")] = (
        None
    )
    renewal: Annotated[Amount | None, Field(description="At each renewal."), synced_by(UPDATE_FEES, rule="CB-12")] = (
        None
    )


class SubscriptionPeriod(Part):
    """A subscription period of a plan."""

    fees: Annotated[Fees, Field(default_factory=Fees)]
    expiration_schedule: Annotated[Key | None, Ref("ExpirationSchedule"), synced_by(UPDATE_FEES, rule="CB-13")] = None
    origin: Annotated[
        Key | None,
        Field(description="The upstream that the period came down from; by default that of its document."),
        StateOnly(),
    ] = None


class Prices(Part):
    """The prices of a resource rate."""

    setup: Annotated[
        Amount | None, Field(description="Once, at the beginning."), synced_by(UPDATE_PRICES, rule="CB-27")
    ] = None
    recurring: Annotated[
        Amount | None,
        Field(description="In each period, for each unit beyond what is included."),
        synced_by(UPDATE_PRICES, rule="CB-27"),
    ] = None
    overuse: Annotated[
        Amount | None, Field(description="For each unit above the maximum."), synced_by(UPDATE_PRICES, rule="CB-27")
    ] = None


class Limits(Part):
    """The limits of a resource rate; the minimum is not above the maximum."""

    included: Annotated[
        Amount | None, Field(description="How many units the fee includes."), synced_by(UPDATE_LIMITS, rule="CB-28")
    ] = None
    minimum: Annotated[
        Amount | None, Field(description="The least that can be bought."), synced_by(UPDATE_LIMITS, rule="CB-28")
    ] = None
    maximum: Annotated[
        Amount | None, Field(description="The most that can be bought."), synced_by(UPDATE_LIMITS, rule="CB-28")
    ] = None


class Rate(Part):
    """A resource rate of a plan."""

    category: Annotated[Key | None, Ref("ResourceCategory"), synced_by(UPDATE_CATEGORIES, rule="CB-15")] = None
    available: Annotated[
        Flag,
        synced_by(REMOVE_OBSOLETE, UPDATE_PRICES, UPDATE_LIMITS, SYNC_TERMS_AND_CONDITIONS, rule="CB-25", off="CB-26"),
        Field(description="Sale availability."),
    ] = True
    prices: Annotated[Prices, Field(default_factory=Prices)]
    limits: Annotated[Limits, Field(default_factory=Limits)]
    origin: Annotated[Key | None, Field(description="The upstream that the rate came down from."), StateOnly()] = None


PlanStatus = Literal["draft", "active", "inactive", "disabled_by_provider"]
ACTIVE: PlanStatus = "active"
DISABLED: PlanStatus = "disabled_by_provider"


class Plan(Document):
    """A service plan: its links, periods with fees, and resource rates."""

    sync = KindSync(created=synced_by(PLANS_CREATE, rule="CB-03"), own=OWN_BLOCKS)
    kind: Literal["Plan"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME, unmanaged(rule="FIELDS")] = None
    status: Annotated[
        PlanStatus,
        Field(description="Only an active plan can be delegated (AP-04)."),
        Leaf("text"),
        StateOnly(values=(DISABLED,)),
        synced_by(ENABLE_DISABLE, rule="CB-08"),
    ] = "active"
    published: Annotated[
        Flag,
        Field(description="Whether customers see it."),
        reseller_owned(rule="CB-11", follows=Follows("status", DISABLED, ACTIVE, value=True, rule="CB-09")),
    ] = True
    product: Annotated[Key, Ref("Product"), unmanaged(rule="AP-12")]
    plan_category: Annotated[Key, Ref("PlanCategory"), synced_by(UPDATE_CATEGORIES, rule="CB-15")]
    sales_categories: Annotated[
        KeySet,
        Field(default_factory=list),
        Ref("SalesCategory", with_origin=True),
        synced_by(UPDATE_CATEGORIES, rule="CB-15"),
    ]
    service_term: Annotated[Key, Ref("ServiceTerm"), unmanaged(rule="AP-02")]
    switchable_plans: Annotated[
        KeySet,
        Field(default_factory=list),
        Ref("Plan", copied=False),
        reseller_owned(rule="AP-03", at_creation=EMPTY),
    ]
    notification_schedule: Annotated[
        Key | None, Ref("NotificationSchedule"), synced_by(UPDATE_NOTIFICATION_SCHEDULES, rule="CB-19")
    ] = None
    expiration_schedule: Annotated[Key | None, Ref("ExpirationSchedule"), synced_by(UPDATE_FEES, rule="CB-13")] = None
    usage_statistics: Annotated[
        KeySet,
        Field(default_factory=list, description="The statistics of use that are attached to the plan."),
        synced_by(ATTACH_USAGE_STATISTICS, rule="CB-21", at_creation=GATED),
    ]
    periods: Annotated[
        dict[Period, SubscriptionPeriod],
        Field(default_factory=dict, description="The subscription periods, with their fees."),
        Items(
            created=synced_by(PLANS_CREATE, rule="CB-04"),
            removed=unmanaged(rule="CB-33"),
            with_origin=True,
            shares_origin=True,
            noun="period",
        ),
    ]
    resources: Annotated[
        dict[Key, Rate],
        Field(default_factory=dict),
        Ref("Resource", at="keys", copied=False),
        Items(
            created=synced_by(RESOURCES_CREATE, rule="CB-22"),
            removed=synced_by(REMOVE_OBSOLETE, rule="CB-24"),
            with_origin=True,
            dormant="available",
            noun="rate",
        ),
    ]
