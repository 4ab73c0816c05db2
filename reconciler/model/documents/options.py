"""The options of a sync policy: what may change in a tenant. All are off by default."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """An option by its id (``plans.create``), with the label that it has in its source.

    ``off``: the rule about what does not happen while it is off, if there is a separate one.
    """

    id: str
    label: str
    off: str | None = None

    @property
    def group(self) -> str:
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        return self.id.partition(".")[2]


PLANS_CREATE = "plans.create"
ENABLE_DISABLE = "plans.enable_disable"
UPDATE_FEES = "plans.update_fees"
UPDATE_CATEGORIES = "plans.update_categories"
UPDATE_NOTIFICATION_SCHEDULES = "plans.update_notification_schedules"
ATTACH_USAGE_STATISTICS = "plans.attach_usage_statistics"
RESOURCES_CREATE = "resources.create"
REMOVE_OBSOLETE = "resources.remove_obsolete"
UPDATE_PRICES = "resources.update_prices"
UPDATE_LIMITS = "resources.update_limits"
UPDATE_ORDER_FLOW = "other.update_order_flow"
UPDATE_ROLES = "other.update_roles"
SYNC_TERMS_AND_CONDITIONS = "other.sync_terms_and_conditions"
PRICE_LIST_PRODUCTS = "price_list.products"
PURCHASE_PRICES = "price_list.purchase_prices"
ADD_BILLING_CYCLES = "price_list.add_billing_cycles"
REMOVE_BILLING_CYCLES = "price_list.remove_billing_cycles"
ACTIVATION = "price_list.activation"
RELATIONS = "price_list.relations"
PRODUCT_GROUPS = "price_list.product_groups"
PRODUCT_TYPE_OPTIONS = "price_list.product_type_options"
MIRROR = "subscriptions.mirror"

OPTIONS: dict[str, Option] = {
    option.id: option
    for option in (
        Option(PLANS_CREATE, "Create new Plans and Plan periods", off="CB-05"),
        Option(ENABLE_DISABLE, "Apply Plans enabling/disabling", off="CB-10"),
        Option(UPDATE_FEES, "Update Plan Fees", off="CB-14"),
        Option(
            UPDATE_CATEGORIES,
            "Update Sales Categories, Plan Categories, and Grouping of Resources by Resource Categories",
            off="CB-07",
        ),
        Option(UPDATE_NOTIFICATION_SCHEDULES, "Update Notification Schedules"),
        Option(ATTACH_USAGE_STATISTICS, "Attach Usage Statistics"),
        Option(RESOURCES_CREATE, "Create new Resources"),
        Option(REMOVE_OBSOLETE, "Remove Obsolete Resources"),
        Option(UPDATE_PRICES, "Update Resource Prices"),
        Option(UPDATE_LIMITS, "Update Resource Limits"),
        Option(UPDATE_ORDER_FLOW, "Update Order Flow"),
        Option(UPDATE_ROLES, "Update Reseller's Roles/Privileges"),
        Option(SYNC_TERMS_AND_CONDITIONS, "Synchronize Terms and Conditions"),
        Option(PRICE_LIST_PRODUCTS, "New products and add-ons"),
        Option(PURCHASE_PRICES, "Change of price-list price"),
        Option(ADD_BILLING_CYCLES, "Activation of a new billing cycle"),
        Option(REMOVE_BILLING_CYCLES, "Removal of a billing cycle"),
        Option(ACTIVATION, "Activation / de-activation of a product"),
        Option(RELATIONS, "New relation between two products"),
        Option(PRODUCT_GROUPS, "Changes in product groups"),
        Option(PRODUCT_TYPE_OPTIONS, "Update of product type options"),
        Option(MIRROR, "Copy reseller subscriptions into the distributor's system", off="SUB-41"),
    )
}

GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(option.name for option in OPTIONS.values() if option.group == group)
    for group in dict.fromkeys(option.group for option in OPTIONS.values())
}


@dataclass(frozen=True, slots=True)
class VetoRule:
    """A reseller's veto (CB-34): it overrides ``options`` and withholds nothing else.

    ``amounts``: it only withholds changes of amounts that the tenant already has.
    """

    id: str
    options: frozenset[str]
    amounts: bool

    def holds(self, options: Iterable[str]) -> bool:
        """Whether it overrides the permission by these options."""
        return self.options.issuperset(options)


VETOES: dict[str, VetoRule] = {
    veto.id: veto
    for veto in (
        VetoRule("categories", frozenset({UPDATE_CATEGORIES}), amounts=False),
        VetoRule("prices", frozenset({UPDATE_FEES, UPDATE_PRICES, PURCHASE_PRICES}), amounts=True),
    )
}
"""CB-34, as data."""

GUARDS = ("max_deletes", "max_price_change", "max_changes", "currency_change", "price_to_zero")
"""The names that ``guards`` in a policy may have (GUARD-01)."""

SYNC_DISPLAY = "sync_display_in_control_panel"
OVERRIDES = (SYNC_DISPLAY,)
"""The names that ``overrides`` in a policy may have (CB-18)."""
