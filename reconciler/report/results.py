"""Renders the result of `apply` as data."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from reconciler.model.plans.plan import Summary
from reconciler.report.envelope import enveloped


class AppliedTenant(Protocol):
    """The outcome of a tenant's part of a plan, from `shell.runs.execute`."""

    @property
    def tenant(self) -> str: ...
    @property
    def result(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def code(self) -> str: ...


def render_results_json(plan: str, run: str, done: Iterable[AppliedTenant], counts: Mapping[str, Summary]) -> str:
    """The JSON of ``apply --format json``. ``plan``: its digest; ``run``: may be empty; ``counts``: the plan's changes,
    by tenant.
    """
    results = [_result(each, counts.get(each.tenant, Summary())) for each in done]
    return enveloped(plan=plan, run=run or None, results=results)


def _result(done: AppliedTenant, summary: Summary) -> dict[str, Any]:
    """The result of a tenant; counts only changes made by this apply, not by another one of the same plan."""
    count = summary if done.result == "applied" else Summary()
    return {
        "tenant": done.tenant,
        "result": str(done.result),
        "problem": done.problem or None,
        "code": str(done.code) or None,
        "added": count.create,
        "changed": count.update,
        "destroyed": count.delete,
    }
