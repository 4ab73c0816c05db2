"""Text as lines of styled segments, rendered plain for a pipe or coloured for a terminal."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple, TypeAlias


class Style(StrEnum):
    """The style of a segment; values are parameters of an ANSI SGR sequence."""

    PLAIN = ""
    ADD = "32"
    CHANGE = "33"
    REMOVE = "31"
    HEADING = "1"
    MUTED = "2"
    WARNING = "1;33"
    PROBLEM = "1;31"
    GOOD = "1;32"


class Segment(NamedTuple):
    """A part of a line. Its text has no control characters: the caller cleans it (`values.clean`)."""

    text: str
    style: Style = Style.PLAIN


Line: TypeAlias = tuple[Segment, ...]


def line(text: str = "", style: Style = Style.PLAIN) -> Line:
    """A line of one segment, or of none if the text is empty."""
    return (Segment(text, style),) if text else ()


def render(lines: Iterable[Line], *, colour: bool = False) -> str:
    """The text of the lines, each ending with a newline; without ``colour`` the styles are ignored."""
    return "".join(render_lines(lines, colour=colour))


def render_lines(lines: Iterable[Line], *, colour: bool = False) -> Iterator[str]:
    """As `render`, line by line."""
    return ("".join(_painted(each, colour) for each in segments) + "\n" for segments in lines)


def _painted(segment: Segment, colour: bool) -> str:
    if not colour or segment.style is Style.PLAIN or not segment.text.strip():
        return segment.text
    return f"\x1b[{segment.style.value}m{segment.text}\x1b[0m"
