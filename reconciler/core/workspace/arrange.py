"""Arranges a workspace: its own document, a tree of documents per provider, and duplicates."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.reading import Head, Reading
from reconciler.model.documents.kinds import CATALOG_KINDS, KINDS, PROVIDER, SYNC_POLICY, WORKSPACE, WORKSPACE_KINDS
from reconciler.model.documents.source import SourceDocument
from reconciler.model.values.diagnostics import Diagnostic, Place
from reconciler.model.values.keys import EntityId, snake

WORKSPACE_FILE = "reconcile.yaml"
NOT_CHECKED = "not-checked"


def not_checked(place: Place) -> Diagnostic:
    """A check that could not be made because of a problem at a place; `load` reports how many there were."""
    return Diagnostic(place, NOT_CHECKED, "a check was not made because of what is wrong here", severity="warning")


@dataclass(frozen=True)
class Tree:
    """The documents below one provider's folder. ``provider`` is ``None`` if its own document cannot be read.

    ``unread``: files and folders that could not be read and may hold further documents.
    """

    folder: str
    head: Head
    provider: SourceDocument | None
    readings: Sequence[Reading]
    unread: Sequence[Place] = ()

    @cached_property
    def shelves(self) -> Mapping[str, Mapping[str, Reading]]:
        """The readings of the valid documents, by kind and key."""
        found: dict[str, dict[str, Reading]] = {}
        for reading in self.readings:
            for kind, numbers in reading.extract.numbers.items():
                found.setdefault(kind, {}).update(dict.fromkeys(numbers, reading))
        return found

    def of(self, kind: str) -> list[SourceDocument]:
        """The documents of a kind, by file; of duplicates, the last."""
        return [reading.document(EntityId(kind, key)) for key, reading in self.shelves.get(kind, {}).items()]

    def heads(self) -> Iterator[Head]:
        """The heads of all documents, invalid ones too."""
        return (head for reading in self.readings for head in _heads(reading))

    def steering_heads(self) -> Iterator[Head]:
        """The heads in files that hold documents other than a catalog's."""
        return (head for reading in self.readings if _steers(reading) for head in _heads(reading))

    def without_twins(self) -> bool:
        """Whether it is certain that no two documents have the same kind and key: none is invalid."""
        if any(reading.listed is not None for reading in self.readings):
            return False
        return sum(map(len, self.shelves.values())) == sum(len(reading.extract.digests) for reading in self.readings)

    def keys(self, kind: str) -> Collection[str]:
        """The keys of all documents of a kind, invalid ones too; for kind ``""``, of documents without a
        readable kind.
        """
        faulty = self._faulty_keys.get(kind)
        return {*self.shelves.get(kind, ()), *faulty} if faulty else self.shelves.get(kind, {}).keys()

    @cached_property
    def _faulty_keys(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for head in (head for reading in self.readings for head in reading.faulty):
            found.setdefault(head.kind, set()).add(head.key)
        return found

    def has(self, kind: str, key: str) -> bool:
        """Whether a document exists, valid or not."""
        return key in self.shelves.get(kind, ()) or key in self._faulty_keys.get(kind, ())

    def may_hide(self, kind: str, key: str) -> Place | None:
        """Where a document may be hidden in a file that could not be read; ``None`` if nowhere."""
        heads = (head.place for reading in self.readings for head in reading.faulty if head.may_be(kind, key))
        return next((*self.unread, *heads).__iter__(), None)

    def moved(self) -> Iterator[tuple[SourceDocument, list[str]]]:
        """The documents that declare former keys, with these keys (AP-21)."""
        for reading in self.readings:
            for kind, key, olds in reading.extract.moved:
                yield reading.document(EntityId(kind, key)), olds

    def digests(self) -> Iterator[str]:
        """The digests of all documents, the provider's included."""
        for reading in self.readings:
            own = set(reading.extract.numbers.get(WORKSPACE, {}).values())
            digests = reading.extract.digests
            yield from (each for number, each in enumerate(digests) if number not in own) if own else digests


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A workspace's documents in their trees, and the problems with that.

    ``steering``: the valid documents in files that hold documents other than a catalog's.
    """

    workspace: SourceDocument | None
    trees: tuple[Tree, ...]
    problems: tuple[Diagnostic, ...]
    steering: tuple[SourceDocument, ...]


def arrange(readings: Sequence[Reading], unread: Iterable[Place] = ()) -> Arrangement:
    """Sorts the documents of a workspace's files into trees. ``readings`` are in the order of their paths.

    ``unread``: the files and folders that could not be read.
    """
    unread = sorted({*unread, *(Place(reading.path, 1) for reading in readings if reading.unread)})
    steering = [reading for reading in readings if _steers(reading)]
    heads = [head for reading in steering for head in _heads(reading)]
    documents = tuple(document for reading in steering for document in reading.documents)
    providers = [head for head in heads if head.kind == PROVIDER]
    roots = {_folder(head.place.file): head for head in reversed(providers)}
    trees = tuple(_trees(readings, roots, unread))
    hidden = [*unread, *(head.place for head in heads if head.kind not in WORKSPACE_KINDS)]
    problems = [
        *_workspace_problems(heads, hidden),
        *_provider_problems(providers, roots),
        *_outsiders(readings, roots, hidden),
        *_twins(trees),
        *_tenant_twins(trees, providers),
    ]
    workspace = next((document for document in documents if document.kind == WORKSPACE), None)
    return Arrangement(workspace, trees, tuple(problems), documents)


def words(kind: str) -> str:
    """A kind as a message names it: ``plan category``."""
    return "policy" if kind == SYNC_POLICY else snake(kind).replace("_", " ")


def _steers(reading: Reading) -> bool:
    """Whether a file holds, or may hold, documents other than a catalog's."""
    return not CATALOG_KINDS.keys() >= {*reading.extract.numbers, *(head.kind for head in reading.faulty)}


def _heads(reading: Reading) -> list[Head]:
    """The heads of all documents of a file, in their order."""
    whole = (Head(document.kind, document.key, document.place) for document in reading.documents)
    return sorted((*whole, *reading.faulty), key=lambda head: head.place)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _root_of(folder: str, roots: Mapping[str, Head]) -> str | None:
    """The provider's folder that a folder belongs to: the nearest at or above it."""
    while folder not in roots:
        if not folder:
            return None
        folder = _folder(folder)
    return folder


def _trees(readings: Iterable[Reading], roots: Mapping[str, Head], unread: Sequence[Place]) -> Iterator[Tree]:
    mine: dict[str | None, list[Reading]] = {}
    for reading in readings:
        mine.setdefault(_root_of(_folder(reading.path), roots), []).append(reading)
    for folder, root in sorted(roots.items()):
        documents = (document for reading in mine[folder] for document in reading.documents)
        providers = (document for document in documents if document.kind == PROVIDER)
        provider = next((each for each in providers if each.place == root.place), None)
        here = [place for place in unread if _root_of(_folder(place.file), roots) == folder]
        yield Tree(folder, root, provider, mine[folder], here)


def _workspace_problems(heads: Iterable[Head], hidden: Iterable[Place]) -> Iterator[Diagnostic]:
    workspaces = [head for head in heads if head.kind == WORKSPACE]
    rightful = [head for head in workspaces if head.place.file == WORKSPACE_FILE]
    for head in workspaces:
        if head.place.file != WORKSPACE_FILE:
            summary = f"the workspace's document stands in {WORKSPACE_FILE} at its root"
            yield Diagnostic(head.place, "workspace", summary, "remove this one")
    for head in rightful[1:]:
        also = (rightful[0].place,)
        yield Diagnostic(head.place, "workspace", "a workspace has one document of its own", "remove one", also)
    unsure = next((place for place in hidden if place.file == WORKSPACE_FILE), None)
    if not rightful and unsure:
        yield not_checked(unsure)
    elif not rightful:
        hint = "begin it with kind: Workspace and version: 1"
        yield Diagnostic(Place(WORKSPACE_FILE, 1), "workspace", f"{WORKSPACE_FILE} has no Workspace document", hint)


def _provider_problems(providers: Iterable[Head], roots: Mapping[str, Head]) -> Iterator[Diagnostic]:
    for head in providers:
        folder = _folder(head.place.file)
        root = roots[folder]
        above = _root_of(_folder(folder), roots) if folder else None
        if root.place != head.place:
            summary = f'the folder has two providers, "{root.key}" and "{head.key}"'
            yield Diagnostic(head.place, "nested-provider", summary, "give each a folder of its own", (root.place,))
        elif above is not None:
            summary = f'provider "{head.key}" is inside the folder of provider "{roots[above].key}"'
            hint = "give each a folder of its own, side by side"
            yield Diagnostic(head.place, "nested-provider", summary, hint, (roots[above].place,))


def _outsiders(readings: Iterable[Reading], roots: Mapping[str, Head], hidden: Sequence[Place]) -> Iterator[Diagnostic]:
    """Problems for documents that belong to no provider. ``hidden``: unread files that may hold a provider."""
    outside = (reading for reading in readings if _root_of(_folder(reading.path), roots) is None)
    for head in (head for reading in outside for head in _heads(reading)):
        if head.kind not in KINDS or not head.sure:
            continue
        unsure = next((place for place in hidden if _is_below(head.place.file, _folder(place.file))), None)
        if unsure:
            yield not_checked(unsure)
        else:
            summary = f'{words(head.kind)} "{head.key}" belongs to no provider'
            hint = "move it into the folder of a Provider document, or below"
            yield Diagnostic(head.place, "outside-provider", summary, hint)


def _twins(trees: Iterable[Tree]) -> Iterator[Diagnostic]:
    """Problems for documents of the same kind and key within a tree."""
    for tree in trees:
        if tree.without_twins():
            continue
        first: dict[tuple[str, str], Head] = {}
        for head in tree.heads():
            if not head.sure or not head.key or head.kind not in KINDS or head.kind == PROVIDER:
                continue
            other = first.setdefault((head.kind, head.key), head)
            if other is not head:
                what = "policies for" if head.kind == SYNC_POLICY else f"documents of {words(head.kind)}"
                summary = f'there are two {what} "{head.key}"'
                hint = f"the other is at {other.place}; remove one, or give it another key"
                yield Diagnostic(head.place, "duplicate-document", summary, hint, (other.place,))


def _tenant_twins(trees: Iterable[Tree], providers: Iterable[Head]) -> Iterator[Diagnostic]:
    """Problems for tenants with the same key, except two policies in one tree, which `_twins` reports."""
    first: dict[str, tuple[str, Head]] = {head.key: ("", head) for head in reversed(list(providers))}
    others = [("", head) for head in providers]
    policies = ((tree, head) for tree in trees for head in tree.steering_heads() if head.kind == SYNC_POLICY)
    others += [(tree.folder, head) for tree, head in policies]
    for folder, head in others:
        if not head.sure or not head.key:
            continue
        there, other = first.setdefault(head.key, (folder, head))
        if other is head or (there == folder and head.kind == other.kind == SYNC_POLICY):
            continue
        summary = f'there are two tenants "{head.key}"'
        hint = f"the other is at {other.place}; tenant keys are unique in a workspace"
        yield Diagnostic(head.place, "duplicate-tenant", summary, hint, (other.place,))
