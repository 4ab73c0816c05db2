"""A comment as a reader of GitHub sees it: rendered by a Markdown renderer, its elements, texts and tables."""

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
"""CommonMark with GitHub's tables, and HTML as it stands. What GitHub links by itself is looked for in the texts."""
VOID = frozenset({"br"})
ALERT = re.compile(r"\[!(?:CAUTION|WARNING)\]\s*")


class Rendered(HTMLParser):
    """``elements``: the names of all elements. ``texts``: what is read outside code; ``codes``: within, by element.

    ``headings``: the texts of ``h3`` and ``h4`` with the first words of alerts, in their order. ``tables``: the
    heading above each, and the texts of every row's cells.
    """

    def __init__(self, comment: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.texts: list[str] = []
        self.codes: list[str] = []
        self.headings: list[str] = []
        self.tables: list[tuple[str, list[list[str]]]] = []
        self._open: list[str] = []
        self.feed(RENDERER.render(comment))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"style", "class"}  # the renderer's: a column's edge, a block's language
        self.elements.add(tag)
        if tag in VOID:
            return
        self._open.append(tag)
        if tag in ("h3", "h4"):
            self.headings.append("")
        elif tag == "table":
            self.tables.append((self.headings[-1], []))
        elif tag == "tr":
            self.tables[-1][1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][1][-1].append("")
        elif tag == "code":
            self.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "code" in self._open:
            self.codes[-1] += data
        elif ALERT.match(data):
            self.headings.append(ALERT.sub("", data))
        else:
            self.texts.append(data)
        if {"h3", "h4"} & set(self._open):
            self.headings[-1] += data
        if {"td", "th"} & set(self._open):
            self.tables[-1][1][-1][-1] += data
        if self._open == ["blockquote", "p", "strong"] and self.headings[-1] == "":
            self.headings[-1] = data

    @property
    def read(self) -> str:
        """What is read outside code."""
        return "\n".join(self.texts)
