"""Shapes: what a body names is found by its branches as it is by its fields."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.schema.fields import kind_shapes
from reconciler.core.schema.model_walk import declarations_of
from reconciler.core.schema.references import branches_of_model, named_in
from reconciler.core.schema.rule_book import RuleBook, rule_book
from reconciler.core.workspace.load import load
from reconciler.core.workspace.references import named
from reconciler.model.documents.declarations import Ref
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.documents.source import SourceDocument
from reconciler.shell.repository.worktree import read_worktree

CATALOGS = Path(__file__).parents[2] / "catalogs"


@pytest.fixture(scope="module")
def documents() -> list[SourceDocument]:
    catalog, problems = load(read_worktree(CATALOGS)[0])
    assert catalog is not None, problems
    return [tree.documents[id] for tree in catalog.providers.values() for id in tree.documents]


def rules() -> RuleBook:
    return rule_book(frozenset(PRECONDITIONS))


def test_what_a_body_names(documents: list[SourceDocument]) -> None:
    total = 0
    for document in (each for each in documents if each.kind in kind_shapes()):
        found = named_in(document.entity.body, branches_of_model(STATE_KINDS[document.kind]))
        declared = declarations_of(STATE_KINDS[document.kind], Ref)
        places = {(ref.kind, key) for spot, ref in declared for _, key in named(document.entity.body, spot, ref)}
        assert found.keys() == places
        assert named_in(document.entity.body, rules().branches(document.kind)).keys() <= places
        total += len(found)
    assert total > 100


def test_which_fields_give_and_which_stay() -> None:
    assert [each.name for each in rules().branches("Product", "giving")] == ["group"]
    assert rules().branches("Plan", "giving") == ()
    assert [each.name for each in rules().branches("Plan", "staying")] == ["product", "service_term"]


def test_a_book_without_a_declaration_has_branches_of_its_own() -> None:
    book = rules()
    assert "plan_category" in {each.name for each in book.branches("Plan")}
    less = book.without("plan.plan_category")
    assert "plan_category" not in {each.name for each in less.branches("Plan")}
    assert "plan_category" in {each.name for each in book.branches("Plan")}
