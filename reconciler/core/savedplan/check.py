"""Validates a saved plan: applying it must write exactly what it shows.

A digest proves that a file is complete, not who wrote it. Before a saved plan is shown or applied, its tenants are
validated here, every change by `change_check` (its fields by `field_check`, a mirror's ``last_applied`` by
`memory_check`) and deferred changes by `deferred_check`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice

from reconciler.core.planning import status_of
from reconciler.core.savedplan.change_check import change_faults
from reconciler.core.savedplan.deferred_check import deferred_faults
from reconciler.core.savedplan.field_check import is_amount
from reconciler.core.savedplan.memory_check import SourceMemory, source_memory
from reconciler.core.schema import execution_order
from reconciler.core.workspace import circles
from reconciler.model.plans.plan import Change, Plan, Read, Scheduled, TenantPlan, TenantStatus
from reconciler.model.values.amounts import AMOUNT
from reconciler.model.values.entity import entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import render_path

MOST_FAULTS = 5
"""The maximum number of faults that a message names."""
LONGEST_FAULT = 200
"""The maximum number of characters of a fault that are shown."""
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")


def reason_to_refuse(plan: Plan) -> str | None:
    """The first contradictions in a plan from a file, as text; ``None`` if there are none."""
    found = [*islice(_faults(plan), MOST_FAULTS + 1)] or [*islice(_source_faults(plan), MOST_FAULTS + 1)]
    found = [short_quote(each) for each in found]
    more = ["and more"] if len(found) > MOST_FAULTS else []
    return "; ".join([*found[:MOST_FAULTS], *more]) or None


def short_quote(text: str) -> str:
    """A fault as it is shown: its text may quote a file, and have any length."""
    return text if len(text) <= LONGEST_FAULT else text[: LONGEST_FAULT - 1] + "…"


def _faults(plan: Plan) -> Iterator[str]:
    yield from head_faults(plan)
    above = upstreams(plan)
    for tenant in plan.tenants:
        yield from tenant_faults(tenant, above, plan.timestamp)


def head_faults(plan: Plan) -> Iterator[str]:
    """The contradictions in a plan without the changes of its tenants."""
    if not _MOMENT.match(plan.timestamp) or not _is_day(plan.timestamp[:10]):
        yield "its timestamp is no moment in UTC"
    yield from _tree_faults(plan)
    for each in plan.scheduled:
        yield from _scheduled_faults(each, plan)


def upstreams(plan: Plan) -> Mapping[str, str]:
    """The upstream of every tenant that was read or planned; empty for a provider."""
    return {each.tenant: each.upstream for each in _standing(plan)}


def tenant_faults(tenant: TenantPlan, above: Mapping[str, str], timestamp: str) -> Iterator[str]:
    """The contradictions in the plan of one tenant. ``above``: `upstreams`; ``timestamp``: that of the plan."""
    yield from _day_faults(tenant, timestamp)
    yield from _tenant_faults(tenant, above)


@dataclass(slots=True)
class SourceCheck:
    """Checks, in a plan without other faults, that the ``last_applied`` of each mirror matches its source after this
    plan.

    Tenants are added in the plan's order. For sources that the plan leaves alone, apply compares them
    (`reconciler.shell.runs.execute`).
    """

    _mirrors: list[tuple[str, SourceMemory]] = field(default_factory=list)

    def add(self, tenant: TenantPlan) -> None:
        for change in tenant.changes:
            if found := source_memory(change):
                self._mirrors.append((change.address, found))

    def faults(self, changes_of: Callable[[str], Iterable[Change]], tenants: Iterable[str]) -> Iterator[str]:
        """``changes_of`` returns the changes of one of the ``tenants``; it is called for sellers with mirrors only."""
        sources = {(found.reseller, found.source) for _, found in self._mirrors}
        sellers = {seller for seller, _ in sources}
        changed = {
            (seller, change.entity): change
            for seller in sellers.intersection(tenants)
            for change in changes_of(seller)
            if (seller, change.entity) in sources
        }
        for mirror, found in self._mirrors:
            source = changed.get((found.reseller, found.source))
            if source is not None and (source.after is None or not found.fits(entity(source.after).body)):
                yield f"{mirror}: its memory of its source is not what {source.address} becomes"


def _source_faults(plan: Plan) -> Iterator[str]:
    check = SourceCheck()
    for each in plan.tenants:
        check.add(each)
    changes = {each.tenant: each.changes for each in plan.tenants}
    yield from check.faults(changes.__getitem__, changes)


def _tree_faults(plan: Plan) -> Iterator[str]:
    """Each tenant must appear once, after its upstream. A provider's own system is nobody's upstream here: it may be
    last.
    """
    above = upstreams(plan)
    yield from (f"{circle[0]} is its own upstream" for circle in circles(above))
    seen: set[str] = set()
    for each in _standing(plan):
        if each.tenant in seen:
            yield f"the tenant {each.tenant} stands in it twice"
        if type(each.revision) is not int:
            yield f"the revision of {each.tenant} is no whole number"
        seen.add(each.tenant)
    for listed in (plan.read, [each.bare for each in plan.outlines]):
        to_come = {each.tenant for each in listed if each.upstream}
        for each in listed:
            to_come.discard(each.tenant)
            if each.upstream in to_come:
                yield f"{each.tenant} stands before its upstream {each.upstream}"


def _standing(plan: Plan) -> Iterator[Read | TenantPlan]:
    yield from plan.read
    yield from (each.bare for each in plan.outlines)


def _scheduled_faults(scheduled: Scheduled, plan: Plan) -> Iterator[str]:
    if not _is_day(scheduled.date):
        yield f"{scheduled.entity} has an amount from {scheduled.date} on, which is no day"
    elif scheduled.date < min((each.bare.day for each in plan.outlines if each.bare.day), default=""):
        yield f"{scheduled.entity} has an amount from {scheduled.date} on, which has come"
    if not is_amount(scheduled.entity.kind, scheduled.path):
        yield f"{render_path(scheduled.path)} of {scheduled.entity} is no amount"
    if missing := sorted(set(scheduled.tenants) - {each.tenant for each in plan.outlines}):
        yield f"{scheduled.entity} is to cost {scheduled.amount} at {missing[0]}, which is no tenant of it"
    if not AMOUNT.match(scheduled.amount):
        yield f"{scheduled.entity} is to cost {scheduled.amount}, which is no amount"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _day_faults(tenant: TenantPlan, timestamp: str) -> Iterator[str]:
    """A tenant's day must be that of the plan's moment, in some time zone (DATE-01)."""
    if tenant.day and _is_day(tenant.day) and _is_day(timestamp[:10]):
        apart = date.fromisoformat(tenant.day) - date.fromisoformat(timestamp[:10])
        if abs(apart) > timedelta(days=1):
            yield f"{tenant.tenant} is planned for {tenant.day}, which is not the day of its timestamp anywhere"


def _tenant_faults(tenant: TenantPlan, above: Mapping[str, str]) -> Iterator[str]:
    if tenant.day and not _is_day(tenant.day):
        yield f"{tenant.tenant} is planned for {tenant.day}, which is no day"
        return
    yield from (f"{tenant.tenant} {each}" for each in _status_faults(tenant))
    taken: set[EntityId] = set()
    for change in tenant.changes:
        if not taken.isdisjoint(names := {change.entity, *_was(change)}):
            yield f"{change.address} stands in it twice"
        taken |= names
        yield from (f"{change.address}: {each}" for each in change_faults(change, tenant, above))
    yield from (
        f"{change.address} is there for {each}, which does not change"
        for change in tenant.changes
        for each in change.needed_by
        if each not in taken
    )
    if execution_order(tenant.changes) != tenant.changes:
        yield f"the changes of {tenant.tenant} do not stand in the order in which they are made"
    for deferred in tenant.deferred:
        yield from (f"{deferred.change.address}, deferred: {each}" for each in deferred_faults(deferred, tenant, above))


def _status_faults(tenant: TenantPlan) -> Iterator[str]:
    wrong = tenant.status is TenantStatus.ERROR
    if wrong != (tenant.problem is not None):
        yield "has a problem if, and only if, it is in error, which this one contradicts"
    if wrong:
        if tenant.changes:
            yield "is in error, and has changes"
        return
    due = status_of(tenant.changes, tenant.deferred)
    of_old = due is TenantStatus.WITHHELD and tenant.status is TenantStatus.IN_SYNC  # plans of 0.1
    if tenant.status is not due and not of_old:
        yield f'has status "{tenant.status}", but what it changes and defers comes to "{due}"'
    for each in tenant.allowed:
        reseller = each.partition(":")[2]
        if reseller and not any(one.entity.key.startswith(f"{reseller}.") for one in tenant.changes):
            yield f"overrides {each}, and gets no mirror of {reseller}"
    if tenant.changes and not tenant.fingerprint:
        yield "has changes, but no fingerprint"


def _was(change: Change) -> Iterator[EntityId]:
    key = change.before.get("key") if change.before else None
    if isinstance(key, str):
        yield EntityId(change.entity.kind, key)
