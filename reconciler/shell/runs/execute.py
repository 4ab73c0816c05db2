# long: every outcome of a step of a plan, and its message
"""Executes a plan tenant by tenant, each in one transaction with its journal record, or not at all.

Decides nothing: a tenant whose state changed since planning is refused, with all tenants that depend on it; the others
continue. Steps of one level of the tree are independent of each other, so `apply_workers` may run them concurrently.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, groupby, takewhile
from typing import NamedTuple, TypeAlias, assert_never, overload

from reconciler.core.records import JournalEntries, change_to_data, data_in_tenant, entity_of
from reconciler.core.states import digests_of
from reconciler.model.bounded_cache import IdentityCache
from reconciler.model.plans.plan import Change, Plan, Read, StoredTenants, TenantPlan, TenantStatus
from reconciler.model.values.entity import Entity, entity
from reconciler.model.values.keys import EntityId, address
from reconciler.model.values.plain_values import Body
from reconciler.shell.runs.mirror_sources import mirrors_to_compare, source_mismatch
from reconciler.stores.base import (
    AlreadyApplied,
    Committed,
    EntityWrite,
    Outcome,
    OutcomeUnknown,
    Record,
    Stale,
    StoreError,
    TenantStore,
    WriteLogEntry,
)

NAMED = 20
"""Number of changed entities to name when a tenant is refused."""


class Result(StrEnum):
    """How a tenant's part of a plan ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    ALREADY_APPLIED = "already_applied"
    REFUSED = "refused"
    FAILED = "failed"


NOT_DONE = (Result.REFUSED, Result.FAILED)


@dataclass(frozen=True, slots=True)
class Applied:
    """The outcome of a tenant's part of a plan: ``problem`` is the message, ``code`` is for programs."""

    tenant: str
    result: Result
    problem: str = ""
    code: str = field(default="", compare=False)


class Code(StrEnum):
    """Why a tenant was refused or failed. The names are part of ``apply --format json``."""

    STALE = "stale"
    """The tenant's state changed since the plan was made: plan again."""
    MOVED_SINCE = "already_applied_but_moved"
    """This plan was already applied, and the state changed since: plan again."""
    UPSTREAM_STALE = "upstream_stale"
    """An upstream that the plan only read changed since the plan was made: plan again."""
    UPSTREAM = "upstream_not_applied"
    """An upstream was refused or failed: see its result."""
    NOT_PLANNED = "not_planned"
    """The tenant could not be planned; the plan has the reason."""
    CONTRADICTS = "plan_contradicts_state"
    """The saved plan's "before" values were never in the state: plan again."""
    STORE = "store_error"
    """The store failed for a reason without a code of its own."""
    STORE_BUSY = "store_busy"
    """Another process is using the store: run the same command again."""
    STORE_DAMAGED = "store_damaged"
    """The store's contents are damaged: restore it."""
    STORE_DISK = "store_disk"
    """The store's disk reported an I/O error: check the disk, and run the same command again."""
    STORE_FORBIDDEN = "store_forbidden"
    """Access to the store is denied."""
    STORE_FULL = "store_full"
    """The store has no space left: free some, and run the same command again."""
    STORE_NOT_A_DATABASE = "store_not_a_database"
    STORE_READ_ONLY = "store_read_only"
    STORE_UNREACHABLE = "store_unreachable"
    """The store's server does not respond, or the connection was lost: run the same command again later."""
    UNKNOWN = "outcome_unknown"
    """The executor lost the step, or the store failed at COMMIT and cannot be read: run the same command again."""


@dataclass(frozen=True, slots=True)
class ApplyContext:
    """The context of an apply: the plan's digest, the time (ISO 8601), the user, and the commit planned from.

    ``run``: an id of this apply, if a step may run twice; it identifies records that this apply wrote. ``saved``:
    whether the plan comes from a file, which is not trusted.
    """

    plan: str
    at: str
    by: str
    commit: str | None
    run: str = ""
    saved: bool = False


RUN = "run"
"""The key of the journal note with the id of the apply that wrote the record."""


@dataclass(frozen=True, slots=True)
class VerifyStep:
    """Verify that a tenant's state is the one that was planned against."""

    tenant: str
    fingerprint: str
    revision: int


@dataclass(frozen=True, slots=True)
class WriteStep:
    """Write a tenant's part of the plan and its record, if the state is the one that was planned against.

    ``saved``: compare the plan's "before" values with that state first.
    """

    record: Record
    writes: Sequence[EntityWrite]
    fingerprint: str
    revision: int
    saved: bool = False

    @property
    def tenant(self) -> str:
        return self.record.tenant


