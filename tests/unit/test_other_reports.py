"""JSON, problems, status and history: what they say, and that hostile names stay names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from textwrap import dedent
from typing import Any

import orjson
import pytest

from reconciler.core.records.change_records import change_to_data
from reconciler.core.savedplan.codec import parsed as parsed_plan
from reconciler.core.savedplan.plan_data import plan_digest
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import (
    Change,
    FieldChange,
    Plan,
    Source,
    Summary,
)
from reconciler.model.values.diagnostics import Diagnostic, Place
from reconciler.model.values.keys import EntityId
from reconciler.report.history import LISTED, render_history
from reconciler.report.plans.data import render_plan_json
from reconciler.report.plans.markdown.escaping import code
from reconciler.report.problems import render_problems, render_problems_github, render_problems_json
from reconciler.report.status import StatusRow, render_status


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("a", "`a`"),
        ("a`b", "``a`b``"),
        ("``", "``` `` ```"),
        ("", "`  `"),
        ("a\nb", r"`a\nb`"),
        (" a", "`  a `"),
        ("a|b`", "<code>a&#124;b&#96;</code>"),
    ],
)
def test_code_spans(text: str, span: str) -> None:
    assert code(text) == span


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
