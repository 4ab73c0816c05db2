"""A file to documents: each is looked up by its kind, validated by its model, and given its generic form.

Every error of pydantic becomes a diagnostic at the place in the file that it is about.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError

from reconciler.core.errors import diagnose
from reconciler.core.parts import declared, found, matches
from reconciler.core.shape import fields_of_model, tidy
from reconciler.core.yaml import YamlDocument, parse
from reconciler.model.diagnostics import Diagnostic, Place
from reconciler.model.documents import Document, Part
from reconciler.model.entity import Entity
from reconciler.model.fields import Leaf, Number, did_you_mean, shown
from reconciler.model.keys import EntityId
from reconciler.model.kinds import CATALOG_KINDS, KINDS, STEERING_KINDS, TENANT_KINDS, WORKSPACE
from reconciler.model.policy import Workspace
from reconciler.model.source import Mark, SourceDocument, SourceFile
from reconciler.model.sync import StateOnly
from reconciler.model.values import Path

_MODELS: Mapping[str, type[Part]] = {WORKSPACE: Workspace, **CATALOG_KINDS, **STEERING_KINDS}


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a document, well formed or not: one that is at fault is not missing as well.

    ``kind`` and ``key`` are empty where they could not be read; ``sure`` unless they are what a broken text suggests.
    """

    kind: str
    key: str
    place: Place
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from one file."""

    path: str
    documents: tuple[SourceDocument, ...]
    faulty: tuple[Head, ...]
    problems: tuple[Diagnostic, ...]


def read_file(file: SourceFile) -> Reading:
    """The documents of one file of a workspace; it depends on nothing but the file, so it may be kept."""
    parsed, problems = parse(file.data, file.path)
    documents, faulty = [], []
    for each in parsed:
        document = None if each.lost else _read(each, problems)
        if document is None or each.gaps:
            faulty.append(head_of(each))
        else:
            documents.append(document)
    return Reading(file.path, tuple(documents), tuple(faulty), tuple(problems))


def head_of(document: YamlDocument) -> Head:
    """The kind and key of a document, as far as they can be read."""
    value = document.value if isinstance(document.value, dict) else {}
    kind = value.get("kind")
    kind = kind if isinstance(kind, str) else ""
    key = value.get(KINDS[kind].own_key if kind in KINDS else "key")
    key = key.text if isinstance(key, Number) else key
    return Head(kind, key if isinstance(key, str) else "", document.place, not document.lost)


def kind_of(document: YamlDocument, known: Mapping[str, type[Part]]) -> str | Diagnostic:
    """A document's kind, or why it has none of the known ones."""
    place, value = document.place, document.value
    if not isinstance(value, dict):
        return Diagnostic(place, "document-shape", f"a document is a map with a kind, not {shown(value)}")
    if "kind" not in value:
        return Diagnostic(place, "document-shape", "the document has no kind", "add a line such as kind: Plan")
    kind = value["kind"]
    if isinstance(kind, str) and kind in known:
        return kind
    place = document.place_of(("kind",))
    if not isinstance(kind, str):
        return Diagnostic(place, "wrong-type", f"kind: expected a string, found {shown(kind)}")
    return Diagnostic(place, "unknown-kind", f'there is no kind "{kind}"', _kind_hint(kind, known))


def _kind_hint(kind: str, known: Mapping[str, type[Part]]) -> str:
    if kind in TENANT_KINDS:
        return f"a {kind} stands in a tenant's state, not in a catalog: `reconcile tenant import` takes it"
    if kind in KINDS or kind == WORKSPACE:
        return f"a {kind} stands in the workspace, not in a tenant's state"
    return did_you_mean(kind, known)


def _read(document: YamlDocument, problems: list[Diagnostic]) -> SourceDocument | None:
    kind = kind_of(document, _MODELS)
    if isinstance(kind, Diagnostic):
        problems.append(kind)
        return None
    model = _MODELS[kind]
    validated = None
    faults = list(_state_only(document, model))
    try:
        validated = model.model_validate(document.value)
    except ValidationError as error:
        faults += diagnose(error, model, document)
    problems.extend(faults)
    return None if faults or validated is None else _source_document(document, kind, validated)


def _state_only(document: YamlDocument, model: type[Part]) -> Iterator[Diagnostic]:
    """What only a tenant's state may hold."""
    for spot, only in declared(model, StateOnly):
        for path, value in found(document.value, spot.pattern):
            name = spot.pattern[-1]
            if not only.values:
                hint = "it is part of a tenant's state; remove it"
                summary = f'"{name}" does not stand in a catalog'
                yield Diagnostic(document.place_of(path, key=True), "unknown-field", summary, hint)
            elif value in only.values:
                summary = f'{name}: "{value}" does not stand in a catalog'
                yield Diagnostic(document.place_of(path), "bad-value", summary, "only a tenant's copy has it")


def _source_document(document: YamlDocument, kind: str, model: Part) -> SourceDocument:
    own_key = model.own_key if isinstance(model, Document) else None
    body = tidy(model.model_dump(exclude_none=True), fields_of_model(type(model)))
    del body["kind"]
    key = body.pop(own_key) if own_key else ""
    marks = document.marks
    assert isinstance(marks, dict)
    for path, inside in _long_lists(marks, ()):
        _sort_marks(document.value, path, inside, _sorted_patterns(type(model)))
    return SourceDocument(kind, key, document.place, marks, model, Entity(EntityId(kind, key), body))


def _long_lists(marks: dict[str, Mark], path: Path) -> Iterator[tuple[Path, list[Mark]]]:
    """The lists of more than one item, with their paths."""
    for step, mark in marks.items():
        inside = mark.inside
        if isinstance(inside, dict):
            yield from _long_lists(inside, (*path, step))
        elif inside is not None and len(inside) > 1:
            yield (*path, step), inside


@cache
def _sorted_patterns(model: type[Part]) -> tuple[Path, ...]:
    """Where sets and dated amounts stand: their items are sorted in the body."""
    return tuple(spot.pattern for spot, leaf in declared(model, Leaf) if leaf.type in ("set", "amount"))


def _sort_marks(value: Any, path: Path, marks: list[Mark], patterns: tuple[Path, ...]) -> None:
    """Bring the marks of a list into the order that its items have in the body."""
    short = (*path, "include")
    if not any(matches(path, pattern) or matches(short, pattern) for pattern in patterns):
        return
    for step in path:
        value = value[step]
    keys = [item["from"] if isinstance(item, dict) else item for item in value]
    marks[:] = [marks[index] for index in sorted(range(len(keys)), key=keys.__getitem__)]
