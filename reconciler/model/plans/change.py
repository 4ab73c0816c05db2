"""Differences between what should be and what is, and the verdicts on them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from reconciler.model.documents.declarations import Synced, Unconditional, Unmanaged
from reconciler.model.values.diagnostics import Place
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Path, Value


class Action(StrEnum):
    """What a change does to an entity. Taking over an own entity of the tenant is an update."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Verdict(StrEnum):
    """The one verdict of every difference (RULES.md, "How every difference is judged")."""

    APPLY = "apply"
    WITHHELD = "withheld"
    BLOCKED = "blocked"
    UNMANAGED = "unmanaged"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``path`` is empty where the whole entity comes, goes or is taken over.

    ``takeover``: what the tenant has at ``path`` (empty: the whole entity) is its own, and becomes a copy.
    ``declared`` decides; ``needs`` are entities that must be in the tenant before it can be made; ``amount`` marks
    money; ``note`` says what else a reader should know. ``requires_existing``: where what it needs does not come, the
    difference goes with it rather than forcing it (relations, IW-10). ``member``: ``path`` ends at a member of a set.
    ``accompanies``: entities of which at least one must have come down, or come (IW-07).
    ``blocked_while_referenced_by``: what must follow its upstream in the same plan for a removal to be one. ``root``,
    ``obstacles``: what holds this very difference, known beforehand (SUB-13).
    """

    entity: EntityId
    action: Action
    path: Path
    before: Value
    after: Value
    declared: Synced | Unmanaged | Unconditional
    rule: str
    needs: tuple[EntityId, ...] = ()
    amount: bool = False
    requires_existing: bool = False
    takeover: bool = False
    member: bool = False
    blocked_while_referenced_by: tuple[EntityId, ...] = ()
    accompanies: tuple[EntityId, ...] = ()
    note: str = ""
    root: "Root | None" = None
    obstacles: "tuple[Obstacle, ...]" = ()

    @property
    def context_free(self) -> bool:
        """Whether what becomes of it depends on nothing else in the tenant. A field that may, is to be named here."""
        others = (
            self.needs
            or self.requires_existing
            or self.takeover
            or self.blocked_while_referenced_by
            or self.accompanies
        )
        held = self.root or self.obstacles or isinstance(self.declared, Unconditional)
        return self.action is Action.UPDATE and bool(self.path) and not (others or held)


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
        free = self.verdict is not Verdict.BLOCKED and not (self.obstacles or self.root)
        return free and self.difference.context_free
