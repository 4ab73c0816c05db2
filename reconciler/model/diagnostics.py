"""Problems of the user: collected with their place, never raised."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file of the workspace; lines and columns count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: where it is, its stable code, what is wrong and what to do about it.

    ``also`` names further places of the same problem (the other of two duplicates); ``line`` is the text at the place.
    ``severity``: ``error``, or ``warning``, which makes nothing invalid. ``tenants``: those that a warning is about.
    """

    place: Place
    code: str
    summary: str
    hint: str = ""
    also: tuple[Place, ...] = ()
    line: str = ""
    severity: str = "error"
    tenants: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.place}: {self.severity} {self.code}: {self.summary}"


def in_order(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By place, then code: the same problems always print in the same order."""
    return sorted(set(problems), key=lambda each: (each.place, each.code, each.summary))


CODES = {
    "yaml-syntax": "The file is not YAML.",
    "yaml-encoding": "The file is not UTF-8.",
    "yaml-anchor": "Anchors and aliases are not used here.",
    "yaml-tag": "Tags are not used here.",
    "yaml-merge": "Merge keys are not used here.",
    "yaml-directive": "YAML directives are not used here.",
    "yaml-duplicate": "A key stands twice in one map.",
    "yaml-depth": "The document is nested too deeply.",
    "yaml-key": "A map's key must be a plain scalar.",
    "file-unreadable": "A file could not be read.",
    "link-dangling": "A symbolic link leads nowhere.",
    "link-outside": "A symbolic link leaves the workspace.",
    "document-shape": "A document is a map with a kind.",
    "unknown-kind": "There is no such kind.",
    "unknown-field": "The kind has no such field.",
    "missing-field": "A required field is missing.",
    "wrong-type": "The value is of the wrong type.",
    "bad-value": "The value is not allowed.",
    "bad-key": "Keys are lower-case letters, digits, `_`, `-` and `.` (AP-21).",
    "bad-amount": "Amounts are decimals, read exactly as written.",
    "bad-limits": "The minimum is above the maximum.",
    "repeated-item": "A list of keys is a set; this key stands twice.",
    "duplicate-document": "Two documents have the same kind and key.",
    "duplicate-tenant": "Tenant keys are unique in a workspace.",
    "outside-provider": "The document belongs to no provider.",
    "nested-provider": "A folder tree has one provider.",
    "workspace": "The workspace's own document is at fault.",
    "missing-reference": "The document names something that does not exist.",
    "unknown-option": "There is no such option.",
    "unknown-tenant": "There is no such tenant.",
    "foreign-upstream": "The upstream is in another provider's tree.",
    "cycle": "The tenants, or the templates, form a circle.",
    "bad-rename": "The entity cannot have been renamed from that key (AP-21).",
    "bad-currency": "The currency is none of ISO 4217, or differs from the upstream's.",
    "bad-store": "The store cannot be used.",
    "hidden-template": "Resellers cannot see a notification template that goes to them (CB-20); a warning.",
    "not-checked": "Checks could not be made because of another problem.",
    "bad-time-zone": "There is no such time zone (DATE-01).",
}
"""Every code a diagnostic may carry, with what it means. Codes are stable: add, never rename."""
