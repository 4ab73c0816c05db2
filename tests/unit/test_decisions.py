"""Decision records: one number each, one pattern of headings, and only references to what exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
HEADINGS = ["Decision", "Why", "Weighed"]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
SOURCES = [*(ROOT / "reconciler").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
REFERENCE = re.compile(r"\bdecisions?[ /](\d{3})(-[\w-]+\.md)?", re.IGNORECASE)
"""Forms: a word and a number, or a path with the number alone or the whole name."""


def number(record: Path) -> str:
    return record.name[:3]


def test_each_has_a_number_of_its_own() -> None:
    numbers = [number(record) for record in RECORDS]
    assert len(set(numbers)) == len(numbers) > 30


@pytest.mark.parametrize("record", RECORDS, ids=number)
def test_each_has_the_same_headings(record: Path) -> None:
    text = record.read_text("utf-8")
    assert text.startswith(f"# {number(record)}: ")
    assert re.findall(r"^#+ (.*)", text, re.MULTILINE)[1:] == HEADINGS


def test_every_reference_to_a_decision_finds_it() -> None:
    known = {number(record) for record in RECORDS} | {record.name for record in RECORDS}
    found = [
        (page.relative_to(ROOT), number + (name or ""))
        for page in [*PAGES, *SOURCES]
        for number, name in REFERENCE.findall(page.read_text("utf-8"))
    ]
    assert len(found) > 20
    assert [(page, named) for page, named in found if named not in known] == []


def test_the_index_lists_each() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")
    for record in RECORDS:
        number, _, title = record.read_text("utf-8").splitlines()[0].removeprefix("# ").partition(": ")
        assert f"| [{number}]({record.name}) | {title} |\n" in index
