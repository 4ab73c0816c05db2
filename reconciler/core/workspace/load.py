"""Loads a workspace's files into a `Catalog`, or returns all of their problems at once."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from typing import TypeAlias
from urllib.parse import urlsplit

from reconciler.core.reading import Reading, document_digest, read_file, with_lines
from reconciler.core.workspace.arrange import NOT_CHECKED, Arrangement, Tree, arrange
from reconciler.core.workspace.references import missing
from reconciler.core.workspace.rename_problems import rename_problems
from reconciler.core.workspace.tenant_tree import tenant_problems
from reconciler.model.documents.kinds import PROVIDER, SYNC_POLICY, WORKSPACE, WORKSPACE_KINDS
from reconciler.model.documents.policy import Workspace
from reconciler.model.documents.source import Catalog, Documents, ProviderTree, SourceDocument, SourceFile
from reconciler.model.values.counts import counted
from reconciler.model.values.diagnostics import Diagnostic, Place, sorted_problems
from reconciler.model.values.digests import prefixed_digest
from reconciler.model.values.keys import EntityId
from reconciler.model.values.urls import shown_url

Stores: TypeAlias = Callable[[str], tuple[str, str] | None]
"""Given a URL's scheme, returns why no store can be opened with it, and a hint; ``None`` if one can."""
Zones: TypeAlias = Callable[[], Collection[str]]
"""Returns the names of all time zones."""


def built_in(scheme: str) -> tuple[str, str] | None:
    """`Stores` for the stores that need no plugin."""
    known = ("postgresql", "sqlite")
    return None if scheme in known else (f'there is no store for "{scheme}:"', f"known: {', '.join(known)}")


def load(
    files: Iterable[SourceFile],
    *,
    stores: Stores = built_in,
    zones: Zones | None = None,
    unread: Iterable[Place] = (),
    read: Callable[[SourceFile], Reading] = read_file,
) -> tuple[Catalog | None, list[Diagnostic]]:
    """The catalog of a workspace, ``None`` if it has any error, and every problem in the order of their places.

    ``stores``: which stores can be opened. ``zones``: the names of all time zones; ``None``: any name is accepted.
    ``unread``: the files and folders that could not be read, and may hold anything. ``read``: `read_file`, or a caching
    variant.
    """
    stores = cache(stores)
    given = sorted(files, key=lambda file: file.path)
    readings = [read(file) for file in given]
    arrangement = arrange(readings, unread)
    problems = [problem for reading in readings for problem in reading.problems]
    problems += arrangement.problems
    problems += tenant_problems(arrangement.trees)
    for tree in arrangement.trees:
        problems += missing(tree)
        problems += rename_problems(tree)
    for document in arrangement.steering:
        problems += _store(document, stores)
        problems += _time_zone(document, zones) if zones else ()
    problems = _with_unmade(problems)
    if problems:
        at_fault = {problem.place.file for problem in problems}
        return None, with_lines(
            sorted_problems(problems), {file.path: file.data for file in given if file.path in at_fault}
        )
    return _catalog(arrangement), []


def _with_unmade(problems: list[Diagnostic]) -> list[Diagnostic]:
    """The problems, with all checks that could not be made merged into one line."""
    unmade = [each for each in problems if each.code == NOT_CHECKED]
    if not unmade:
        return problems
    first, *others = sorted({each.place for each in unmade})
    checks = counted(len(unmade), "check was", "checks were")
    summary, hint = f"{checks} not made because of what is wrong here", "mend it, and validate again"
    line = replace(unmade[0], place=first, summary=summary, hint=hint, also=tuple(others))
    return [*(each for each in problems if each.code != NOT_CHECKED), line]