@dataclass(frozen=True, slots=True)
class ApplyRun:
    """One apply of a plan: ``plan`` is the plan's digest, ``run`` the id of this apply (may be empty). Iterating runs
    the steps.
    """

    plan: str
    run: str
    steps: Iterator[Applied]

    def __iter__(self) -> Iterator[Applied]:
        return self.steps


Step: TypeAlias = VerifyStep | WriteStep | Applied
"""The work for one tenant, or its result if there is no work."""
StoreOf: TypeAlias = Callable[[str], TenantStore]
"""Returns a tenant's store. Raises `StoreError` if it cannot be reached."""
RunSteps: TypeAlias = Callable[[Iterable[Step]], Iterator[Applied]]
"""Runs the steps of one level and yields their results in order."""


def execute(
    plan: Plan, context: ApplyContext, store_of: StoreOf, *, run_steps: RunSteps | None = None
) -> Iterator[Applied]:
    """Execute a plan, upstreams first. ``run_steps`` runs the steps of a level; by default sequentially.

    Tenants below one that was refused or failed are refused too (TREE-04), and so are those planned against a state
    that has changed since, even of a tenant that the plan leaves unchanged or only read (TREE-03). A tenant whose state
    is already the result of this plan counts as applied (TREE-05): so an interrupted apply can be finished, and
    concurrent applies of one plan complete it together. A provider's own system stops no tenant, because tenants get
    the catalog, not its state.
    """
    run_steps = run_steps or (lambda steps: (run_step(step, store_of) for step in steps))
    converted = ConvertedChanges()
    outlines = plan.outlines
    known: tuple[Read | TenantPlan, ...] = (*plan.read, *(each.bare for each in outlines))
    upstreams = {each.tenant: each.upstream for each in known}
    relied_on = _relied_on((each.tenant for each in outlines if each.summary.changes), upstreams)
    relied_on -= {each.tenant for each in outlines if not each.bare.upstream}
    levels = _levels(upstreams)
    stopped: dict[str, str] = {}
    for moved in run_steps(_verify_step(read) for read in plan.read if read.tenant in relied_on):
        if moved.result is not Result.UNCHANGED:
            stopped[moved.tenant] = _READ_MOVED
            yield moved
    for _, level in groupby(_parts(plan, whole=context.saved), lambda each: levels[each.tenant.tenant]):
        steps = (
            _refused_below(each.tenant, upstreams, stopped)
            or (_sources_differ(each.tenant, plan, store_of) if context.saved else None)
            or _step(each, context, converted, relied_on=each.tenant.tenant in relied_on)
            for each in level
        )
        for each in run_steps(steps):
            ended = each.result in (Result.REFUSED, Result.FAILED) and upstreams[each.tenant]
            if ended and not any(above in stopped for above in _above(each.tenant, upstreams)):
                moved_since = each.code == Code.MOVED_SINCE
                stopped[each.tenant] = "has changed since this plan was applied" if moved_since else "was not applied"
            yield each


class _Part(NamedTuple):
    """A tenant's plan, its changes, which need not be in it, and their number."""

    tenant: TenantPlan
    changes: Iterable[Change]
    number: int


def _parts(plan: Plan, *, whole: bool) -> Iterator[_Part]:
    """The parts of a plan. Changes in a file are read as they are gone through, unless ``whole`` is set."""
    if whole or not isinstance(plan.tenants, StoredTenants):
        yield from (_Part(each, each.changes, len(each.changes)) for each in plan.tenants)
        return
    for number, each in enumerate(plan.tenants.outlines):
        yield _Part(each.bare, plan.tenants.read_changes(number), each.summary.changes)


def _above(tenant: str, upstreams: Mapping[str, str]) -> Iterator[str]:
    """The upstreams of a tenant that the plan names, nearest first."""
    while tenant in upstreams:
        tenant = upstreams[tenant]
        yield tenant


def _relied_on(changing: Iterable[str], upstreams: Mapping[str, str]) -> set[str]:
    """Every upstream of a tenant that changes; visits each tenant once."""
    found: set[str] = set()
    for tenant in changing:
        for above in _above(tenant, upstreams):
            if above in found:
                break
            found.add(above)
    return found


def _levels(upstreams: Mapping[str, str]) -> Mapping[str, int]:
    """The number of upstreams of each tenant that the plan names."""
    levels: dict[str, int] = {}
    for tenant in upstreams:
        walk = chain((tenant,), _above(tenant, upstreams))
        unknown = [*takewhile(lambda each: each in upstreams and each not in levels, walk)]
        topmost = levels.get(upstreams[unknown[-1]], 0) if unknown else 0
        levels.update({each: topmost + number for number, each in enumerate(reversed(unknown), start=1)})
    return levels


