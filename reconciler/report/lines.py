"""Text as lines of styled segments: the same lines give plain bytes in a pipe and colour on a terminal."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple, TypeAlias


class Style(StrEnum):
    """What a segment means, as the terminal shows it (the parameters of an ANSI SGR sequence)."""

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
    """A piece of a line. Its text holds no control characters: whoever makes it cleans it (`values.clean`)."""

    text: str
    style: Style = Style.PLAIN


Line: TypeAlias = tuple[Segment, ...]


def line(text: str = "", style: Style = Style.PLAIN) -> Line:
    """A line of one segment; of none where there is no text."""
    return (Segment(text, style),) if text else ()


def render(lines: Iterable[Line], *, colour: bool = False) -> str:
    """The text of lines, each ended; without ``colour`` the styles leave no trace."""
    return "".join(render_lines(lines, colour=colour))


def render_lines(lines: Iterable[Line], *, colour: bool = False) -> Iterator[str]:
    """The same line by line."""
    return ("".join(_painted(each, colour) for each in segments) + "\n" for segments in lines)


def _painted(segment: Segment, colour: bool) -> str:
    if not colour or segment.style is Style.PLAIN or not segment.text.strip():
        return segment.text
    return f"\x1b[{segment.style.value}m{segment.text}\x1b[0m"
