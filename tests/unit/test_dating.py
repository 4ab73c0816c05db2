"""Which documents hold amounts that depend on the day: told by their file, without looking into them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reconciler.core.reading.read import read_file
from reconciler.core.schema.effective_amounts import dated_fields, effective, is_dated
from reconciler.core.workspace.load import load
from reconciler.model.documents.source import SourceFile
from reconciler.shell.repository.worktree import read_worktree

CATALOGS = Path(__file__).parents[2] / "catalogs"
DATED = "[{from: 2026-01-01, amount: 6}, {from: 2027-01-01, amount: 7}]"
PLAN = "kind: Plan\nkey: a\nproduct: p\nplan_category: c\nservice_term: t\n"


@pytest.mark.parametrize(
    ("more", "dated"),
    [
        ("", False),
        ("periods:\n  P1M: {fees: {recurring: 6}}\n", False),
        (f"periods:\n  P1M: {{fees: {{recurring: {DATED}}}}}\n", True),
        (f"resources:\n  seat: {{prices: {{recurring: 6, setup: {DATED}}}}}\n", True),
        ("resources:\n  seat: {limits: {maximum: 6}}\n  vm:\n    prices:\n      setup: &a 5\n", None),
        ("name: [\n", None),
    ],
)
def test_a_dated_amount_anywhere(more: str, dated: bool | None) -> None:
    text = f"{PLAN}{more}---\n{PLAN.replace('key: a', 'key: b')}"
    documents = read_file(SourceFile("x.yaml", text.encode())).documents
    if dated is not None:
        assert [each.dated for each in documents] == [dated, False]
    undated = [each.entity for each in documents if not each.dated]
    assert [each for each in undated if effective(each, date(2026, 7, 1)) is not each] == []


def test_the_bundled_catalogs() -> None:
    catalog, problems = load(read_worktree(CATALOGS)[0])
    assert catalog is not None, problems
    seen = set()
    for tree in catalog.providers.values():
        for document in tree.documents.values():
            entity = document.entity
            changes = effective(entity, date(2026, 12, 1)) is not entity
            assert document.dated == changes == is_dated(document.kind, entity.body)
            assert (document.id in set(tree.documents.dated(document.kind))) == document.dated
            seen.add(document.dated)
    assert False in seen


def test_which_fields_may_hold_them() -> None:
    assert dated_fields("Plan") == {"periods", "resources"}
    assert dated_fields("SyncPolicy") == frozenset()
