# long: every way in which a step of a plan can end, and what each is told as
"""Executing a plan: tenant by tenant, each in one transaction with its journal record, or not at all.

Nothing is decided here: a tenant whose state moved is refused, and so is what depends on it; the others go on. What is
done of one level of the tree depends on nothing else in that level: `carriers` may do it side by side.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, groupby, takewhile
from typing import TypeAlias, assert_never

from reconciler.core.records import change_to_data, data_in_tenant
from reconciler.core.states import digests_of
from reconciler.model.bounded_cache import IdentityCache
from reconciler.model.plans.plan import Change, Plan, Read, TenantPlan, TenantStatus
from reconciler.model.values.entity import Entity, entity
from reconciler.model.values.keys import address
from reconciler.model.values.plain_values import Body
from reconciler.shell.runs.mirror_sources import to_compare, why_not_as_sources
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
"""How many entities that moved are named when a tenant is refused."""


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
    """A tenant's part of a plan, carried out or not, and why not: ``problem`` in words, ``code`` for programs."""

    tenant: str
    result: Result
    problem: str = ""
    code: str = field(default="", compare=False)


class Code(StrEnum):
    """Why a tenant was refused or failed. The names are part of ``apply --format json``."""

    STALE = "stale"
    """Its state moved since the plan was made: plan again."""
    MOVED_SINCE = "already_applied_but_moved"
    """It had this plan, and its state moved since: plan again."""
    UPSTREAM_STALE = "upstream_stale"
    """An upstream that was only read moved since the plan was made: plan again."""
    UPSTREAM = "upstream_not_applied"
    """A tenant above it was refused or failed: see there."""
    NOT_PLANNED = "not_planned"
    """It could not be planned; the plan says why."""
    CONTRADICTS = "plan_contradicts_state"
    """The saved plan says of something that it changes what the state never was: plan again."""
    STORE = "store_error"
    """Its store could not be read or written, for no reason that has a code of its own."""
    STORE_BUSY = "store_busy"
    """Another process uses its store: run the same again."""
    STORE_DAMAGED = "store_damaged"
    """What its store holds is not as it was written: restore it."""
    STORE_DISK = "store_disk"
    """The disk of its store reported an I/O error: look at the disk, and run the same again."""
    STORE_FORBIDDEN = "store_forbidden"
    """A right to use its store is lacking."""
    STORE_FULL = "store_full"
    """There is no room left to write: make some, and run the same again."""
    STORE_NOT_A_DATABASE = "store_not_a_database"
    STORE_READ_ONLY = "store_read_only"
    STORE_UNREACHABLE = "store_unreachable"
    """The server of its store does not answer, or the connection was lost: run the same again once it does."""
    UNKNOWN = "outcome_unknown"
    """The executor lost it, or its store failed at COMMIT and cannot be read: run the same again, which tells."""


@dataclass(frozen=True, slots=True)
class ApplyContext:
    """Under what a plan is applied: its digest, the time (ISO 8601), who, and the commit that was planned from.

    ``run``: a name of this one application, where a step may be done twice: by it, what was done is known to be ours.
    ``saved``: whether the plan comes from a file, which anybody may have written.
    """

    plan: str
    at: str
    by: str
    commit: str | None
    run: str = ""
    saved: bool = False


RUN = "run"
"""The note in the journal that names the application of a plan that wrote the record."""


@dataclass(frozen=True, slots=True)
class Check:
    """See that a tenant's state is the one that was planned against."""

    tenant: str
    fingerprint: str
    revision: int


@dataclass(frozen=True, slots=True)
class Write:
    """Write a tenant's part of the plan, with its record, to the state that was planned against.

    ``saved``: whether what the plan says was there is to be compared with that state first.
    """

    record: Record
    writes: tuple[EntityWrite, ...]
    fingerprint: str
    revision: int
    saved: bool = False

    @property
    def tenant(self) -> str:
        return self.record.tenant


@dataclass(frozen=True, slots=True)
class Application:
    """One application of a plan: ``plan`` is its digest, ``run`` the name of this one (empty: none). Iterating does the
    steps.
    """

    plan: str
    run: str
    steps: Iterator[Applied]

    def __iter__(self) -> Iterator[Applied]:
        return self.steps


Step: TypeAlias = Check | Write | Applied
"""What is to be done of one tenant; or what is known without doing anything."""
StoreOf: TypeAlias = Callable[[str], TenantStore]
"""A tenant's store. Raises `StoreError` for one that cannot be reached."""
Carry: TypeAlias = Callable[[Iterable[Step]], Iterator[Applied]]
"""Does the steps of one level, and tells of each, in their order."""


