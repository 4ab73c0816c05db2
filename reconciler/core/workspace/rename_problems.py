"""Checks the renames that documents declare (AP-21)."""

from collections.abc import Iterator

from reconciler.core.workspace.arrange import Tree, words
from reconciler.model.documents.source import SourceDocument
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.model.values.keys import EntityId

FIELD = "moved_from"
FIXED = {
    "Provider": "its key is the origin of what came down from it",
    "SyncPolicy": "its key is the tenant's",
    "Resource": "the rates of plans go by its key",
}
"""Kinds whose keys are used in places that renames do not change, with those places."""


def rename_problems(tree: Tree) -> Iterator[Diagnostic]:
    """Problems for renames of kinds that cannot be renamed, from a key that is in use, or from a key that two documents
    declare.
    """
    first: dict[EntityId, EntityId] = {}
    for document, olds in tree.moved():
        for index, old in enumerate(olds):
            source = EntityId(document.kind, old)
            summary, hint = _rename_problem(document, source, first.setdefault(source, document.id), tree)
            if summary:
                yield Diagnostic(document.place_of((FIELD, index)), "bad-rename", summary, hint)


def _rename_problem(document: SourceDocument, source: EntityId, first: EntityId, tree: Tree) -> tuple[str, str]:
    """The problem with a declared former key, and a hint. ``first``: the document that declared it first."""
    what = f'{words(document.kind)} "{document.key}"'
    if document.kind in FIXED:
        return f"{what} cannot be renamed: {FIXED[document.kind]}", f"remove {FIELD}"
    if tree.has(*source):
        summary = f'{what} says that it was "{source.key}", which is there as well (AP-21)'
        return summary, f"remove {FIELD}, or the other {words(document.kind)}"
    if first != document.id:
        summary = f'{what} and "{first.key}" both say that they were "{source.key}" (AP-21)'
        return summary, f"remove one {FIELD}"
    return "", ""
