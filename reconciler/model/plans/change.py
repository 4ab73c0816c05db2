"""Differences between what should be and what is, and the verdicts on them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, NamedTuple, TypeAlias, assert_never

from reconciler.model.documents.declarations import Synced, Unmanaged
from reconciler.model.values.diagnostics import Place
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, Value


class Action(StrEnum):
    """What a change does to an entity. Taking over an own entity of the tenant is an update."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Verdict(StrEnum):
    """The verdict on a difference: each difference gets exactly one."""

    APPLY = "apply"
    WITHHELD = "withheld"
    BLOCKED = "blocked"
    UNMANAGED = "unmanaged"


@dataclass(frozen=True, slots=True)
class Create:
    """The tenant lacks an entity that it should have. ``needs``: entities that must be in the tenant before."""

    action: ClassVar[Action] = Action.CREATE
    path: ClassVar[Path] = ()
    before: ClassVar[None] = None
    entity: EntityId
    after: Body
    declared: Synced
    rule: str
    needs: tuple[EntityId, ...]


@dataclass(frozen=True, slots=True)
class TakeOver:
    """An own entity of the tenant becomes a copy (ORIGIN-01). ``needs`` as of `Create`."""

    action: ClassVar[Action] = Action.UPDATE
    path: ClassVar[Path] = ()
    entity: EntityId
    before: Body
    after: Body
    declared: Synced
    rule: str
    needs: tuple[EntityId, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """A copy that is no longer wanted: removed by an option, or, ``declared`` unmanaged, left over.

    ``blocked_while_referenced_by``: entities that must follow their upstream in the same plan for it to be removed.
    ``note``: what else a reader should know.
    """

    action: ClassVar[Action] = Action.DELETE
    path: ClassVar[Path] = ()
    after: ClassVar[None] = None
    entity: EntityId
    before: Body
    declared: Synced | Unmanaged
    rule: str
    blocked_while_referenced_by: tuple[EntityId, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class _AtPath:
    """What every difference below an entity says: the value ``before`` and ``after``, ``None`` for none."""

    action: ClassVar[Action] = Action.UPDATE
    entity: EntityId
    path: Path
    before: Value
    after: Value
    rule: str


@dataclass(frozen=True, slots=True)
class Update(_AtPath):
    """A field has another value, or an item of a map is missing or too many.

    ``amount`` marks money. ``needs``: entities that must be in the tenant before; with ``requires_existing``, the
    difference is dropped where they neither are there nor come, rather than bringing them. ``accompanies``: entities of
    which at least one must have come down, or come (IW-07). ``note``: what else a reader should know.
    """

    declared: Synced | Unmanaged
    amount: bool = False
    needs: tuple[EntityId, ...] = ()
    requires_existing: bool = False
    accompanies: tuple[EntityId, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class UpdateLink(_AtPath):
    """A relation to a peer comes or goes (IW-10, IW-11): ``path`` ends at the member of the set, the peer's key.

    ``needs``: the peer; the difference is dropped where that neither is there nor comes.
    """

    declared: Synced | Unmanaged
    needs: tuple[EntityId, ...] = ()


@dataclass(frozen=True, slots=True)
class TakeOverItem(_AtPath):
    """An own item of a copy, such as a rate, becomes the upstream's (ORIGIN-04). ``needs`` as of `Create`."""

    declared: Synced
    needs: tuple[EntityId, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldUpdate(_AtPath):
    """A field is as it should be, but for a value that it does not get (SUB-13).

    ``root``: why not, at another level; ``obstacles``: what must change first. ``amount`` marks money.
    """

    declared: Synced
    amount: bool
    root: "Root | None"
    obstacles: "tuple[Obstacle, ...]"


@dataclass(frozen=True, slots=True)
class Rename(_AtPath):
    """The upstream renamed the entity, or one that it links to (AP-21): no option decides.

    ``obstacles``: why the entity cannot get its new key.
    """

    obstacles: "tuple[Obstacle, ...]" = ()


@dataclass(frozen=True, slots=True)
class Restore(_AtPath):
    """The origin of the entity, or of an item, is not what the tenant's journal says (ORIGIN-02): no option decides."""


Difference: TypeAlias = Create | TakeOver | Remove | Update | UpdateLink | TakeOverItem | HeldUpdate | Rename | Restore
"""One difference between what a tenant should have and what it has. ``path`` is empty for a whole entity."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A precondition that fails, or a guard that tripped: the rule, and what must change.

    ``place``: the line of policy that decides, where it is not the option's.
    """

    rule: str
    detail: str
    place: Place | None = None


class HoldKind(StrEnum):
    """By what a change is held back: an option that is off, a veto, a guard that tripped, a precondition that fails."""

    OPTION = "option"
    VETO = "veto"
    GUARD = "guard"
    PRECONDITION = "precondition"


class HeldBy(NamedTuple):
    """What holds a change back, as data: ``hold`` in a plan.

    ``at``: the tenant whose policy or state decides. ``options``: of kind ``option``, those any of which would release
    it. ``vetoes``: the ids of the vetoes that hold it; of kind ``option``, those that hold some of its fields besides.
    """

    kind: HoldKind
    at: str
    options: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Root:
    """Why something does not come down to a tenant: it is withheld or blocked at ``tenant``, above (TREE-02).

    ``rule``, ``options``, ``detail``, ``policy`` (the line that decides) and ``hold`` are of the difference there.
    """

    tenant: str
    verdict: Verdict
    rule: str
    options: tuple[str, ...]
    detail: str
    policy: Place | None
    hold: HeldBy | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A difference with its verdict.

    ``enabled``: the options that permit it; ``vetoes``: the ids of those that hold it; ``obstacles``: all of them.
    ``root``: the cause at a level above, from which it has its verdict (TREE-02).
    """

    difference: Difference
    verdict: Verdict
    enabled: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    obstacles: tuple[Obstacle, ...] = field(default=())
    root: Root | None = None

    @property
    def context_free(self) -> bool:
        """Whether the verdict depends on nothing else in the tenant; what is blocked is so by something else."""
        return self.verdict is not Verdict.BLOCKED and _is_context_free(self.difference)


def _is_context_free(difference: Difference) -> bool:
    """Whether what becomes of it depends on the entity alone. What else links depend on, the comparison notes."""
    match difference:
        case Update():
            return not (difference.needs or difference.accompanies)
        case UpdateLink() | TakeOverItem():
            return not difference.needs
        case Create() | TakeOver() | Remove() | HeldUpdate() | Rename() | Restore():
            return False
        case _:
            assert_never(difference)
