"""The reference of kinds and fields: current, complete, and every example of it valid."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from reconciler.core.reading.read import read_file
from reconciler.core.reading.state_documents import read_state
from reconciler.core.schemadocs import KEY_STEP, KINDS, FieldEntry, reference
from reconciler.core.schemadocs.schemas import catalog_schema, state_schema
from reconciler.core.workspace import GUARD_DEFAULTS
from reconciler.model.documents.kinds import KINDS as KEYED_KINDS
from reconciler.model.documents.kinds import TENANT_KINDS, WORKSPACE
from reconciler.model.documents.options import OPTIONS, VETOES
from reconciler.model.documents.source import SourceFile
from reconciler.report.manual.reference import example_line, kind_text, reference_pages
from tests.cli.runner import run

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def test_the_pages_are_current() -> None:
    found = {each.name: each.read_text("utf-8") for each in PAGES.iterdir()}
    assert found == dict(reference_pages()), "run `make docs`"


def test_every_kind_has_a_page() -> None:
    assert set(KINDS) == {WORKSPACE, *KEYED_KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_says_what_it_is_and_shows_a_value(kind: str) -> None:
    for each in reference(kind).fields:
        assert each.description, each.path
        assert each.owner, each.path
        if each.owner == "the reconciler":
            continue  # nobody writes it
        holds_fields = any(other.path.startswith(f"{each.path}.") for other in reference(kind).fields)
        assert each.example is not None or holds_fields, each.path


def schema_at(kind: str, path: str) -> dict[str, Any]:
    """The schema of a field, with the definitions that it refers to."""
    whole = state_schema() if kind in TENANT_KINDS else catalog_schema()
    found: dict[str, Any] = {"$ref": f"#/$defs/{kind}"}
    for step in path.split("."):
        found = part(resolved(found, whole), step, whole)
    return {**found, "$defs": whole["$defs"]}


def resolved(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """A schema behind references, and of several the one with fields inside."""
    if "$ref" in schema:
        return resolved(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    options = [resolved(each, whole) for each in (*schema.get("allOf", ()), *schema.get("anyOf", ()))]
    inner = [each for each in options if each.keys() & {"properties", "additionalProperties", "items"}]
    if inner:
        return inner[0]
    return resolved(schema["items"], whole) if "items" in schema and "properties" not in schema else schema


def part(schema: dict[str, Any], step: str, whole: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["additionalProperties"] if step == KEY_STEP else schema["properties"][step]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_example_is_valid(kind: str) -> None:
    for each in reference(kind).fields:
        if each.example is not None:
            Draft7Validator(schema_at(kind, each.path)).validate(each.example)


def document_with(shown: FieldEntry, kind: str) -> str:
    """A document of a kind with a field as the reference shows it, and what its document and its parts require."""
    entries = {each.path: each for each in reference(kind).fields}
    chosen = shown.path.split(".")
    lines: list[str] = []
    inside = ""
    for depth, step in enumerate(chosen):
        path = ".".join(chosen[: depth + 1])
        beside = [each for each in entries.values() if each.required and each.path.rpartition(".")[0] == inside]
        above = entries.get(inside)
        listed = above is not None and above.type.startswith("a list of maps")
        head = [f"{'  ' * depth}{example_line(each)}" for each in beside if each.path != path]
        name = KEYS.get(inside, "a") if step == KEY_STEP else step
        own = f"{'  ' * depth}{example_line(shown) if path == shown.path else f'{name}:'}"
        level = [*head, own]
        if listed:
            level = [f"{'  ' * (depth - 1)}- {level[0].lstrip()}", *level[1:]]
        lines += level
        inside = path
    return "\n".join(lines) + "\n"


KEYS = {"periods": "P1M", "billing_cycles": "P1M"}
"""The keys of maps that are no plain keys."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_example_can_be_pasted_as_it_is_shown(kind: str) -> None:
    for each in reference(kind).fields:
        if each.example is None:
            continue
        text = document_with(each, kind)
        problems = (
            read_state(text, "x.yaml")[1]
            if kind in TENANT_KINDS
            else read_file(SourceFile("x.yaml", text.encode())).problems
        )
        assert not problems, (each.path, text, problems)


