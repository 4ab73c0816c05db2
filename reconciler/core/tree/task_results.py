"""Results of tasks as another process sends them back, without the parts that are not read afterwards."""

from dataclasses import replace

from reconciler.core.tree.afterwards import read_afterwards
from reconciler.core.tree.levels import NeedsAncestors, Task, TaskResult, TenantResult
from reconciler.model.values.keys import EntityId


def trimmed(answer: TaskResult, task: Task, dated: frozenset[EntityId] | None) -> TaskResult:
    """The result without the parts that are not read afterwards, so that it is small and needs no further reads.

    ``dated``: the plans that may have dated amounts (``None``: all).
    """
    match answer:
        case TenantResult() if not task.has_resellers:
            after = read_afterwards(answer.planned.after, dated)
            return TenantResult(replace(answer.planned, after=after), replace(answer.observed, state={}))
        case TenantResult():
            after, before = dict(answer.planned.after.items()), dict(answer.observed.state.items())
            return TenantResult(replace(answer.planned, after=after), replace(answer.observed, state=before))
        case NeedsAncestors():
            return NeedsAncestors()
        case _:
            return answer
