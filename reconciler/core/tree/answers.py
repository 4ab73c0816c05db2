"""Answers of tasks as they are sent back from another process: without what nobody looks at afterwards."""

from dataclasses import replace

from reconciler.core.tree.afterwards import read_afterwards
from reconciler.core.tree.levels import Answer, NeedsAncestors, Task, TenantResult
from reconciler.model.values.keys import EntityId


def brief(answer: Answer, task: Task, dated: frozenset[EntityId] | None) -> Answer:
    """The answer without what nobody looks at: it may have a long way to go. Nothing of it has to be read any more.

    ``dated``: the plans that may have dated amounts (``None``: all).
    """
    match answer:
        case TenantResult() if not task.above:
            after = read_afterwards(answer.planned.after, dated)
            return TenantResult(replace(answer.planned, after=after), replace(answer.observed, state={}))
        case TenantResult():
            after, before = dict(answer.planned.after.items()), dict(answer.observed.state.items())
            return TenantResult(replace(answer.planned, after=after), replace(answer.observed, state=before))
        case NeedsAncestors():
            return NeedsAncestors()
        case _:
            return answer
