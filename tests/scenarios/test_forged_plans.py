"""What is read is what is applied: honest plans of every scenario are believed, plans altered by hand are not.

Every alteration comes with a digest that fits again, as who replaces a plan would write it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import orjson
import pytest

from reconciler.core.savedplan.canonical_reader import read_canonical
from reconciler.core.savedplan.codec import PlanRefused, decode, encode
from reconciler.core.savedplan.plan_data import digest_of_data
from reconciler.core.savedplan.spool import Spool
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Plan
from reconciler.model.values.entity import Entity
from reconciler.report.plans.listing import render_plan
from tests.scenarios.runner import RULES, Scenario, after, applied, made, played_out, scenarios
from tests.scenarios.undoing import inverse_of
from tests.unit.spooling import MemoryScratch

SAMPLED = (
    "AP-21-GUARD-01-a-rename-that-a-guard-holds-is-held-below",
    "AP-21-rename-of-what-plans-name",
    "CB-04-a-new-period-comes-with-its-fees",
    "CB-09-a-plan-put-back-on-the-list-is-on-sale-again",
    "CB-12-fees-are-rewritten-whatever-the-reseller-set",
    "CB-22-new-rate-reaches-the-delegated-plan",
    "GUARD-01-SUB-20-what-is-allowed-by-name-goes-through",
    "IW-10-IW-11-a-relation-comes-when-both-products-are-there",
    "ORIGIN-01-adopt-takes-over-an-own-plan-and-product",
    "ORIGIN-02-a-plan-its-product-and-a-rate-without-their-origins",
    "SUB-21-SUB-22-SUB-23-SUB-31-the-same-without-actions",
    "SUB-40-drift-is-restored-and-allowed-edits-stay",
)
MUTATIONS = 25
"""Of each of the sampled scenarios' plans."""


def plans_of(scenario: Scenario) -> Iterator[Plan]:
    """The scenario's plan, and the one that undoes it."""
    start = scenario.given
    if start.catalog is None:
        return
    played = played_out(start, RULES)
    then = applied(start, played.states, played.lineages)
    plan = made(then, RULES)
    yield plan
    yield inverse_of(plan, {**then.states, **after(plan.tenants, then.states)}, start.since or {})


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda each: each.name)
def test_an_honest_plan_is_believed(scenario: Scenario) -> None:
    """Read tenant by tenant, as every plan is that was not touched; and as a whole, as one that was reformatted."""
    for plan in plans_of(scenario):
        spool = Spool(MemoryScratch, most=-1)
        read = read_canonical(encode(plan), spool)
        assert read is not None
        assert encode(read) == encode(plan)
        assert read == decode(orjson.dumps(orjson.loads(encode(plan)), option=orjson.OPT_INDENT_2))


RENAMES = [each for each in scenarios() if each.name.startswith("AP-21") and each.given.catalog is not None]


@pytest.mark.parametrize("scenario", RENAMES, ids=lambda each: each.name)
def test_an_inverse_is_believed_whose_entities_others_changed_meanwhile(scenario: Scenario) -> None:
    """It undoes nothing, and its fields name entities by their keys above, which those of a tenant may not be yet."""
    played = played_out(scenario.given, RULES)
    then = applied(scenario.given, played.states, played.lineages)
    plan = made(then, RULES)
    left = {**then.states, **after(plan.tenants, then.states)}
    touched = {tenant: {id: _touched(each) for id, each in state.items()} for tenant, state in left.items()}
    inverse = inverse_of(plan, touched, {})
    assert not any(change.action is Action.UPDATE for each in inverse.tenants for change in each.changes)
    assert encode(decode(encode(inverse))) == encode(inverse)


def _touched(entity: Entity) -> Entity:
    return replace(entity, body={**entity.body, "name": "As somebody else calls it"})