def _refused_below(tenant: TenantPlan, upstreams: Mapping[str, str], stopped: Mapping[str, str]) -> Applied | None:
    """The refusal of a tenant below one that was not applied, or ``None``."""
    walk = _above(tenant.tenant, upstreams) if stopped else ()
    above = next((each for each in walk if each in stopped), None)
    if above is None:
        return None
    who = f"its upstream {above}" if above == tenant.upstream else f"{above}, above its upstream,"
    code = Code.UPSTREAM_STALE if stopped[above] == _READ_MOVED else Code.UPSTREAM
    return Applied(tenant.tenant, Result.REFUSED, f"{who} {stopped[above]}", code)


_READ_MOVED = "has changed since the plan was made"


LARGE = 2_000
"""The number of changes of a tenant above which they are kept as text instead of objects."""


@dataclass(slots=True)
class ConvertedChanges:
    """Converts changes to journal entries and row writes; changes that tenants share are converted once."""

    known: IdentityCache[Change, tuple[Body, tuple[EntityWrite, ...]]] = field(default_factory=IdentityCache)

    def of_all(self, changes: Iterable[Change], count: int) -> tuple[Sequence[Body], Sequence[EntityWrite]]:
        """The entries and writes of a tenant's ``count`` changes; of more than `LARGE`, a block is in memory."""
        if count > LARGE:
            entries = JournalEntries(self.of(each)[0] for each in changes)
            return entries, WritesOfEntries(entries)
        found = [self.of(each) for each in changes]
        return tuple(data for data, _ in found), tuple(chain.from_iterable(writes for _, writes in found))

    def of(self, change: Change) -> tuple[Body, tuple[EntityWrite, ...]]:
        if change.common is None:
            return self._made(change)
        data, writes = self.known.of(change.common, self._made)
        return data_in_tenant(data, change), writes

    def _made(self, change: Change) -> tuple[Body, tuple[EntityWrite, ...]]:
        return change_to_data(change), tuple(writes_of(change))


def _step(part: _Part, context: ApplyContext, converted: ConvertedChanges, *, relied_on: bool) -> Step:
    """The step for a tenant. ``relied_on``: whether a tenant below it changes."""
    tenant = part.tenant
    if tenant.status is TenantStatus.ERROR:
        problem = tenant.problem or "it could not be planned"
        return Applied(tenant.tenant, Result.FAILED, problem, Code.NOT_PLANNED)
    if not part.number:
        return _verify_step(tenant) if relied_on else Applied(tenant.tenant, Result.UNCHANGED)
    notes = {"allowed": list(tenant.allowed)} if tenant.allowed else {}
    entries, writes = converted.of_all(part.changes, part.number)
    record = Record(
        tenant.tenant,
        context.plan,
        context.at,
        context.by,
        context.commit,
        entries,
        {**notes, RUN: context.run} if context.run else notes,
    )
    return WriteStep(record, writes, tenant.fingerprint, tenant.revision, context.saved)


def _verify_step(read: Read | TenantPlan) -> VerifyStep:
    return VerifyStep(read.tenant, read.fingerprint, read.revision)


def run_step(step: Step, store_of: StoreOf) -> Applied:
    """Run one step."""
    try:
        match step:
            case Applied():
                return step
            case VerifyStep():
                return _run_verify(step, store_of(step.tenant))
            case WriteStep():
                return _run_write(step, store_of(step.tenant))
            case _:
                assert_never(step)
    except StoreError as error:
        return store_failure(step.tenant, error)


def store_failure(tenant: str, error: StoreError) -> Applied:
    """The result of a tenant whose store failed."""
    code = Code.UNKNOWN if isinstance(error, OutcomeUnknown) else Code(f"store_{error.failure}")
    return Applied(tenant, Result.FAILED, str(error), code)


def _run_verify(step: VerifyStep, store: TenantStore) -> Applied:
    now = store.state_versions((step.tenant,)).get(step.tenant) or store.observe(step.tenant)
    if now.fingerprint == step.fingerprint:
        return Applied(step.tenant, Result.UNCHANGED)
    return _result_of(step.tenant, Stale(now.fingerprint, tuple(store.moved_since(step.tenant, step.revision))))


def _run_write(step: WriteStep, store: TenantStore) -> Applied:
    """Write a tenant. A journal record of this same run was written by a worker that died before reporting it."""
    if step.saved and (otherwise := _contradiction_if_unmoved(step, store)):
        problem = f"the plan's values of {otherwise} before the change differ from the state; plan again"
        return Applied(step.tenant, Result.REFUSED, problem, Code.CONTRADICTS)
    outcome = store.commit(step.record, step.writes, expected=step.fingerprint, revision=step.revision)
    run = step.record.notes.get(RUN)
    if isinstance(outcome, AlreadyApplied) and run and outcome.notes.get(RUN) == run:
        return Applied(step.tenant, Result.APPLIED)
    return _result_of(step.tenant, outcome)