def execute(plan: Plan, warrant: ApplyContext, store_of: StoreOf, *, carry: Carry | None = None) -> Iterator[Applied]:
    """Carry a plan out, upstreams first. ``carry``: how; one tenant after the other, by default.

    What is below a tenant that was refused or failed is refused too (TREE-04). So is what was planned against a state
    that moved since, be it of a tenant that the plan leaves as it is, or that it only read (TREE-03). A tenant that has
    this plan already, with the state that it left, counts as applied (TREE-05): what was cut off is finished, and those
    who apply one plan at once finish it together. A provider's own system holds nobody up: what comes down is its
    catalog.
    """
    carry = carry or (lambda steps: (done(step, store_of) for step in steps))
    written = Written()
    outlines = plan.outlines
    known: tuple[Read | TenantPlan, ...] = (*plan.read, *(each.bare for each in outlines))
    upstreams = {each.tenant: each.upstream for each in known}
    relied_on = _relied_on((each.tenant for each in outlines if each.summary.changes), upstreams)
    relied_on -= {each.tenant for each in outlines if not each.bare.upstream}
    levels = _levels(upstreams)
    stopped: dict[str, str] = {}
    for moved in carry(_check(read) for read in plan.read if read.tenant in relied_on):
        if moved.result is not Result.UNCHANGED:
            stopped[moved.tenant] = _READ_MOVED
            yield moved
    for _, wave in groupby(plan.tenants, lambda tenant: levels[tenant.tenant]):
        steps = (
            _held_up(each, upstreams, stopped)
            or (_sources_differ(each, plan, store_of) if warrant.saved else None)
            or _step(each, warrant, written, relied_on=each.tenant in relied_on)
            for each in wave
        )
        for each in carry(steps):
            ended = each.result in (Result.REFUSED, Result.FAILED) and upstreams[each.tenant]
            if ended and not any(above in stopped for above in _above(each.tenant, upstreams)):
                moved_since = each.code == Code.MOVED_SINCE
                stopped[each.tenant] = "is not as this plan left it" if moved_since else "was not applied"
            yield each


def _above(tenant: str, upstreams: Mapping[str, str]) -> Iterator[str]:
    """The tenants above one, as far as the plan knows them, nearest first."""
    while tenant in upstreams:
        tenant = upstreams[tenant]
        yield tenant


def _relied_on(changing: Iterable[str], upstreams: Mapping[str, str]) -> set[str]:
    """Every tenant above one that changes, found without walking any part of the tree twice."""
    found: set[str] = set()
    for tenant in changing:
        for above in _above(tenant, upstreams):
            if above in found:
                break
            found.add(above)
    return found


def _levels(upstreams: Mapping[str, str]) -> Mapping[str, int]:
    """How many tenants stand above each, as far as the plan knows them."""
    levels: dict[str, int] = {}
    for tenant in upstreams:
        walk = chain((tenant,), _above(tenant, upstreams))
        unknown = [*takewhile(lambda each: each in upstreams and each not in levels, walk)]
        topmost = levels.get(upstreams[unknown[-1]], 0) if unknown else 0
        levels.update({each: topmost + number for number, each in enumerate(reversed(unknown), start=1)})
    return levels


def _held_up(tenant: TenantPlan, upstreams: Mapping[str, str], stopped: Mapping[str, str]) -> Applied | None:
    """The refusal of a tenant below one that was not applied."""
    walk = _above(tenant.tenant, upstreams) if stopped else ()
    above = next((each for each in walk if each in stopped), None)
    if above is None:
        return None
    who = f"its upstream {above}" if above == tenant.upstream else f"{above}, above its upstream,"
    code = Code.UPSTREAM_STALE if stopped[above] == _READ_MOVED else Code.UPSTREAM
    return Applied(tenant.tenant, Result.REFUSED, f"{who} {stopped[above]}", code)


_READ_MOVED = "is not as it was when the plan was made"


@dataclass(slots=True)
class Written:
    """Changes as they are written: for the journal, and to the rows. What tenants have in common is made once."""

    known: IdentityCache[Change, tuple[Body, tuple[EntityWrite, ...]]] = field(default_factory=IdentityCache)

    def of(self, change: Change) -> tuple[Body, tuple[EntityWrite, ...]]:
        if change.common is None:
            return self._made(change)
        data, writes = self.known.of(change.common, self._made)
        return data_in_tenant(data, change), writes

    def _made(self, change: Change) -> tuple[Body, tuple[EntityWrite, ...]]:
        return change_to_data(change), tuple(writes_of(change))


def _step(tenant: TenantPlan, warrant: ApplyContext, written: Written, *, relied_on: bool) -> Step:
    """What is to be done of a tenant. ``relied_on``: whether something below it changes."""
    if tenant.status is TenantStatus.ERROR:
        problem = tenant.problem or "it could not be planned"
        return Applied(tenant.tenant, Result.FAILED, problem, Code.NOT_PLANNED)
    if not tenant.changes:
        return _check(tenant) if relied_on else Applied(tenant.tenant, Result.UNCHANGED)
    notes = {"allowed": list(tenant.allowed)} if tenant.allowed else {}
    changes, writes = zip(*map(written.of, tenant.changes), strict=True)
    record = Record(
        tenant.tenant,
        warrant.plan,
        warrant.at,
        warrant.by,
        warrant.commit,
        changes,
        {**notes, RUN: warrant.run} if warrant.run else notes,
    )
    return Write(record, tuple(chain.from_iterable(writes)), tenant.fingerprint, tenant.revision, warrant.saved)


