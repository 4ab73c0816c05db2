"""The converter of the price list: exact amounts, keys that last, the same bytes, and nothing dropped silently."""

from __future__ import annotations

import json
import lzma
import random
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

from tests import model_prices_independent as independent
from tools.key_names import assign_keys, fold, model_key, suffixed
from tools.model_prices import convert, keys_of, main, report, unit_of, workspace_documents
from tools.price_snapshot import Snapshot, amount_text, parse_snapshot, read_snapshot
from tools.yaml_text import Amount, document_text, flow, scalar

DATA = Path(__file__).parents[1] / "data" / "model-prices"
SNAPSHOTS = sorted(DATA.glob("*.json.xz"))
DATES = [path.name.removesuffix(".json.xz") for path in SNAPSHOTS]
VALID_KEY = re.compile(r"[a-z0-9_.-]+")
RATE_LINE = re.compile(
    r"  (?P<key>[^ ]+): \{category: \w+, available: true, "
    r"(?:prices: \{recurring|limits: \{maximum): (?P<amount>[0-9.]+)\}\}"
)

each_snapshot = pytest.mark.parametrize("path", SNAPSHOTS, ids=DATES)


@cache
def snapshot(path: Path) -> Snapshot:
    return read_snapshot(path)


def texts(read: Snapshot, *, schema_base: str | None = None) -> dict[str, str]:
    made = convert(read, Path("out"), provider="model-market", workspace=True, schema_base=schema_base)
    return {path.relative_to("out").as_posix(): text for path, text in made.items()}


def entry(**fields: object) -> dict[str, object]:
    return {"litellm_provider": "acme", "mode": "chat"} | fields


def parsed(entries: dict[str, object]) -> Snapshot:
    return parse_snapshot(json.dumps(entries))


def documents(text: str) -> list[dict[str, object]]:
    return list(YAML(typ="safe", pure=True).load_all(text))


# Amounts


@each_snapshot
def test_every_number_of_the_list_is_written_exactly(path: Path) -> None:
    tokens: set[str] = set()

    def collect(token: str) -> str:
        tokens.add(token)
        return token

    json.loads(lzma.decompress(path.read_bytes()), parse_float=collect, parse_int=collect)
    assert len(tokens) > 500
    for token in tokens:
        assert Decimal(amount_text(token)) == Decimal(token)
        assert re.fullmatch(r"0|[1-9][0-9]*|(0|[1-9][0-9]*)\.[0-9]*[1-9]", amount_text(token)), token


@each_snapshot
def test_the_written_files_hold_every_rate_of_the_list_and_no_other(path: Path) -> None:
    """From the YAML text back to (model, field, amount), against a reading of the JSON that shares no code."""
    fields = {key: name for name, key in keys_of(snapshot(path).models).fields.items()}
    written = {
        (model, fields[scalar_text(line["key"])]): Decimal(line["amount"])
        for model, line in rate_lines(texts(snapshot(path)))
    }
    expected = {(model, field): v for model, rates in independent.read(path).items() for field, v in rates.items()}
    assert written == expected


def rate_lines(files: dict[str, str]) -> Iterator[tuple[str, re.Match[str]]]:
    for text in files.values():
        for document in re.split(r"^---\n", text, flags=re.MULTILINE):
            if name := re.search(r"kind: Plan\nkey: .*\nname: (.*)\n", document):
                for line in RATE_LINE.finditer(document):
                    yield scalar_text(name[1]), line


def scalar_text(text: str) -> str:
    return str(json.loads(text)) if text.startswith('"') else text


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("1.9e-08", "0.000000019"),
        ("30e-06", "0.00003"),
        ("2e6", "2000000"),
        ("1E+2", "100"),
        ("0.0", "0"),
        ("-0.0", "0"),
        ("0e-7", "0"),
        ("100", "100"),
        ("32000.0", "32000"),
        ("4.0000000000000003e-07", "0.00000040000000000000003"),
        ("0.1234567890123456789012345678901234567890", "0.123456789012345678901234567890123456789"),
    ],
)
def test_amounts_are_plain_digits(token: str, text: str) -> None:
    assert amount_text(token) == text


# Keys


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("gpt-4.1", "gpt-4.1"),
        ("xai/grok-4", "xai-grok-4"),
        ("openrouter/x:free", "openrouter-x-free"),
        ("claude@20250101", "claude-20250101"),
        ("accounts/models/", "accounts-models"),
        ("größe", "gr--e"),
        ("/", "unnamed"),
    ],
)
def test_names_fold_to_keys(name: str, key: str) -> None:
    assert model_key(name) == key
    assert VALID_KEY.fullmatch(key)


