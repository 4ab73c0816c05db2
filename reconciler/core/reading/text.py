"""Decodes bytes, and counts the lines of a text as the YAML parser does."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice

from reconciler.core.reading.quoting import quotable
from reconciler.model.values.diagnostics import Diagnostic, Place
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.urls import redacted

BREAK = re.compile(r"\r\n|\r|\n")
_BAD = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML does not allow, and the line breaks of YAML 1.1 that no editor counts."""
_GIVE_UP = 20
"""A file with more bad characters than this is not text, which is reported once."""
_SHOWN = 240


def decode_text(data: bytes, file: str) -> tuple[str | None, list[Diagnostic]]:
    """The text of a UTF-8 file, without its byte order marks; ``None`` if it is not text.

    Each bad character is a problem and becomes U+FFFD in the text, so that the rest can still be read.
    """
    problems: list[Diagnostic] = []
    text = None
    while text is None and len(problems) <= _GIVE_UP:
        try:
            text = _without_marks(data.decode("utf-8"))
        except UnicodeDecodeError as error:
            before = _without_marks(data[: error.start].decode("utf-8"))
            summary = f"byte 0x{data[error.start]:02X} is not UTF-8"
            problems.append(Diagnostic(place_at(before, file), "yaml-encoding", summary, "save the file as UTF-8"))
            data = data[: error.start] + "\ufffd".encode() + data[error.end :]
    if text is None:
        return None, problems[:1]
    bad = list(islice(_BAD.finditer(text), _GIVE_UP + 1))
    problems += [_bad_character(text, match, file) for match in bad]
    if len(bad) > _GIVE_UP:
        return None, problems[:1]
    return (_BAD.sub("\ufffd", text) if bad else text), problems


def _without_marks(text: str) -> str:
    """The text without byte order marks where a document begins: at the start, and before or after ``---``.

    A file that was concatenated from several has them in the middle.
    """
    return _BELOW.sub("", _BEFORE.sub("", text)) if "\ufeff" in text else text


_BEFORE = re.compile(r"\A\ufeff|^\ufeff(?=---(?:\s|\Z))", re.MULTILINE)
_BELOW = re.compile(r"(?:(?<=^---\n)|(?<=^---\r\n))\ufeff", re.MULTILINE)


def _bad_character(text: str, match: re.Match[str], file: str) -> Diagnostic:
    number = f"{ord(match[0]):04X}"
    hint = f'remove it, or write "\\u{number}" in double quotes'
    return Diagnostic(place_at(text[: match.start()], file), "yaml-syntax", f"U+{number} is not allowed here", hint)


def place_at(before: str, file: str) -> Place:
    """The place that follows a text."""
    lines = BREAK.split(before)
    return Place(file, len(lines), 1 + len(lines[-1]))


def with_lines(problems: Iterable[Diagnostic], contents: Mapping[str, bytes]) -> list[Diagnostic]:
    """The problems with their quoted lines, without control characters or any part of a URL that may be a
    credential.
    """
    lines: dict[str, list[str]] = {}
    finished = []
    for problem in problems:
        file = problem.place.file
        if file not in lines:
            lines[file] = BREAK.split(_without_marks(contents.get(file, b"").decode("utf-8", "replace")))
        number = problem.place.line - 1
        line = quotable(lines[file], number) if number < len(lines[file]) else ""
        summary, hint = printable(redacted(problem.summary)), printable(redacted(problem.hint))
        finished.append(replace(problem, summary=summary, hint=hint, line=_cut(line)))
    return finished


def printable(text: str) -> str:
    """The text without control characters: a message may quote a file that contains terminal commands."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else f"\\u{ord(char):04x}" for char in text)


def _cut(line: str) -> str:
    return printable(line.rstrip() if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…")


class Suggestions:
    """Suggests similar names. Each name is compared once, and only a limited number of them: comparing is slow."""

    def __init__(self, most: int = 100) -> None:
        self._left = most
        self._said: dict[str, str] = {}

    def near(self, name: str, known: Iterable[str]) -> str:
        """The hint for an unknown name; empty once the limit is reached."""
        if name not in self._said:
            self._left -= 1
            self._said[name] = did_you_mean(name, [each for each in known if each]) if self._left >= 0 else ""
        return self._said[name]