def _check(read: Read | TenantPlan) -> Check:
    return Check(read.tenant, read.fingerprint, read.revision)


def done(step: Step, store_of: StoreOf) -> Applied:
    """Do one step."""
    try:
        match step:
            case Applied():
                return step
            case Check():
                return _checked(step, store_of(step.tenant))
            case Write():
                return _written(step, store_of(step.tenant))
            case _:
                assert_never(step)
    except StoreError as error:
        return failed(step.tenant, error)


def failed(tenant: str, error: StoreError) -> Applied:
    """How a tenant ended whose store failed."""
    code = Code.UNKNOWN if isinstance(error, OutcomeUnknown) else Code(f"store_{error.failure}")
    return Applied(tenant, Result.FAILED, str(error), code)


def _checked(step: Check, store: TenantStore) -> Applied:
    now = store.standings((step.tenant,)).get(step.tenant) or store.observe(step.tenant)
    if now.fingerprint == step.fingerprint:
        return Applied(step.tenant, Result.UNCHANGED)
    return _told(step.tenant, Stale(now.fingerprint, tuple(store.moved_since(step.tenant, step.revision))))


def _written(step: Write, store: TenantStore) -> Applied:
    """One that is found in the journal under this very run was done by a worker that died before it could tell."""
    if step.saved and (otherwise := _never_so_in(step, store)):
        problem = f"the plan says something else of {otherwise} than the state that it was made from; plan again"
        return Applied(step.tenant, Result.REFUSED, problem, Code.CONTRADICTS)
    outcome = store.commit(step.record, step.writes, expected=step.fingerprint, revision=step.revision)
    run = step.record.notes.get(RUN)
    if isinstance(outcome, AlreadyApplied) and run and outcome.notes.get(RUN) == run:
        return Applied(step.tenant, Result.APPLIED)
    return _told(step.tenant, outcome)


def _never_so_in(step: Write, store: TenantStore) -> str:
    """As `_never_so`. A state that moved while it was read is for the commit to refuse, as stale."""
    try:
        return _never_so(step, store)
    except StoreError:
        if store.observe(step.tenant).fingerprint == step.fingerprint:
            raise
        return ""


def _never_so(step: Write, store: TenantStore) -> str:
    """The first entity that was not what the plan says it was, though the state is the one that was planned against.

    What is not said of an entity would be written with the rest of it. Of a state that moved, the commit tells.
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
    """The refusal of a tenant whose mirrors would remember what their sources do not have (`mirror_sources`).

    Of a tenant that is not as it was when the plan was made, the commit tells.
    """
    compared = to_compare(tenant, plan)
    if not compared:
        return None
    try:
        moved = _checked(_check(tenant), store_of(tenant.tenant)).result is not Result.UNCHANGED
        problem = "" if moved else why_not_as_sources(compared, store_of)
    except StoreError as error:
        return Applied(tenant.tenant, Result.FAILED, str(error), Code.STORE)
    return Applied(tenant.tenant, Result.REFUSED, problem, Code.CONTRADICTS) if problem else None


def _told(tenant: str, outcome: Outcome) -> Applied:
    match outcome:
        case Committed():
            return Applied(tenant, Result.APPLIED)
        case AlreadyApplied(stands=True):
            return Applied(tenant, Result.ALREADY_APPLIED)
        case AlreadyApplied(at, moved=moved):
            what = f"its state moved since: {_named(tenant, moved) or _UNNAMED}"
            problem = f"this plan was applied to it already, at {at}, and {what}"
            return Applied(tenant, Result.REFUSED, problem, Code.MOVED_SINCE)
        case Stale(_, moved):
            problem = f"its state moved since the plan was made: {_named(tenant, moved) or _UNNAMED}"
            return Applied(tenant, Result.REFUSED, problem, Code.STALE)
        case _:
            assert_never(outcome)


_UNNAMED = "something that no write of ours did; plan again"


def _named(tenant: str, moved: Sequence[WriteLogEntry]) -> str:
    """Every entity that moved once, with who wrote it last; of very many, the first and how many more."""
    last = {move.entity: f"{address(tenant, move.entity)} (by {move.actor}, {move.at})" for move in moved}
    named = list(last.values())
    rest = [f"and {len(named) - NAMED} more"] if len(named) > NAMED else []
    return ", ".join([*named[:NAMED], *rest])


def writes_of(change: Change) -> Iterator[EntityWrite]:
    """One write; of a rename two (AP-21): the old key goes, the new one comes."""
    before, after = _entity(change.before), _entity(change.after)
    if before is None or before.id == change.entity:
        yield EntityWrite(change.entity, before, after)
        return
    yield EntityWrite(before.id, before, None)
    if after is not None:
        yield EntityWrite(change.entity, None, after)


def _entity(document: Body | None) -> Entity | None:
    return entity(document) if document is not None else None
