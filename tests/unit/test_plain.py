"""Plain YAML, read line by line: what is taken, what is left to libyaml, and that both read the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.reading.fast.plain import MAX_DEPTH, plain_documents
from reconciler.core.reading.text import decode_text
from reconciler.core.reading.yaml import parse
from reconciler.model.values.field_types import Number

ROOT = Path(__file__).parents[2]
CATALOGS = [path.read_text("utf-8") for path in sorted((ROOT / "catalogs").rglob("*.yaml"))]


def bare(value: Any) -> Any:
    """A value in which numbers can be compared."""
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items()}
    if isinstance(value, list):
        return [bare(item) for item in value]
    return ("number", value.text) if isinstance(value, Number) else value


def plain(text: str) -> list[tuple[int, int, Any]] | None:
    documents = plain_documents(text)
    return None if documents is None else [(each.line, each.column, bare(each.value)) for each in documents]


def by_libyaml(text: str) -> list[tuple[int, int, Any]]:
    documents, problems = parse(text.encode(), "x.yaml")
    assert problems == []
    return [(each.place.line, each.place.column, bare(each.value)) for each in documents]


def test_the_bundled_catalogs_are_plain() -> None:
    assert len(CATALOGS) > 10
    for text in CATALOGS:
        assert plain(text) == by_libyaml(text)


TAKEN = {
    "a: b\n": {"a": "b"},
    "a: b": {"a": "b"},
    "a:\nb: ~": {"a": None, "b": None},
    "a: 6.60\nb: '6.60'\nc: true\nd: \"true\"": {"a": ("number", "6.60"), "b": "6.60", "c": True, "d": "true"},
    "a: x y # z\nb: x#y": {"a": "x y", "b": "x#y"},
    "a: http://b/c?d=e\nb: 22:22": {"a": "http://b/c?d=e", "b": "22:22"},
    "a:  # none\n  # yet\n\n  b: c\n \nd: e": {"a": {"b": "c"}, "d": "e"},
    "'a b': c\n\"d\": e": {"a b": "c", "d": "e"},
    "a:\n- b\n- c\nd: e": {"a": ["b", "c"], "d": "e"},
    "a:\n  - b: c\n    d:\n    - e\n  -   f: g\n      h: i": {"a": [{"b": "c", "d": ["e"]}, {"f": "g", "h": "i"}]},
    "a: [b, 'c, d', 5, x y]  # e": {"a": ["b", "c, d", ("number", "5"), "x y"]},
    "a: {b: {c: []}, 'd e': [{}, -1]}": {"a": {"b": {"c": []}, "d e": [{}, ("number", "-1")]}},
    "- a\n- b: c": ["a", {"b": "c"}],
}


@pytest.mark.parametrize("text", TAKEN)
def test_what_is_plain(text: str) -> None:
    found = plain(text)
    assert found is not None
    assert [value for _, _, value in found] == [TAKEN[text]]
    assert found == by_libyaml(text)


def test_where_documents_begin() -> None:
    text = "---\n# nothing\n\na: b\n---\n# nothing\n---\n  c: d\n"
    assert plain(text) == [(4, 1, {"a": "b"}), (8, 3, {"c": "d"})] == by_libyaml(text)
    assert plain("# nothing\n") == [] == by_libyaml("# nothing\n")


def test_the_same_text_is_the_same_field_and_each_maker_gets_what_it_makes_itself() -> None:
    text = "a: b\nc:\n  d: 5\n---\n# again\n\na: b\nc:\n  d: 5\n---\na: c\n"
    first, second, third = plain_documents(text) or []
    assert (second.line, second.column, first.value) == (7, 1, second.value)
    assert first.fields["a"] is second.fields["a"]
    assert first.fields["c"] is second.fields["c"]
    assert first.fields["a"] is not third.fields["a"]
    assert [third.fields["a"].made(each) for each in (len, str.upper, len)] == [1, "C", 1]


LEFT = """\
a: &b c|a: *b|a: !!str b|<<: {a: b}|a\tb: c|? a|a: "b\\n"|a: 'it''s'|a: b: c|a: [b|a: [b]]|a: {b}|a: [b: c]|a: [b,]
a: {b: c, b: d}|a: @b|a: %b|a: - b|a: ,b|- - a|-|a|'a'|[a]|{a: b}|a : b|a:b|a: {b:c}|a: [b c]d|a: "b" c|a: [-]"""


@pytest.mark.parametrize("text", [*LEFT.replace("\n", "|").split("|"), "a: |\n  b", "a: >-\n  b", "a: b\r\n"])
def test_what_is_left_to_libyaml(text: str) -> None:
    assert plain(text) is None


@pytest.mark.parametrize(
    "text",
    ["a: b\na: c", "a: b\n  c: d", "a: b\n  c", "a:\n    b: c\n  d: e", "a: b\n- c", "- a\nb: c", "...", "--- a: b"],
)
def test_what_is_at_fault_or_only_looks_so_is_left_too(text: str) -> None:
    assert plain(text) is None


def test_depth_is_bounded() -> None:
    def nested(depth: int) -> str:
        return "".join(f"{'  ' * level}a:\n" for level in range(depth))

    assert plain(nested(MAX_DEPTH)) == by_libyaml(nested(MAX_DEPTH))
    assert plain(nested(MAX_DEPTH + 1)) is None
    assert plain(f"a: {'[' * MAX_DEPTH}{']' * MAX_DEPTH}") is not None
    assert plain(f"a: {'[' * (MAX_DEPTH + 1)}{']' * (MAX_DEPTH + 1)}") is None


def test_keys_are_no_longer_than_libyaml_takes_them() -> None:
    assert plain(f"{'a' * 100}: b") is not None
    assert plain(f"{'a' * 101}: b") is None
    assert plain(f"a: {{{'a' * 101}: b}}") is None


PIECES = [
    *" \n:-#,[]{}\"'&*!|>%@`?=~<.a1_é",
    *("  ", ": ", " #", "- ", "\n- ", "\n  - ", "\n  ", "\n    ", "---\n", "\n---\n", "...\n", "\n# c\n", "\n \n"),
    *("key: ", "a: b", "[a, b]", "{a: b}", "{a: {b: c}}", "- a: b", "'x'", '"y"', "''", "a b", "<<: ", "? ", "- - "),
    *("null", "true", "-1", "1_0", "22:22", "x:y", "http://a/b?c=d", "a%b", "$x", "\u00a0", "\u3000", "\\"),
]
LINES = st.tuples(
    st.sampled_from(["", "", " ", "  ", "  ", "    "]),
    st.sampled_from(["", "", "", "- ", "-  "]),
    st.sampled_from(["a: ", "b: ", "c:", "'d': ", '"e": ', "30: ", "a b: ", ""]),
    st.sampled_from(["", "", "x", "1", "[a, b]", "{a: b, c: [d]}", "'q'", "x #y", "x # y", "{a: }", "[a,]", "{a : b}"]),
    st.sampled_from(["\n", "\n", " \n", "  # c\n", "\n---\n"]),
).map("".join)


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A piece of a catalog with something else in it."""
    catalog = draw(st.sampled_from(CATALOGS))
    begin = draw(st.integers(0, len(catalog)))
    text = catalog[begin : begin + draw(st.integers(1, 400))].partition("\n")[2]
    at = draw(st.integers(0, len(text)))
    piece: str = draw(st.sampled_from(PIECES))
    return text[:at] + piece + text[at + draw(st.integers(0, 2)) :]


@settings(max_examples=1_000)
@given(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.lists(LINES, max_size=8).map("".join) | spoilt()
)
def test_what_is_taken_is_what_libyaml_reads(text: str) -> None:
    decoded, problems = decode_text(text.encode(), "x.yaml")
    found = plain(text) if decoded is not None and not problems else None
    if found is not None:
        assert found == by_libyaml(text)
