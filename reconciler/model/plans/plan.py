# long: one value, whole: its parts, and what is kept of them
"""The plan: a complete value. It is rendered, explained, saved and applied; nothing is decided after it was made."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from reconciler.model.documents.options import VETOES
from reconciler.model.plans.change import Action, HeldBy, HoldKind
from reconciler.model.plans.commits import Source as Source  # noqa: PLC0414 - it is part of a plan, and found with it
from reconciler.model.values.keys import EntityId, address
from reconciler.model.values.plain_values import Body, Path, Value
from reconciler.version import __version__

FORMAT_VERSION = "1.2"


class TenantStatus(StrEnum):
    """How a tenant stands. In sync: nothing is to change, and nothing is withheld or blocked.

    Withheld: all that is left is. A plan of an earlier release says ``in_sync`` of those too (`Outline.status`).
    """

    IN_SYNC = "in_sync"
    WITHHELD = "withheld"
    CHANGES = "changes"
    BLOCKED = "blocked"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Declared:
    """Where a value was declared: a line of the workspace and, in git, the commit that set it."""

    file: str
    line: int
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a change. ``path`` from the entity's body; an item that comes or goes is one field.

    ``note``: why it has its value, in words, where a rule asks for it (SUB-13).
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
    """What happens to one entity: ``before`` and ``after`` are whole documents (``None``: it is not there).

    ``fields`` is empty for create and delete. ``needed_by``: for a dependent, the entities it is created for.
    ``common``: of which this is the one of a tenant (`in_tenant`), so that what is done with the same change of many
    tenants can be done once. A change that is made into another has none.
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
        object.__setattr__(made, "common", self)  # frozen, and not yet anybody's
        return made

    @property
    def causes(self) -> frozenset[str]:
        """The causes of the change and of its fields; none where they were not told from a base."""
        found = {each.cause for each in self.fields}
        found.add(self.cause)
        return frozenset(cause for cause in found if cause)

    @property
    def was(self) -> EntityId:
        """What the entity was called before, where it is renamed (AP-21)."""
        return self.entity if self.before is None else EntityId(self.before["kind"], self.before["key"])


class Said(NamedTuple):
    """What is said of a change that is not made: ``reason`` is ``withheld``, ``blocked`` or ``unmanaged``.

    ``allowed_by``: the options that would permit it. ``detail``: in words, all that must change and where.
    ``policy``: the line that decides. ``hold``: what ``detail`` says, as data; ``None`` where nothing holds it
    (unmanaged), and in plans of an earlier release.
    """

    reason: str
    rule: str
    allowed_by: tuple[str, ...]
    detail: str
    policy: Declared | None
    hold: HeldBy | None = None

    def of(self, change: Change) -> "Deferred":
        """A change of which this is said."""
        return Deferred(self.reason, self.rule, self.allowed_by, self.detail, self.policy, change, self.hold)

    @property
    def holders(self) -> tuple[str, ...]:
        """What to count a withheld change under: ``plans.create``, ``option or option``, ``veto on prices``.

        A change with fields of which only some are vetoed counts under both.
        """
        held = self.hold or self._inferred()
        options = () if held.kind is HoldKind.VETO else (" or ".join(held.options) or self.rule,)
        return (*options, *(f"veto on {each}" for each in held.vetoes))

    def _inferred(self) -> HeldBy:
        """As far as a plan tells that was made before there was ``hold``: by the rule, and what each veto is about."""
        if self.rule != VETO:
            return HeldBy(HoldKind.OPTION, "", self.allowed_by)
        return HeldBy(HoldKind.VETO, "", (), tuple(id for id, veto in VETOES.items() if veto.holds(self.allowed_by)))


VETO = "CB-34"


@dataclass(frozen=True, slots=True)
class Deferred:
    """A change that is not made, and what is said of it (`Said`)."""

    reason: str
    rule: str
    allowed_by: tuple[str, ...]
    detail: str
    policy: Declared | None
    change: Change
    hold: HeldBy | None = None

    @property
    def said(self) -> Said:
        return Said(self.reason, self.rule, self.allowed_by, self.detail, self.policy, self.hold)


