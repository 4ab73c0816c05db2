"""Texts that a catalog or a state may hold, whatever they consist of, and what people write by mistake."""

import json
from io import StringIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.core.reading.fast.plain import plain_documents
from reconciler.core.reading.index import extract_file
from reconciler.core.reading.read import read_file
from reconciler.core.reading.state_documents import read_state
from reconciler.core.reading.yaml import parse
from reconciler.model.documents.source import SourceFile
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.report.documents import render_documents

ODD = [
    *("\x85", "\u2028", "\u2029", "\ufeff", "a\u2028b", "a\x85 b", "\u2028 \n\u2029", "a\ufeffb", "\x00", "\x1b[0m"),
    *("\x7f", "\x9f", " a", "a ", "\ta", "a\n", "\na", "a\n\nb", "a\r\nb", "a\rb", " \n ", "", "😀", "\ufffe"),
    *("\U0010ffff", "\ud7ff", "\ue000\ue001", "yes", "no", "1e3", "null", "~", "true", "2026-01-01", "22:22"),
    *("0x1F", "0o7", "1_000", ".inf", ".nan", "=", "<<", "-", "?", "---", "...", "--- a", "- a", "a: b", "a #b", "#a"),
    *("'", '"', "\\", "\\ud83d\\ude00", "|", ">", "&a", "*a", "!a", "%a", "@a", "`a", "[", "{", "}", "a, b"),
    *("x" * 5_000, "a b " * 2_000, "a\u2028" * 500, "<<<<<<< HEAD\n=======\n>>>>>>> b"),
]
"""Of what YAML and JSON can carry; half of a surrogate pair is no character."""
SHORT = 60
"""YAML ends a key by a colon on its line within 1,024 characters; JSON escapes one by up to 12."""
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.lists(st.sampled_from(ODD), max_size=4).map("".join),
)


@pytest.mark.parametrize("text", ODD)
def test_an_odd_text_is_exported_and_imported_again(text: str) -> None:
    is_carried(text, "key")


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\u2029", "\ufeff"])
def test_a_long_text_is_not_broken_into_lines_where_that_would_change_it(odd: str) -> None:
    is_carried(f"a{odd}" * 90, f"b{odd}" * 90)
    is_carried(f"a {odd}" * 90, "key")


@pytest.mark.parametrize("length", range(110, 135))
def test_two_spaces_stay_two_wherever_a_long_text_has_them(length: int) -> None:
    is_carried(("a b  " * length)[:length], "key")


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(text=TEXTS, name=TEXTS)
def test_every_text_is_exported_and_imported_again(text: str, name: str) -> None:
    is_carried(text, name)


def is_carried(text: str, name: str) -> None:
    """A text and the key of a label go out as YAML and come in again, by our reader and by another."""
    body = {"name": text, "labels": {name or "empty": text}}
    documents = render_documents([Entity(EntityId("Role", "a"), body), Entity(EntityId("Role", "b"), body)])
    patches, problems = read_state(documents.encode(), "f")
    assert problems == []
    assert [each.body for each in patches] == [body, body]
    others = [dict(each) for each in YAML(typ="safe", pure=True).load_all(StringIO(documents))]
    assert [(each["name"], each["labels"]) for each in others] == [(text, body["labels"])] * 2
    as_json = json.dumps({"kind": "Role", "key": "a", **body})  # JSON is YAML: surrogate pairs, and all else escaped
    if "\x7f" not in as_json and len(name) <= SHORT:
        patches, problems = read_state(as_json.encode(), "f")
        assert ([each.body for each in patches], problems) == ([body], [])


PAIR = '"\\ud83d\\ude00"'


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (PAIR, "😀"),
        ('"\\uD83D\\uDE00 \\ud83d\\ude00\\ud83d\\ude01"', "😀 😀😁"),
        ('"\\\\ud83d\\ude00"', None),
        ('"\\\\\\ud83d\\ude00"', "\\😀"),
        ("'\\ud83d\\ude00'", "\\ud83d\\ude00"),
        ("\\ud83d\\ude00", "\\ud83d\\ude00"),
        ('"\\ud83d"', None),
        ('"\\ude00\\ud83d"', None),
        ('"\\ud83d \\ude00"', None),
    ],
)
def test_surrogate_pairs_as_json_writes_them(written: str, value: str | None) -> None:
    text = f"kind: Role\nkey: a\nlabels: {{b: {PAIR}, c: '\\ud83d\\ude00'}}\nname: {written}\nprivileges: []\n"
    documents, problems = parse(text.encode(), "f")
    if value is None:
        assert "both halves of its surrogate pair" in problems[0].hint
        return
    assert problems == []
    assert (documents[0].value["name"], documents[0].value["labels"]) == (value, {"b": "😀", "c": "\\ud83d\\ude00"})
    assert documents[0].place_of(("privileges",), key=True).line == 5
    assert extract_file(text.encode(), "f") is not None


