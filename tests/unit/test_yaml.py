"""YAML to values with places: how scalars are read, what is refused, and that nothing makes it raise."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.reading.text import printable
from reconciler.core.reading.yaml import MAX_DEPTH, MAX_SYNTAX_ERRORS, YamlDocument, parse
from reconciler.model.values.diagnostics import CODES
from reconciler.model.values.field_types import Number

ROOT = Path(__file__).parents[2]


def read(text: str | bytes) -> tuple[list[YamlDocument], list[str]]:
    documents, problems = parse(text if isinstance(text, bytes) else text.encode(), "x.yaml")
    return documents, [f"{problem.place.line}:{problem.place.column} {problem.code}" for problem in problems]


def one(text: str) -> Any:
    documents, problems = read(text)
    assert problems == []
    assert len(documents) == 1
    return documents[0].value


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_nothing(text: str) -> None:
    assert one(f"a: {text}\n") == {"a": None}


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "false", "False", "FALSE"])
def test_booleans(text: str) -> None:
    assert one(f"a: {text}\n") == {"a": text.lower() == "true"}


NUMBERS = "0 7 -5 +5 6.00 0.000000019 0777 1e3 1E+3 6. .5 0x1F 0o17 0b11 1_000 .nan .NaN .inf -.inf +.Inf"
STRINGS = "yes no on off NO y 2027-01-01 P1M 22:22 1.2.3 1.2.3.4 tRue nULL + . ... 1e 0x 5x gpt-4.1 .n 1__0 a_1 --1"


@pytest.mark.parametrize("text", NUMBERS.split())
def test_numbers_are_kept_as_written(text: str) -> None:
    value = one(f"a: {text}\n")["a"]
    assert isinstance(value, Number)
    assert value.text == text


@pytest.mark.parametrize("text", STRINGS.split())
def test_strings(text: str) -> None:
    assert one(f"a: {text}\n") == {"a": text}


@pytest.mark.parametrize("text", ["'5'", '"5"', "|-\n  5", ">-\n  5"])
def test_what_is_quoted_is_a_string(text: str) -> None:
    assert one(f"a: {text}\n") == {"a": "5"}


def test_keys_are_strings() -> None:
    assert list(one("{30: a, true: b, null: c, 1.50: d, '<<': e}")) == ["30", "true", "null", "1.50", "<<"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{at: 22:22, to: [22:22, x]}", {"at": "22:22", "to": ["22:22", "x"]}),
        ("{url: https://a/b?c=d, x: y}", {"url": "https://a/b?c=d", "x": "y"}),
        ("[a?b, '22:22', \"a?b:c\"]", ["a?b", "22:22", "a?b:c"]),
        ('{"a":b, "c": [1:2]}', {"a": "b", "c": ["1:2"]}),
        ("{a:1}", {"a:1": None}),
        ("a: 'b:c'\nd: {e: f:g}  # h:i\n", {"a": "b:c", "d": {"e": "f:g"}}),
    ],
)
def test_yaml_1_2_within_brackets(text: str, value: Any) -> None:
    assert one(text) == value


def test_characters_for_private_use_stay() -> None:
    assert one("a: \ue000\nb: x:y\n") == {"a": "\ue000", "b": "x:y"}
    assert one('a: \ue000\nb: [x:y]\nc: "\\ue001\\uE002"\n') == {"a": "\ue000", "b": ["x:y"], "c": "\ue001\ue002"}


def test_documents_empty_ones_left_out() -> None:
    documents, problems = read("# nothing\n---\n---\na: 1\n...\n---\n# nothing\n---\n- b\n")
    assert problems == []
    assert [(each.place.line, each.place.column) for each in documents] == [(4, 1), (9, 1)]


def test_every_place() -> None:
    (document,), _ = read("\ufeffa: 1\nb:\n  c: [d, {é: f}]\n  'g': >\n    h\n\"i\":   j\n")
    found = {}

    def walk(marks: Any, path: str) -> None:
        for step, mark in marks.items() if isinstance(marks, dict) else enumerate(marks or ()):
            found[f"{path}.{step}"] = tuple(mark)[:4]
            walk(mark.inside, f"{path}.{step}")

    walk(document.marks, "")
    assert found == {
        ".a": (1, 1, 1, 4),
        ".b": (2, 1, 3, 3),
        ".b.c": (3, 3, 3, 6),
        ".b.c.0": (3, 7, 3, 7),
        ".b.c.1": (3, 10, 3, 10),
        ".b.c.1.é": (3, 11, 3, 14),
        ".b.g": (4, 3, 4, 8),
        ".i": (6, 1, 6, 8),
    }


REFUSED = {
    "a: &x 1\n": "1:4 yaml-anchor",
    "&x a: 1\n": "1:1 yaml-anchor",
    "a: &x\n  b: 1\n": "1:4 yaml-anchor",
    "a: &x [1]\n": "1:4 yaml-anchor",
    "a: *x\n": "1:4 yaml-anchor",
    "*x : a\n": "1:1 yaml-anchor",
    "a: *\n": "1:4 yaml-anchor",
    "a: !x 1\n": "1:4 yaml-tag",
    "a: ! 1\n": "1:4 yaml-tag",
    "a: !!str 1\n": "1:4 yaml-tag",
    "a: !!map {b: c}\n": "1:4 yaml-tag",
    "!x a: 1\n": "1:1 yaml-tag",
    "a: !e!x 1\n": "1:4 yaml-tag",
    "<<: {a: 1}\n": "1:1 yaml-merge",
    "<<: *x\n": "1:1 yaml-merge, 1:5 yaml-anchor",
    "a: 1\nb: 2\na: 3\n": "3:1 yaml-duplicate",
    "{a: 1, 'a': 2}": "1:8 yaml-duplicate",
    "? [a]\n: b\n": "1:3 yaml-key",
    "{a: b}: c\n": "1:1 yaml-key",
    ": a\n": "1:1 yaml-syntax",
    "%YAML 1.1\n---\na: 1\n": "1:1 yaml-directive",
    "%TAG ! tag:x,2000:\n---\na: 1\n": "1:1 yaml-directive",
    "%FOO\n---\na: 1\n": "1:5 yaml-directive",
    "a:\n\tb: 1\n": "2:1 yaml-syntax",
    "a: |\n  b\n\tc\n": "3:1 yaml-syntax",
    "a: b: c\n": "1:5 yaml-syntax",
    "a: @b\n": "1:4 yaml-syntax",
    "a: 'b\n": "1:4 yaml-syntax",
    "a: [b\n": "1:4 yaml-syntax",
    "a: {b: c\nd: e\n": "2:2 yaml-syntax",
    "a: b\nc\nd: e\n": "2:1 yaml-syntax",
    'a: "\\q"\n': "1:5 yaml-syntax",
    "a: b\x00\n": "1:5 yaml-syntax",
    "a: b\u2028c\n": "1:5 yaml-syntax",
    "a: b\x85": "1:5 yaml-syntax",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_and_where(text: str) -> None:
    _, problems = parse(text.encode(), "x.yaml")
    assert [f"{each.place.line}:{each.place.column} {each.code}" for each in problems] == REFUSED[text].split(", ")


@pytest.mark.parametrize("text", [each for each in REFUSED if "%" not in each])
def test_places_are_right_in_later_documents_too(text: str) -> None:
    """Directives aside: they stand before a document."""
    _, problems = read(f"kind: X\n---\ny: '\n---\n{text}")
    shifted = [f"{4 + int(line)}:{rest}" for line, rest in (each.split(":", 1) for each in REFUSED[text].split(", "))]
    assert sorted(problems) == sorted(["3:4 yaml-syntax", *shifted])


def test_both_places_of_a_duplicate() -> None:
    _, (problem,) = parse(b"a: 1\nb:\n  c: 1\n  c: 2\n", "x.yaml")
    assert (problem.place.line, problem.also[0].line) == (4, 3)


def test_invalid_utf_8() -> None:
    assert read(b"a: caf\xe9\nb: \xff\n")[1] == ["1:7 yaml-encoding", "2:4 yaml-encoding"]
    assert read("é: ".encode() + b"\xc3\n")[1] == ["1:4 yaml-encoding"]
    assert read(bytes(range(128, 256)) * 9)[1] == ["1:1 yaml-encoding"]
    assert read("a: b".encode("utf-16"))[1][0] == "1:1 yaml-encoding"


def test_depth_is_bounded() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH)[1] == []
    assert read("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))[1] == [f"1:{MAX_DEPTH + 1} yaml-depth"]
    assert read("{a: " * 100_000)[1] == [f"1:{4 * MAX_DEPTH + 1} yaml-depth"]


def test_after_a_syntax_error_the_next_document_is_read() -> None:
    documents, problems = read("kind: A\n---\nkind: B\nkey: b\nx: [\n---\nkind: C\n---\n{kind: D, key: d, \t@}\n")
    assert problems == ["5:5 yaml-syntax", "9:20 yaml-syntax"]
    assert [each.value for each in documents] == [
        {"kind": "A"},
        {"kind": "B", "key": "b"},
        {"kind": "C"},
        {"kind": "D", "key": "d"},
    ]
    assert [each.lost for each in documents] == [False, True, False, True]


def test_errors_without_end_are_cut_short() -> None:
    documents, problems = read("---\n\t\n" * 5000)
    assert len(problems) == MAX_SYNTAX_ERRORS
    assert len(documents) == 5000


def test_gaps_are_marked() -> None:
    documents, _ = read("a: *x\n---\nb: 1\n---\n<<: {}\n")
    assert [each.gaps for each in documents] == [True, False, True]


def test_messages_are_printable() -> None:
    assert printable("a\x1b[31m\tb\u202e") == "a\\u001b[31m\tb\\u202e"


PIECES = [
    *("&a ", "*a ", "!!str ", "! ", "<<: ", "---\n", "...\n", "%YAML 1.1\n", "\t", "{", "}", "[", "]", '"', "'", "|\n"),
    *(
        ">\n",
        "? ",
        ": ",
        ":",
        "#",
        "\r",
        "\n",
        "- ",
        "\ufeff",
        "@",
        ",",
        "0777",
        ".nan",
        "22:22",
        '"\\x',
        "!<",
        "~",
        "é",
    ),
    *("  ", "key: ", "kind: Plan\n", "!a!b ", "\u2028", "\x00", "\ue000", "a?b", "%TAG ! x\n", "\\", "🙂"),
]


@settings(max_examples=400)
@given(st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
def test_nothing_makes_it_raise(given: str | bytes) -> None:
    check(given if isinstance(given, bytes) else given.encode())


def test_no_mutation_of_a_catalog_makes_it_raise() -> None:
    files = [path.read_bytes() for path in sorted((ROOT / "catalogs/northwind").rglob("*.yaml"))]
    chance = random.Random(7)
    for _ in range(400):
        data = bytearray(chance.choice(files)[:3000])
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(data) + 1)
            if chance.random() < 0.7:
                data[at:at] = chance.choice(PIECES).encode()
            else:
                del data[at : at + chance.randrange(20)]
        check(bytes(data))


def check(data: bytes) -> None:
    documents, problems = parse(data, "x.yaml")
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in problems:
        assert problem.code in CODES
        assert 1 <= problem.place.line <= len(lines)
        assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 2
    assert problems or not any(document.lost or document.gaps for document in documents)
