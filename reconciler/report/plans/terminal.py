"""Lines of a bounded width for a terminal: wrapped sentences, tables whose columns fit, and marks in ASCII."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from reconciler.report.lines import Line, Segment, Style

WIDTH = 100
"""Columns; only commands are longer."""
NARROWEST = 12
"""Columns to which a wide column of a table may be cut."""

Cell: TypeAlias = tuple[str, Style]


def wide(text: str) -> int:
    """The number of columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def fitted(text: str, most: int) -> str:
    """The text in so many columns; the middle of a longer one is left out."""
    if wide(text) <= most:
        return text
    tail = _start(text[::-1], most // 3)[::-1]
    return f"{_start(text, most - 1 - wide(tail))}…{tail}"


def _start(text: str, most: int) -> str:
    """As much of the start as takes so many columns."""
    taken = 0
    for number, each in enumerate(text):
        taken += wide(each)
        if taken > most:
            return text[:number]
    return text


def wrapped(text: str, most: int = WIDTH, *, indent: str = "", hanging: str = "") -> Iterator[str]:
    """A sentence on as many lines as it needs, broken at spaces. ``hanging``: put before every line but the first."""
    words = [fitted(each, most - wide(indent + hanging)) for each in text.split()]
    current = indent
    for number, word in enumerate(words):
        if number and wide(current) + 1 + wide(word) > most:
            yield current
            current = indent + hanging + word
        else:
            current += f" {word}" if number else word
    yield current


def columns(
    table: Sequence[Sequence[Cell]], *, right: Sequence[int] = (), indent: tuple[int, int] = (0, 0)
) -> Iterator[Line]:
    """A table as lines of at most `WIDTH` columns: the widest columns are cut as far as they must be.

    ``right``: the columns that end at their right edge; ``indent``: of the first line, and of the others.
    """
    if not table:
        return
    widths = [max(wide(row[number][0]) for row in table) for number in range(len(table[0]))]
    left = WIDTH - max(indent) - 2 * (len(widths) - 1)
    while sum(widths) > left and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    for number, row in enumerate(table):
        margin = indent[1] if number else indent[0]
        cut = [(fitted(text, width), style) for (text, style), width in zip(row, widths, strict=True)]
        yield _table_row(cut, widths, right, (margin, max(indent) - margin))


def _table_row(row: Sequence[Cell], widths: Sequence[int], right: Sequence[int], margins: tuple[int, int]) -> Line:
    """``margins``: before the row, and after its first cell."""
    margin, more = margins
    segments = [Segment(" " * margin)]
    last = max((number for number, (text, _) in enumerate(row) if text), default=0)
    for number, (text, style) in enumerate(row[: last + 1]):
        space = " " * (widths[number] - wide(text) + (more if number == 0 else 0))
        after = "" if number == last else "  "
        cell = Segment(text, style)
        segments += [Segment(space), cell] if number in right else [cell, Segment(space if number != last else "")]
        segments.append(Segment(after))
    return tuple(segments)


PLAIN_MARKS = str.maketrans(
    {
        "●": "*",
        "◐": "/",
        "▲": "^",
        "■": "#",
        "✕": "x",
        "○": "o",
        "−": "-",
        "…": "...",
        "“": '"',
        "”": '"',
        "×": "x",
        "›": ">",
        "–": "-",
        "±": "+-",
    }
)


def in_ascii(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines for a terminal without UTF-8: marks in ASCII. Other characters are escaped where they are written."""
    return (tuple(each._replace(text=each.text.translate(PLAIN_MARKS)) for each in segments) for segments in lines)
