"""Differences between the desired and the actual state, and their verdicts."""

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
    """A copy that nothing wants any more. ``declared``: the option that removes it, or unmanaged (a leftover).

    ``blocked_while_referenced_by``: entities that reference it and must follow the upstream in the same plan.
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
    """A difference at a path in an entity: the values ``before`` and ``after``, ``None`` if there is none."""

    action: ClassVar[Action] = Action.UPDATE
    entity: EntityId
    path: Path
    before: Value
    after: Value
    rule: str


@dataclass(frozen=True, slots=True)
class Update(_AtPath):
    """A field has another value, or an item of a map is missing or superfluous.

    ``amount`` marks money. ``needs``: entities that must be in the tenant before. The difference brings them or, with
    ``requires_existing``, is dropped if they neither exist nor are created. ``accompanies``: entities of which the
    tenant must have, or get, at least one copy (IW-07). ``note``: what else a reader should know.
    """

    declared: Synced | Unmanaged
    amount: bool = False
    needs: tuple[EntityId, ...] = ()
    requires_existing: bool = False
    accompanies: tuple[EntityId, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class UpdateLink(_AtPath):
    """A relation to a peer is added or removed (IW-10, IW-11). ``path`` ends at the peer's key, a member of the set.

    ``needs``: the peer. The difference is dropped if the peer neither exists nor is created.
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
    """A field that differs only by a value that is held back (SUB-13).

    ``root``: the cause at another level. ``obstacles``: what must change first. ``amount`` marks money.
    """

    declared: Synced
    amount: bool
    root: "Root | None"
    obstacles: "tuple[Obstacle, ...]"


@dataclass(frozen=True, slots=True)
class Rename(_AtPath):
    """The upstream renamed the entity, or one that it links to (AP-21). It needs no option.

    ``obstacles``: why the entity cannot get its new key.
    """

    obstacles: "tuple[Obstacle, ...]" = ()


@dataclass(frozen=True, slots=True)
class Restore(_AtPath):
    """The origin of the entity, or of an item, differs from the tenant's journal (ORIGIN-02). It needs no option."""


Difference: TypeAlias = Create | TakeOver | Remove | Update | UpdateLink | TakeOverItem | HeldUpdate | Rename | Restore
"""A difference between the desired and the actual state of a tenant. ``path`` is empty for a whole entity."""


class TrippedGuard(NamedTuple):
    """A guard that tripped, by its id, and the limit that its setting gives: ``max_price_change``, ``5%``."""

    guard: str
    limit: str


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A precondition that fails, or a guard that tripped: the rule, and what must change.

    ``place``: the line of policy that decides, where it is not the option's. ``template``: the service template that
    this line is in. ``guard``: if a guard tripped. ``set``: the setting that would remove it, as YAML.
    """

    rule: str
    detail: str
    place: Place | None = None
    template: str = ""
    guard: TrippedGuard | None = None
    set: str = ""


class HoldKind(StrEnum):
    """What holds a change back: an option that is off, a veto, a guard that tripped, or a precondition that fails."""

    OPTION = "option"
    VETO = "veto"
    GUARD = "guard"
    PRECONDITION = "precondition"


class HeldBy(NamedTuple):
    """What holds a change back, as data: ``hold`` in a plan.

    ``at``: the tenant whose policy or state decides. ``options``: of kind ``option``, those any of which would release
    it. ``vetoes``: the ids of the vetoes that hold it; of kind ``option``, those that hold some of its fields besides.
    ``set``: the setting of that tenant's policy that would release it, as YAML; empty if no setting would.
    ``guards``: of kind ``guard``, those that tripped. ``template``: the service template that sets what decides, or,
    if nothing sets it, could. ``also``: what holds it back at the tenant itself too, if ``at`` is a tenant above
    (TREE-02).
    """

    kind: HoldKind
    at: str
    options: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    set: str = ""
    guards: tuple[TrippedGuard, ...] = ()
    template: str = ""
    also: "HeldBy | None" = None

    @property
    def allow(self) -> tuple[str, ...]:
        """The values of ``--allow`` that let it through for one plan."""
        return tuple(f"{each.guard}:{self.at}" for each in self.guards)


def setting_that_releases(options: tuple[str, ...], vetoes: tuple[str, ...]) -> str:
    """The setting that turns the first of the options on and the vetoes off, as YAML in flow style.

    >>> setting_that_releases(("plans.create",), ("prices",))
    'options: {plans: {create: true}}, veto: {prices: false}'
    """
    group, _, name = options[0].partition(".") if options else ("", "", "")
    settings = [f"options: {{{group}: {{{name}: true}}}}"] if options else []
    if vetoes:
        settings.append(f"veto: {{{', '.join(f'{veto}: false' for veto in vetoes)}}}")
    return ", ".join(settings)


@dataclass(frozen=True, slots=True)
class Root:
    """The root cause of an entity or value that a tenant does not get: the difference at ``tenant``, upstream
    (TREE-02).

    ``rule``, ``options``, ``detail``, ``policy`` (the line that decides) and ``hold`` are those of that difference.
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

    ``enabled``: the options that are on and permit it. ``vetoes``: the ids of the vetoes that hold it. ``obstacles``:
    all of them. ``root``: the root cause upstream, which determines the verdict (TREE-02).
    """

    difference: Difference
    verdict: Verdict
    enabled: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    obstacles: tuple[Obstacle, ...] = field(default=())
    root: Root | None = None

    @property
    def context_free(self) -> bool:
        """Whether the verdict depends on nothing else in the tenant. A blocked difference depends on its obstacles."""
        return self.verdict is not Verdict.BLOCKED and _is_context_free(self.difference)


def _is_context_free(difference: Difference) -> bool:
    """Whether the outcome depends on the entity alone. The comparison notes other dependencies of links."""
    match difference:
        case Update():
            return not (difference.needs or difference.accompanies)
        case UpdateLink() | TakeOverItem():
            return not difference.needs
        case Create() | TakeOver() | Remove() | HeldUpdate() | Rename() | Restore():
            return False
        case _:
            assert_never(difference)
