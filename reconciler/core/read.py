"""A file to documents: each is looked up by its kind, validated by its model, and given its generic form.

A file without a fault is read by short ways (`core.extract`). Where those refuse anything, all of the file is read by
libyaml and pydantic, and every error becomes a diagnostic at the place in the file that it is about.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, repeat

from pydantic import ValidationError

from reconciler.core.contents import FileContents, ReadContents, sort_marks
from reconciler.core.errors import diagnose
from reconciler.core.extract import Extract, Found, extract, extract_file
from reconciler.core.limits import limit_problems
from reconciler.core.parts import declared, found
from reconciler.core.shape import fields_of_model, tidy
from reconciler.core.yaml import YamlDocument, parse
from reconciler.model.diagnostics import Diagnostic, Place
from reconciler.model.documents import Document, Part
from reconciler.model.fields import Number, did_you_mean, shown
from reconciler.model.keys import EntityId
from reconciler.model.kinds import KINDS, TENANT_KINDS, WORKSPACE, WORKSPACE_KINDS
from reconciler.model.source import SourceDocument, SourceFile
from reconciler.model.sync import StateOnly


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
    """What was read from one file. ``bodies``, beside the extract of it, if nothing is wrong: both may be kept."""

    path: str
    documents: Sequence[SourceDocument]
    extract: Extract
    bodies: bytes | None = None
    faulty: tuple[Head, ...] = ()
    problems: tuple[Diagnostic, ...] = ()


def read_file(file: SourceFile) -> Reading:
    """The documents of one file of a workspace; it depends on nothing but the file, so it may be kept."""
    extracted = extract_file(file.data, file.path)
    if extracted is None:
        return _read_whole(file)
    summary, bodies = extracted
    return Reading(file.path, documents_of(file, summary, lambda: bodies), summary, bodies)


def documents_of(file: SourceFile, summary: Extract, bodies: Callable[[], bytes]) -> Sequence[SourceDocument]:
    """The documents of a file without a fault, from its extract and what reads their bodies when one is needed."""
    contents = FileContents(file, summary.lines, bodies)
    ids = map(EntityId, summary.kinds, summary.keys)
    return list(map(SourceDocument, ids, summary.lines, summary.columns, repeat(contents), count()))


def _read_whole(file: SourceFile) -> Reading:
    """The documents of a file in which something is at fault, with all that is."""
    parsed, problems = parse(file.data, file.path)
    contents = ReadContents(file.path)
    documents, faulty = [], []
    for each in parsed:
        document = None if each.lost else _read(each, contents, problems)
        if document is None or each.gaps:
            faulty.append(head_of(each))
        else:
            documents.append(document)
            problems += limit_problems(document)
    summary, _ = extract(Found(each.line, each.column, each.id, each.entity.body) for each in documents)
    return Reading(file.path, documents, summary, None, tuple(faulty), tuple(problems))


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


def _read(document: YamlDocument, contents: ReadContents, problems: list[Diagnostic]) -> SourceDocument | None:
    kind = kind_of(document, WORKSPACE_KINDS)
    if isinstance(kind, Diagnostic):
        problems.append(kind)
        return None
    model = WORKSPACE_KINDS[kind]
    validated = None
    faults = list(_state_only(document, model))
    try:
        validated = model.model_validate(document.value)
    except ValidationError as error:
        faults += diagnose(error, model, document)
    problems.extend(faults)
    return None if faults or validated is None else _source_document(document, validated, contents)


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


def _source_document(document: YamlDocument, model: Part, contents: ReadContents) -> SourceDocument:
    body = tidy(model.model_dump(exclude_none=True), fields_of_model(type(model)))
    kind = body.pop("kind")
    key = body.pop(model.own_key) if isinstance(model, Document) else ""
    sort_marks(document)
    number = contents.add(body, document.marks, model)
    return SourceDocument(EntityId(kind, key), document.place.line, document.place.column, contents, number)