def test_every_option_of_a_policy_is_there_with_its_rules() -> None:
    entries = {each.path: each for each in reference("SyncPolicy").fields}
    for option in OPTIONS.values():
        found = entries[f"options.{option.id}"]
        assert option.label in found.description
        assert found.rules, option.id
        assert option.off is None or option.off in found.rules
        assert found.default == "false"
    assert {"CB-12", "CB-13", "CB-14"} <= entries["options.plans.update_fees"].rules.keys()
    assert {"CB-08", "CB-09", "CB-10"} <= entries["options.plans.enable_disable"].rules.keys()


@pytest.mark.parametrize(("kind", "above"), [("Provider", "defaults."), ("ServiceTemplate", ""), ("SyncPolicy", "")])
def test_every_other_setting_has_its_default_and_its_rule(kind: str, above: str) -> None:
    entries = {each.path: each for each in reference(kind).fields}
    defaults = {f"{above}guards.{name}": value for name, value in GUARD_DEFAULTS.items()}
    defaults |= {f"{above}veto.{name}": False for name in VETOES}
    defaults |= {f"{above}overrides.sync_display_in_control_panel": False}
    for path, value in defaults.items():
        assert entries[path].default == json.dumps(value), path
        assert len(entries[path].rules) == 1, path


def test_a_type_says_more_than_text() -> None:
    policy = {each.path: each.type for each in reference("SyncPolicy").fields}
    assert policy["guards.max_deletes"] == "a percentage, or false"
    assert policy["delegate.plans"] == "a list of keys, or a map of the fields below"
    assert policy["currency"] == "an ISO 4217 code of a currency"
    (products,) = reference("PriceList").below("products")
    wanted = "a map from a key to a map from an ISO 8601 duration to an amount, or amounts by date"
    assert products.type == wanted


def test_what_an_item_of_a_list_requires() -> None:
    found = {each.path: each.required for each in reference("Subscription").fields}
    assert (found["renewals.date"], found["product"]) == (True, False)


def test_what_is_said_of_a_field() -> None:
    (fee,) = reference("Plan").below("periods.fees.recurring")
    assert (fee.owner, fee.options) == ("the provider", ("plans.update_fees (CB-12)",))
    (published,) = reference("Plan").below("published")
    assert (published.owner, published.default, published.required) == (
        "the reseller, once it is created (CB-11)",
        "true",
        False,
    )


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("periods.fees", ["fees", "fees.setup", "fees.recurring", "fees.renewal"]),
        ("periods.P1M.fees", ["fees", "fees.setup", "fees.recurring", "fees.renewal"]),
        ("periods.<key>.fees.setup", ["fees.setup"]),
        ("periods.nothing.at.all", []),
    ],
)
def test_a_path_may_leave_out_keys_or_name_them(path: str, found: list[str]) -> None:
    assert [each.path for each in reference("Plan").below(path)] == [f"periods.{KEY_STEP}.{each}" for each in found]


def test_the_command(tmp_path: Path) -> None:
    listed = run("explain-kind", tmp_path)
    assert listed.status == 0
    assert [line.split()[0] for line in listed.out.splitlines()] == list(KINDS)
    assert run("explain-kind price_list", tmp_path).out == kind_text(reference("PriceList"))
    assert "periods.<key>.fees.setup" in run("explain-kind Plan periods.fees", tmp_path).out
    assert run("explain-kind Plan.periods.fees", tmp_path).out == run("explain-kind Plan periods.fees", tmp_path).out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("explain-kind plam", 'Error: no kind plam; did you mean "Plan"?'),
        ("explain-kind price_lst", 'Error: no kind price_lst; did you mean "PriceList"?'),
        ("explain-kind zzz", "Error: no kind zzz; known: Customer, "),
        ("explain-kind PriceLst", 'Error: no kind PriceLst; did you mean "PriceList"?'),
        ("explain-kind Plan.statsu", 'Error: no field statsu in Plan; did you mean "status"?'),
        ("explain-kind Plan statsu", 'Error: no field statsu in Plan; did you mean "status"?'),
        ("explain-kind Plan periods.fee", 'Error: no field periods.fee in Plan; did you mean "periods.fees"?'),
    ],
)
def test_what_is_misspelt_gets_the_nearest_name(line: str, said: str, tmp_path: Path) -> None:
    done = run(line, tmp_path)
    assert (done.status, done.out) == (1, "")
    assert said in done.err
