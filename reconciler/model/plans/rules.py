"""The rules by id, as `explain` and `docs/rules.md` print them.

**R** marks a resolution of what the sources leave open. A rule's id is beside the one place that implements it: a
declaration in `documents`, an option, a veto, or a precondition.
"""

RULES: dict[str, str] = {
    "CB-01": (
        "What is synchronised for a plan: the plan, its plan category, its sales categories, its subscription "
        "periods and its resource rates. A rate is bound to a resource that exists at the provider only: "
        "resources themselves are never created at the reseller."
    ),
    "CB-02": (
        "Options are independent. If only `plans.update_fees` is on, the new prices of an existing plan are applied, "
        "and a new plan beside it is not created."
    ),
    "CB-03": (
        "`plans.create`: delegated plans that the reseller lacks are created, whole (periods, fees, rates, "
        "limits, links), **R** with every dependent of the field table, whatever the other options and vetoes "
        "say; usage statistics are attached only under CB-21."
    ),
    "CB-04": "`plans.create`: new periods of plans that are delegated already are created, with their fees.",
    "CB-05": "With `plans.create` off, neither new plans nor new periods are created.",
    "CB-06": (
        "`plans.create` on, `plans.update_categories` off, and the new plan is in a sales category that the reseller "
        "lacks: the sales category is created nevertheless."
    ),
    "CB-07": (
        "Later changes of a category that came with a plan (CB-06) are not applied until `plans.update_categories` "
        "is on."
    ),
    "CB-08": (
        "`plans.enable_disable`: a plan taken off the delegated list (of the service template, or of the policy's"
        " `delegate`) gets status `disabled_by_provider` at the reseller. It is never deleted."
    ),
    "CB-09": (
        "`plans.enable_disable`: a plan that is put back on the list becomes `active`, published and available for "
        "selling."
    ),
    "CB-10": "With `plans.enable_disable` off, delegated plans are neither disabled nor activated again.",
    "CB-11": (
        "A change of a plan's Published flag at the provider is never synchronised, by any option. **R** CB-09 sets "
        "`published: true` as part of the transition from `disabled_by_provider`; a changed flag alone is no "
        "difference."
    ),
    "CB-12": (
        "`plans.update_fees` overwrites the fees of delegated plans and periods, including fees that the reseller "
        "changed."
    ),
    "CB-13": "`plans.update_fees` also delegates expiration schedules newly assigned to the plan or its periods.",
    "CB-14": "With `plans.update_fees` off, neither fees nor expiration schedules are updated.",
    "CB-15": (
        "`plans.update_categories` propagates every change of the delegated sales and plan categories (name, "
        "order, which plans they hold) and the grouping of resources by resource category."
    ),
    "CB-16": (
        "A category is delegated when it holds a delegated plan. Others, and the reseller's own, are left alone."
    ),
    "CB-17": (
        'A sales category\'s "Display Category in Customer Control Panel" (`display_in_control_panel`) belongs '
        "to the reseller: a different value survives every option. On creation it takes the provider's value."
    ),
    "CB-18": (
        "The default of CB-17 can be changed: `overrides: {sync_display_in_control_panel: true}` in the policy "
        "makes it follow the provider under `plans.update_categories`."
    ),
    "CB-19": "`plans.update_notification_schedules` updates schedules delegated earlier.",
    "CB-20": (
        "Every notification template that a schedule uses must be visible to resellers; otherwise that schedule's"
        " update is `blocked`, naming all templates at fault; **R** so is the creation of a plan that uses it. **R** A "
        "template hidden after its schedule was delegated is a warning, whether or not anything differs: of `validate`,"
        " with the tenants whose policies select such a plan; of every plan, with those that hold the schedule."
    ),
    "CB-21": (
        "`plans.attach_usage_statistics` decides whether usage statistics are attached to delegated plans, new "
        "and existing."
    ),
    "CB-22": "`resources.create`: rates for resources newly added to a plan are created in the delegated plan.",
    "CB-23": (
        "`resources.create` also creates a rate that the parent had with sale availability off, once it is turned"
        " on. (A rate that is not available for sale and that the copy lacks is no difference.)"
    ),
    "CB-24": "`resources.remove_obsolete`: rates removed from the parent plan are removed from the delegated plan.",
    "CB-25": (
        "The sale availability of a rate that exists in both follows the parent if **any** of "
        "`resources.remove_obsolete`, `resources.update_prices`, `resources.update_limits`, "
        "`other.sync_terms_and_conditions` is on. (The last one is unexpected, and is what the source says.)"
    ),
    "CB-26": "With none of the four options of CB-25 on, it does not follow. `resources.create` has no effect on it.",
    "CB-27": "`resources.update_prices` overwrites resource prices.",
    "CB-28": "`resources.update_limits` propagates limits.",
    "CB-29": "`other.update_order_flow` updates the order flow given by the service template.",
    "CB-30": "`other.update_roles` updates the roles and privileges given by the service template.",
    "CB-31": "`other.sync_terms_and_conditions` updates the terms and conditions given by the service template.",
    "CB-32": "No option on: nothing is written, and every difference is listed as withheld.",
    "CB-33": "**R** A period removed at the provider stays at the reseller (`unmanaged`): no option names it.",
    "CB-34": (
        "**R** A reseller may veto: `veto: {categories: true}` in its policy wins over `plans.update_categories`;"
        " `veto: {prices: true}` wins over `plans.update_fees`, `resources.update_prices` and "
        "`price_list.purchase_prices`. A veto withholds changes of existing amounts, or of CB-15, and nothing else. A"
        " vetoed difference is withheld and says whose veto it is."
    ),
    "CB-35": (
        "**R** A delegated plan that is no longer `active` upstream becomes `disabled_by_provider` under "
        "`plans.enable_disable`, and returns as in CB-09."
    ),
    "AP-01": (
        "A plan needs its plan category, service term, product and product category upstream; a missing one is a "
        "validation error with file and line."
    ),
    "AP-02": "The service term of a delegated plan is the same at every level.",
    "AP-03": "Switchable plans (upgrade links) are not delegated with a plan.",
    "AP-04": (
        "Only a plan with status `active` can be delegated; naming another, not delegated yet, is `blocked` (one "
        "delegated before: CB-35)."
    ),
    "AP-05": (
        "Only to the one next level down. A policy that delegates a plan which its own upstream does not have: "
        "with a provider upstream a validation error, with a reseller upstream `blocked`."
    ),
    "AP-06": (
        "A reseller can delegate a delegated plan to its own resellers. The upstream of a tenant at level 2 is "
        "the state of the tenant at level 1 *after* this plan is applied: one plan covers the whole tree."
    ),
    "AP-07": (
        "The reseller lacks a plan category with the plan's key: it is created with the same key and name and an "
        "**empty** description."
    ),
    "AP-08": (
        "The reseller has a plan category with that key: the plan is linked to it, and it is never changed: CB-15 "
        "applies only to categories with an origin. (Descriptions of categories belong to the reseller.)"
    ),
    "AP-09": "Categories match by key, never by name.",
    "AP-10": (
        "If no earlier delegation created the plan's product and product category at the reseller, they are created "
        "like the upstream's."
    ),
    "AP-11": "A product that is created by a delegation is not published.",
    "AP-12": "The links category–product–plan are the same as upstream.",
    "AP-13": "If the product was created earlier, the plan is linked to it, and its Published flag is not changed.",
    "AP-14": "Several delegated plans of one product: one product and one product category are created.",
    "AP-15": (
        "Only the delegator's own plans can be chosen; plans can be searched, filtered and sorted (`reconcile plans`)."
    ),
    "AP-16": "After apply, the plans are in the reseller's list of delegated plans (`reconcile tenant show`).",
    "AP-17": (
        "The reseller has a service term with `delegated: false` and the same key as the plan's service term: "
        "that plan cannot be delegated."
    ),
    "AP-18": "The message of AP-17 lists **all** conflicting service terms.",
    "AP-19": (
        "In the case of AP-17, **none** of the plans selected for that reseller is delegated (new plans only: **R** "
        "updates of plans delegated earlier go on, and CB-09 is no new delegation). Nothing that only they need is "
        "created."
    ),
    "AP-20": (
        "**R** A service term with the same key and `delegated: true` is reused. In a tenant's own document the "
        "default of `delegated` is `false`."
    ),
    "AP-21": (
        "**R** A key is lower-case letters, digits, `_`, `-` and `.`; it is an identity and never changes. "
        "`moved_from: <old key>` on an entity renames it without delete and create."
    ),
    "IW-01": (
        "Of the provider's products a tenant offers exactly those of the price list that its policy assigns, and "
        "those of its delegated plans."
    ),
    "IW-02": (
        "Products are attached to the price list directly; one attached through a price group is a validation error."
    ),
    "IW-03": (
        "Nothing changes before apply runs, and then only in the selected tenants (`--tenant`, repeatable; without "
        "it, all)."
    ),
    "IW-04": (
        "(1) New products and add-ons of the price list are copied to the tenant, with their type, group, "
        "marketing material, billing cycles and prices."
    ),
    "IW-05": (
        "(2) A changed price in the price list becomes the tenant's **purchase** price. The tenant's selling price "
        "is the tenant's own."
    ),
    "IW-06": "(3) A new billing cycle in the price list is added to the product with its price.",
    "IW-07": (
        "If the unit of the new billing cycle is inactive in the tenant (its `Tenant` document), it is activated "
        "too, by the same option. **R** Every unit by which the tenant sells a product of the assigned price list "
        "must be active: it is a difference of its own as long as it is not (absent counts as inactive), whenever "
        "the cycle was added and whoever switched the unit off."
    ),
    "IW-08": (
        "(4) If a product is no longer available for a billing cycle, the cycle is removed from the tenant's product."
    ),
    "IW-09": "(5) Activation and de-activation of a product is mirrored.",
    "IW-10": (
        "(6) A new upgrade, downgrade, required or cross relation between two products that are both in the "
        "tenant is copied."
    ),
    "IW-11": "A relation between products that are not both in the tenant is not copied.",
    "IW-12": "(7a) Products that now belong to a new group: the group is created, and its marketing material copied.",
    "IW-13": "(7b) A product added to an existing group belongs to it in the tenant too.",
    "IW-14": "(7c) A product removed from a group leaves it in the tenant too.",
    "IW-15": "(7d) A product moved from group A to group B is moved in the tenant too.",
    "IW-16": "(7e) A group with no product of the price list any more is removed from the tenant.",
    "IW-17": "(8a) A product type option follows: automatic execution of add-on cancellation.",
    "IW-18": "(8b) A product type option follows: automatic execution of subscription cancellation.",
    "IW-19": "(8c) A product type option follows: automatic execution of downgrade requests.",
    "IW-20": "(8d) A product type option follows: quantity limit.",
    "IW-21": "(8e) A product type option follows: maintain one active subscription per product.",
    "IW-22": "Other fields of a product type are not updated.",
    "IW-23": (
        "**R** A product that left the price list is de-activated under `price_list.activation`, never deleted. "
        "Its billing cycles stay. A relation removed upstream is `unmanaged`. A product that a delegated plan "
        "needs as well is not retired, nor its group removed."
    ),
    "SUB-01": (
        "A paid subscription in the reseller's system for a service that the distributor offers (an active "
        "product of the distributor) is copied."
    ),
    "SUB-02": (
        "An unpaid (trial) subscription, or one of the reseller's own products, is not copied. A trial is copied "
        "from the time that it is paid."
    ),
    "SUB-03": "The customer is copied before its first paid subscription.",
    "SUB-04": "Strictly one-to-one, whatever fails: a mirror is unique by (reseller, subscription).",
    "SUB-05": "Name: `<End Customer Name> - <Product Name>`.",
    "SUB-06": "Customer: the end customer, locked.",
    "SUB-07": "Bill to: the tenant reseller, locked.",
    "SUB-08": "Activation date and start date copied, locked.",
    "SUB-09": "Status: inactive if the start date is in the future, else active.",
    "SUB-10": "Product, billing cycle, quantity, characteristics and Renew Automatically copied, locked.",
    "SUB-11": "Provisioning sync status follows the reseller, locked; the distributor cannot `retry`.",
    "SUB-12": "Responsible user and sharing rule come from the provider's `api_options`.",
    "SUB-13": (
        "Billed by the reseller's price list, else the product's unit price (`unit_prices`). **R** Where "
        "neither has a price for the unit, the mirror (or the change that leads there) is `blocked`, naming "
        "product, unit and list: nothing is mirrored unpriced. A fall from the list's price to the unit price "
        "is a price change like any other, guards included, and its line says why. **R** A list price that is "
        "withheld, vetoed or blocked at the reseller is not billed to its existing mirrors either: same "
        "verdict, same cause; a new mirror takes the purchase price that the reseller has, where it has none "
        "the list's, else the unit price. A mirror without a price from before stays as it is, blocked. "
        "Prices that the distributor edited (SUB-39) are the distributor's from then on."
    ),
    "SUB-14": "No billing information is copied.",
    "SUB-15": "Add-ons are mirrored.",
    "SUB-16": "Mirrored add-ons are billed by the reseller's price list (else as SUB-13).",
    "SUB-17": (
        "The distributor can't change an add-on's quantity or cancel it; it may edit it and its billing "
        "options, except the unit."
    ),
    "SUB-18": "Ribbon: `This subscription is managed by <RESELLER NAME> Tenant Reseller`.",
    "SUB-19": (
        "Updates reach both systems together: a reseller's action and its mirror commit in one transaction "
        "where both live in one database; elsewhere the continuous mode mirrors within its interval, and what"
        " is pending is visible."
    ),
    "SUB-20": "Cancel, delete and suspend reach the mirror.",
    "SUB-21": "A change of Renew Automatically reaches the mirror.",
    "SUB-22": "A change of characteristics reaches the mirror.",
    "SUB-23": "A change of quantity reaches the mirror, with the same effective date.",
    "SUB-24": "A partial upgrade reaches the mirror: a second subscription, and the first one's quantity.",
    "SUB-25": "A total upgrade reaches the mirror: the product, and a renewal entry.",
    "SUB-26": "A downgrade reaches the mirror: partial or total, as an upgrade.",
    "SUB-27": (
        "A unit change reaches the mirror, for the current or the next cycle as the reseller chose. **R** "
        "Until a change for the next cycle takes effect, both sides show the unit and the price that are in "
        "force, and beside them what is pending (`pending_unit: {billing_cycle, from}`); when the cycle ends "
        "it takes effect once, with a history record, and nothing is pending any more: at the mirror by the "
        "next apply, watch or action after the mirror's own cycle end; at the reseller by its own system (an "
        "import, or `act … run_billing`). `unit_change` stays, as the last change's mode. A first-seen change "
        "of `billing_cycle` with `unit_change: next_cycle` is read as pending: the mirror keeps unit and "
        "price until its cycle end. Mirrors that changed before this rule stay."
    ),
    "SUB-28": "Without Renew Automatically a subscription goes inactive when billing runs on the day its cycle ended.",
    "SUB-29": (
        "The day on which a cycle ends may differ on the two sides: each side goes by its own cycle end. "
        "**R** A cycle ends at start date + k × billing cycle (clipped to the month's end), and where the "
        "billed party has a billing day, on the first such day at or after that."
    ),
    "SUB-30": "A re-activation reaches the mirror.",
    "SUB-31": "Each action writes a history record at the distributor.",
    "SUB-32": "Denied to the distributor on a mirrored subscription: delete.",
    "SUB-33": "Denied to the distributor on a mirrored subscription: activate, cancel, suspend, renew.",
    "SUB-34": "Denied to the distributor on a mirrored subscription: add add-on, change quantity.",
    "SUB-35": "Denied to the distributor on a mirrored subscription: upgrade, downgrade.",
    "SUB-36": "Denied to the distributor on a mirrored subscription: generate invoices by hand.",
    "SUB-37": "Denied to the distributor on a mirrored subscription: relate activities and emails.",
    "SUB-38": (
        "Allowed: edit subscription, on unlocked fields only (custom fields, responsible user, sharing rule, "
        "bill-to contact, type, whatever is not locked)."
    ),
    "SUB-39": "Allowed: edit pricing information, everything but the unit.",
    "SUB-40": (
        "**R** A locked field that was changed past the permission checks is drift, and the next apply restores it; "
        "a permitted edit is kept by every apply."
    ),
    "SUB-41": (
        "**R** A source that is missing without status `deleted` is `blocked`, never a deletion. A subscription that "
        "is suspended or cancelled when it is first seen is mirrored as it is. With `subscriptions.mirror` off, "
        "nothing is mirrored, actions included."
    ),
    "SUB-42": (
        "**R** A reseller's action that names a product which neither its system nor the distributor offers, "
        "or a billing cycle in which neither sells it, is refused (exit 1, nothing changed). An `import` that "
        "brings such a subscription is the outside world's; its mirror is blocked (SUB-01, SUB-13). A partial "
        "or total upgrade or downgrade that is only seen in imported states is recorded by its business name "
        "where the pair of subscriptions shows it."
    ),
    "TREE-01": "Catalogs go down the tree, mirrors go up, in one plan.",
    "TREE-02": (
        "What is withheld or blocked at a level is withheld or blocked below it, with the root cause's policy line."
    ),
    "TREE-03": "With `--tenant`, an upstream that is not selected counts as it is.",
    "TREE-04": (
        "If a tenant fails, is refused as stale or cannot be read, its descendants are not written. All other "
        "tenants are."
    ),
    "TREE-05": (
        "A tenant whose journal has this same plan, and whose state is the one that the plan left, counts as "
        "applied: the tenants below it are written. Run an interrupted apply again to complete it (also with "
        "`--tenant`). A tenant whose state changed since is refused."
    ),
    "DATE-01": (
        "A date in a document begins at midnight in the provider's `time_zone` (an IANA name; default `UTC`): "
        "amounts, cycle ends and `--now` (a date alone is midnight of each provider; every tenant uses the time zone "
        "of the provider at the root of its tree). `tenants[].day` in the plan, and a line of text if it is not the "
        "UTC day."
    ),
    "GUARD-01": (
        "Guards and defaults: `max_deletes: 10%` (share of the entities with origin that one plan removes, "
        "disables or retires in a tenant; trips only above five), `max_price_change: 50%` (of any existing "
        "amount; a move from zero has no share), `max_changes` none, `currency_change: true`, `price_to_zero: "
        "true` (`false` switches one off). Creations never count. A tripped guard blocks that tenant's whole plan"
        " and names every entity at fault. For mirrored subscriptions the guards of the reseller's policy hold."
    ),
    "ORIGIN-01": (
        "Everything that the reconciler creates in a tenant has the key of its upstream as `origin`, and rules that "
        "update, disable, retire or remove apply only to that. If the tenant has its own plan or product under a key "
        "that is delegated, it is blocked, naming both, unless the policy says `adopt: true`; then the copy takes it "
        "over, and keeps its reseller-owned fields."
    ),
    "ORIGIN-02": (
        "**R** What came down is known by the tenant's journal too. An entity, or an item with origin, that was "
        "created or taken over here from the tenant's present upstream, as the last journal record about it says "
        "(removal, rename, release and inverse are records), and that has another origin now, or none, is drift: "
        "its `origin` is a difference of its own that comes back under no option (`allowed_by: []`), and its other "
        "fields are judged in the same plan. The same for every kind. Without a journal (a state that was copied) "
        "nothing is inferred. `import --replace` is the state as it is now: recorded as releasing what it brings "
        "without origin. What came down is kept as an index, not found by reading the journal."
    ),
    "ORIGIN-03": (
        "**R** `reconcile tenant release TENANT ADDRESS` gives up an entity (not an item): from then on it is the "
        "tenant's own and no difference, neither blocked nor adopted, until `tenant release --undo`. What needs it "
        "links to it as to an own entity. The journal and `history` record this. An entity that did not come down "
        "cannot be released: exit 1."
    ),
    "ORIGIN-04": (
        "**R** Periods have an origin, as rates do. An own rate or period under a key that is delegated is "
        "`blocked`, naming both, and taken over under `adopt: true`; any other own one is no difference and is not "
        "counted. A migration gives each period of an entity with origin that origin. A document that sets `origin` "
        "sets it for its periods too, unless one says `origin: null`; a period that a document without `origin` adds "
        "is the tenant's own."
    ),
    "FIELDS": (
        "The field table is complete: a listed field without an option is `unmanaged`; a field that it does not list "
        "belongs to the reseller or exists at the provider only, and is never compared. **R** An entity with an "
        "origin that is no longer wanted, and that no option removes, is `unmanaged` too, unless it is a retired "
        "plan or product (no difference: it is as wanted) or something in the tenant still refers to it."
    ),
}


FORMER_IDS = {"ORIGIN": "ORIGIN-01"}
"""Rule ids of earlier versions in plans and journals, with their current ids."""


def rule_text(rule: str) -> str:
    """The text of a rule. Raises ``KeyError`` for an unknown id: declarations name only known rules."""
    return RULES[FORMER_IDS.get(rule, rule)]