def _contradiction_if_unmoved(step: WriteStep, store: TenantStore) -> str:
    """As `_contradiction`. A state that changed during the read is refused as stale by the commit."""
    try:
        return _contradiction(step, store)
    except StoreError:
        if store.observe(step.tenant).fingerprint == step.fingerprint:
            raise
        return ""


def _contradiction(step: WriteStep, store: TenantStore) -> str:
    """The first entity whose "before" value in the plan differs from the state that was planned against.

    Otherwise its undeclared fields would be written too. The commit refuses a state that has changed.
    """
    snapshot = store.sketch(step.tenant) or store.observe(step.tenant)
    if snapshot.fingerprint != step.fingerprint:
        return ""
    there = snapshot.entities
    ids = {each.entity for each in step.writes if each.entity in there}
    known = digests_of(there, ids)
    wrong = (each for each in step.writes if known.get(each.entity) != (each.before.digest() if each.before else None))
    return next((address(step.tenant, each.entity) for each in wrong), "")


def _sources_differ(tenant: TenantPlan, plan: Plan, store_of: StoreOf) -> Applied | None:
    """The refusal of a tenant whose mirrors would record values that their sources do not have (`mirror_sources`).

    The commit refuses a tenant that has changed since the plan was made.
    """
    compared = mirrors_to_compare(tenant, plan)
    if not compared:
        return None
    try:
        moved = _run_verify(_verify_step(tenant), store_of(tenant.tenant)).result is not Result.UNCHANGED
        problem = "" if moved else source_mismatch(compared, store_of)
    except StoreError as error:
        return Applied(tenant.tenant, Result.FAILED, str(error), Code.STORE)
    return Applied(tenant.tenant, Result.REFUSED, problem, Code.CONTRADICTS) if problem else None


def _result_of(tenant: str, outcome: Outcome) -> Applied:
    match outcome:
        case Committed():
            return Applied(tenant, Result.APPLIED)
        case AlreadyApplied(stands=True):
            return Applied(tenant, Result.ALREADY_APPLIED)
        case AlreadyApplied(at, moved=moved):
            what = f"its state has changed since: {_named(tenant, moved) or _UNNAMED}"
            problem = f"this plan was already applied to it at {at}, and {what}"
            return Applied(tenant, Result.REFUSED, problem, Code.MOVED_SINCE)
        case Stale(_, moved):
            problem = f"its state has changed since the plan was made: {_named(tenant, moved) or _UNNAMED}"
            return Applied(tenant, Result.REFUSED, problem, Code.STALE)
        case _:
            assert_never(outcome)


_UNNAMED = "a write from outside the reconciler; plan again"


def _named(tenant: str, moved: Sequence[WriteLogEntry]) -> str:
    """Each changed entity with its last writer; at most `NAMED`, and the number of others."""
    last = {move.entity: f"{address(tenant, move.entity)} (by {move.actor}, {move.at})" for move in moved}
    named = list(last.values())
    rest = [f"and {len(named) - NAMED} more"] if len(named) > NAMED else []
    return ", ".join([*named[:NAMED], *rest])


def writes_of(change: Change) -> Iterator[EntityWrite]:
    """The writes of a change: one, or for a rename two (AP-21), which delete the old key and create the new one."""
    return _writes(change.entity, change.before, change.after)


@dataclass(frozen=True, slots=True)
class WritesOfEntries(Sequence[EntityWrite]):
    """The writes of many changes, made anew from their journal entries on each pass."""

    entries: JournalEntries

    def __iter__(self) -> Iterator[EntityWrite]:
        for each in self.entries:
            change = each["change"]
            yield from _writes(entity_of(each["type"], each["name"]), change["before"], change["after"])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, number: int) -> EntityWrite: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[EntityWrite, ...]: ...
    def __getitem__(self, number: int | slice) -> EntityWrite | tuple[EntityWrite, ...]:
        return tuple(self)[number]


def _writes(id: EntityId, before: Body | None, after: Body | None) -> Iterator[EntityWrite]:
    was, becomes = _entity(before), _entity(after)
    if was is None or was.id == id:
        yield EntityWrite(id, was, becomes)
        return
    yield EntityWrite(was.id, was, None)
    if becomes is not None:
        yield EntityWrite(id, None, becomes)


def _entity(document: Body | None) -> Entity | None:
    return entity(document) if document is not None else None
