"""Quotes lines of documents in problems, without anything that may be a credential.

It does not parse YAML, since the quoted text may be invalid. If it is not certain, it hides more than necessary: the
place, the problem and the hint are still shown.
"""

import re
from collections.abc import Sequence

from reconciler.model.values.urls import AT, HIDDEN, URL, WORD, decoded, first_credential, secret_parameter, shown_url

_KEYED = re.compile(r"""\s*(?:-\s+)*["']?[\w.-]{1,200}["']?\s*:(?=\s|$)|\s*-(?=\s|$)""")
_PLACE = re.compile(r"""["']?\b(?:store|ledger|url)["']?[ \t]*:[ \t]*""", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U000([0-9A-Fa-f]{5})|(/))")
_SIGNS = re.compile(r"[@?;\\%]|\S#")
_REACH = 100
"""The number of lines above that are searched for the beginning of a multi-line value."""
_LONG = 2_000
"""The maximum number of characters of a line that are shown and searched."""


def quotable(lines: Sequence[str], number: int) -> str:
    """One line of a document (``number`` counts from 0) as a message may quote it; columns before the hidden part stay.

    >>> quotable(["store: postgresql://ann:pw@db.example/x", "name: x"], 0)
    'store: postgresql://***@db.example/x…'
    """
    line = lines[number]
    if len(line) > _LONG:
        line = line[:_LONG] + ("@" if AT.search(line, _LONG) else "")  # the part may be a URL's user
        lines, number = [line], 0
    first = _opening(lines, number)
    if first is not None and _is_risky([lines[first], *_continued(lines, first)]):
        return f"{line[: _indent(line)]}{HIDDEN}"
    return _alone(line, _continued(lines, number))


def _opening(lines: Sequence[str], number: int) -> int | None:
    """The line that begins the value which continues on this line, if the value may be a URL."""
    for first in range(number - 1, max(-1, number - 1 - _REACH), -1):
        if _start(lines[first]) is not None:
            return first if len(_continued(lines, first)) >= number - first else None
    return None


def _continued(lines: Sequence[str], first: int) -> list[str]:
    """The lines that may belong to the value on line ``first``: all up to the next line that begins another value."""
    start = _start(lines[first])
    if start is None:
        return []
    indent, quote, found = _indent(lines[first]), _unclosed(lines[first], start), []
    for line in lines[first + 1 : first + 1 + _REACH]:
        if line.startswith(("---", "...")) or (not quote and _indent(line) <= indent and _KEYED.match(line)):
            break
        found.append(line)
        if quote and quote in line:
            quote = ""
    return found


def _unclosed(line: str, start: int) -> str:
    """The quote that a value opens and does not close on its line."""
    quote = next((each for each in (line[start : start + 1], line[start - 1 : start]) if each and each in "\"'"), "")
    return quote if quote and line.count(quote, start) <= (line[start : start + 1] == quote) else ""


def _start(line: str) -> int | None:
    """The column where something begins that may hold a credential: a URL, a value of a field for URLs, or a word."""
    url, place = URL.search(line), _PLACE.search(line)
    found = (url and url.start(), place and place.end(), first_credential(line))
    return min((each for each in found if each is not None), default=None)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _alone(line: str, rest: Sequence[str]) -> str:
    start = _start(line)
    if start is None:
        return _hidden_if_spelt(line)
    if not _is_risky([line[start:], *rest]):
        return line
    quoted = line[start : start + 1] in ("'", '"')
    start += quoted
    quote = line[start - 1 : start] if start else ""
    closing = line.rfind(quote) if quote in ("'", '"') else -1
    value = line[start:closing] if closing > start else line[start:]
    word = WORD.match(value)
    url = value if not any(map(str.isspace, value)) else word[0] if word and not AT.search(value, word.end()) else ""
    if not URL.match(url) or rest:
        return f"{line[:start]}{HIDDEN}"
    shown = shown_url(url.rstrip(",}]\"'"))
    return line if line[start:] == shown else f"{line[:start]}{shown}…"


def _is_risky(lines: Sequence[str]) -> bool:
    """Whether a value over these lines may hold more than a scheme, hosts and a path."""
    folded, joined = " ".join(each.strip() for each in lines), "".join(each.strip() for each in lines)
    if _SIGNS.search(folded) or secret_parameter(folded) or secret_parameter(joined):
        return True
    url = URL.search(joined)
    word = WORD.match(joined, url.start()) if url else None
    return word is not None and HIDDEN in shown_url(word[0].rstrip(",}]\"'"))


def _hidden_if_spelt(line: str) -> str:
    """Hides the whole line if its escapes may spell a URL."""
    if "\\" not in line and "%" not in line:
        return line
    plain = decoded(_ESCAPED.sub(_unescaped, line))
    return line if plain == line or _start(plain) is None else f"{line[: _indent(line)]}{HIDDEN}"


def _unescaped(match: re.Match[str]) -> str:
    return match[4] or chr(int(match[1] or match[2] or match[3], 16))
