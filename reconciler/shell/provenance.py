"""Commits for the lines that a plan names: who set what, looked up after the plan was made."""

from dataclasses import replace

from reconciler.model.plan import Change, Declared, Deferred, TenantPlan
from reconciler.shell.git import Repository


def with_commits(plan: TenantPlan, repository: Repository, revision: str | None) -> TenantPlan:
    """The same plan, every declared line with the commit that set it; ``revision`` ``None``: of the working tree."""

    def commit(declared: Declared | None) -> Declared | None:
        if declared is None:
            return None
        lines = repository.blame(declared.file, revision)
        blamed = lines[declared.line - 1] if declared.line <= len(lines) else None
        return replace(declared, commit=blamed.commit if blamed else None)

    def change(each: Change) -> Change:
        fields = tuple(replace(field, declared_at=commit(field.declared_at)) for field in each.fields)
        return replace(each, fields=fields, declared_at=commit(each.declared_at))

    def deferred(each: Deferred) -> Deferred:
        return replace(each, policy=commit(each.policy), change=change(each.change))

    return replace(
        plan,
        changes=tuple(change(each) for each in plan.changes),
        deferred=tuple(deferred(each) for each in plan.deferred),
    )
