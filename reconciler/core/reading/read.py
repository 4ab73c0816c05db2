"""Turns a file into documents: each is validated by the model of its kind and given its generic form.

The fast readers (`core.reading.index`) read a valid file. If they refuse anything, libyaml and pydantic read the whole
file, and every error becomes a diagnostic at its place.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.core.reading.errors import diagnose
from reconciler.core.reading.foreign import as_foreign, may_have_documents
from reconciler.core.reading.index import Extract, FoundDocument, extract, extract_file, facts_of
from reconciler.core.reading.lazy_documents import FileContents, ReadContents, sort_marks
from reconciler.core.reading.limits import limit_problems
from reconciler.core.reading.valid_part import valid_part
from reconciler.core.reading.yaml import YamlDocument, parse
from reconciler.core.schema import declarations_of, fields_of_model, found, prune_empty
from reconciler.model.documents.catalog import Document, Part
from reconciler.model.documents.declarations import StateOnly
from reconciler.model.documents.kinds import KINDS, TENANT_KINDS, WORKSPACE, WORKSPACE_KINDS
from reconciler.model.documents.source import Contents, SourceDocument, SourceFile
from reconciler.model.values.diagnostics import Diagnostic, Place
from reconciler.model.values.field_types import Number, did_you_mean, quoted_value
from reconciler.model.values.keys import KEY, EntityId
from reconciler.model.values.quotes import quote


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a document, valid or not, so that references to an invalid document are not reported as missing.

    ``kind`` and ``key`` are empty if they could not be read. ``sure`` is false if they were guessed from broken text.
    """

    kind: str
    key: str
    place: Place
    sure: bool = True

    def may_be(self, kind: str, key: str) -> bool:
        """Whether this may be the document of a kind and key: parts that could not be read match anything."""
        kind_fits = self.kind == kind or self.kind not in WORKSPACE_KINDS
        return kind_fits and (self.key == key or not KEY.match(self.key))