def test_a_name_with_capitals_has_the_same_key_with_and_without_its_rival() -> None:
    capitals, small = "together_ai/BAAI/bge", "together_ai/baai/bge"
    alone, together = assign_keys([capitals], model_key), assign_keys([small, capitals], model_key)
    assert alone[capitals] == together[capitals] == suffixed(capitals)
    assert together[small] == fold(small)


def test_the_name_nearest_to_a_key_keeps_it_whatever_the_order() -> None:
    names = ["a/b", "a-b", "a:b", "c"]
    expected = {"a-b": "a-b", "a/b": suffixed("a/b"), "a:b": suffixed("a:b"), "c": "c"}
    for seed in range(5):
        random.Random(seed).shuffle(names)
        assert assign_keys(names) == expected


def test_keys_that_stay_ambiguous_are_refused() -> None:
    with pytest.raises(ValueError, match="two names have one key"):
        assign_keys(["a/b", "a-b", suffixed("a/b")])


@each_snapshot
def test_every_key_is_valid_and_its_own(path: Path) -> None:
    for _, table in keys_of(snapshot(path).models).each():
        assert len(set(table.values())) == len(table)
        assert all(VALID_KEY.fullmatch(key) for key in table.values())


def test_no_name_changes_its_key_and_no_key_its_name_from_snapshot_to_snapshot() -> None:
    """Keys are identities: the second snapshot has a colliding pair of which the third has only one."""
    for kind in range(4):
        tables = [keys_of(snapshot(path).models).each()[kind][1] for path in SNAPSHOTS]
        pairs = {pair for table in tables for pair in table.items()}
        assert len(pairs) == len({name for name, _ in pairs}) == len({key for _, key in pairs})


# Documents and text


def test_a_model_becomes_a_plan_with_one_line_for_each_rate() -> None:
    model = entry(
        input_cost_per_token=1e-06,
        tiered_pricing=[{"cache_read_input_token_cost": 2e-07, "range": [0, 1]}],
        max_tokens=8192,
        deprecation_date="2026-09-30",
    )
    text = texts(parsed({"Big/Model:1": model}))["model-market/vendors/acme.yaml"]
    assert text.endswith(
        f"""---
kind: Plan
key: {suffixed("Big/Model:1")}
name: Big/Model:1
labels: {{deprecated: "2026-09-30", market: public, mode: chat, vendor: acme}}
status: active
published: true
product: acme
plan_category: chat
sales_categories: [chat]
service_term: pay-as-you-go
periods:
  P1M: {{fees: {{recurring: 0}}}}
resources:
  input_cost_per_token: {{category: input, available: true, prices: {{recurring: 0.000001}}}}
  max_tokens: {{category: limits, available: true, limits: {{maximum: 8192}}}}
  tiered_pricing.0.cache_read_input_token_cost: {{category: cache, available: true, prices: {{recurring: 0.0000002}}}}
"""
    )


@each_snapshot
def test_every_reference_has_its_document(path: Path) -> None:
    made = [d for content in workspace_documents(snapshot(path).models, "model-market").values() for d in content]
    identities = [(d["kind"], d.get("key", d.get("reseller"))) for d in made]
    assert len(set(identities)) == len(identities)
    for document in made:
        if document["kind"] == "Plan":
            assert references(document) <= set(identities)


def references(plan: object) -> set[tuple[str, str]]:
    assert isinstance(plan, dict)
    found = {
        ("Product", plan["product"]),
        ("PlanCategory", plan["plan_category"]),
        ("ServiceTerm", plan["service_term"]),
    }
    found |= {("SalesCategory", key) for key in plan["sales_categories"]}
    rates = plan.get("resources", {})
    return found | {("Resource", key) for key in rates} | {("ResourceCategory", r["category"]) for r in rates.values()}


def test_the_text_reads_back_as_what_it_was_made_of() -> None:
    read = read_snapshot(SNAPSHOTS[-1], ["anthropic", "voyage"])
    expected = workspace_documents(read.models, "model-market")
    files = texts(read)
    for name, content in expected.items():
        assert [document_text(d) for d in documents_with_amounts(files[name])] == [document_text(d) for d in content]
    assert documents(files["reconcile.yaml"]) == [{"kind": "Workspace", "version": 1}]


class AmountsAsText(SafeConstructor):
    """Keeps every number as the text that stands there."""


for number in ("int", "float"):
    AmountsAsText.add_constructor(f"tag:yaml.org,2002:{number}", lambda _, node: Amount(node.value))


def documents_with_amounts(text: str) -> list[dict[str, object]]:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = AmountsAsText
    return list(yaml.load_all(text))


@pytest.mark.parametrize("text", ["7", "-1", "1e3", ".5", "0x1F", "0o17", "true", "Null", "~", ".inf", "2026-09-30"])
def test_text_that_would_read_as_something_else_is_quoted(text: str) -> None:
    assert scalar(text) == f'"{text}"'
    assert flow({text: text}) == f'{{"{text}": "{text}"}}'


