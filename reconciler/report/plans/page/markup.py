"""Elements of a page. Texts from documents are cleaned and escaped here, and nowhere else.

The content security policy permits no ``style`` and no event attributes: bars are SVG, whose sizes are attributes.
"""

from collections.abc import Iterable, Iterator
from html import escape
from typing import TypeAlias

from reconciler.report.plans.view import TenantState
from reconciler.report.values import clean
from reconciler.report.words import shortened

LONG_NAME = 90
"""Characters; of a longer name the middle is left out, and its title has all of it."""
MARKS = {
    TenantState.ERROR: "✕",
    TenantState.BLOCKED: "■",
    TenantState.HELD: "▲",
    TenantState.PARTLY: "◐",
    TenantState.CHANGES: "●",
    TenantState.SYNC: "○",
}
_VOID = frozenset({"input", "meta"})


class Html(str):
    """Text that is HTML already: constants of this package, and results of `tag` and `joined`."""

    __slots__ = ()


Content: TypeAlias = str | Html
Pieces: TypeAlias = Iterable["Html | Pieces"]


def tag(name: str, /, *contents: Content, **attributes: str | None) -> Html:
    """An element; texts that are no `Html` are escaped. An attribute that is ``None`` is left out; one that is empty
    has no value. In names of attributes, ``_`` stands for ``-``, and one at the end is dropped.
    """
    named = "".join([_attribute(key, value) for key, value in attributes.items() if value is not None])
    if name in _VOID:
        return Html(f"<{name}{named}>")
    return Html(f"<{name}{named}>{''.join([_inner(each) for each in contents])}</{name}>")


def start(name: str, /, **attributes: str | None) -> Html:
    """The start tag of an element that is written piece by piece; the caller writes its `end`."""
    return Html(tag(name, **attributes).removesuffix(f"</{name}>"))


def end(name: str) -> Html:
    return Html(f"</{name}>")


def _attribute(key: str, value: str) -> str:
    key = key.rstrip("_").replace("_", "-")
    return f' {key}="{escape(clean(value))}"' if value else f" {key}"


def _inner(content: Content) -> str:
    return content if isinstance(content, Html) else escape(clean(content))


def joined(contents: Iterable[Content], by: str = "") -> Html:
    """Contents, one after another, with a text between them."""
    return Html(escape(by).join([_inner(each) for each in contents]))


def written(pieces: Pieces) -> Iterator[Html]:
    """The texts of nested pieces, in order. Not recursive: pieces nest as deeply as the tree of tenants."""
    waiting = [iter(pieces)]
    while waiting:
        for each in waiting[-1]:
            if not isinstance(each, Html):
                waiting.append(iter(each))
                break
            yield each
        else:
            waiting.pop()


def name(text: str) -> Html:
    """A name from a document, whose direction does not change that of what stands around it."""
    shown, whole = shortened(text, LONG_NAME), clean(text)
    if whole.isascii() and shown == whole:
        return Html(escape(shown))
    return tag("bdi", shown, title=whole if shown != whole else None)


def code(text: str) -> Html:
    return tag("code", text)


def muted(*contents: Content) -> Html:
    return tag("span", *contents, class_="m")


def mark(state: TenantState) -> Html:
    """The sign of a state: a shape beside its colour."""
    return tag("i", MARKS[state], class_=f"d {state}", aria_hidden="true")


def unseen(text: str) -> Html:
    """A text for screen readers."""
    return tag("span", text, class_="sr")


def bar(counts: Iterable[tuple[TenantState, int]]) -> Html:
    """A bar with a part for each state, as wide as its number."""
    counts = [(state, number) for state, number in counts if number]
    total, at, parts = sum(number for _, number in counts), 0.0, []
    for state, number in counts:
        width = number / total * 100
        parts.append(tag("rect", class_=state, x=f"{at:.2f}", y="0", width=f"{width:.2f}", height="10"))
        at += width
    return tag("svg", *parts, viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")


def command(text: str) -> Html:
    """A command to type."""
    return tag("div", code(text), class_="cmd")


def setting(text: str) -> Html:
    """A line to set."""
    return tag("div", code(text), class_="cmd set")


def fold(summary: Content, *contents: Content, opened: bool = False, class_: str | None = None) -> Html:
    """Contents below a summary, shown on demand."""
    return tag("details", tag("summary", summary), *contents, class_=class_, open="" if opened else None)


def section(id_: str, title: str, small: str, pieces: Pieces) -> Iterator[Html | Pieces]:
    """A section of the page with its heading; the search hides it if it finds nothing in it."""
    yield start("section", id=id_, data_part="")
    yield tag("h2", title, *([" ", tag("small", small)] if small else []))
    yield pieces
    yield end("section")
