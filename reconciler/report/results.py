"""What apply did, as data."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from reconciler.model.plans.plan import Summary
from reconciler.report.envelope import enveloped


class AppliedTenant(Protocol):
    """How a tenant's part of a plan ended, as `shell.runs.execute` has it."""

    @property
    def tenant(self) -> str: ...
    @property
    def result(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def code(self) -> str: ...


def render_results_json(plan: str, run: str, done: Iterable[AppliedTenant], counts: Mapping[str, Summary]) -> str:
    """``apply --format json``. ``plan``: its digest; ``run``: empty where there is none; ``counts``: what the plan
    changes, by tenant.
    """
    results = [_result(each, counts.get(each.tenant, Summary())) for each in done]
    return enveloped(plan=plan, run=run or None, results=results)


def _result(done: AppliedTenant, summary: Summary) -> dict[str, Any]:
    """What was done here is counted, not what another application of the plan did."""
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