def _catalog(arrangement: Arrangement) -> Catalog:
    assert arrangement.workspace is not None
    assert isinstance(arrangement.workspace.model, Workspace)
    providers = sorted(map(_provider_tree, arrangement.trees), key=lambda each: each.key)
    policies = sorted(
        ((document, tree.head.key) for tree in arrangement.trees for document in tree.of(SYNC_POLICY)),
        key=lambda each: each[0].key,
    )
    catalog = Catalog(
        store=arrangement.workspace.model.store,
        providers={tree.key: tree for tree in providers},
        policies={document.key: document for document, _ in policies},
        provider_of={document.key: provider for document, provider in policies},
        upstream_of={document.key: document.entity.body["upstream"] for document, _ in policies},
        stores=dict(_stores((*(tree.provider for tree in providers), *(document for document, _ in policies)))),
        digest=_digest(arrangement),
    )
    for document, _ in policies:  # there is one per tenant: it is read again when it is needed
        document.forget()
    return catalog


def _stores(documents: Iterable[SourceDocument]) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    """Each tenant with the store and token variable that its policy, or its provider's document, sets, if any."""
    for document in documents:
        own = document.entity.body.get("store"), document.entity.body.get("token_env")
        if any(own):
            yield document.key, own


def _provider_tree(tree: Tree) -> ProviderTree:
    assert tree.provider is not None
    shelves = {kind: tree.shelves[kind] for kind in tree.shelves if kind not in (WORKSPACE, PROVIDER, SYNC_POLICY)}
    renames = {each.id: tuple(EntityId(each.kind, old) for old in olds) for each, olds in tree.moved()}
    return ProviderTree(tree.provider, Documents(shelves), renames)


def _digest(arrangement: Arrangement) -> str:
    """A digest of all documents, independent of their files and of the order of fields."""
    assert arrangement.workspace is not None
    lines = [f"{tree.head.key} {digest}" for tree in arrangement.trees for digest in tree.digests()]
    lines.append(document_digest(arrangement.workspace.id, arrangement.workspace.entity.body))
    lines.sort()
    return prefixed_digest(("\n".join(lines).encode(),))


def _time_zone(document: SourceDocument, zones: Zones) -> Iterator[Diagnostic]:
    """A problem for a provider's unknown time zone (DATE-01)."""
    zone = document.entity.body.get("time_zone") if document.kind == PROVIDER else None
    if zone is not None and zone not in zones():
        summary = f'time_zone: "{zone}" is not a time zone (DATE-01)'
        yield Diagnostic(document.place_of(("time_zone",)), "bad-time-zone", summary, _zone_hint(zone, zones()))


def _zone_hint(zone: str, zones: Collection[str]) -> str:
    """A hint with the most similar names, ignoring case."""
    folded = {each.casefold(): each for each in sorted(zones)}
    near = [folded[each] for each in get_close_matches(zone.casefold(), sorted(folded), n=3, cutoff=0.6)]
    return f"did you mean {' or '.join(near)}?" if near else "an IANA name such as Europe/Vienna, or UTC"


def _store(document: SourceDocument, stores: Stores) -> Iterator[Diagnostic]:
    """A problem for a store that cannot be opened, whatever its contents."""
    url = document.entity.body.get("store") if "store" in WORKSPACE_KINDS[document.kind].model_fields else None
    if isinstance(url, str) and (wrong := stores(urlsplit(url).scheme) or _url_fault(url)):
        summary, hint = wrong
        yield Diagnostic(document.place_of(("store",)), "bad-store", f"store: {summary}", hint)


def _url_fault(url: str) -> tuple[str, str] | None:
    """The problem with the URL of a built-in store, and a hint."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and {"?", "#"} & {*url}:
        return "a store of SQLite is a path, with nothing behind ? or #", "write %3F or %23 for one in a path"
    if parts.scheme == "sqlite" and (parts.netloc or not parts.path.strip("/")):
        return f"{shown_url(url)} names no file", "three slashes: sqlite:///.reconcile/tenants.db"
    if parts.scheme == "postgresql" and not url.startswith("postgresql://"):
        return f"{shown_url(url)} names no database", "for example postgresql://reconcile@db.example/tenants"
    return None
