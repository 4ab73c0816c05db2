"""The actions on subscriptions, and what a distributor may do to a mirror, as one table (SUB-17…SUB-39).

The locked fields are declared on the fields themselves (`model/documents/tenant.py`). To add an action, enter it here
and implement its effect in `core/subscriptions/actions.py`.
"""

from dataclasses import dataclass

RESELLER, DISTRIBUTOR = "reseller", "distributor"
ACTORS = (DISTRIBUTOR, RESELLER)


@dataclass(frozen=True, slots=True)
class SubscriptionAction:
    """One action. ``parameters``: what ``--set`` may name (``x.*``: anything below ``x``; ``*``: any field);
    ``required``: those that must be set.

    ``accounts_for``: the fields whose change its history record explains. ``denied``: the rule that denies it to the
    distributor of a mirror; without one, ``limits`` is the rule about the fields that it may change. ``resellers``:
    whether resellers may use it.
    """

    id: str
    parameters: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    accounts_for: frozenset[str] = frozenset()
    denied: str | None = None
    limits: str = ""
    resellers: bool = True


_SWITCH = frozenset({"product", "plan", "quantity", "quantity_effective", "renewals", "billing_cycle"})

ACTIONS: dict[str, SubscriptionAction] = {
    action.id: action
    for action in (
        SubscriptionAction(
            "change_quantity",
            ("quantity", "effective"),
            ("quantity",),
            frozenset({"quantity", "quantity_effective"}),
            denied="SUB-34",
        ),
        SubscriptionAction(
            "change_unit",
            ("billing_cycle", "when"),
            ("billing_cycle",),
            frozenset({"billing_cycle", "unit_change", "pending_unit"}),
            denied="SUB-39",
        ),
        SubscriptionAction("upgrade", ("product", "quantity", "plan"), ("product",), _SWITCH, denied="SUB-35"),
        SubscriptionAction("downgrade", ("product", "quantity", "plan"), ("product",), _SWITCH, denied="SUB-35"),
        SubscriptionAction(
            "set_renew_automatically",
            ("value",),
            ("value",),
            frozenset({"renew_automatically"}),
            denied="SUB-10",
        ),
        SubscriptionAction(
            "edit",
            ("*",),
            (),
            frozenset({"characteristics", "paid", "plan", "activation_date", "start_date", "customer"}),
            limits="SUB-38",
        ),
        SubscriptionAction(
            "add_add_on",
            ("add_on", "product", "billing_cycle", "quantity"),
            ("add_on", "product"),
            frozenset({"add_ons"}),
            denied="SUB-34",
        ),
        SubscriptionAction(
            "change_add_on",
            ("add_on", "quantity", "billing_cycle", "prices.*", "billing_options.*"),
            ("add_on",),
            frozenset({"add_ons"}),
            limits="SUB-17",
        ),
        SubscriptionAction("cancel_add_on", ("add_on",), ("add_on",), frozenset({"add_ons"}), denied="SUB-17"),
        SubscriptionAction("suspend", accounts_for=frozenset({"status"}), denied="SUB-33"),
        SubscriptionAction("activate", accounts_for=frozenset({"status", "renewals"}), denied="SUB-33"),
        SubscriptionAction("renew", accounts_for=frozenset({"status", "renewals"}), denied="SUB-33"),
        SubscriptionAction("cancel", accounts_for=frozenset({"status"}), denied="SUB-33"),
        SubscriptionAction("delete", accounts_for=frozenset({"status"}), denied="SUB-32"),
        SubscriptionAction("run_billing", accounts_for=frozenset({"status", "pending_unit"}), denied="SUB-28"),
        SubscriptionAction(
            "edit_pricing",
            ("prices.*", "billing_options.*", "add_ons.*", "billing_cycle"),
            limits="SUB-39",
            resellers=False,
        ),
        SubscriptionAction("generate_invoice", denied="SUB-36", resellers=False),
        SubscriptionAction("relate_activity", denied="SUB-37", resellers=False),
        SubscriptionAction("relate_email", denied="SUB-37", resellers=False),
        SubscriptionAction("retry_provisioning", denied="SUB-11", resellers=False),
    )
}
"""Every action by its name in commands and histories."""
