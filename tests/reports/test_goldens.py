"""The comments and texts of the real history, as they are to be read: a difference is to be reviewed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.plans.plan import Plan
from reconciler.report.plans.markdown import render_markdown
from reconciler.report.plans.text import render_plan
from tests.laws.profiles import is_long
from tests.reports.history import SIZES, history_plan

GOLDENS = Path(__file__).parent / "goldens"
REPORTS: dict[str, Callable[[Plan], str]] = {
    "md": lambda plan: render_markdown(plan, file="round.plan"),
    "txt": lambda plan: render_plan(plan, file="round.plan"),
}


@pytest.mark.parametrize("tenants", SIZES)
@pytest.mark.parametrize("form", REPORTS)
def test_reports_of_the_history(form: str, tenants: int, request: pytest.FixtureRequest) -> None:
    """Of 10 and 300 resellers; with ``--hypothesis-profile=long``, and where goldens are written, of 1,000 too."""
    golden, update = GOLDENS / f"history-{tenants}.{form}", request.config.getoption("--update-golden")
    assert golden.exists() or update
    if tenants < SIZES[-1] or is_long() or update:
        made = REPORTS[form](history_plan(tenants))
        if update:
            golden.write_text(made, encoding="utf-8")
        assert made == golden.read_text(encoding="utf-8")
