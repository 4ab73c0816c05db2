"""Bodies by the short way: the same as by pydantic, and refused wherever pydantic refuses."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from reconciler.core.reading.fast.compiled import NotPlain
from reconciler.core.reading.fast.plain import plain_fields
from reconciler.core.reading.index import body_of
from reconciler.core.reading.limits import crossed_limits
from reconciler.core.schema.fields import fields_of_model, prune_empty
from reconciler.core.schema.model_walk import declarations_of, found, unwrapped
from reconciler.model.documents.catalog import Part
from reconciler.model.documents.declarations import StateOnly
from reconciler.model.documents.kinds import WORKSPACE_KINDS
from reconciler.model.values.field_types import Leaf, Number

REFUSED = "refused"


def by_pydantic(model: type[Part], value: Any) -> Any:
    """The body as `core.reading.read` makes it of a file that is read whole."""
    for spot, only in declarations_of(model, StateOnly):
        if any(not only.values or inner in only.values for _, inner in found(value, spot.pattern)):
            return REFUSED
    try:
        body = prune_empty(model.model_validate(value).model_dump(exclude_none=True), fields_of_model(model))
    except ValidationError:
        return REFUSED
    del body["kind"]
    return REFUSED if any(crossed_limits(model.__name__, body)) else body


def by_the_short_way(model: type[Part], value: Any) -> Any:
    try:
        return body_of(model, plain_fields(value))[0]
    except (NotPlain, PydanticCustomError):
        return REFUSED


KEYS = st.sampled_from(["a", "b-c", "gpt-4.1", "P1M", "30", "office"])
NUMBERS = st.sampled_from(["0", "6.00", "7", "31", "-1", "1e3", "0x1F", "1_0", "12345678901234567890"]).map(Number)
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(["x", "", "2027-01-01", "active", "sqlite:///a.db", "10%"]) | KEYS,
    "key": KEYS,
    "flag": st.booleans(),
    "whole": NUMBERS | st.just(value=False),
    "amount": NUMBERS
    | st.sampled_from(["6.60", "6,60"])
    | st.lists(st.fixed_dictionaries({"from": st.sampled_from(["2027-01-01", "2026-01-01"]), "amount": NUMBERS})),
    "set": st.lists(KEYS, max_size=3),
    "list": st.lists(KEYS, max_size=3),
    "map": st.dictionaries(st.sampled_from(["30", "7", "-1", "x"]), KEYS, max_size=2),
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=3) | KEYS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=3,
)
OPTIONS = st.sampled_from(["all", {"plans": True}, {"plans": {"create": False}}, {"x": True}, {"plans": {"x": True}}])


def values(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Values that a field may well have, and now and then others."""
    bare, metadata = unwrapped(annotation, metadata)
    leaf = next((each for each in metadata if isinstance(each, Leaf)), None)
    if get_origin(bare) is Literal:
        fitting = st.sampled_from(get_args(bare))
    elif leaf:
        fitting = FITTING[leaf.type]
    elif isinstance(bare, type) and issubclass(bare, Part):
        fitting = documents(bare)
    elif get_origin(bare) is dict and not metadata_reads(metadata):
        names = st.sampled_from(["P1M", "P1M", "P1Y"]) if get_args(bare)[0] is not str else KEYS
        fitting = st.dictionaries(names | KEYS | st.just("Seat"), values(get_args(bare)[1]), max_size=2)
    else:
        fitting = OPTIONS | FITTING["text"] | NUMBERS
    return st.integers(0, 11).flatmap(lambda luck: fitting if luck else ANYTHING)


def metadata_reads(metadata: tuple[Any, ...]) -> bool:
    return any(type(each).__name__ == "PlainValidator" for each in metadata)


def documents(model: type[Part]) -> st.SearchStrategy[Any]:
    """Maps of a model's fields, those that it requires nearly always, and now and then one that it does not have."""
    fields = {name: values(info.annotation, tuple(info.metadata)) for name, info in model.model_fields.items()}
    required = {name: fields[name] for name, info in model.model_fields.items() if info.is_required()}
    whole = st.fixed_dictionaries(required, optional={name: fields[name] for name in fields if name not in required})
    more = st.dictionaries(st.sampled_from(["nmae", "origin", *fields]), ANYTHING, min_size=1, max_size=1)
    return st.integers(0, 9).flatmap(
        lambda luck: whole if luck else st.tuples(whole, more).map(lambda both: both[0] | both[1])
    )


@pytest.mark.parametrize("kind", WORKSPACE_KINDS)
@settings(max_examples=150)
@given(data=st.data())
def test_the_short_way_is_the_long_one(kind: str, data: st.DataObject) -> None:
    model = WORKSPACE_KINDS[kind]
    value = {**data.draw(documents(model)), "kind": kind}
    short, long = by_the_short_way(model, value), by_pydantic(model, value)
    assert short == long
    assert short == REFUSED or list(short) == list(long)


@pytest.mark.parametrize("kind", WORKSPACE_KINDS)
def test_every_kind_can_be_taken(kind: str) -> None:
    """So that the comparison is not between refusals only."""
    model = WORKSPACE_KINDS[kind]
    given_: dict[str, Any] = {
        "kind": kind,
        "key": "a",
        "category": "b",
        "product": "c",
        "plan_category": "d",
        "service_term": "e",
    }
    given_ |= {"service_term": "e", "currency": "EUR", "reseller": "f", "upstream": "g", "version": Number("1")}
    required = {name for name, info in model.model_fields.items() if info.is_required()}
    value = {name: each for name, each in given_.items() if name in required}
    assert by_the_short_way(model, value) == by_pydantic(model, value) != REFUSED
