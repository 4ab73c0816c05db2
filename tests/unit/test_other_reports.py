"""Markdown, HTML, JSON, problems, status and history: what they say, and that hostile names stay names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from textwrap import dedent
from typing import Any

import orjson
import pytest

from reconciler.core.records.change_records import change_to_data
from reconciler.core.savedplan.codec import parsed as parsed_plan
from reconciler.core.savedplan.codec import plan_digest
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import (
    Change,
    Declared,
    Deferred,
    FieldChange,
    Plan,
    Source,
    Summary,
    TenantPlan,
    TenantStatus,
)
from reconciler.model.values.diagnostics import Diagnostic, Place
from reconciler.model.values.keys import EntityId
from reconciler.report.history import LISTED, render_history
from reconciler.report.plans.data import render_plan_json
from reconciler.report.plans.html import render_html
from reconciler.report.plans.markdown import code, render_markdown
from reconciler.report.problems import render_problems, render_problems_github, render_problems_json
from reconciler.report.status import StatusRow, render_status

HOSTILE = (
    "</code></summary></details><script>alert(1)</script> `` ``` | @admin\n```\n# [x](javascript:alert(1)) \x1b[2J"
)


def plan_with(text: str) -> Plan:
    """A plan in which every free text is ``text``."""
    policy = Declared(text, 3)
    fee = FieldChange((text, "b"), text, [text, {text: text}], ("plans.update_fees",), "CB-12", None, policy)
    update = Change("contoso", EntityId("Plan", text), Action.UPDATE, {}, {}, (fee,))
    create = Change("contoso", EntityId("Role", text), Action.CREATE, None, {"name": text, text: text})
    deferred = tuple(
        Deferred(reason, text, (text,), f"{text}; {text}", policy, update)
        for reason in ("withheld", "blocked", "unmanaged")
    )
    tenants = (
        TenantPlan(text, text, TenantStatus.CHANGES, "", 0, (update, create), deferred),
        TenantPlan("litware", "northwind", TenantStatus.ERROR, "", problem=text),
        TenantPlan("adatum", "northwind", TenantStatus.IN_SYNC, ""),
    )
    return Plan(text, Source(None, None, True, "sha256:" + "0" * 64), tenants)


class Tags(HTMLParser):
    """The tags of a page, with their attributes, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    return tags


def test_html_holds_hostile_names_as_text() -> None:
    page = parsed(render_html(plan_with(HOSTILE), verbose=True))
    harmless = parsed(render_html(plan_with("label"), verbose=True))
    assert page.tags == harmless.tags
    assert "<script>alert(1)</script>" in page.text
    assert "\x1b" not in page.text


def test_html_loads_and_runs_nothing() -> None:
    tags = parsed(render_html(plan_with("label"))).tags
    assert not {name for name, _ in tags} & {"script", "link", "img", "iframe", "a", "form", "base"}
    assert {name for _, attributes in tags for name in attributes} <= {
        "class", "open", "lang", "charset", "name", "content", "http-equiv"
    }  # fmt: skip
    assert any("default-src 'none'" in (attributes.get("content") or "") for _, attributes in tags)


def test_html_says_what_the_plan_says() -> None:
    text = parsed(render_html(plan_with("label"))).text
    assert "Plan: 1 to add, 1 to change, 0 to destroy." in text
    assert "Blocked: 1\n" in text
    assert "litware: label" in text


