# long: one complete value: its parts, and how they are stored
"""The plan: a complete value. It is rendered, explained, saved and applied; nothing is decided after it was made."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from reconciler.model.documents.options import VETOES
from reconciler.model.plans.change import Action, HeldBy, HoldKind, Verdict
from reconciler.model.plans.commits import Source as Source  # noqa: PLC0414 - it is part of a plan, and found with it
from reconciler.model.values.keys import EntityId, address
from reconciler.model.values.plain_values import Body, Path, Value
from reconciler.version import __version__

FORMAT_VERSION = "1.2"
CAUSES = ("pr", "drift", "backlog")
"""The causes of changes, in the order in which reports have them."""


def cause_order(cause: str) -> int:
    """For sorting causes; a text that is none comes last."""
    return CAUSES.index(cause) if cause in CAUSES else len(CAUSES)


class TenantStatus(StrEnum):
    """The status of a tenant. In sync: nothing changes, and nothing is withheld or blocked.

    Withheld: the only differences left are withheld. A plan of an earlier release has ``in_sync`` for this too
    (`Outline.status`).
    """

    IN_SYNC = "in_sync"
    WITHHELD = "withheld"
    CHANGES = "changes"
    BLOCKED = "blocked"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Declared:
    """Where a value is declared: a line of the workspace and, in git, the commit that set it."""

    file: str
    line: int
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a change. ``path`` starts at the entity's body; an item that is added or removed is one field.

    ``note``: why it has its value, as text, if a rule requires it (SUB-13).
    """

    path: Path
    before: Value
    after: Value
    allowed_by: tuple[str, ...]
    rule: str
    cause: str | None = None
    declared_at: Declared | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one entity: ``before`` and ``after`` are whole documents (``None``: it does not exist).

    ``fields`` is empty for create and delete. ``needed_by``: for a dependency, the entities that it is created for.
    ``common``: the tenant-independent change that this one was made from (`in_tenant`), so that work on the same change
    of many tenants can be shared; ``None`` for any change made in another way.
    """

    tenant: str
    entity: EntityId
    action: Action
    before: Body | None
    after: Body | None
    fields: tuple[FieldChange, ...] = ()
    allowed_by: tuple[str, ...] = ()
    rule: str = ""
    cause: str | None = None
    declared_at: Declared | None = None
    needed_by: tuple[EntityId, ...] = ()
    common: "Change | None" = field(default=None, init=False, compare=False, repr=False)

    @property
    def address(self) -> str:
        return address(self.tenant, self.entity)

    def in_tenant(self, tenant: str) -> "Change":
        """The same change in a tenant."""
        made = Change(
            tenant,
            self.entity,
            self.action,
            self.before,
            self.after,
            self.fields,
            self.allowed_by,
            self.rule,
            self.cause,
            self.declared_at,
            self.needed_by,
        )
        object.__setattr__(made, "common", self)  # frozen, but not shared yet
        return made

    @property
    def causes(self) -> frozenset[str]:
        """The causes of the change and of its fields; empty without a base."""
        found = {each.cause for each in self.fields}
        found.add(self.cause)
        return frozenset(cause for cause in found if cause)

    @property
    def causes_in_order(self) -> tuple[str, ...]:
        """As `causes`, in the order of reports."""
        return tuple(sorted(self.causes, key=cause_order))

    @property
    def was(self) -> EntityId:
        """The identity before the change, which differs for a rename (AP-21)."""
        return self.entity if self.before is None else EntityId(self.before["kind"], self.before["key"])


class DeferralReason(NamedTuple):
    """Why a change is not made: ``reason`` is ``withheld``, ``blocked`` or ``unmanaged``.

    ``allowed_by``: the options that would permit it. ``detail``: all that must change and where, as text. ``policy``:
    the line that decides. ``hold``: the contents of ``detail`` as data; ``None`` for unmanaged differences, and in
    plans of an earlier release.
    """

    reason: str
    rule: str
    allowed_by: tuple[str, ...]
    detail: str
    policy: Declared | None
    hold: HeldBy | None = None

    def of(self, change: Change) -> "Deferred":
        """A change deferred for this reason."""
        return Deferred(self.reason, self.rule, self.allowed_by, self.detail, self.policy, change, self.hold)

    @property
    def holders(self) -> tuple[str, ...]:
        """The names to count a withheld change under: ``plans.create``, ``option or option``, ``veto on prices``.

        A change with some vetoed fields counts under both.
        """
        held = self.held
        options = () if held.kind is HoldKind.VETO else (" or ".join(held.options) or self.rule,)
        return (*options, *(f"veto on {each}" for each in held.vetoes))

    @property
    def held(self) -> HeldBy:
        """What holds it back; derived from the rest for plans made before ``hold`` existed."""
        if self.hold:
            return self.hold
        if self.reason == Verdict.BLOCKED:
            return HeldBy(HoldKind.PRECONDITION, "")
        if self.rule != VETO:
            return HeldBy(HoldKind.OPTION, "", self.allowed_by)
        return HeldBy(HoldKind.VETO, "", (), tuple(id for id, veto in VETOES.items() if veto.holds(self.allowed_by)))


VETO = "CB-34"


@dataclass(frozen=True, slots=True)
class Deferred:
    """A change that is not made, and why (`DeferralReason`)."""

    reason: str
    rule: str
    allowed_by: tuple[str, ...]
    detail: str
    policy: Declared | None
    change: Change
    hold: HeldBy | None = None

    @property
    def why(self) -> DeferralReason:
        return DeferralReason(self.reason, self.rule, self.allowed_by, self.detail, self.policy, self.hold)


HIDDEN_TEMPLATE = "hidden-template"
SOLD_BELOW_COST = "sold-below-cost"
WARNING_CODES = {
    HIDDEN_TEMPLATE: "A notification schedule that came down uses a template that resellers cannot see (CB-20).",
    SOLD_BELOW_COST: "A product costs its tenant more than the tenant sells it for.",
}
"""Every code that a plan's warning may carry, with what it means. Codes are stable: add, never rename."""


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """A fact that a plan's readers should know, and that withholds or blocks nothing.

    ``code``: one of `WARNING_CODES`. ``tenants``: the tenants with the ``entity`` that it is about, sorted.
    ``declared_at``: the line that causes it.
    """

    code: str
    tenants: tuple[str, ...]
    entity: EntityId
    detail: str
    declared_at: Declared | None = None

    @property
    def address(self) -> str:
        """The entity's address in the first of the tenants."""
        return address(self.tenants[0], self.entity)

    @property
    def order(self) -> tuple[str, EntityId, str, str, int, str]:
        """By code, entity and detail; equal for the same warning of several tenants."""
        at = self.declared_at or Declared("", 0)
        return self.code, self.entity, self.detail, at.file, at.line, at.commit or ""