@pytest.mark.parametrize(
    "text", ["gpt-4.1", "1024-x-1024/dall-e-3", "a/b:c", "yes", "bedrock/*/x", "4k", "Pay as you go"]
)
def test_other_text_is_plain(text: str) -> None:
    assert scalar(text) == text


@pytest.mark.parametrize(
    "text", ["", " a", "a ", "a: b", "a #b", "#a", "*a", "a,b", "[a]", "a:", "@a", "-", "a\nb", "ü", "..."]
)
def test_syntax_in_text_is_quoted_and_reads_back(text: str) -> None:
    assert scalar(text).startswith('"')
    assert documents(flow({"key": text})) == [{"key": text}]


def test_a_float_has_no_form() -> None:
    with pytest.raises(TypeError):
        scalar(0.1)


@pytest.mark.parametrize(
    ("field", "unit"),
    [
        ("input_cost_per_token_above_200k_tokens", "token"),
        ("cache_creation_input_token_cost_above_12hr_above_272k_tokens_flex", "token"),
        ("input_cost_per_image_above_128k_tokens", "image"),
        ("input_cost_per_video_per_second_above_8s_interval", "second"),
        ("input_cost_per_token_batch_requests", "token"),
        ("search_context_cost_per_query.search_context_size_low", "query"),
        ("computer_use_input_cost_per_1k_tokens", "1000 tokens"),
        ("max_tokens_per_document_chunk", "token"),
        ("max_audio_length_hours", "hour"),
        ("max_video_length", "unit"),
    ],
)
def test_the_unit_is_read_from_the_name(field: str, unit: str) -> None:
    assert unit_of(field) == unit


# Determinism and files


def test_the_same_list_in_another_order_gives_the_same_bytes() -> None:
    entries = list(json.loads(lzma.decompress(SNAPSHOTS[0].read_bytes())).items())
    shuffled = random.Random(7).sample(entries, len(entries))
    assert texts(parsed(dict(entries))) == texts(parsed(dict(shuffled)))


def test_every_file_says_whence_it_comes_below_the_editors_line() -> None:
    read = parsed({"m": entry(), "n": entry()})
    assert all(text.startswith("# From a public price list") for text in texts(read).values())
    for name, text in texts(read, schema_base="out/schemas").items():
        first, second, third = text.splitlines()[:3]
        assert first == f"# yaml-language-server: $schema={'../' * name.count('/')}schemas/catalog.json"
        assert "MIT licence" in second
        assert "tools/model_prices.py" in third


def test_a_url_of_schemas_stays_as_it_is() -> None:
    for text in texts(parsed({"m": entry()}), schema_base="https://example.org/schemas/").values():
        assert text.startswith("# yaml-language-server: $schema=https://example.org/schemas/")