HIDDEN_TEMPLATE = "hidden-template"
SOLD_BELOW_COST = "sold-below-cost"
WARNING_CODES = {
    HIDDEN_TEMPLATE: "A notification schedule that came down uses a template that resellers cannot see (CB-20).",
    SOLD_BELOW_COST: "A product costs its tenant more than the tenant sells it for.",
}
"""Every code that a plan's warning may carry, with what it means. Codes are stable: add, never rename."""


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """Something that a plan's readers should know, though nothing is held because of it.

    ``code``: one of `WARNING_CODES`. ``tenants``: those that it is about, sorted; all have the ``entity``.
    ``declared_at``: the line that leads to it.
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
    """The plan of one tenant. ``fingerprint`` and ``revision`` are of the state that was read.

    ``changes`` stand in the order in which they are made. ``problem`` says why a tenant could not be planned.
    ``upstream``: empty for a provider, whose own system only gets mirrors. ``allowed``: the guards that were
    overridden for this plan (GUARD-01); ``GUARD:RESELLER`` where it was for the mirrors of a reseller. ``day``: the day
    whose amounts hold (ISO 8601), that of its provider's time zone (DATE-01); empty where it is not known.
    ``warnings``: those of this tenant, in their order; `Plan.warnings` has the same of several tenants as one.
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
    warnings: tuple[PlanWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """A tenant that is not planned, but whose state as it is was planned against (TREE-03)."""

    tenant: str
    upstream: str
    fingerprint: str
    revision: int


@dataclass(frozen=True, slots=True, order=True)
class Scheduled:
    """An amount that changes on a day to come (ISO 8601), and the tenants that have its plan or product from above."""

    date: str
    entity: EntityId
    path: Path
    amount: str
    tenants: tuple[str, ...]


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
    """Several counts as one."""
    found = [(each.create, each.update, each.delete, each.withheld, each.blocked, each.unmanaged) for each in counts]
    return Summary(*map(sum, zip(*found, strict=True))) if found else Summary()


@dataclass(frozen=True, slots=True)
class Outline:
    """A tenant's plan in short: ``bare`` is without what it changes and defers, of which only the numbers are told.

    ``withheld_by``: how many entities each option or veto withholds (`Said.holders`).
    ``causes``: how many entities change for each cause.
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
        """The tenant's status, as the counts have it: a plan of an earlier release knows no `TenantStatus.WITHHELD`."""
        status = self.bare.status
        return TenantStatus.WITHHELD if status is TenantStatus.IN_SYNC and self.summary.withheld else status

    @property
    def errored(self) -> bool:
        return self.bare.status is TenantStatus.ERROR


def outline(tenant: TenantPlan) -> Outline:
    """A tenant's plan in short."""
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
        for holder in each.said.holders
    }
    return Outline(
        replace(tenant, changes=(), deferred=()),
        summary,
        dict(Counter(holder for _, holder in withheld)),
        dict(Counter(cause for each in tenant.changes for cause in each.causes)),
    )


class StoredOutline(NamedTuple):
    """A change that is read when it is needed. ``likeness``: equal for changes that differ in their tenant only."""

    likeness: bytes
    read: Callable[[], Change]


class KeptDeferred(NamedTuple):
    """A deferred change that is read when it is needed, and what is said of it."""

    said: Said
    kept: StoredOutline


class KeptTenants(Sequence[TenantPlan]):
    """Tenants' plans that are not in memory: each is read when it is asked for, and only that one.

    Equal to every sequence of equal plans.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # neither have the bodies in it

    @property
    @abstractmethod
    def outlines(self) -> Sequence[Outline]:
        """What is known of each without reading it."""

    @abstractmethod
    def changes_of(self, number: int) -> Iterator[StoredOutline]:
        """The changes of one tenant, each to be read by itself."""

    @abstractmethod
    def deferred_of(self, number: int) -> Iterator[KeptDeferred]:
        """What is deferred of one tenant, each change to be read by itself."""

    @abstractmethod
    def spelled_changes(self) -> Iterator[bytes]:
        """The changes as they are saved (``resource_changes``): pieces of one or more, with commas between."""

    @abstractmethod
    def spelled_deferred(self) -> Iterator[bytes]:
        """The same of what is deferred (``deferred_changes``)."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))


@dataclass(frozen=True, slots=True)
class Plan:
    """What apply would do, tenant by tenant, upstreams first. ``timestamp`` is the clock of planning, ISO 8601.

    ``reconciler_version`` made the plan: it is part of what was saved, so that a plan keeps its identity when a later
    reconciler reads it. ``read``: the tenants that were read besides those planned, upstreams first.
    ``scheduled``: the next change of every dated amount, by day. Of a large plan ``tenants`` are `KeptTenants`: walk
    them once, and take what counts from ``outlines``. ``without``: the keys that the plan was saved without, by a
    reconciler that did not have them yet; it keeps its identity so.
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
        """Every tenant's plan in short, in the same order."""
        if isinstance(self.tenants, KeptTenants):
            return self.tenants.outlines
        if not self._outlines:
            self._outlines.append(tuple(map(outline, self.tenants)))
        return self._outlines[0]

    @property
    def warnings(self) -> tuple[PlanWarning, ...]:
        """Every warning once, with all of the tenants that have it, in order."""
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
        """Whether the tenants match the catalog as they are: nothing to change, withheld, blocked or in error.

        Differences that are unmanaged do not count: no option is about them.
        """
        return self.complete and not self.applyable

    @property
    def complete(self) -> bool:
        """Whether the tenants match the catalog once the plan is applied: nothing withheld, blocked or in error."""
        count = self.summary()
        return not (self.errored or count.withheld or count.blocked)

    def summary(self) -> Summary:
        return total(each.summary for each in self.outlines)
