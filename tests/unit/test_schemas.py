"""The JSON Schemas are current, explain every field, and accept and refuse what the models do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from jsonschema.validators import validator_for

from reconciler.core.reading.read import read_file
from reconciler.core.reading.state_documents import read_state
from reconciler.core.reading.yaml import parse
from reconciler.core.schema.model_walk import unwrapped
from reconciler.core.schemadocs.schemas import SCHEMAS, schema_text, schemas
from reconciler.model.documents.catalog import Part
from reconciler.model.documents.kinds import CATALOG_KINDS, STATE_KINDS, STEERING_KINDS
from reconciler.model.documents.source import SourceFile
from reconciler.model.values.field_types import Leaf, Number

ROOT = Path(__file__).parents[2]
FORMATS = Draft7Validator.FORMAT_CHECKER


@cache
def validator(name: str) -> Draft7Validator:
    return Draft7Validator(SCHEMAS[name](), format_checker=FORMATS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_file_is_current(name: str) -> None:
    on_disk = (ROOT / "schemas" / name).read_text("utf-8")
    assert on_disk == schema_text(SCHEMAS[name]()), "run `reconcile schema`"


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_a_json_schema(name: str) -> None:
    schema = SCHEMAS[name]()
    validator_for(schema).check_schema(schema)


def properties(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for model, definition in schemas()[name]["$defs"].items():
        for field, schema in definition.get("properties", {}).items():
            yield f"{model}.{field}", schema


@pytest.mark.parametrize("name", ["catalog.json", "state.json"])
def test_every_field_is_explained(name: str) -> None:
    for where, schema in properties(name):
        assert schema["title"], where
        assert len(schema["description"]) > 8, where
        assert "$ref" not in schema, f"{where}: draft 7 ignores what stands beside a reference"


def test_every_example_is_valid() -> None:
    whole = schemas()["catalog.json"]
    for where, schema in properties("catalog.json"):
        checker = Draft7Validator({**schema, "$defs": whole["$defs"]}, format_checker=FORMATS)
        for example in schema.get("examples", []):
            assert checker.is_valid(example), f"{where}: {example}"


def test_the_field_table_is_in_the_descriptions() -> None:
    plan = schemas()["catalog.json"]["$defs"]["Plan"]["properties"]
    assert plan["expiration_schedule"]["description"].endswith("Changes in a tenant under plans.update_fees (CB-13).")
    assert "The reseller's own once it is created (CB-11)." in plan["published"]["description"]


def test_what_is_for_states_only() -> None:
    catalog, state = (schemas()[name]["$defs"] for name in ("catalog.json", "state.json"))
    assert "billing_cycles" not in catalog["Product"]["properties"]
    assert "origin" not in catalog["Rate"]["properties"]
    assert "disabled_by_provider" not in json.dumps(catalog["Plan"])
    assert "unit_prices" not in state["Product"]["properties"]
    assert "origin" in state["Rate"]["properties"]
    assert all("origin" in state[kind]["properties"] for kind in STATE_KINDS)
    assert all(state[kind]["required"] == ["kind", "key"] for kind in STATE_KINDS)


def test_a_part_that_is_compared_as_a_whole_is_given_as_a_whole() -> None:
    head = {"kind": "Subscription", "key": "sub-1"}
    assert_agreed("state.json", {**head, "pending_unit": {"billing_cycle": "P1M"}})
    assert_agreed("state.json", {**head, "pending_unit": {"billing_cycle": "P1M", "from": None}})
    assert_agreed("state.json", {**head, "pending_unit": {"billing_cycle": "P1M", "from": "2027-01-01"}})
    assert_agreed("state.json", {**head, "pending_unit": None})


# --- The models and the schemas agree ---------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value that was read as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, Number):
        return json.loads(value.text)
    return value


def files(*patterns: str) -> list[Any]:
    paths = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    return [plain(each.value) for path in paths for each in parse(path.read_bytes(), path.name)[0]]


CATALOG = files("catalogs/reconcile.yaml", "catalogs/northwind/**/*.yaml", "tests/laws/every_difference/catalog.yaml")
STATE = files("examples/before/*.yaml", "examples/changes/*.yaml", "tests/laws/every_difference/state.yaml")


def model_accepts(schema: str, document: Any) -> bool:
    text = json.dumps(document, ensure_ascii=False).encode()
    if schema == "state.json":
        return not read_state(text, "x.yaml")[1]
    return not read_file(SourceFile("x.yaml", text)).problems


def assert_agreed(schema: str, document: Any) -> None:
    accepted = model_accepts(schema, document)
    errors = [f"{error.json_path}: {error.message}" for error in validator(schema).iter_errors(document)]
    assert accepted == (not errors), (document, errors, read_state(json.dumps(document), "x")[1])


@pytest.mark.parametrize("schema", ["catalog.json", "state.json"])
def test_what_is_bundled_is_accepted(schema: str) -> None:
    documents = STATE if schema == "state.json" else CATALOG
    assert len(documents) > 50
    for document in documents:
        assert validator(schema).is_valid(document), document
        assert_agreed(schema, document)


WORDS = ["", "x", "Big", "a b", "all", "true", "no", "active", "draft", "disabled_by_provider", "gpt-4.1", "x:y"]
FORMS = ["P1M", "1M", "P", "6.00", "-1", "1e3", "0777", "10%", "007%", "2027-01-01", "2027-02-30", "https://a/b"]
TEXTS = st.sampled_from([*WORDS, *FORMS])
NUMBERS = st.sampled_from([0, 1, 31, 32, -1, 2**53, 10**20, 6.5, -0.5, 0.25])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
ENTRIES = st.fixed_dictionaries({"from": TEXTS, "amount": SCALARS}, optional={"x": SCALARS})
VALUES = st.one_of(
    SCALARS,
    st.lists(TEXTS, max_size=3),
    st.lists(ENTRIES, max_size=1),
    st.dictionaries(TEXTS, SCALARS, max_size=2),
    st.dictionaries(TEXTS, st.dictionaries(TEXTS, SCALARS, max_size=2), max_size=2),
)


def names(model: type[Part]) -> list[str]:
    """The names of fields, of this model and of the parts inside it: a mutation often hits one that there is."""
    inside = (unwrapped(info.annotation)[0] for info in model.model_fields.values())
    parts = (each for each in inside if isinstance(each, type) and issubclass(each, Part))
    return [*model.model_fields, *(name for part in parts for name in part.model_fields)]


FIELDS = sorted({name for model in (STATE_KINDS | CATALOG_KINDS | STEERING_KINDS).values() for name in names(model)})
STEPS = st.one_of(st.sampled_from([*FIELDS, "nmae", "origin"]), TEXTS)


def containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


@st.composite
def mutated(draw: st.DrawFn, documents: list[Any]) -> Any:
    """A bundled document with a few changes: fields set, dropped, or put where they do not belong."""
    document = json.loads(json.dumps(draw(st.sampled_from(documents))))
    for _ in range(draw(st.integers(1, 2))):
        target = draw(st.sampled_from(list(containers(document))))
        if isinstance(target, list):
            target[len(target) :] = [draw(VALUES)]
        elif target and draw(st.booleans()):
            step = draw(st.sampled_from(sorted(target)))
            target.update({step: draw(VALUES)}) if draw(st.booleans()) else target.pop(step)
        else:
            target[draw(STEPS)] = draw(VALUES)
    return document


KEYS = st.sampled_from(["a", "b-1", "c_d"])
SUITING: dict[str, st.SearchStrategy[Any]] = {
    "key": KEYS,
    "flag": st.booleans(),
    "whole": st.integers(1, 31),
    "amount": st.one_of(
        st.sampled_from(["6.00", 0, 0.5, 3]),
        st.just([{"from": "2027-01-01", "amount": "6.60"}, {"from": "2026-01-01", "amount": 6}]),
    ),
    "set": st.lists(KEYS, unique=True),
    "list": st.lists(KEYS),
    "map": st.dictionaries(st.sampled_from(["1", "-30", "90"]), KEYS, max_size=2),
}


@st.composite
def leaf_values(draw: st.DrawFn, leaf: str) -> Any:
    """A value that mostly suits a type of field."""
    return draw(SUITING.get(leaf, TEXTS) if draw(st.integers(0, 8)) else VALUES)


@st.composite
def made(draw: st.DrawFn, kinds: Mapping[str, type[Part]]) -> Any:
    """A document of some kind with some of its fields."""
    kind = draw(st.sampled_from(sorted(kinds)))
    document: dict[str, Any] = {"kind": kind}
    for name, info in kinds[kind].model_fields.items():
        if name != "kind" and (info.is_required() or draw(st.integers(0, 3)) == 0):
            _, metadata = unwrapped(info.annotation, tuple(info.metadata))
            leaf = next((each.type for each in metadata if isinstance(each, Leaf)), "")
            document[name] = draw(leaf_values(leaf))
    return document


@settings(max_examples=400)
@given(st.one_of(mutated(CATALOG), made(CATALOG_KINDS | STEERING_KINDS)))
def test_models_and_schema_agree_on_catalogs(document: Any) -> None:
    assert_agreed("catalog.json", document)


@settings(max_examples=400)
@given(st.one_of(mutated(STATE), made(STATE_KINDS)))
def test_models_and_schema_agree_on_states(document: Any) -> None:
    assert_agreed("state.json", document)
