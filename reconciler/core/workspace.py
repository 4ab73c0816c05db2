"""How a workspace is arranged: its own document, a tree of documents for each provider, and what stands twice."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.read import Head, Reading
from reconciler.model.diagnostics import Diagnostic, Place
from reconciler.model.keys import snake
from reconciler.model.kinds import KINDS, PROVIDER, SYNC_POLICY, WORKSPACE
from reconciler.model.source import SourceDocument

WORKSPACE_FILE = "reconcile.yaml"


@dataclass(frozen=True)
class Tree:
    """The documents below one provider's folder. ``provider`` is ``None`` where its own document is at fault.

    ``heads`` are those of all documents, faulty ones too; ``documents`` are the others, without the provider's.
    """

    folder: str
    head: Head
    provider: SourceDocument | None
    documents: Sequence[SourceDocument]
    heads: Sequence[Head]

    @cached_property
    def keys(self) -> Mapping[str, frozenset[str]]:
        """The keys of every kind of document; under ``""``, those of documents whose kind cannot be read."""
        found: dict[str, set[str]] = {}
        for head in self.heads:
            found.setdefault(head.kind, set()).add(head.key)
        return {kind: frozenset(keys) for kind, keys in found.items()}

    def has(self, kind: str, key: str) -> bool:
        """Whether there is such a document, or may be, in a text that cannot be read."""
        return key in self.keys.get(kind, ()) or key in self.keys.get("", ())


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A workspace's documents where they belong, and what is wrong with that."""

    workspace: SourceDocument | None
    trees: tuple[Tree, ...]
    problems: tuple[Diagnostic, ...]


def arrange(readings: Sequence[Reading]) -> Arrangement:
    """Sort the documents of a workspace's files into trees. ``readings`` come in the order of their paths."""
    heads = [head for reading in readings for head in _heads(reading)]
    providers = [head for head in heads if head.kind == PROVIDER]
    roots = {_folder(head.place): head for head in reversed(providers)}
    trees = tuple(_tree(folder, root, readings, roots) for folder, root in sorted(roots.items()))
    problems = [
        *_workspace_problems(heads),
        *_provider_problems(providers, roots),
        *_outsiders(heads, roots),
        *_twins(trees),
        *_tenant_twins(trees, providers),
    ]
    workspaces = (document for reading in readings for document in reading.documents if document.kind == WORKSPACE)
    return Arrangement(next(workspaces, None), trees, tuple(problems))


def words(kind: str) -> str:
    """A kind as a message names it: ``plan category``."""
    return "policy" if kind == SYNC_POLICY else snake(kind).replace("_", " ")


def _heads(reading: Reading) -> list[Head]:
    """Of all documents of a file, in their order."""
    whole = (Head(document.kind, document.key, document.place) for document in reading.documents)
    return sorted((*whole, *reading.faulty), key=lambda head: head.place)


def _folder(place: Place) -> str:
    return place.file.rpartition("/")[0]


def _root_of(folder: str, roots: Mapping[str, Head]) -> str | None:
    """The folder of the provider to which a folder belongs: the nearest above it."""
    while folder not in roots:
        if not folder:
            return None
        folder = folder.rpartition("/")[0]
    return folder


def _tree(folder: str, root: Head, readings: Sequence[Reading], roots: Mapping[str, Head]) -> Tree:
    mine = [reading for reading in readings if _root_of(reading.path.rpartition("/")[0], roots) == folder]
    documents = [document for reading in mine for document in reading.documents if document.kind != WORKSPACE]
    return Tree(
        folder,
        root,
        next((document for document in documents if document.place == root.place), None),
        [document for document in documents if document.kind != PROVIDER],
        [head for reading in mine for head in _heads(reading)],
    )


def _workspace_problems(heads: Iterable[Head]) -> Iterator[Diagnostic]:
    workspaces = [head for head in heads if head.kind == WORKSPACE]
    rightful = [head for head in workspaces if head.place.file == WORKSPACE_FILE]
    for head in workspaces:
        if head.place.file != WORKSPACE_FILE:
            summary = f"the workspace's document stands in {WORKSPACE_FILE} at its root"
            yield Diagnostic(head.place, "workspace", summary, "remove this one")
    for head in rightful[1:]:
        also = (rightful[0].place,)
        yield Diagnostic(head.place, "workspace", "a workspace has one document of its own", "remove one", also)
    if not rightful:
        hint = "begin it with kind: Workspace and version: 1"
        yield Diagnostic(Place(WORKSPACE_FILE, 1), "workspace", f"{WORKSPACE_FILE} has no Workspace document", hint)


def _provider_problems(providers: Iterable[Head], roots: Mapping[str, Head]) -> Iterator[Diagnostic]:
    for head in providers:
        folder = _folder(head.place)
        root = roots[folder]
        above = _root_of(folder.rpartition("/")[0], roots) if folder else None
        if root.place != head.place:
            summary = f'the folder has two providers, "{root.key}" and "{head.key}"'
            yield Diagnostic(head.place, "nested-provider", summary, "give each a folder of its own", (root.place,))
        elif above is not None:
            summary = f'provider "{head.key}" is inside the folder of provider "{roots[above].key}"'
            hint = "give each a folder of its own, side by side"
            yield Diagnostic(head.place, "nested-provider", summary, hint, (roots[above].place,))


def _outsiders(heads: Iterable[Head], roots: Mapping[str, Head]) -> Iterator[Diagnostic]:
    for head in heads:
        if head.kind in KINDS and head.sure and _root_of(_folder(head.place), roots) is None:
            summary = f'{words(head.kind)} "{head.key}" belongs to no provider'
            hint = "move it into the folder of a Provider document, or below"
            yield Diagnostic(head.place, "outside-provider", summary, hint)


def _twins(trees: Iterable[Tree]) -> Iterator[Diagnostic]:
    """Documents of the same kind and key within a tree."""
    for tree in trees:
        first: dict[tuple[str, str], Head] = {}
        for head in tree.heads:
            if not head.sure or not head.key or head.kind not in KINDS or head.kind == PROVIDER:
                continue
            other = first.setdefault((head.kind, head.key), head)
            if other is not head:
                what = "policies for" if head.kind == SYNC_POLICY else f"documents of {words(head.kind)}"
                summary = f'there are two {what} "{head.key}"'
                hint = f"the other is at {other.place}; remove one, or give it another key"
                yield Diagnostic(head.place, "duplicate-document", summary, hint, (other.place,))


def _tenant_twins(trees: Iterable[Tree], providers: Iterable[Head]) -> Iterator[Diagnostic]:
    """Tenants of the same key, but for two policies in one tree, which `_twins` tells of."""
    first: dict[str, tuple[str, Head]] = {head.key: ("", head) for head in reversed(list(providers))}
    others = [("", head) for head in providers]
    others += [(tree.folder, head) for tree in trees for head in tree.heads if head.kind == SYNC_POLICY]
    for folder, head in others:
        if not head.sure or not head.key:
            continue
        there, other = first.setdefault(head.key, (folder, head))
        if other is head or (there == folder and head.kind == other.kind == SYNC_POLICY):
            continue
        summary = f'there are two tenants "{head.key}"'
        hint = f"the other is at {other.place}; tenant keys are unique in a workspace"
        yield Diagnostic(head.place, "duplicate-tenant", summary, hint, (other.place,))
