"""Files that belong to another program: a Compose file, a site's configuration, a Helm chart, Kubernetes manifests.

They are errors, because a document whose kind is missing or misspelt must not be left out of a plan. All problems of
such a file become one, which says how to ignore it.
"""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

import orjson

from reconciler.core.reading.yaml import YamlDocument
from reconciler.model.documents.kinds import KINDS, WORKSPACE_KINDS
from reconciler.model.documents.source import SourceFile
from reconciler.model.values.diagnostics import Diagnostic

WORKSPACE_FILE = "reconcile.yaml"
_API_VERSION = re.compile(rb"^apiVersion[ \t]*:", re.MULTILINE)
"""The field that every Kubernetes manifest has, and no document of ours: they share kinds (Role, Subscription)."""
_TELLING = ("document-shape", "unknown-kind")
"""The codes that say best what such a file is."""
_SAFE = re.compile(r"[A-Za-z0-9._/+@][A-Za-z0-9._/+@ -]*(?<! )")
_LONGEST_KIND = 50


def may_have_documents(file: SourceFile, parsed: Iterable[YamlDocument]) -> bool:
    """Whether any document of a file has one of our kinds, or a misspelt one."""
    versioned = bool(_API_VERSION.search(file.data))
    known = {*KINDS, *WORKSPACE_KINDS}
    return file.path == WORKSPACE_FILE or any(_has_our_kind(each, known, versioned=versioned) for each in parsed)


def as_foreign(path: str, problems: Iterable[Diagnostic]) -> Diagnostic:
    """The one problem of a file that has no document of ours, from what reading it as documents found."""
    first = min(problems, key=lambda each: (each.code not in _TELLING, each.place))
    why = first.summary.removeprefix("the document has ")
    why = f"it has {why}" if why != first.summary else first.summary
    hint = f"if it belongs to something else, add it to `ignore:` in {WORKSPACE_FILE}: - {pattern_of(path)}"
    hint += f"; otherwise: {first.hint}" if first.hint else ""
    return Diagnostic(first.place, first.code, f"not a document of this product: {why}", hint)


def _has_our_kind(document: YamlDocument, known: Collection[str], *, versioned: bool) -> bool:
    value = document.value
    if not isinstance(value, dict) or "kind" not in value:
        return False
    if versioned if document.lost else "apiVersion" in value:
        return False
    kind = value["kind"]
    if not isinstance(kind, str):
        return True
    return kind in known or (len(kind) <= _LONGEST_KIND and bool(get_close_matches(kind, known, n=1, cutoff=0.6)))


def pattern_of(path: str) -> str:
    """The pattern of `ignore:` that matches this file and no other, as YAML."""
    pattern = "/" + re.sub(r"([*?\[\]\\])", r"\\\1", path)
    if pattern.endswith(" "):
        pattern = pattern[:-1] + "\\ "
    return pattern if _SAFE.fullmatch(pattern) else orjson.dumps(pattern.encode("utf-8", "replace").decode()).decode()
