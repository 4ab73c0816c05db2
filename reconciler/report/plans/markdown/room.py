"""How much a comment shows, and how it says that there is more."""

from dataclasses import dataclass

from reconciler.model.values.counts import counted

TITLE, VALUE, PLACE, SENTENCE = 40, 60, 120, 240
"""Most characters of a name, a value in a table, a file with its line, and a sentence from a document or a plan."""
FEW = 3
"""So many tenants, entries or files are named where they stand; more are folded or counted."""
ELSEWHERE = "the page and `--verbose` list them"


@dataclass(frozen=True, slots=True)
class Room:
    """The most rows of a table, names in a row, and reasons or outcomes that are shown."""

    rows: int
    names: int
    reasons: int


ROOMS = (Room(200, 20, 30), Room(120, 12, 20), Room(60, 8, 12), Room(25, 4, 6), Room(8, 2, 3))
"""From the most to the least; the first with which everything fits is taken."""


def more_points(left: int, one: str) -> list[str]:
    """The last point of a list of which so many are not shown."""
    return [f"- and {counted(left, f'more {one}')} ({ELSEWHERE})"] if left > 0 else []


def more_rows(left: int, one: str, more: str | None = None) -> list[str]:
    """The line below a table of which so many rows are not shown."""
    words = counted(left, f"more {one}", f"more {more}" if more else None)
    return [f"_and {words} ({ELSEWHERE})_"] if left > 0 else []


def section(title: str, *blocks: str) -> str:
    """A section with its heading. ``title``: without text from documents."""
    return "\n\n".join([f"#### {title}", *blocks])
