"""What a subscription does not say counts as its default, in every action and in every follow-up (SUB-09 to SUB-30)."""

from datetime import date
from itertools import product
from typing import Any

import pytest

from reconciler.core.subscriptions.actions import ActionCase, CannotAct, act
from reconciler.core.subscriptions.mirror_status import next_end, status_at_source, status_of_mirror
from reconciler.model.documents.subscriptions import ACTIONS
from reconciler.model.values.entity import Entity, entity
from reconciler.model.values.plain_values import Body

DEFAULTS: Body = {"status": "active", "renew_automatically": False}
SETTINGS: dict[str, Body] = {
    "change_quantity": {"quantity": 12},
    "change_unit": {"billing_cycle": "P1Y", "unit_change": "next_cycle"},
    "upgrade": {"product": "premium"},
    "downgrade": {"product": "basic", "quantity": 3},
    "set_renew_automatically": {"renew_automatically": True},
    "edit": {"quantity_limit": 3, "type": "standard"},
    "edit_pricing": {"prices": {"P1M": "4.90"}},
}
PENDING: Body = {"billing_cycle": "P1Y", "from": "2026-12-15"}
EXTRAS: tuple[Body, ...] = ({}, {"cycle_end": "2026-12-15"}, {"pending_unit": PENDING})
DAYS = [date(2026, 12, 1), date(2026, 12, 15), date(2026, 12, 16)]


def subscription(**given: Any) -> Body:
    """One of ten seats by the month, with every default spelled out."""
    body = {"customer": "acme", "product": "mail", "billing_cycle": "P1M", "quantity": 10, "start_date": "2026-11-15"}
    return {**body, **DEFAULTS, **given}


def without_defaults(body: Body) -> Body:
    return {name: value for name, value in body.items() if DEFAULTS.get(name) != value or name not in DEFAULTS}


def outcome(action: str, body: Body, on: date) -> object:
    """What an action makes of a subscription, with every default spelled out; or why it is refused."""
    it = entity({"kind": "Subscription", "key": "s", **body})
    case = ActionCase(it, {it.id: it}, SETTINGS.get(action, {}), on, f"{on}T00:00:00Z")
    try:
        return [Entity(each.id, {**DEFAULTS, **each.body}, each.origin) for each in act(action, case)]
    except CannotAct as error:
        return str(error)


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - {"add_add_on", "change_add_on", "cancel_add_on"}))
def test_an_action_takes_what_is_absent_for_its_default(action: str) -> None:
    for on, more in product(DAYS, EXTRAS):
        said = subscription(**more)
        assert outcome(action, without_defaults(said), on) == outcome(action, said, on), (on, more)


@pytest.mark.parametrize("on", DAYS, ids=str)
@pytest.mark.parametrize("pending", [None, PENDING], ids=["", "pending"])
def test_the_terms_take_what_is_absent_for_its_default(pending: Body | None, on: date) -> None:
    said = subscription(pending_unit=pending) if pending else subscription()
    bare = without_defaults(said)
    last = {**said, "source_status": "active", "cycle_end": "2026-12-15"}
    seen = [None, last, without_defaults(last)]
    for one in seen:
        found = status_of_mirror(bare, one, billing_day=None, on=on)
        expected = status_of_mirror(said, one and seen[1], billing_day=None, on=on)
        assert (found, found.units) == (expected, expected.units)
    assert status_at_source(bare, bare, billing_day=None, on=on) == status_at_source(
        said, said, billing_day=None, on=on
    )
    assert next_end(bare, billing_day=None, on=on) == next_end(said, billing_day=None, on=on)


@pytest.mark.parametrize("renews", [True, False], ids=["renews", "ends"])
@pytest.mark.parametrize("on", DAYS, ids=str)
def test_a_cycle_whose_end_is_not_stored_ends_as_it_would_be_stored(on: date, renews: bool) -> None:
    """SUB-27: a change for the next cycle takes effect on the same day whether or not the end was stored before."""
    said = subscription(renew_automatically=renews)
    end = status_at_source(said, said, billing_day=None, on=on).cycle_end
    assert end is not None
    stored = {**said, "cycle_end": end.isoformat()}
    assert next_end(said, billing_day=None, on=on) == next_end(stored, billing_day=None, on=on)


@pytest.mark.parametrize("action", ["upgrade", "downgrade"])
def test_without_a_quantity_all_of_a_subscription_moves(action: str) -> None:
    """SUB-25, SUB-26: of a subscription that counts nothing there is no part."""
    said = {name: value for name, value in subscription().items() if name != "quantity"}
    it = entity({"kind": "Subscription", "key": "s", **said})
    case = ActionCase(it, {it.id: it}, {"product": "premium", "quantity": 3}, DAYS[0], "2026-12-01T00:00:00Z")
    (moved,) = act(action, case)
    assert (moved.body["product"], moved.body["renewals"]) == (
        "premium",
        [{"date": "2026-12-01", "product": "premium"}],
    )
