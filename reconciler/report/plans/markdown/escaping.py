"""Markdown as GitHub reads it: text from documents that means nothing there, tables, folds and blocks.

GitHub makes links, mentions, emoji and references of plain text, within HTML too, but not within code.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape

from reconciler.model.values.amounts import AMOUNT
from reconciler.report.values import clean
from reconciler.report.words import shortened

NB = "\u00a0"
"""A space at which no line breaks."""
_TICKS = re.compile("`+")
_SIGNS = " .,()+/–−%’'“”„…·×›:?!€£°§-\""
"""Signs that mean nothing to GitHub."""
_BETWEEN = re.compile(r"(?<=[^\W_])_+(?=[^\W_])|&(?= )")
"""Signs that mean nothing where they stand: an underscore between letters, and an ampersand before a space."""
_LINKED = re.compile(r"www\.|https?:|ftp:|mailto:|xmpp:|\bGH-\d|\b[0-9a-f]{7,40}\b|:[\w+-]+:", re.IGNORECASE)
"""What becomes a link or an emoji although it has no sign of Markdown."""
_LIST_MARK = re.compile(r"\s*(?:\d+[.)]|[-+])(?:\s|$)")


def code(text: str, most: int = 2_000) -> str:
    """A code span with the text, whatever it contains; control characters are escaped, and a long text is cut.

    With a ``|`` it is an HTML element with signs as entities: a table would end its cell at a ``|`` after a backslash.
    """
    text = shortened(text, most)
    if "|" in text:
        signs = (each if each.isalnum() or each == " " else f"&#{ord(each)};" for each in text)
        return f"<code>{''.join(signs)}</code>"
    ticks = "`" * (max(map(len, _TICKS.findall(text)), default=0) + 1)
    pad = " " if not text or text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def harmless(text: str) -> bool:
    """Whether a text is letters, digits and signs that mean nothing to GitHub."""
    if AMOUNT.fullmatch(text):
        return True
    kept = _BETWEEN.sub("", text)
    return (
        all(each.isalnum() or each in _SIGNS for each in kept)
        and any(each.isalnum() for each in kept)
        and not _LINKED.search(text)
        and not _LIST_MARK.match(text)
    )


def plain(text: str, most: int = 90, *, bold: bool = False) -> str:
    """A text as it is where that means nothing to GitHub, else a code span."""
    text = shortened(text, most)
    if not harmless(text):
        return code(text) if text.strip() else ""
    return f"**{text}**" if bold and text == text.strip() else text


def named(text: str) -> str:
    """A name within a sentence."""
    return plain(text, 40)


def markup(text: str, most: int = 200) -> str:
    """A text within HTML, where GitHub reads no Markdown but finds mentions outside ``code``."""
    text = shortened(text, most)
    return escape(text) if harmless(text) else f"<code>{escape(text)}</code>"


def table(heads: Sequence[str], align: str, rows: Iterable[Sequence[str]]) -> str:
    """A table. ``align``: ``l`` or ``r`` for every column."""
    marks = ["--:" if each == "r" else ":--" for each in align]
    lines = [heads, marks, *rows]
    return "\n".join(f"| {' | '.join(each)} |" for each in lines)


def folded(summary: str, content: str) -> str:
    """Content that a reader unfolds. ``summary``: HTML."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def console(commands: Iterable[tuple[str, str]]) -> str:
    """Commands to type, each with its purpose. None can end the block: each is one line after a prompt."""
    found = list(commands)
    width = max((len(text) for text, _ in found if len(text) <= 50), default=0)
    lines = [f"$ {clean(text).ljust(width)}  # {why}" if why else f"$ {clean(text)}" for text, why in found]
    return "\n".join(["```console", *lines, "```"])


def quote(text: str) -> str:
    """A block as a quotation."""
    return "\n".join(f"> {each}".rstrip() for each in text.split("\n"))


def alert(kind: str, blocks: Iterable[str]) -> str:
    """A coloured box. ``kind``: ``CAUTION`` or ``WARNING``."""
    return f"> [!{kind}]\n" + quote("\n\n".join(blocks))


def some(items: Sequence[str], most: int, rendered: Callable[[str], str] = code) -> str:
    """The first of several names, and the number of the others."""
    listed = " ".join(rendered(each) for each in items[:most])
    return f"{listed} and {len(items) - most:,} more" if len(items) > most else listed