@dataclass(frozen=True, slots=True)
class TenantPlan:
    """The plan of one tenant. ``fingerprint`` and ``revision``: of the state that was read.

    ``changes``: in the order of application. ``problem``: why a tenant could not be planned. ``upstream``: empty for a
    provider, whose own system only gets mirrors. ``allowed``: the guards that were overridden for this plan (GUARD-01),
    as ``GUARD:RESELLER`` for the mirrors of a reseller. ``day``: the day of the effective amounts (ISO 8601), in its
    provider's time zone (DATE-01); empty if unknown. ``currency``: of its prices; empty if unknown. ``warnings``: those
    of this tenant, in order; `Plan.warnings` merges the same one of several tenants.
    """

    tenant: str
    upstream: str
    status: TenantStatus
    fingerprint: str
    revision: int = 0
    changes: tuple[Change, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    problem: str | None = None
    allowed: tuple[str, ...] = ()
    day: str = ""
    currency: str = ""
    warnings: tuple[PlanWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """A tenant that is not planned, but whose current state the plan depends on (TREE-03)."""

    tenant: str
    upstream: str
    fingerprint: str
    revision: int


@dataclass(frozen=True, slots=True, order=True)
class Scheduled:
    """An amount that changes on a future day (ISO 8601), and the tenants that have its plan or product from above.

    ``before``: the amount until then; empty if there is none yet. ``name``: the name of the plan or product.
    """

    date: str
    entity: EntityId
    path: Path
    amount: str
    tenants: tuple[str, ...]
    before: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of entities."""

    create: int = 0
    update: int = 0
    delete: int = 0
    withheld: int = 0
    blocked: int = 0
    unmanaged: int = 0

    @property
    def changes(self) -> int:
        return self.create + self.update + self.delete


def total(counts: Iterable[Summary]) -> Summary:
    """The sum of several counts."""
    found = [(each.create, each.update, each.delete, each.withheld, each.blocked, each.unmanaged) for each in counts]
    return Summary(*map(sum, zip(*found, strict=True))) if found else Summary()


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of a tenant's plan: ``bare`` is the plan without its changes and deferred changes, which are only
    counted.

    ``withheld_by``: the number of entities that each option or veto withholds (`DeferralReason.holders`). ``causes``:
    the number of entities that change, by their causes: ``{"pr": 13, "pr and drift": 1}``.
    """

    bare: TenantPlan
    summary: Summary
    withheld_by: Mapping[str, int]
    causes: Mapping[str, int]

    @property
    def tenant(self) -> str:
        return self.bare.tenant

    @property
    def status(self) -> TenantStatus:
        """The tenant's status according to the counts: plans of an earlier release have no `TenantStatus.WITHHELD`."""
        status = self.bare.status
        return TenantStatus.WITHHELD if status is TenantStatus.IN_SYNC and self.summary.withheld else status

    @property
    def errored(self) -> bool:
        return self.bare.status is TenantStatus.ERROR


def outline(tenant: TenantPlan) -> Outline:
    """The outline of a tenant's plan."""
    if not (tenant.changes or tenant.deferred):
        return Outline(tenant, Summary(), {}, {})
    actions = Counter(change.action for change in tenant.changes)
    reasons = Counter(reason for reason, _ in {(each.reason, each.change.entity) for each in tenant.deferred})
    summary = Summary(
        create=actions[Action.CREATE],
        update=actions[Action.UPDATE],
        delete=actions[Action.DELETE],
        withheld=reasons["withheld"],
        blocked=reasons["blocked"],
        unmanaged=reasons["unmanaged"],
    )
    withheld = {
        (each.change.entity, holder)
        for each in tenant.deferred
        if each.reason == "withheld"
        for holder in each.why.holders
    }
    return Outline(
        replace(tenant, changes=(), deferred=()),
        summary,
        dict(Counter(holder for _, holder in withheld)),
        dict(Counter(" and ".join(each.causes_in_order) for each in tenant.changes if each.causes)),
    )


class StoredChange(NamedTuple):
    """A change that is read on demand. ``content_key``: equal for changes that differ only in the tenant."""

    content_key: bytes
    read: Callable[[], Change]


class StoredDeferred(NamedTuple):
    """A deferred change that is read on demand, and why it is deferred."""

    why: DeferralReason
    kept: StoredChange


class StoredTenants(Sequence[TenantPlan]):
    """Tenants' plans that are not in memory: each is read on demand.

    Equal to every sequence of equal plans.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # neither have the bodies in it

    @property
    @abstractmethod
    def outlines(self) -> Sequence[Outline]:
        """The outlines of all plans, without reading them."""

    @abstractmethod
    def read_changes(self, number: int) -> Iterator[Change]:
        """The changes of one tenant, read block by block."""

    @abstractmethod
    def changes_of(self, number: int) -> Iterator[StoredChange]:
        """The changes of one tenant, each to be read on demand."""

    @abstractmethod
    def deferred_of(self, number: int) -> Iterator[StoredDeferred]:
        """The deferred changes of one tenant, each to be read on demand."""

    @abstractmethod
    def encoded_changes(self) -> Iterator[bytes]:
        """The changes in saved form (``resource_changes``): pieces of one or more, joined by commas."""

    @abstractmethod
    def encoded_deferred(self) -> Iterator[bytes]:
        """The same for deferred changes (``deferred_changes``)."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))


@dataclass(frozen=True, slots=True)
class Plan:
    """What apply would do, by tenant, upstreams first. ``timestamp``: the clock of planning, ISO 8601.

    ``reconciler_version``: the version that made the plan; it is saved with it, so that the plan keeps its identity
    when a later reconciler reads it. ``read``: the tenants that were read but not planned, upstreams first.
    ``scheduled``: the next change of every dated amount, by day. ``tenants``: `StoredTenants` in a large plan: iterate
    over them once, and take counts from ``outlines``. ``without``: the keys that an earlier reconciler saved the plan
    without; needed for its identity.
    """

    timestamp: str
    source: Source
    tenants: Sequence[TenantPlan] = field(default=())
    reconciler_version: str = __version__
    read: tuple[Read, ...] = ()
    scheduled: tuple[Scheduled, ...] = ()
    without: frozenset[str] = frozenset()
    _outlines: list[tuple[Outline, ...]] = field(default_factory=list, init=False, compare=False, repr=False)

    @property
    def outlines(self) -> Sequence[Outline]:
        """The outline of every tenant's plan, in the same order."""
        if isinstance(self.tenants, StoredTenants):
            return self.tenants.outlines
        if not self._outlines:
            self._outlines.append(tuple(map(outline, self.tenants)))
        return self._outlines[0]

    @property
    def warnings(self) -> tuple[PlanWarning, ...]:
        """Every distinct warning, with all of its tenants, in order."""
        found = sorted((each for one in self.outlines for each in one.bare.warnings), key=lambda each: each.order)
        same = (list(each) for _, each in groupby(found, key=lambda each: each.order))
        return tuple(replace(each[0], tenants=tuple(sorted(sum((one.tenants for one in each), ())))) for each in same)

    @property
    def errored(self) -> bool:
        return any(each.errored for each in self.outlines)

    @property
    def applyable(self) -> bool:
        """Whether there is anything to apply."""
        return self.summary().changes > 0

    @property
    def in_sync(self) -> bool:
        """Whether the tenants match the catalog now: nothing to change, withheld, blocked or in error.

        Unmanaged differences do not count: no option is about them.
        """
        return self.complete and not self.applyable

    @property
    def complete(self) -> bool:
        """Whether the tenants match the catalog after the plan: nothing withheld, blocked or in error."""
        count = self.summary()
        return not (self.errored or count.withheld or count.blocked)

    def summary(self) -> Summary:
        return total(each.summary for each in self.outlines)
