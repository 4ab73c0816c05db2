"""Documents as they were read, with the place of every field, and all documents of a workspace."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

from reconciler.model.documents.catalog import Part
from reconciler.model.values.diagnostics import Place
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path

UTC = "UTC"
"""The time zone of a provider that names none."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the workspace: its path relative to the workspace's root, with ``/``, and its bytes.

    ``content`` may be a function that reads the bytes on demand. ``name``: git's name for them (the id of the blob), if
    known: files with the same name have the same bytes.
    """

    path: str
    content: bytes | Callable[[], bytes] = field(repr=False)
    name: str = ""

    @property
    def data(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content()


class SourceMark(NamedTuple):
    """The place of a map's item: its key (for an item of a list, the item) and its value, counted from 1."""

    key_line: int
    key_column: int
    line: int
    column: int
    inside: "Marks"


Marks: TypeAlias = "dict[str, SourceMark] | list[SourceMark] | None"
"""The places inside a map or list, parallel to its values; ``None`` for a scalar."""


class Contents(Protocol):
    """The documents of a file, read on demand: each by its number, from 0.

    ``marks`` are in the order of the body's lists; ``model`` is the validated document. ``dated``: the numbers of the
    documents that may have dated amounts.
    """

    @property
    def dated(self) -> Collection[int]: ...

    def place(self, number: int) -> Place: ...

    def body(self, number: int) -> Body: ...

    def marks(self, number: int) -> Marks: ...

    def model(self, number: int) -> Part: ...

    def forget(self, number: int) -> None:
        """Releases what can be read again of a document."""


class SourceDocument(NamedTuple):
    """A document that was read and is valid. A catalog has very many, and few of them are read in full.

    ``entity``: its generic form, defaults filled in, without origin. ``key``: the reseller's for a SyncPolicy, empty
    for a Workspace.
    """

    id: EntityId
    contents: Contents
    number: int

    @property
    def kind(self) -> str:
        return self.id.kind

    @property
    def key(self) -> str:
        return self.id.key

    @property
    def place(self) -> Place:
        return self.contents.place(self.number)

    @property
    def entity(self) -> Entity:
        return Entity(self.id, self.contents.body(self.number))

    @property
    def model(self) -> Part:
        return self.contents.model(self.number)

    @property
    def dated(self) -> bool:
        """Whether it may have dated amounts."""
        return self.number in self.contents.dated

    def forget(self) -> None:
        """Releases what was read of it; it is read again on demand. The other documents of its file stay."""
        self.contents.forget(self.number)

    def place_of(self, path: Path | tuple[Any, ...], *, key: bool = False) -> Place:
        """The place of a field's value (with ``key``: of its key), or of the nearest enclosing value that exists."""
        mark = mark_at(self.contents.marks(self.number), path)
        if mark is None:
            return self.place
        line, column = (mark.key_line, mark.key_column) if key else (mark.line, mark.column)
        return Place(self.place.file, line, column)


def mark_at(marks: Marks, path: Iterable[object]) -> SourceMark | None:
    """The mark of the last existing step of a path; ``None`` if the first does not exist.

    A list may be short for ``{include: [...]}`` (`policy.Plans`): in a list, steps by name are skipped.
    """
    found: SourceMark | None = None
    for step in path:
        mark: SourceMark | None = None
        if isinstance(marks, dict):
            mark = marks.get(str(step))
        elif isinstance(marks, list):
            if isinstance(step, str):
                continue
            mark = marks[step] if isinstance(step, int) and step < len(marks) else None
        if mark is None:
            break
        found, marks = mark, mark.inside
    return found


class DocumentFile(Protocol):
    """A file that was read, as a source of documents. ``dated``: the numbers of those that may have dated amounts."""

    @property
    def dated(self) -> Collection[int]: ...

    def document(self, id: EntityId) -> SourceDocument: ...


class Documents(Mapping[EntityId, SourceDocument]):
    """Documents by identity, created on demand, in the order of kind and key."""

    def __init__(self, files_by_key: Mapping[str, Mapping[str, DocumentFile]]) -> None:
        """``files_by_key``: by kind and key."""
        self._shelves = files_by_key

    def __getitem__(self, id: EntityId) -> SourceDocument:
        return self._shelves[id.kind][id.key].document(id)

    def __contains__(self, id: object) -> bool:
        return isinstance(id, EntityId) and id.key in self._shelves.get(id.kind, ())

    def __iter__(self) -> Iterator[EntityId]:
        return (EntityId(kind, key) for kind in sorted(self._shelves) for key in sorted(self._shelves[kind]))

    def __len__(self) -> int:
        return sum(map(len, self._shelves.values()))

    def keys_of(self, kind: str) -> Collection[str]:
        """The keys of a kind, in no order."""
        return self._shelves.get(kind, {}).keys()

    def of(self, kind: str) -> Iterator[SourceDocument]:
        """The documents of a kind, by key."""
        return (self[EntityId(kind, key)] for key in sorted(self.keys_of(kind)))

    def dated(self, kind: str) -> Iterator[EntityId]:
        """The documents of a kind that may have dated amounts, in no order."""
        ids = (EntityId(kind, key) for key, shelf in self._shelves.get(kind, {}).items() if shelf.dated)
        return (id for id in ids if self[id].dated)


@dataclass(frozen=True, slots=True)
class ProviderTree:
    """All documents of one provider: its catalog and templates by identity. Policies are in the `Catalog`.

    ``renames``: the former keys that they declare (AP-21).
    """

    provider: SourceDocument
    documents: Documents
    renames: Mapping[EntityId, tuple[EntityId, ...]]

    @property
    def key(self) -> str:
        return self.provider.key

    @property
    def time_zone(self) -> str:
        """The IANA name of the time zone that decides the days of the provider and of all tenants below (DATE-01)."""
        return self.provider.entity.body.get("time_zone") or UTC


@dataclass(frozen=True, slots=True)
class Catalog:
    """A whole workspace: its providers, and every reseller's policy with its provider.

    ``digest``: of all documents that were read; the plan contains it. ``store``: the workspace's default.
    ``upstream_of``: the provider or reseller above each reseller. ``stores``: for tenants that name their own store or
    token variable, both, so that their documents need not be read for it.
    """

    store: str
    providers: Mapping[str, ProviderTree]
    policies: Mapping[str, SourceDocument]
    provider_of: Mapping[str, str]
    upstream_of: Mapping[str, str]
    stores: Mapping[str, tuple[str | None, str | None]]
    digest: str
