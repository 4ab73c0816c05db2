"""A workspace's files to a `Catalog`, or to every problem that they have, all at once."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal
from functools import cache
from urllib.parse import urlsplit

import orjson

from reconciler.core.parts import found, spots
from reconciler.core.read import Reading, read_file
from reconciler.core.references import missing
from reconciler.core.renames import rename_problems
from reconciler.core.tenants import tenant_problems
from reconciler.core.text import with_lines
from reconciler.core.workspace import Arrangement, Tree, arrange
from reconciler.model.diagnostics import Diagnostic, in_order
from reconciler.model.documents import Limits, Part
from reconciler.model.policy import SyncPolicy, Workspace
from reconciler.model.source import Catalog, ProviderTree, SourceDocument, SourceFile
from reconciler.model.values import Path, Value, render_path

SCHEMES = frozenset({"sqlite", "postgresql", "http", "https"})
"""The store URLs that need no plugin."""


def load(
    files: Iterable[SourceFile],
    *,
    schemes: Collection[str] = SCHEMES,
    read: Callable[[SourceFile], Reading] = read_file,
) -> tuple[Catalog | None, list[Diagnostic]]:
    """The catalog of a workspace, ``None`` if anything is wrong, and every problem in the order of their places.

    ``schemes``: those of the stores that there are. ``read`` may be a `read_file` that remembers.
    """
    given = sorted(files, key=lambda file: file.path)
    readings = [read(file) for file in given]
    arrangement = arrange(readings)
    problems = [problem for reading in readings for problem in reading.problems]
    problems += arrangement.problems
    problems += tenant_problems(arrangement.trees)
    for tree in arrangement.trees:
        problems += missing(tree)
        problems += rename_problems(tree)
    for reading in readings:
        for document in reading.documents:
            problems += _limits(document)
            problems += _store(document, schemes)
    if problems:
        return None, with_lines(in_order(problems), {file.path: file.data for file in given})
    return _catalog(arrangement), []


def _catalog(arrangement: Arrangement) -> Catalog:
    assert arrangement.workspace is not None
    assert isinstance(arrangement.workspace.model, Workspace)
    policies = {
        document.key: (tree.head.key, document)
        for tree in arrangement.trees
        for document in tree.documents
        if isinstance(document.model, SyncPolicy)
    }
    providers = sorted(map(_provider_tree, arrangement.trees), key=lambda each: each.key)
    return Catalog(
        store=arrangement.workspace.model.store,
        providers={tree.key: tree for tree in providers},
        policies={key: policies[key][1] for key in sorted(policies)},
        provider_of={key: policies[key][0] for key in sorted(policies)},
        digest=_digest(arrangement),
    )


def _provider_tree(tree: Tree) -> ProviderTree:
    assert tree.provider is not None
    others = (document for document in tree.documents if not isinstance(document.model, SyncPolicy))
    return ProviderTree(tree.provider, {document.id: document for document in sorted(others, key=lambda each: each.id)})


def _digest(arrangement: Arrangement) -> str:
    """Of the contents of all documents: the same however they are spread over files, and their fields ordered."""
    lines = [_canonical("", arrangement.workspace)]
    for tree in arrangement.trees:
        lines += [_canonical(tree.head.key, document) for document in (tree.provider, *tree.documents)]
    return "sha256:" + hashlib.sha256(b"\n".join(sorted(lines))).hexdigest()


def _canonical(provider: str, document: SourceDocument | None) -> bytes:
    assert document is not None
    return orjson.dumps([provider, *document.id, document.entity.body], option=orjson.OPT_SORT_KEYS)


def _store(document: SourceDocument, schemes: Collection[str]) -> Iterator[Diagnostic]:
    url = document.entity.body.get("store") if "store" in type(document.model).model_fields else None
    if not isinstance(url, str):
        return
    parts = urlsplit(url)
    summary, hint = "", ""
    if parts.scheme not in schemes:
        summary = f'there is no store for "{parts.scheme}:"'
        hint = f"known: {', '.join(sorted(schemes))}; others come with plugins"
    elif parts.scheme == "sqlite" and (parts.netloc or not parts.path.strip("/")):
        summary, hint = f"{url} names no file", "three slashes: sqlite:///.reconcile/tenants.db"
    elif parts.scheme == "postgresql" and not url.startswith("postgresql://"):
        summary, hint = f"{url} names no database", "for example postgresql://reconcile@db.example/tenants"
    elif parts.scheme in ("http", "https") and not parts.hostname:
        summary, hint = f"{url} names no host", "for example https://bss.contoso.example/api"
    if summary:
        yield Diagnostic(document.place_of(("store",)), "bad-store", f"store: {summary}", hint)


def _limits(document: SourceDocument) -> Iterator[Diagnostic]:
    """A minimum above the maximum, on any day."""
    patterns = _patterns_of_limits(type(document.model))
    for path, limits in (each for pattern in patterns for each in found(document.entity.body, pattern)):
        day = _day_above(limits.get("minimum"), limits.get("maximum"))
        if day is None:
            continue
        since = f" from {day} on" if day else ""
        summary = f"{render_path(map(str, path))}: the minimum is above the maximum{since}"
        also = (document.place_of((*path, "maximum")),)
        yield Diagnostic(document.place_of((*path, "minimum")), "bad-limits", summary, "", also)


@cache
def _patterns_of_limits(model: type[Part]) -> tuple[Path, ...]:
    return tuple(spot.pattern for spot in spots(model) if spot.part is Limits)


def _day_above(minimum: Value, maximum: Value) -> str | None:
    """The first day on which the minimum is above the maximum: ``""`` for always, ``None`` for never."""
    lower, upper = _steps(minimum), _steps(maximum)
    low: Decimal | None = None
    high: Decimal | None = None
    for day in sorted({*lower, *upper}):
        low, high = lower.get(day, low), upper.get(day, high)
        if low is not None and high is not None and low > high:
            return day
    return None


def _steps(amount: Value) -> dict[str, Decimal]:
    """From which day on (``""``: always) an amount is what."""
    if isinstance(amount, list):
        return {entry["from"]: Decimal(entry["amount"]) for entry in amount}
    return {} if amount is None else {"": Decimal(amount)}
