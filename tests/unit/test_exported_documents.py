"""How a tenant's state reads when it is exported."""

import orjson
import pytest

from reconciler.core.reading.merge_patch import patched
from reconciler.core.reading.state_documents import read_state
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.report.documents import exported, render_documents


def test_days_stand_in_the_order_of_numbers() -> None:
    notices = {"30": "renewal-notice", "60": "renewal-notice", "7": "last-call"}
    schedule = Entity(EntityId("NotificationSchedule", "reminders"), {"notices": notices}, None)
    assert render_documents([schedule]) == (
        "kind: NotificationSchedule\nkey: reminders\nnotices:\n"
        "  '7': last-call\n  '30': renewal-notice\n  '60': renewal-notice\n"
    )


ORIGINS = (None, "northwind", "tailspin")
PLAN = EntityId("Plan", "web-basic")


def _plan(origin: str | None) -> Entity:
    """A plan with a period and a rate of every origin, and a period of which nothing is said."""
    owned = {f"p{number}": {"origin": each} if each else {} for number, each in enumerate(ORIGINS)}
    periods = {f"P{number}M": {"fees": {"recurring": "5.00"}, **each} for number, each in enumerate(owned.values(), 1)}
    rates = {key: {"prices": {"recurring": "1.00"}, **each} for key, each in owned.items()}
    return Entity(PLAN, {"product": "web", "periods": {**periods, "P9Y": {}}, "resources": rates}, origin)


def _imported(text: str, before: State, *, replace: bool) -> State:
    patches, problems = read_state(text, "state.yaml")
    assert problems == []
    written = dict(patched(before, patches, replace=replace))
    return {id: each for id, each in {**before, **written}.items() if each is not None}


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_exported_plan_comes_back_as_it_was_whosever_its_items_are(origin: str | None) -> None:
    """ORIGIN-04: into an empty tenant, in place of whatever is there, and over what was exported."""
    state = {PLAN: _plan(origin)}
    text = render_documents(state.values())
    assert _imported(orjson.dumps(exported(state[PLAN])).decode(), {}, replace=True) == state
    for other in ORIGINS:
        assert _imported(text, {PLAN: _plan(other)}, replace=True) == state
    assert _imported(text, {}, replace=False) == state
    assert _imported(text, state, replace=False) == state


def test_a_document_of_before_gives_its_origin_to_its_periods_and_to_no_rate() -> None:
    """What was exported before periods had an origin comes back as the migration leaves it (v0005_periods)."""
    text = "{kind: Plan, key: web-basic, origin: northwind, periods: {P1M: {}, P1Y: null}, resources: {seat: {}}}"
    (plan,) = _imported(text, {}, replace=False).values()
    assert plan == Entity(PLAN, {"periods": {"P1M": {"origin": "northwind"}}, "resources": {"seat": {}}}, "northwind")


@pytest.mark.parametrize("given", ["", "origin: null, "])
def test_a_period_that_a_document_without_origin_adds_is_the_tenants_own(given: str) -> None:
    before = {PLAN: Entity(PLAN, {"periods": {"P1M": {"origin": "northwind"}}}, "northwind")}
    text = f"{{kind: Plan, key: web-basic, {given}periods: {{P1Y: {{}}}}}}"
    (plan,) = _imported(text, before, replace=False).values()
    assert plan.body["periods"] == {"P1M": {"origin": "northwind"}, "P1Y": {}}