def outside_code(markdown: str) -> str:
    """What of a comment is read as Markdown or HTML: without code blocks and code spans."""
    kept, inside = [], False
    for line in markdown.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            kept.append(re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", line))
    assert not inside
    return "\n".join(kept)


def test_markdown_holds_hostile_names_in_code() -> None:
    hostile = render_markdown(plan_with(HOSTILE), verbose=True)
    harmless = render_markdown(plan_with("label"), verbose=True)
    assert hostile.count("\n") == harmless.count("\n")
    assert "<script" in hostile
    assert "<script" not in outside_code(hostile)
    assert "@admin" not in re.sub("<code>.*?</code>", "", outside_code(hostile))
    assert parsed_summaries(hostile) == parsed_summaries(harmless)


def parsed_summaries(markdown: str) -> list[list[tuple[str, dict[str, str | None]]]]:
    return [parsed(f"{line}</details>").tags for line in markdown.splitlines() if line.startswith("<details>")]


def test_markdown_rows_have_as_many_cells_whatever_the_name() -> None:
    row = next(line for line in render_markdown(plan_with("a|b")).splitlines() if line.startswith("| `a"))
    assert row == r"| `a\|b` | changes | 1 | 1 | 0 | 1 | 1 |"


@pytest.mark.parametrize(
    ("text", "span"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("``", "``` `` ```"), ("", "`  `"), ("a\nb", r"`a\nb`"), (" a", "`  a `")],
)
def test_code_spans(text: str, span: str) -> None:
    assert code(text) == span


def test_markdown() -> None:
    fee = FieldChange(("fees", "setup"), "1", "2", ("plans.update_fees",), "CB-12")
    change = Change("contoso", EntityId("Plan", "web"), Action.UPDATE, {}, {}, (fee,))
    held = Deferred(
        "withheld", "CB-05", ("plans.create",), "off (a; b); set it", None, replace(change, action=Action.CREATE)
    )
    tenants = (
        TenantPlan("contoso", "northwind", TenantStatus.CHANGES, "", 0, (change,), (held,)),
        TenantPlan("adatum", "northwind", TenantStatus.IN_SYNC, ""),
    )
    plan = Plan("now", Source(None, None, False, "sha256:"), tenants)
    expected = """
        ### Plan: 0 to add, 1 to change, 0 to destroy.

        ```text
        Withheld: 1 (plans.create 1)
        ```

        | Tenant | Status | Add | Change | Destroy | Withheld | Blocked |
        |---|---|--:|--:|--:|--:|--:|
        | `contoso` | changes | 0 | 1 | 0 | 1 | 0 |

        1 tenant is in sync, with nothing withheld.

        <details><summary><code>plan &quot;web&quot;</code> will be updated in place · <code>contoso</code></summary>

        ```diff
        ! fees.setup: 1 -> 2
        ```
        </details>

        #### Withheld

        <details><summary><code>contoso</code>: 1 entity <code>withheld by plans.create (CB-05)</code></summary>

        ```diff
        + plan "web"
            ~ fees.setup: 1 -> 2
        # off (a; b);
        # set it
        ```
        </details>
        """
    assert render_markdown(plan) == dedent(expected).lstrip("\n")


def test_a_comment_and_a_page_say_what_creations_come_of() -> None:
    change = Change("contoso", EntityId("Plan", "web"), Action.CREATE, None, {"name": "Web"}, cause="pr")
    tenants = (TenantPlan("contoso", "northwind", TenantStatus.CHANGES, "", 0, (change,)),)
    plan = Plan("now", Source(None, "0" * 40, False, "sha256:"), tenants)
    assert "<code>plan &quot;web&quot;</code> will be created (pr) · <code>contoso</code>" in render_markdown(plan)
    assert "will be created (pr) · contoso" in parsed(render_html(plan)).text
    assert "Causes: pr 1\n" in render_markdown(plan)


def test_a_comment_does_not_grow_beyond_what_fits() -> None:
    change = Change("contoso", EntityId("Plan", "web"), Action.CREATE, None, {"name": "x" * 500})
    many = tuple(replace(change, entity=EntityId("Plan", f"web-{number}")) for number in range(500))
    plan = Plan("now", Source(None, None, False, ""), (TenantPlan("contoso", "n", TenantStatus.CHANGES, "", 0, many),))
    comment = render_markdown(plan, largest=10_000)
    assert len(comment) <= 10_000
    assert comment.count("<details>") == comment.count("</details>") > 10
    assert f"_{500 - comment.count('<details>')} more sections do not fit" in comment


def test_printed_json_is_what_is_saved() -> None:
    plan = Plan("now", Source(None, None, False, "sha256:" + "0" * 64))
    printed = render_plan_json(plan)
    assert printed.startswith('{\n  "applyable": false,')
    assert parsed_plan(printed.encode()) == plan
    assert orjson.loads(printed)["digest"] == plan_digest(plan)


PROBLEM = Diagnostic(
    Place("northwind/plans/web.yaml", 14, 3), "unknown-field", 'Plan has no field "nmae"', 'did you mean "name"?'
)


def test_problems_with_the_line_and_a_caret() -> None:
    first = replace(PROBLEM, line="  nmae: Web\r\n", also=(Place("b.yaml", 2, 1),))
    other = Diagnostic(Place("a.yaml", 1), "yaml-syntax", "not YAML", severity="warning")
    expected = """
        a.yaml:1:1: warning yaml-syntax: not YAML

        northwind/plans/web.yaml:14:3: error unknown-field: Plan has no field "nmae"
          14 |   nmae: Web
             |   ^
             = also at b.yaml:2:1
             = hint: did you mean "name"?

        1 error, 1 warning.
        """
    assert render_problems([first, other, first]) == dedent(expected).lstrip("\n")
    assert render_problems([]) == ""


def test_the_caret_stands_under_its_place_in_odd_lines() -> None:
    tabbed = render_problems([replace(PROBLEM, line="\tnmae: \x1b[2J", place=Place("a.yaml", 1, 2))]).splitlines()
    assert tabbed[1].index("nmae") == tabbed[2].index("^")
    assert "\x1b" not in "".join(tabbed)
    long = render_problems([replace(PROBLEM, line="x" * 500 + "nmae" + "y" * 500, place=Place("a.yaml", 1, 501))])
    lines = long.splitlines()
    assert lines[1].index("nmae") == lines[2].index("^")
    assert max(map(len, lines)) < 125
    beyond = render_problems([replace(PROBLEM, line="ab", place=Place("a.yaml", 1, 99))]).splitlines()
    assert beyond[2].endswith("|   ^")


def test_problems_as_annotations() -> None:
    hostile = Diagnostic(
        Place("a,b:c%.yaml", 2, 5), "bad-value", "100% wrong\n::error::fake", "line\rtwo", severity="warning"
    )
    assert render_problems_github([hostile, PROBLEM], folder="catalogs/") == (
        "::warning file=catalogs/a%2Cb%3Ac%25.yaml,line=2,col=5,title=bad-value"
        "::100%25 wrong%0A::error::fake%0Ahint: line%0Dtwo\n"
        "::error file=catalogs/northwind/plans/web.yaml,line=14,col=3,title=unknown-field"
        '::Plan has no field "nmae"%0Ahint: did you mean "name"?\n'
    )
    assert render_problems_github([PROBLEM], folder=".").startswith("::error file=northwind/plans/web.yaml,")


def test_problems_as_json() -> None:
    data = orjson.loads(render_problems_json([PROBLEM]))
    assert data["valid"] is False
    assert data["problems"] == [
        {
            "file": "northwind/plans/web.yaml",
            "line": 14,
            "column": 3,
            "severity": "error",
            "code": "unknown-field",
            "summary": 'Plan has no field "nmae"',
            "hint": 'did you mean "name"?',
            "also": [],
            "tenants": [],
        }
    ]
    assert orjson.loads(render_problems_json([])) == {"format_version": "1.0", "valid": True, "problems": []}


def test_status() -> None:
    rows = [
        StatusRow("contoso", "changes", Summary(1, 1, 1, withheld=2), "0123456789abcdef", "2026-12-01T08:00:00Z"),
        StatusRow("adatum", "in_sync", Summary(withheld=10)),
    ]
    expected = """
        TENANT   STATUS   CHANGES  WITHHELD  BLOCKED  COMMIT      APPLIED
        contoso  changes  3        2         0        0123456789  2026-12-01T08:00:00Z
        adatum   in sync  0        10        0        -           never
        """
    assert render_status(rows) == dedent(expected).lstrip("\n")
    failed = StatusRow("litware", "error", problem="no\nroute")
    assert render_status([failed]).splitlines()[1].endswith(r"never    no\nroute")
    assert "unreachable  -        -" in render_status([failed])


@dataclass(frozen=True)
class Journaled:
    """A record, as the stores give it."""

    tenant: str = "contoso"
    plan: str = "sha256:0123456789abcdef"
    at: str = "2026-12-01T08:00:00Z"
    by: str = "jane"
    commit: str | None = "fedcba9876543210"
    changes: tuple[dict[str, Any], ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)


def test_history() -> None:
    fee = FieldChange(("fees", "setup"), None, "2", ("plans.update_fees",), "CB-12")
    update = Change("contoso", EntityId("Plan", "web"), Action.UPDATE, {}, {}, (fee,))
    create = Change("contoso", EntityId("ServiceTerm", "annual"), Action.CREATE, None, {"kind": "ServiceTerm"})
    first = Journaled(changes=(change_to_data(create), change_to_data(update)), notes={"allowed": ["max_deletes"]})
    expected = """
        2026-12-01T08:00:00Z  contoso  by jane  commit fedcba9876  plan 0123456789
          1 added, 1 changed
          + service_term/annual
          ~ plan/web
              fees.setup: (none) -> 2
          allowed: max_deletes

        2026-12-01T08:00:00Z  contoso  by eve\\u001b  no commit  plan 0123456789
          nothing
        """
    assert render_history([first, Journaled(by="eve\x1b", commit=None)]) == dedent(expected).lstrip("\n")
    assert render_history([]) == "Nothing was applied yet.\n"
    many = render_history([Journaled(changes=(change_to_data(create),) * (LISTED + 5))])
    assert "  25 added\n" in many
    assert many.endswith("  and 5 more (listed with --format json)\n")