def forged(data: dict[str, Any], form: int = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE) -> bytes:
    """The data with a digest that fits; ``form``: as `encode` writes it, unless another one is asked for."""
    return orjson.dumps({**data, "digest": digest_of_data(data)}, option=form)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document at which there is a single value."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(each, (*path, key))
    elif path != ("digest",):
        yield path


def _other(value: Any, chance: Random) -> Any:
    others = ["9999.00", "-1.00", "x", "P0D", "evil", True, False, 7, -1, 2.5, None, {}, ["x"], {"x": "y"}, "9" * 5000]
    return chance.choice([each for each in others if (type(each), each) != (type(value), value)])


def _within(data: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


def _is_written(data: dict[str, Any], path: tuple[Any, ...]) -> bool:
    """Whether the place is of a document or a field of an update that is made, bookkeeping aside."""
    if path[0] != "resource_changes":
        return False
    change = data["resource_changes"][path[1]]
    of_it = path[2:4] in (("change", "before"), ("change", "after")) or (
        path[2] == "fields" and path[4] in ("path", "before", "after")
    )
    return change["change"]["actions"] == ["update"] and of_it and "last_applied" not in path


@pytest.mark.parametrize("name", SAMPLED)
def test_one_value_altered_anywhere_is_refused_or_is_shown(name: str) -> None:
    """A value of an update cannot be altered alone; whatever else can be is shown as it is."""
    (scenario,) = (each for each in scenarios() if each.name == name)
    saved = encode(next(plans_of(scenario)))
    places, chance = list(_places(orjson.loads(saved))), Random(name)
    for _ in range(MUTATIONS):
        data, path = orjson.loads(saved), chance.choice(places)
        holder = _within(data, path[:-1])
        holder[path[-1]] = _other(holder[path[-1]], chance)
        try:
            plan = decode(forged(data))
        except PlanRefused as refused:
            assert len(str(refused)) < 2_000
        else:
            assert not _is_written(data, path), (path, holder[path[-1]])
            render_plan(plan, verbose=True)


Forgery = Callable[[dict[str, Any]], None]


def _change(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in data["resource_changes"] if each["type"] == "plan")
    return found


def _both(name: str, before: Any, after: Any) -> Forgery:
    """A field of both documents, altered so that no field of the update says so."""

    def forge(data: dict[str, Any]) -> None:
        _change(data)["change"]["before"][name], _change(data)["change"]["after"][name] = before, after

    return forge


def _amount(text: Any) -> Forgery:
    """The first amount that changes, in the update's field and in its document alike."""

    def forge(data: dict[str, Any]) -> None:
        field = _change(data)["fields"][0]
        field["after"] = text
        *path, last = field["path"].split(".")
        _within(_change(data)["change"]["after"], tuple(path))[last] = text

    return forge


def _written(**values: Any) -> Forgery:
    return lambda data: _change(data)["change"]["after"].update(values)


def _shown(path: str, before: Any, after: Any) -> Forgery:
    """A difference that a field of the update does show."""

    def forge(data: dict[str, Any]) -> None:
        field = {**_change(data)["fields"][0], "path": path, "before": before, "after": after}
        _change(data)["fields"].append(field)
        _change(data)["change"]["before"][path] = before
        _change(data)["change"]["after"][path] = after

    return forge


def _period(unit: str) -> Forgery:
    """A period that comes, and that a field of the update shows."""

    def forge(data: dict[str, Any]) -> None:
        item = {"fees": {"recurring": "1.00"}, "origin": "northwind"}
        field = {**_change(data)["fields"][0], "path": f"periods.{unit}", "before": None, "after": item}
        _change(data)["fields"].append(field)
        _change(data)["change"]["after"]["periods"][unit] = item

    return forge


def _of_tenant(**values: Any) -> Forgery:
    return lambda data: data["tenants"][0].update(values)


def _twice(data: dict[str, Any]) -> None:
    data["resource_changes"].append(_change(data))
    data["summary"]["update"] += 1


FORGERIES: dict[str, tuple[Forgery, str]] = {
    "9999.00 is written, 2.40 is read": (
        lambda data: _within(_change(data)["change"]["after"], ("periods", "P1M", "fees")).update(recurring="9999.00"),
        "not what it says it will be",
    ),
    "another field says other than is written": (
        lambda data: [_shown("name", "Web", "Web 2")(data), _written(name="Web 3")(data)][-1],
        "name is not what it says it will be",
    ),
    "a negative amount": (_amount("-2.40"), "not an amount"),
    "an amount as a number": (_amount(2.4), "not an amount"),
    "an amount with an exponent": (_amount("2e9"), "not an amount"),
    "a period of no length": (_period("P0D"), "would not be valid"),
    "a period of no end": (_period("P99999999999999999999Y"), "would not be valid"),
    "a foreign origin": (_written(origin="evil"), "origin"),
    "a foreign origin that is shown": (_shown("origin", "northwind", "evil"), 'its origin is "evil"'),
    "another key": (_written(key="other"), "another key"),
    "another key in a change without a place": (
        lambda data: [_change(data).update(declared_at=None), _written(key="other")(data)][-1],
        "another key",
    ),
    "another kind": (_written(kind="Product"), "another kind"),
    "periods that are a text": (_written(periods="x"), "not a map of maps"),
    "a field that is not shown": (_written(published=False), "published changes, and is no field"),
    "a field that there is not": (_written(colour="red"), "colour"),
    "a set of what is no text": (_shown("sales_categories", None, ["office", 1]), "sales_categories"),
    "a field that shows a set of what is no text": (
        lambda data: _change(data)["fields"].append(
            {**_change(data)["fields"][0], "path": "sales_categories", "before": None, "after": ["office", 1]}
        ),
        "sales_categories is not what it says it will be",
    ),
    "a status that there is not": (_shown("status", "active", "gone"), "valid"),
    "null": (_written(labels={"a": None}), "labels"),
    "a rule that there is not": (lambda data: _change(data).update(rule="CB-99"), 'no rule "CB-99"'),
    "an option that there is not": (lambda data: _change(data).update(allowed_by=["plans.anything"]), "no option"),
    "no fields": (lambda data: _change(data).update(fields=[]), "an update has fields"),
    "a create with something before": (
        lambda data: _change(data)["change"].update(actions=["create"]),
        "contradicts itself",
    ),
    "an update of nothing": (lambda data: _change(data)["change"].update(before=None), "update"),
    "twice": (_twice, "stands in it twice"),
    "in sync with changes": (_of_tenant(status="in_sync"), "status"),
    "blocked with changes": (_of_tenant(status="blocked"), "status"),
    "in error without a problem": (_of_tenant(status="error"), "contradicts itself"),
    "a problem without an error": (_of_tenant(problem="none"), "problem"),
    "its own upstream": (_of_tenant(upstream="contoso"), "its own upstream"),
    "no day": (_of_tenant(day="2026-02-30"), "no day"),
    "no moment": (lambda data: data.update(timestamp="yesterday"), "timestamp"),
    "nothing in force": (lambda data: data["summary"].update(update=7), "contradicts itself"),
}


def _deferred(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["deferred_changes"][0]
    return found


def _held_field(**values: Any) -> Forgery:
    return lambda data: _deferred(data)["resource_change"]["fields"][0].update(values)


OF_WHAT_IS_HELD: dict[str, tuple[Forgery, str]] = {
    "fields say one amount, `after` another": (_held_field(after="9999.00"), "not what it says it would be"),
    "fields say what never was": (_held_field(before="9999.00"), "not what it says it was"),
    "a field that is missing": (lambda data: _deferred(data)["resource_change"].update(fields=[]), "has fields"),
    "a field that there is not": (_held_field(path="colour"), "no field is called colour"),
    "a document that no state may hold": (
        lambda data: _deferred(data)["resource_change"]["change"]["after"].update(colour="red"),
        "colour",
    ),
    "another key": (
        lambda data: _deferred(data)["resource_change"]["change"]["after"].update(key="other"),
        "another key",
    ),
    "a guard that only withholds": (lambda data: _deferred(data)["hold"].update(kind="guard"), "held by a guard"),
    "a veto that there is not": (lambda data: _deferred(data)["hold"].update(vetoes=[]), "names one"),
    "options that it does not need": (
        lambda data: _deferred(data).update(allowed_by=["plans.create"]),
        "other options would permit",
    ),
}


@pytest.mark.parametrize("name", OF_WHAT_IS_HELD)
def test_what_is_said_not_to_be_done_is_held_to_its_documents(name: str) -> None:
    (scenario,) = (each for each in scenarios() if each.name == "CB-34-veto-on-prices")
    data = orjson.loads(encode(next(plans_of(scenario))))
    forge, said = OF_WHAT_IS_HELD[name]
    forge(data)
    with pytest.raises(PlanRefused, match=said):
        decode(forged(data))


def _honest() -> bytes:
    (scenario,) = (each for each in scenarios() if each.name == "CB-12-fees-are-rewritten-whatever-the-reseller-set")
    return encode(next(plans_of(scenario)))


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused_and_named(name: str) -> None:
    data = orjson.loads(_honest())
    forge, said = FORGERIES[name]
    forge(data)
    with pytest.raises(PlanRefused, match=said):
        decode(forged(data))


def test_a_key_that_stands_twice_is_refused() -> None:
    """Its digest fits: a reader takes the last one, and a person may read the first."""
    saved = _honest()
    doubled = saved.replace(b'"summary":', b'"summary":{"update":0},"summary":', 1)
    assert orjson.loads(doubled) == orjson.loads(saved)
    with pytest.raises(PlanRefused, match='"summary" stands twice'):
        decode(doubled)


def test_a_document_that_is_nested_too_deeply_is_refused() -> None:
    saved = _honest().replace(b'"before":{', b'"before":{"deep":' + _nested(500) + b",", 1)
    with pytest.raises(PlanRefused, match="nested too deeply"):
        decode(saved)


def _nested(levels: int) -> bytes:
    return b'{"x":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "cancelled"),
        ("quantity", 999),
        ("name", "x"),
        ("records", -1),
        ("plan", "another-plan"),
        ("prices", {"P1Y": "1.00"}),
        ("history", []),
        ("add_ons", {"x": {"product": "x"}}),
    ],
)
def test_what_a_mirror_remembers_cannot_be_forged(name: str, value: Any) -> None:
    (scenario,) = (each for each in scenarios() if each.name.endswith("-a-paid-subscription-is-copied"))
    data = orjson.loads(encode(next(plans_of(scenario))))
    mirrors = (each["change"] for each in data["resource_changes"] if each["type"] == "subscription")
    next(mirrors)["after"]["last_applied"][name] = value
    with pytest.raises(PlanRefused, match=r"memory|valid"):
        decode(forged(data))


@pytest.mark.parametrize("name", ["reseller", "bill_to", "source"])
def test_a_mirror_is_of_what_its_key_says(name: str) -> None:
    (scenario,) = (each for each in scenarios() if each.name.endswith("-a-paid-subscription-is-copied"))
    data = orjson.loads(encode(next(plans_of(scenario))))
    mirrors = (each["change"] for each in data["resource_changes"] if each["type"] == "subscription")
    next(mirrors)["after"][name] = "evil"
    with pytest.raises(PlanRefused, match=f"its {name} is not that of its key"):
        decode(forged(data))


def test_a_line_feed_at_the_end_of_a_key_is_refused() -> None:
    data = orjson.loads(_honest())
    for entry in (*data["tenants"], *data["resource_changes"]):
        entry["tenant"] += "\n"
    with pytest.raises(PlanRefused, match="not a saved plan of this reconciler"):
        decode(forged(data))
