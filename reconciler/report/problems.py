"""Renders problems in documents as text with the source line, as JSON, and as annotations of GitHub Actions."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from reconciler.model.values.counts import counted
from reconciler.model.values.diagnostics import Diagnostic, Place, counts_by_severity, limited
from reconciler.report.envelope import enveloped
from reconciler.report.lines import Line, Segment, Style, line, render
from reconciler.report.values import clean

WIDTH = 110
"""Characters; of a longer line only the part around the place is shown."""
BEFORE = 60

_LEVELS = {"error": "error", "warning": "warning"}
_STYLES = {"error": Style.PROBLEM, "warning": Style.WARNING}


def render_problems(problems: Iterable[Diagnostic], *, colour: bool = False) -> str:
    """Every problem with place, line, caret and hint, in order, then their number. Empty if there is none."""
    listed = limited(problems)
    if not listed:
        return ""
    lines = [each for problem in listed for each in (*_problem(problem), ())]
    return render([*lines, line(f"{_count(listed)}.", Style.HEADING)], colour=colour)


def _count(problems: list[Diagnostic]) -> str:
    counts = counts_by_severity(problems)
    return ", ".join(counted(number, name) for name, number in sorted(counts.items()))


def _problem(problem: Diagnostic) -> Iterator[Line]:
    severity = Segment(f"{problem.severity} {problem.code}", _STYLES.get(problem.severity, Style.PLAIN))
    yield Segment(f"{_place(problem.place)}: ", Style.HEADING), severity, Segment(f": {clean(problem.summary)}")
    number = str(problem.place.line)
    gutter = " " * len(number)
    if problem.line.strip():
        text, caret = _excerpt(problem.line.rstrip("\r\n"), problem.place.column)
        yield Segment(f"  {number} | ", Style.MUTED), Segment(text)
        yield Segment(f"  {gutter} | ", Style.MUTED), Segment(" " * caret + "^", Style.PROBLEM)
    for each in problem.also:
        yield Segment(f"  {gutter} = ", Style.MUTED), Segment(f"also at {_place(each)}")
    if problem.hint:
        yield Segment(f"  {gutter} = ", Style.MUTED), Segment(f"hint: {clean(problem.hint)}")


def _place(place: Place) -> str:
    return clean(str(place))


def _excerpt(text: str, column: int) -> tuple[str, int]:
    """The line, or the part of a long one around ``column``, and the column of the caret in it."""
    at = min(max(column - 1, 0), len(text))
    start = max(0, at - BEFORE) if len(text) > WIDTH else 0
    end = start + WIDTH
    head = ("…" if start else "") + clean(text[start:at].expandtabs(2))
    tail = clean(text[at:end].expandtabs(2)) + ("…" if end < len(text) else "")
    return head + tail, len(head)


def problems_to_data(problems: Iterable[Diagnostic]) -> dict[str, Any]:
    """``{"valid": false, "problems": [{file, line, column, severity, code, summary, hint, also, tenants}]}``.

    ``more``: the number of unlisted problems that an entry stands for.
    """
    listed = limited(problems)
    return {
        "valid": not any(each.severity == "error" for each in listed),
        "problems": [_problem_to_data(each) for each in listed],
    }


def _problem_to_data(problem: Diagnostic) -> dict[str, Any]:
    return {
        **_place_to_data(problem.place),
        "severity": problem.severity,
        "code": problem.code,
        "summary": problem.summary,
        "hint": problem.hint,
        "also": [_place_to_data(each) for each in problem.also],
        "tenants": list(problem.tenants),
        **({"more": problem.more} if problem.more else {}),
    }


def _place_to_data(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "column": place.column}


def render_problems_json(problems: Iterable[Diagnostic], ignored: Sequence[str] = ()) -> str:
    """As `problems_to_data`, as JSON text. ``ignored``: the files that were left out; absent if there is none."""
    left_out = {"ignored": list(ignored)} if ignored else {}
    return enveloped(**problems_to_data(problems), **left_out)


def render_problems_github(problems: Iterable[Diagnostic], *, folder: str = "") -> str:
    """Workflow commands, one per line. ``folder``: the workspace's path in the repository, with ``/``."""
    return "".join(f"{_command(each, folder)}\n" for each in limited(problems))


def _command(problem: Diagnostic, folder: str) -> str:
    place = problem.place
    file = f"{folder.rstrip('/')}/{place.file}" if folder.strip("./") else place.file
    named = {"file": file, "line": place.line, "col": place.column, "title": problem.code}
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in named.items())
    also = "".join(f"\nalso at {each}" for each in problem.also)
    message = f"{problem.summary}{also}" + (f"\nhint: {problem.hint}" if problem.hint else "")
    return f"::{_LEVELS.get(problem.severity, 'notice')} {properties}::{_message(message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