def test_a_second_run_replaces_its_own_files_and_only_those(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = [str(SNAPSHOTS[-1]), str(tmp_path), "--no-workspace"]
    vendors = tmp_path / "model-market" / "vendors"
    assert main([*run, "--vendor", "groq", "--vendor", "deepseek"]) == 0
    (vendors / "own.yaml").write_text("kind: Product\n")
    assert main([*run, "--vendor", "groq"]) == 0
    assert sorted(path.name for path in vendors.iterdir()) == ["groq.yaml", "own.yaml"]
    assert "removed, from an earlier run" in capsys.readouterr().err
    assert (tmp_path / "model-market" / "LICENSE").read_bytes() == (DATA / "LICENSE").read_bytes()
    assert not (tmp_path / "reconcile.yaml").exists()


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reconcile.yaml").write_text("kind: Workspace\nversion: 1\n")
    assert main([str(SNAPSHOTS[0]), str(tmp_path)]) == 1
    assert "was not made by this program" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["reconcile.yaml"]


def test_what_is_no_price_list_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in {"a.json": b"[]", "b.json": b"{", "c.json.xz": b"no xz"}.items():
        (tmp_path / name).write_bytes(content)
        assert main([str(tmp_path / name), str(tmp_path / "out")]) == 1
    assert main([str(tmp_path / "absent.json"), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("model_prices: ") == 4


# The report


def test_whatever_is_left_out_is_reported() -> None:
    listing = """{
        "sample_spec": {"litellm_provider": "acme"}, "rules": {"mode": "chat"}, "list": [1], "twice": {},
        "bare": {"litellm_provider": "acme", "rpm": 5, "supports_vision": true, "deprecation_date": "soon"},
        "odd": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": "0.1", "output_cost_per_token": -1,
                "a.cost": 1, "a": {"cost": 2}, "max_tokens": null, "max_cost_flag": true, "nan_cost": NaN},
        "twice": {"litellm_provider": "acme", "mode": "chat"}}"""
    found = {(remark.reason, remark.subject) for remark in parse_snapshot(listing, ["acme", "nobody"]).remarks}
    assert found == {
        ("entry skipped: the list's own sample", "sample_spec"),
        ("entry skipped: no vendor", "rules"),
        ("entry skipped: no map", "list"),
        ("name written twice, the last one counts", "twice"),
        ("model without mode, now 'unspecified'", "bare"),
        ("deprecation date skipped: no date", "bare"),
        ("number that is neither price nor limit", "rpm"),
        ("other field that is neither price nor limit", "supports_vision"),
        ("rate skipped: not a number", "odd: input_cost_per_token"),
        ("rate skipped: not a number", "odd: max_tokens"),
        ("rate skipped: not a number", "odd: max_cost_flag"),
        ("rate skipped: not a number", "odd: nan_cost"),
        ("rate skipped: negative", "odd: output_cost_per_token"),
        ("rate skipped: second value under one path", "odd: a.cost"),
        ("vendor without models in this snapshot", "nobody"),
    }


@each_snapshot
def test_every_entry_of_the_list_is_a_plan_or_in_the_report(path: Path) -> None:
    entries = json.loads(lzma.decompress(path.read_bytes()))
    skipped = [remark.subject for remark in snapshot(path).remarks if remark.reason.startswith("entry skipped")]
    assert sorted([model.name for model in snapshot(path).models] + skipped) == sorted(entries)
    assert all(name in report(snapshot(path)) for name in skipped)


def test_the_report_names_collisions_and_how_they_are_resolved() -> None:
    text = report(parsed({"x/Y": entry(), "x/y": entry()}))
    assert "2 plans, 0 rates (0 prices, 0 limits), 1 products" in text
    assert "model keys: 2 of 2 names folded, 1 with a suffix, 1 collision(s)" in text
    assert f"x-y: 'x/Y' has the key {suffixed('x/Y')}, 'x/y' has the key x-y" in text


# The yardstick


def test_the_yardstick_by_hand() -> None:
    old = {"same": {"a": Decimal("1e-06")}, "gone": {}, "dear": {"a": Decimal(1), "b": Decimal(2)}, "gains": {}}
    new = {"same": {"a": Decimal("0.000001")}, "new": {}, "dear": {"a": Decimal(3)}, "gains": {"a": Decimal(1)}}
    rates = {("dear", "a"), ("dear", "b"), ("gains", "a")}
    assert independent.compare(old, new) == independent.Movement({"new"}, {"gone"}, {"dear"}, rates)


def test_the_yardstick_and_the_converter_agree_on_what_moved() -> None:
    counts = []
    for old, new in pairwise(SNAPSHOTS):
        moved = independent.movement(old, new)
        assert moved == movement_of(snapshot(old), snapshot(new))
        counts.append((len(moved.created), len(moved.taken_off), len(moved.repriced), len(moved.rates)))
    assert counts == [(1147, 195, 279, 645), (2200, 359, 434, 5415)]


def movement_of(old: Snapshot, new: Snapshot) -> independent.Movement:
    tables = [{m.name: {(m.name, r.field): r.amount for r in m.rates} for m in read.models} for read in (old, new)]
    before, after = tables
    both = before.keys() & after.keys()
    rates = {pair for model in both for pair, _ in before[model].items() ^ after[model].items()}
    repriced = {name for name, field in rates if (name, field) in before[name].keys() & after[name].keys()}
    return independent.Movement(set(after.keys() - before), set(before.keys() - after), repriced, rates)


def test_the_yardstick_of_one_vendor_is_that_part_of_the_whole() -> None:
    whole, part = (independent.movement(SNAPSHOTS[0], SNAPSHOTS[1], only) for only in (None, ["anthropic", "xai"]))
    assert part.rates
    assert part.rates < whole.rates
    assert part.created < whole.created


# The catalog in the repository


def test_the_committed_catalog_is_what_its_readme_says(tmp_path: Path) -> None:
    folder = DATA.parents[2] / "catalogs" / "model-market"
    command = re.search(
        r"\$ python -m tools\.model_prices (.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL
    )
    assert command
    options = command[1].replace("\\\n", " ").split()
    read = read_snapshot(DATA / Path(options[0]).name, [v for o, v in pairwise(options) if o == "--vendor"])
    made = convert(
        read, tmp_path, provider="model-market", workspace=False, schema_base=str(tmp_path.parent / "schemas")
    )
    assert {path.relative_to(folder.parent).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.yaml")} == {
        path.relative_to(tmp_path).as_posix(): text for path, text in made.items()
    }
    assert (folder / "LICENSE").read_bytes() == (DATA / "LICENSE").read_bytes()
