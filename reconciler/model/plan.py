"""The plan: a complete value. It is rendered, explained, saved and applied; nothing is decided after it was made."""

from dataclasses import dataclass, field
from enum import StrEnum

from reconciler import __version__
from reconciler.model.change import Action
from reconciler.model.keys import EntityId, address
from reconciler.model.values import Body, Path, Value

FORMAT_VERSION = "1.2"


class TenantStatus(StrEnum):
    """How a tenant stands. In sync also when all that is left is withheld."""

    IN_SYNC = "in_sync"
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
    """One field of a change. ``path`` from the entity's body; an item that comes or goes is one field."""

    path: Path
    before: Value
    after: Value
    allowed_by: tuple[str, ...]
    rule: str
    cause: str | None = None
    declared_at: Declared | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one entity: ``before`` and ``after`` are whole documents (``None``: it is not there).

    ``fields`` is empty for create and delete. ``needed_by``: for a dependent, the entities it is created for.
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

    @property
    def address(self) -> str:
        return address(self.tenant, self.entity)

    @property
    def was(self) -> EntityId:
        """What the entity was called before, where it is renamed (AP-21)."""
        return self.entity if self.before is None else EntityId(self.before["kind"], self.before["key"])


@dataclass(frozen=True, slots=True)
class Deferred:
    """A change that is not made: ``reason`` is ``withheld``, ``blocked`` or ``unmanaged``.

    ``allowed_by``: the options that would permit it. ``detail``: in words, all that must change and where.
    ``policy``: the line that decides.
    """

    reason: str
    rule: str
    allowed_by: tuple[str, ...]
    detail: str
    policy: Declared | None
    change: Change


@dataclass(frozen=True, slots=True)
class TenantPlan:
    """The plan of one tenant. ``fingerprint`` and ``revision`` are of the state that was read.

    ``changes`` stand in the order in which they are made. ``problem`` says why a tenant could not be planned.
    ``upstream``: empty for a provider, whose own system only gets mirrors. ``allowed``: the guards that were
    overridden for this plan (GUARD-01); ``GUARD:RESELLER`` where it was for the mirrors of a reseller.
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
class Source:
    """Whence the desired state: the commit (``None`` outside git), whether files differ from it, and a digest of
    every document that was read. ``base`` is the revision that causes are told from."""

    commit: str | None
    base: str | None
    dirty: bool
    digest: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of entities."""

    create: int = 0
    update: int = 0
    delete: int = 0
    withheld: int = 0
    blocked: int = 0
    unmanaged: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What apply would do, tenant by tenant, upstreams first. ``timestamp`` is the clock of planning, ISO 8601.

    ``reconciler_version`` made the plan: it is part of what was saved, so that a plan keeps its identity when a later
    reconciler reads it. ``read``: the tenants that were read besides those planned, upstreams first.
    ``scheduled``: the next change of every dated amount, by day.
    """

    timestamp: str
    source: Source
    tenants: tuple[TenantPlan, ...] = field(default=())
    reconciler_version: str = __version__
    read: tuple[Read, ...] = ()
    scheduled: tuple[Scheduled, ...] = ()

    @property
    def errored(self) -> bool:
        return any(each.status is TenantStatus.ERROR for each in self.tenants)

    @property
    def applyable(self) -> bool:
        """Whether there is anything to apply."""
        return any(each.changes for each in self.tenants)

    @property
    def complete(self) -> bool:
        """Whether the tenants match the catalog once the plan is applied: nothing withheld, blocked or in error."""
        return not self.errored and not any(
            each.reason != "unmanaged" for tenant in self.tenants for each in tenant.deferred
        )

    def summary(self) -> Summary:
        actions = [change.action for tenant in self.tenants for change in tenant.changes]
        reasons = [
            reason
            for tenant in self.tenants
            for reason, _ in {(each.reason, each.change.entity) for each in tenant.deferred}
        ]
        return Summary(
            create=actions.count(Action.CREATE),
            update=actions.count(Action.UPDATE),
            delete=actions.count(Action.DELETE),
            withheld=reasons.count("withheld"),
            blocked=reasons.count("blocked"),
            unmanaged=reasons.count("unmanaged"),
        )
