"""Adds commits to the declared lines of a plan, after the plan was made."""

from dataclasses import dataclass, field, replace

from reconciler.model.bounded_cache import IdentityCache
from reconciler.model.plans.plan import Change, Declared, Deferred, TenantPlan
from reconciler.shell.repository.git import Repository


@dataclass(slots=True)
class Commits:
    """Looks up the commit of declared lines. ``revision`` ``None``: of the working tree.

    ``known``: shared changes and their copies with commits.
    """

    repository: Repository
    revision: str | None
    known: IdentityCache[Change, Change] = field(default_factory=IdentityCache)

    def of_plan(self, plan: TenantPlan) -> TenantPlan:
        """A copy of the plan in which every declared line has its commit."""
        if not (plan.changes or plan.deferred or plan.warnings):
            return plan
        changes = tuple(map(self._of_change, plan.changes))
        warnings = tuple(replace(each, declared_at=self._of_line(each.declared_at)) for each in plan.warnings)
        return replace(plan, changes=changes, deferred=tuple(map(self._of_deferred, plan.deferred)), warnings=warnings)

    def _of_deferred(self, deferred: Deferred) -> Deferred:
        return replace(deferred, policy=self._of_line(deferred.policy), change=self._of_change(deferred.change))

    def _of_change(self, change: Change) -> Change:
        if change.common is not None:
            return self.known.of(change.common, self._of_change).in_tenant(change.tenant)
        fields = tuple(replace(each, declared_at=self._of_line(each.declared_at)) for each in change.fields)
        return replace(change, fields=fields, declared_at=self._of_line(change.declared_at))

    def _of_line(self, declared: Declared | None) -> Declared | None:
        if declared is None:
            return None
        lines = self.repository.blame(declared.file, self.revision)
        blamed = lines[declared.line - 1] if declared.line <= len(lines) else None
        return replace(declared, commit=blamed.commit if blamed else None)