ONE, TWO = "kind: Role\nkey: one\nname: One\nprivileges: []\n", "kind: Role\nkey: two\nname: Two\nprivileges: []\n"


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{ONE}---\n{TWO}",
        f"{ONE}---\n\ufeff{TWO}",
        f"{ONE}\ufeff---\n{TWO}",
        f"\ufeff---\n{ONE}\ufeff---\n\ufeff{TWO}",
        f"\ufeff{ONE}---\n\ufeff{TWO}".replace("\n", "\r\n"),
    ],
)
def test_a_byte_order_mark_before_any_document_of_a_file(text: str) -> None:
    """As files that were put together have it."""
    reading = read_file(SourceFile("f", text.encode()))
    assert reading.problems == ()
    assert [each.key for each in reading.documents] == ["one", "two"]
    plain, whole = plain_documents(text), parse(text.encode(), "f")[0]
    assert plain is None or [each.value for each in plain] == [each.value for each in whole]
    patches, problems = read_state(text.encode(), "f")
    assert ([each.key for each in patches], problems) == (["one", "two"], [])


@pytest.mark.parametrize("text", [f"{ONE}\ufeff", ONE.replace("One", "O\ufeffne"), f"{ONE}\ufeffx: 1\n"])
def test_a_byte_order_mark_elsewhere_is_named(text: str) -> None:
    assert "U+FEFF is not allowed here" in [each.summary for each in read_file(SourceFile("f", text.encode())).problems]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("kind: Role\nkey: a\n<<<<<<< HEAD\nname: a\n=======\nname: b\n>>>>>>> other\n", 3),
        ("<<<<<<< HEAD\nkind: Role\n=======\nkind: Plan\n>>>>>>> other\nkey: a\n", 1),
        (f"{ONE}---\n{TWO}privileges:\n<<<<<<< HEAD\n- a\n||||||| base\n=======\n- b\n>>>>>>> x\n", 11),
        ("kind: Role\r\n<<<<<<< HEAD\r\nkey: a\r\n=======\r\nkey: b\r\n>>>>>>> x\r\n", 2),
    ],
)
def test_an_unresolved_merge_conflict_is_said(text: str, line: int) -> None:
    problems = read_file(SourceFile("f", text.encode())).problems
    (found,) = [each for each in problems if each.summary == "an unresolved merge conflict"]
    assert (found.code, found.place.line, "<<<<<<<" in found.hint) == ("yaml-syntax", line, True)
    assert not any("colon" in each.hint for each in problems)


PRICES = "kind: PriceList\nkey: a\nname: a\ncurrency: EUR\nproducts:\n  mail: {}\n"


def wrong(amount: str, form: str) -> list[Diagnostic]:
    """What is wrong with an amount of a price list."""
    return list(read_file(SourceFile("f", PRICES.replace("{}", form.format(amount)).encode())).problems)


@pytest.mark.parametrize(
    ("amount", "hint"),
    [
        ("10,90", "write 10.90"),
        ("1,5", "write 1.5"),
        ("1,000.50", "write 1000.50"),
        ("1,234,567.89", "write 1234567.89"),
        ("1,234,567", "write 1234567"),
        ("1,000", "write 1000 or 1.000"),
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        "{{P1M: {}}}",
        "{{P1Y: 1, P1M: {}, P2M: 2}}",
        "{{P1M: [{{from: 2027-01-01, amount: {}}}]}}",
        "\n    P1M: {}",
        '{{P1M: "{}"}}',
    ],
)
def test_a_decimal_comma_is_told_apart(amount: str, hint: str, form: str) -> None:
    (problem,) = wrong(amount, form)
    assert (problem.code, problem.hint) == ("bad-amount", hint)
    assert f"{amount} is not an amount" in problem.summary


@pytest.mark.parametrize(
    ("amount", "hint"),
    [
        ("1.234,50", "write 1234.50"),
        ("1.234.567", "write 1234567"),
        ("1 000.50", "write 1000.50"),
        ("1'000.50", "write 1000.50"),
        ("1\u00a0000,50", "write 1000.50"),
        ("€10.90", "write 10.90"),
        ("€ 10,90", "write 10.90"),
        ("10.90 EUR", "write 10.90"),
        ("$1,000.00", "write 1000.00"),
        ("10.90€", "write 10.90"),
        ("10%", "a decimal such as 6.00"),
        ("ten", "a decimal such as 6.00"),
    ],
)
def test_what_people_write_for_an_amount(amount: str, hint: str) -> None:
    (problem,) = wrong(amount, '{{P1M: "{}"}}')
    assert (problem.code, problem.hint) == ("bad-amount", hint)


def test_a_decimal_comma_in_the_fees_of_a_plan() -> None:
    head = "kind: Plan\nkey: a\nname: a\nproduct: b\nplan_category: c\nservice_term: d\n"
    text = f"{head}periods: {{P1M: {{fees: {{recurring: 10,90}}}}}}\n"
    (problem,) = read_file(SourceFile("f", text.encode())).problems
    assert str(problem).startswith("f:7:35: error bad-amount: periods.P1M.fees.recurring: 10,90 is not an amount")
    assert problem.hint == "write 10.90"