@dataclass(frozen=True, slots=True)
class Reading:
    """The documents of one file.

    ``listed``: the documents of a file with an error, which may contain duplicates; of invalid documents, the valid
    part. ``faulty``: documents without a readable kind and key. ``unread``: nothing of the file could be read.
    """

    path: str
    extract: Extract
    contents: Contents
    listed: tuple[SourceDocument, ...] | None = None
    faulty: tuple[Head, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    unread: bool = False

    @property
    def documents(self) -> tuple[SourceDocument, ...]:
        """The valid documents, and the valid part of the others, in the file's order."""
        if self.listed is not None:
            return self.listed
        ids = (EntityId(kind, key) for kind, keys in self.extract.numbers.items() for key in keys)
        return tuple(sorted(map(self.document, ids), key=lambda document: document.number))

    @property
    def dated(self) -> Collection[int]:
        """The numbers of the documents with dated amounts."""
        return self.extract.dated

    def document(self, id: EntityId) -> SourceDocument:
        """The document with an identity. Raises ``KeyError``."""
        return SourceDocument(id, self.contents, self.extract.numbers[id.kind][id.key])


StoreExtract: TypeAlias = Callable[[Extract, bytes], Callable[[], bytes]]
"""Stores the extract of a valid file and the rest for `core.reading.lazy_documents`; returns a reader of that rest."""


def read_file(file: SourceFile, keep: StoreExtract = lambda _, rest: lambda: rest) -> Reading:
    """The documents of one file of a workspace. The result depends only on the file, so it may be cached."""
    found = extract_file(file.data, file.path)
    if found is None:
        return _read_whole(file)
    contents = FileContents(file, keep(found.extract, found.rest), found.extract.dated, found.bodies)
    return Reading(file.path, found.extract, contents)


def from_extract(file: SourceFile, summary: Extract, rest: Callable[[], bytes]) -> Reading:
    """The documents of a file whose extract was cached; ``rest`` reads the rest that was cached with it."""
    return Reading(file.path, summary, FileContents(file, rest, summary.dated))


def _read_whole(file: SourceFile) -> Reading:
    """The documents of a file with an error, and all its problems."""
    parsed, problems = parse(file.data, file.path)
    contents = ReadContents()
    documents, faulty = [], []
    for each in parsed:
        sound = None if each.lost else _validated(each, problems)
        if sound is None:
            faulty.append(head_of(each))
        else:
            documents.append(_source_document(*sound, contents))
            problems += limit_problems(documents[-1])
    if problems and not may_have_documents(file, parsed):
        problem = as_foreign(file.path, problems)
        return Reading(file.path, extract(()), contents, (), (Head("", "", problem.place),), (problem,))
    found = ((each.id, each.entity.body) for each in documents)
    summary = extract(FoundDocument(0, 0, id, body, [facts_of(id, body)]) for id, body in found)
    unread = not parsed and bool(problems)
    return Reading(file.path, summary, contents, tuple(documents), tuple(faulty), tuple(problems), unread)


def head_of(document: YamlDocument) -> Head:
    """The kind and key of a document, as far as they can be read."""
    value = document.value if isinstance(document.value, dict) else {}
    kind = value.get("kind")
    kind = kind if isinstance(kind, str) else ""
    key = value.get(KINDS[kind].own_key if kind in KINDS else "key")
    key = key.text if isinstance(key, Number) else key
    return Head(kind, key if isinstance(key, str) else "", document.place, not document.lost)


def kind_of(document: YamlDocument, known: Mapping[str, type[Part]]) -> str | Diagnostic:
    """A document's kind, or a diagnostic if it is not one of the known kinds."""
    place, value = document.place, document.value
    if not isinstance(value, dict):
        return Diagnostic(place, "document-shape", f"a document is a map with a kind, not {quoted_value(value)}")
    if "kind" not in value:
        return Diagnostic(place, "document-shape", "the document has no kind", "add a line such as kind: Plan")
    kind = value["kind"]
    if isinstance(kind, str) and kind in known:
        return kind
    place = document.place_of(("kind",))
    if not isinstance(kind, str):
        return Diagnostic(place, "wrong-type", f"kind: expected a string, found {quoted_value(kind)}")
    return Diagnostic(place, "unknown-kind", f"there is no kind {quote(kind)}", _kind_hint(kind, known))


def _kind_hint(kind: str, known: Mapping[str, type[Part]]) -> str:
    if kind in TENANT_KINDS:
        return f"a {kind} stands in a tenant's state, not in a catalog: `reconcile tenant import` takes it"
    if kind in KINDS or kind == WORKSPACE:
        return f"a {kind} stands in the workspace, not in a tenant's state"
    return did_you_mean(kind, known)


def _validated(document: YamlDocument, problems: list[Diagnostic]) -> tuple[YamlDocument, Part] | None:
    """A document, or the valid part of it, with its model; ``None`` if kind or key cannot be read."""
    kind = kind_of(document, WORKSPACE_KINDS)
    if isinstance(kind, Diagnostic):
        problems.append(kind)
        return None
    model = WORKSPACE_KINDS[kind]
    problems += _state_only(document, model)
    sound = valid_part(document, model)
    problems += diagnose(sound.faults, model, document)
    return (sound.document, sound.model) if sound.document and sound.model else None


def _state_only(document: YamlDocument, model: type[Part]) -> Iterator[Diagnostic]:
    """Problems for values that only a tenant's state may hold."""
    for spot, only in declarations_of(model, StateOnly):
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
    kind = document.value["kind"]
    body = prune_empty(model.model_dump(exclude_none=True), fields_of_model(WORKSPACE_KINDS[kind]))
    del body["kind"]
    key = body.pop(model.own_key) if isinstance(model, Document) else ""
    sort_marks(document)
    number = contents.add(document.place, body, document.marks, model)
    return SourceDocument(EntityId(kind, key), contents, number)
