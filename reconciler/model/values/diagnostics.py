"""The user's problems: collected with their place, never raised."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.model.values.keys import EntityId

LONGEST_MESSAGE = 1_000
"""The maximum number of characters of a summary, and of a hint."""
MOST_OF_A_CODE = 100
"""The maximum number of problems listed per code and file."""


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

    ``also``: further places of the same problem (the other of two duplicates). ``line``: the text at the place.
    ``severity``: ``error``, or ``warning``, which does not make the workspace invalid. ``tenants``: those that a
    warning is about. ``more``: the number of unlisted problems that it stands for (`limited`); 0 for a real problem.
    ``wanted``: the documents, any one of which would end the problem if it existed.
    """

    place: Place
    code: str
    summary: str
    hint: str = ""
    also: tuple[Place, ...] = ()
    line: str = ""
    severity: str = "error"
    tenants: tuple[str, ...] = ()
    more: int = 0
    wanted: tuple[EntityId, ...] = ()

    def __post_init__(self) -> None:
        """Shortens the texts: they may quote anything."""
        for name in ("summary", "hint"):
            text: str = getattr(self, name)
            if len(text) > LONGEST_MESSAGE:
                object.__setattr__(self, name, text[: LONGEST_MESSAGE - 1] + "…")

    def __str__(self) -> str:
        return f"{self.place}: {self.severity} {self.code}: {self.summary}"


def sorted_problems(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorted by place, then code: the same problems always print in the same order."""
    return sorted(set(problems), key=lambda each: (each.place, each.code, each.summary))


def limited(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorted, with the first `MOST_OF_A_CODE` of each file and code, and one entry for the number of the others.

    That entry is at the place of the first problem left out. `counts_by_severity` counts all of them.
    """
    listed: list[Diagnostic] = []
    left_out: dict[tuple[str, str, str], list[Diagnostic]] = {}
    counts: Counter[tuple[str, str, str]] = Counter()
    for each in sorted_problems(problems):
        group = each.place.file, each.code, each.severity
        counts[group] += 1
        if counts[group] <= MOST_OF_A_CODE:
            listed.append(each)
        else:
            left_out.setdefault(group, []).append(each)
    for (_, code, severity), rest in left_out.items():
        summary = f"and {len(rest):,} more of {code} in this file"
        hint = "put these right first; the others are listed then"
        listed.append(Diagnostic(rest[0].place, code, summary, hint, severity=severity, more=len(rest)))
    return sorted(listed, key=lambda each: (each.place, each.code, bool(each.more), each.summary))


def counts_by_severity(problems: Iterable[Diagnostic]) -> dict[str, int]:
    """The number of problems, unlisted ones included: ``{"error": 70000}``."""
    counts: dict[str, int] = {}
    for each in problems:
        counts[each.severity] = counts.get(each.severity, 0) + (each.more or 1)
    return counts


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
"""Every code of a diagnostic, with its meaning. Codes are stable: add, never rename."""
