"""By which rule, and under which options, everything in a plan changes."""

from collections.abc import Iterator

from reconciler.model.plans.plan import Change, FieldChange, Plan
from reconciler.model.values.plain_values import render_path
from tests.scenarios.acting import MARKS


def permissions(plan: Plan) -> str:
    """A line for each change and each of its fields, in the order of the plan."""
    return "".join(f"{line}\n" for each in plan.tenants for change in each.changes for line in _lines(change))


def _lines(change: Change) -> Iterator[str]:
    needed = f" for {', '.join(map(str, change.needed_by))}" if change.needed_by else ""
    yield f"{MARKS[change.action]} {change.address} {_permission(change)}{needed}"
    for each in change.fields:
        yield f"    {render_path(each.path)} {_permission(each)}"


def _permission(change: Change | FieldChange) -> str:
    return " ".join((change.rule or "(no rule)", *change.allowed_by))
