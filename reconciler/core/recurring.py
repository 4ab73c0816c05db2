"""What recurs: an entity that many tenants have letter by letter, and that is to become the same in all of them.

In the first tenant it is compared, judged and written down; in the others, what was found out there is taken over
without the entity being read. That is right where it depends on nothing else in the tenant (`stands_alone`). Both ways
give the same plan: tests/laws/test_recurring.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from reconciler.core.desired import Wanted
from reconciler.core.moves import Moves
from reconciler.core.shape import FieldShape
from reconciler.model.change import Action, Judged, Verdict
from reconciler.model.entity import Entity
from reconciler.model.keys import EntityId
from reconciler.model.memory import MOST
from reconciler.model.plan import Change, Deferred
from reconciler.model.settings import Policy
from reconciler.model.sync import Always, Synced, Unmanaged
from reconciler.model.values import Value

Settings: TypeAlias = tuple[frozenset[str], frozenset[str], frozenset[str], bool]
"""What of a policy a verdict depends on: the options, vetoes and overrides that are on, and whether it adopts."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """What becomes of an entity, as in nobody's tenant: its change, what it will be, and the prices that it moves.

    ``change`` and ``after`` are ``None`` where nothing of it applies. ``held``: what is deferred, with a difference for
    each wording of why; the words and the line of policy are still each tenant's own.
    """

    change: Change | None
    after: Entity | None
    held: tuple[tuple[tuple[Judged, ...], Deferred], ...]
    moves: Moves


@dataclass(slots=True)
class Recurring:
    """What was found out in tenants that share a desired state and `Settings`: by entity, and by its digest there.

    Of one kind of tenant no more than one tenant comes to, if as many entities of it differ.
    """

    known: dict[EntityId, dict[str, Recurrence]] = field(default_factory=dict)
    size: int = 0

    def among(self, digests: Mapping[EntityId, str]) -> dict[EntityId, Recurrence]:
        """What is known of these entities as they are."""
        none: Mapping[str, Recurrence] = {}
        found = ((id, self.known.get(id, none).get(digest)) for id, digest in digests.items())
        return {id: each for id, each in found if each}

    def keep(self, id: EntityId, digest: str, found: Recurrence) -> None:
        if self.size >= MOST:
            self.known.clear()
            self.size = 0
        self.known.setdefault(id, {})[digest] = found
        self.size += 1


def settings_of(policy: Policy) -> Settings:
    """What tenants have to have in common for their verdicts to be the same."""
    options, vetoes, overrides = (
        frozenset(id for id, setting in settings.items() if setting.on)
        for settings in (policy.options, policy.vetoes, policy.overrides)
    )
    return options, vetoes, overrides, policy.adopt.on


def stands_alone(have: Entity, wanted: Wanted, judged: Sequence[Judged], fields: tuple[FieldShape, ...]) -> bool:
    """Whether what becomes of a copy depends on nothing in its tenant but itself, and that something needs it there.

    ``judged``: all that differs in it. What names other entities, or is to, or comes along with others, asks for these;
    what is blocked is so by something else. Where nothing is said of what is not wanted for itself, that may be so
    because nothing needs it.
    """
    asks = wanted.givers or wanted.along or wanted.obstacles or wanted.root or not (wanted.given or judged)
    return not asks and all(map(_by_itself, judged)) and not _names_others(have.body, wanted.body, fields)


def _by_itself(judged: Judged) -> bool:
    difference = judged.difference
    if judged.verdict is Verdict.BLOCKED or judged.obstacles or judged.root or isinstance(difference.declared, Always):
        return False
    asks = difference.needs or difference.along or difference.unless_held_by or difference.only_if_there
    return difference.action is Action.UPDATE and bool(difference.path) and not (asks or difference.takeover)


def _names_others(have: Value, want: Value, fields: tuple[FieldShape, ...]) -> bool:
    """Whether an entity and what is wanted of it name other entities than each other, anywhere that is compared."""
    for shape in fields:
        mine, theirs = (have or {}).get(shape.name), (want or {}).get(shape.name)
        if shape.links or (shape.ref and isinstance(shape.declared, Synced | Unmanaged)):
            if _named(mine) != _named(theirs):
                return True
        elif shape.type == "struct":
            if _names_others(mine, theirs, shape.fields):
                return True
        elif shape.type == "items":
            mine, theirs = mine or {}, theirs or {}
            if any(_names_others(mine.get(key), theirs.get(key), shape.fields) for key in {*mine, *theirs}):
                return True
    return False


def _named(value: Value) -> set[str]:
    return {value} if isinstance(value, str) else set(value or ())
