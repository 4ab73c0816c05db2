"""What is wrong with renames as documents state them (AP-21)."""

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
"""Kinds whose keys stand where no rename reaches, and where."""


def rename_problems(tree: Tree) -> Iterator[Diagnostic]:
    """A rename of what cannot be renamed, from a key that is there, or from one that another document has too."""
    first: dict[EntityId, EntityId] = {}
    for document, olds in tree.moved():
        for index, old in enumerate(olds):
            source = EntityId(document.kind, old)
            summary, hint = _rename_problem(document, source, first.setdefault(source, document.id), tree)
            if summary:
                yield Diagnostic(document.place_of((FIELD, index)), "bad-rename", summary, hint)


def _rename_problem(document: SourceDocument, source: EntityId, first: EntityId, tree: Tree) -> tuple[str, str]:
    """What is wrong with a document's having been called otherwise, and a hint. ``first``: which said so first."""
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
