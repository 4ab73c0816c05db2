"""A tenant's subscriptions as they are listed: a unit that is to come (SUB-27)."""

from reconciler.core.inspect.listed_subscriptions import list_subscriptions
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.report.subscriptions import render_subscription, render_subscriptions, subscription_to_data

COMING = {"billing_cycle": "P1Y", "from": "2027-01-01"}
ID = EntityId("Subscription", "sub-1")
STATE = {ID: Entity(ID, {"product": "mail", "billing_cycle": "P1M", "pending_unit": COMING})}


def test_a_unit_that_is_to_come_is_pending() -> None:
    (one,) = list_subscriptions("one", STATE, None, None)
    assert render_subscriptions([one]).splitlines()[1].endswith("  P1Y from 2027-01-01")
    assert render_subscription("one", one).endswith("\nPending: P1Y from 2027-01-01 (SUB-27)\n")
    data = subscription_to_data("one", one)
    assert (data["pending_unit"], data["pending"], data["follows"], data["mirror"]) == (COMING, [], None, None)
