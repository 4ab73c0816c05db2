"""Numbers of things: one function chooses between singular and plural, and no expected output says ``1 entries``.

The runner of commands (`tests/cli/runner.py`) looks at everything that they print, in the same way.
"""

import re
from html import unescape
from pathlib import Path

import pytest

from reconciler.model.values.counts import counted
from reconciler.report.words import GUARDS, guard_words
from tests.wording import wrong_numbers

ROOT = Path(__file__).parents[2]
EXPECTED = sorted(
    file
    for folder, pattern in (("tests", "expected*.txt"), ("tests", "goldens/*"), ("docs", "*.md"), ("", "README.md"))
    for file in (ROOT / folder).rglob(pattern)
    if ".venv" not in file.parts and file.suffix in (".txt", ".md", ".html")
)
_BY_HAND = re.compile(r"""1[^\n]{0,20} else ["']e?s["']|["']e?s["'] if [^\n]{0,40}1\b""")


def test_a_number_has_the_form_of_its_noun() -> None:
    assert [counted(number, "entry", "entries") for number in (0, 1, 2, 1000)] == [
        "0 entries",
        "1 entry",
        "2 entries",
        "1,000 entries",
    ]


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("limit", ["0", "1", "2", "1%", "true"])
def test_a_limit_of_one_is_singular(guard: str, limit: str) -> None:
    sentence, few = guard_words(guard, limit)
    assert not [*wrong_numbers(sentence), *wrong_numbers(few)]
    assert "{" not in sentence + few


def test_no_expected_output_counts_one_as_many() -> None:
    assert len(EXPECTED) > 200
    found = []
    for file in EXPECTED:
        text = file.read_text("utf-8")
        shown = unescape(re.sub(r"<[^>]*>", "", text)) if file.suffix == ".html" else text
        found += [f"{file.relative_to(ROOT)}: {each}" for each in wrong_numbers(shown)]
    assert not found, "\n".join(found)


def test_no_code_forms_a_plural_by_hand() -> None:
    """`counted` does; `kind_count` and `kind_text` call it."""
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in sorted((ROOT / "reconciler").rglob("*.py"))
        for match in _BY_HAND.finditer(file.read_text("utf-8"))
        if file.name not in ("counts.py", "surroundings.py")  # which says `line 3` or `lines 3, 7`: no number of them
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("1 entries", ["1 entries"]),
        ("in 1 tenants.", ["1 tenants"]),
        ("and 1 more changes", ["1 more changes"]),
        ("2 field(s)", ["field(s)"]),
        ("1 is blocked, 1 gets a part", []),
        ("11 entries, 0.1 entries, v1 fields, 2026-12-1 times", []),
    ],
)
def test_the_check_finds_them(text: str, wrong: list[str]) -> None:
    assert list(wrong_numbers(text)) == wrong
