"""Shapes: the references of a body are found by the walk over it as by the models' declarations."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.schema.body_walk import Nodes
from reconciler.core.schema.fields import FieldShape, is_locked, kind_shapes, shared_if_same
from reconciler.core.schema.model_walk import declarations_of, found
from reconciler.core.schema.references import located_in, named_in, reference_nodes_of_model, referencing_fields
from reconciler.core.schema.rule_book import RuleBook, rule_book
from reconciler.core.workspace.load import load
from reconciler.model.documents.declarations import Ref, ResellerOwned, Synced
from reconciler.model.documents.kinds import WORKSPACE_KINDS
from reconciler.model.documents.source import SourceDocument
from reconciler.model.values.plain_values import Body, Path, Value
from reconciler.shell.repository.worktree import read_worktree

CATALOGS = pathlib.Path(__file__).parents[2] / "catalogs"


@pytest.fixture(scope="module")
def documents() -> list[SourceDocument]:
    catalog, problems = load(read_worktree(CATALOGS)[0])
    assert catalog is not None, problems
    listed = [tree.documents[id] for tree in catalog.providers.values() for id in tree.documents]
    return [*listed, *catalog.policies.values()]


def rules() -> RuleBook:
    return rule_book(frozenset(PRECONDITIONS))


def declared_references(body: Body, kind: str) -> set[tuple[tuple[Any, ...], str, str]]:
    """The path, kind and key of every reference, by the metadata of the model at every depth."""
    places = set()
    for place, ref in declarations_of(WORKSPACE_KINDS[kind], Ref):
        for path, value in found(body, place.pattern):
            if isinstance(value, str):
                places.add((path, ref.kind, value))
            elif isinstance(value, list):
                places |= {((*path, number), ref.kind, key) for number, key in enumerate(value)}
            else:
                places |= {
                    ((*path, name), ref.kind, key if ref.at == "values" else name) for name, key in value.items()
                }
    return places


def test_what_a_body_references(documents: list[SourceDocument]) -> None:
    total = 0
    for document in documents:
        body, kind = document.entity.body, document.kind
        places = declared_references(body, kind)
        walked = located_in(body, referencing_fields(WORKSPACE_KINDS[kind]))
        assert {(path, field.ref.kind, key) for path, field, key in walked if field.ref} == places
        keys = {(kind, key) for _, kind, key in places}
        assert named_in(body, reference_nodes_of_model(WORKSPACE_KINDS[kind])).keys() == keys
        if kind in kind_shapes():
            assert named_in(body, rules().reference_nodes(kind)).keys() <= keys
        total += len(places)
    assert total > 100


def test_every_declared_reference_has_a_node() -> None:
    """Also those of fields that no example fills."""

    def walked(nodes: Nodes[FieldShape]) -> Iterator[Path]:
        for node in nodes:
            if node.what:
                yield node.what.path
            yield from walked(node.inside or ())

    for model in WORKSPACE_KINDS.values():
        declared = sorted(place.pattern for place, _ in declarations_of(model, Ref))
        assert sorted(walked(referencing_fields(model))) == declared


def test_which_fields_give_and_which_stay() -> None:
    assert [each.name for each in rules().reference_nodes("Product", "giving")] == ["group"]
    assert rules().reference_nodes("Plan", "giving") == ()
    assert [each.name for each in rules().reference_nodes("Plan", "staying")] == ["product", "service_term"]


def test_a_book_without_a_declaration_has_nodes_of_its_own() -> None:
    book = rules()
    assert "plan_category" in {each.name for each in book.reference_nodes("Plan")}
    less = book.without("plan.plan_category")
    assert "plan_category" not in {each.name for each in less.reference_nodes("Plan")}
    assert "plan_category" in {each.name for each in book.reference_nodes("Plan")}


OWN, SYNCED, FREE = (
    ResellerOwned("SUB-14"),
    Synced(("subscriptions.mirror",), "SUB-10"),
    Synced((), "SUB-13", until_edited=True),
)


def shape(name: str, type_: str, declared: Any = None, *fields: FieldShape) -> FieldShape:
    return FieldShape(name, (name,), type_, None, declared, fields=fields)


LOCKABLE = (
    shape("own", "text", OWN),
    shape("synced", "text", SYNCED),
    shape("free", "text", FREE),
    shape("undeclared", "text"),
    shape("parts", "struct", None, shape("own", "text", OWN), shape("synced", "text", SYNCED)),
    shape("lines", "items", None, shape("own", "text", OWN), shape("synced", "text", SYNCED)),
)


@pytest.mark.parametrize(
    ("path", "locked"),
    [
        (("own",), False),
        (("synced",), True),
        (("free",), False),
        (("undeclared",), True),
        (("nothing",), True),
        (("labels",), False),
        (("labels", "segment"), False),
        (("parts",), True),
        (("parts", "own"), False),
        (("parts", "synced"), True),
        (("parts", "nothing"), True),
        (("lines",), True),
        (("lines", "a"), True),
        (("lines", "a", "own"), False),
        (("lines", "a", "synced"), True),
        (("lines", "own", "synced"), True),
        (("lines", "synced", "own"), False),
    ],
)
def test_which_fields_of_a_mirror_are_locked(path: Path, locked: bool) -> None:
    """Those inside a structure or an item by their own declaration; what is not declared, and a whole, always."""
    fields = (*LOCKABLE, shape("labels", "map"))
    assert is_locked(fields, path) is locked


def test_an_equal_body_is_shared_and_no_other() -> None:
    inner: dict[str, Value] = {"P1M": {}}
    none: dict[str, Value] = {}
    given: dict[str, Value] = {"name": "A", "periods": inner}
    assert shared_if_same({"name": given["name"], "periods": inner}, given) is given
    assert shared_if_same({}, none) is none
    for made in (
        {"name": "A"},
        {"name": "A", "periods": inner, "status": "active"},
        {"name": "B", "periods": inner},
        {"name": "A", "periods": {"P1M": {}}},
        {"name": "A", "status": inner},
        {"other": "A", "periods": inner},
    ):
        assert shared_if_same(made, given) is made
