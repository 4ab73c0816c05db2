"""Permissions on mirrored subscriptions: what their distributor may not do, by any kind of write (SUB-17…SUB-39).

Every store checks them within the write, against the rows that it holds; it trusts no writer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from reconciler.core.planning import changed_leaves, declared_rules
from reconciler.core.schema import KindShape, RuleBook, is_locked
from reconciler.model.documents.declarations import Synced
from reconciler.model.documents.options import MIRROR
from reconciler.model.documents.subscriptions import DISTRIBUTOR, RESELLER, SubscriptionAction
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Path, Value, render_path

HISTORY: Path = ("history",)
UNKNOWN = SubscriptionAction("write", limits="SUB-38")
"""The action of a write that names none: an edit of unlocked fields."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Why something is denied: the rule, and a text."""

    rule: str
    detail: str


@cache
def mirrored_kinds() -> frozenset[str]:
    """The kinds that their declarations mark as mirrored."""
    return frozenset(kind for kind, shape in declared_rules().kinds.items() if _is_mirrored(shape))


def _is_mirrored(shape: KindShape) -> bool:
    return any(isinstance(field.declared, Synced) and MIRROR in field.declared.options for field in shape.fields)


def denial(
    role: str | None, action: str | None, before: Entity | None, after: Entity | None, *, rules: RuleBook | None = None
) -> Denial | None:
    """Why a writer in a role may not change an entity; ``None`` if it may.

    ``before``: what the store holds. ``role`` ``None``: the reconciler, or an import (`tenant import`). ``rules``: by
    default, all declared rules.
    """
    id = (before or after or _NOBODY).id
    rules = rules or declared_rules()
    if role is None or id.kind not in mirrored_kinds() or not _mirror(before, after):
        return None
    if role != DISTRIBUTOR:
        return Denial("SUB-19", f"{id} is a mirror: {_who_may(role)}")
    if action is not None and action not in rules.actions:
        return Denial("SUB-38", f'there is no action "{action}" on a mirrored subscription')
    done = rules.actions[action] if action else UNKNOWN
    return forbidden(done, id) or _of_fields(done, rules.kinds[id.kind], before, after)


def _who_may(role: str) -> str:
    """Who may act on a mirror, in words for a writer who may not."""
    if role == RESELLER:
        return f"the {RESELLER} acts on its own subscription, and the mirror follows"
    return f"only the {DISTRIBUTOR} may act on it, and no other role"


_NOBODY = Entity(EntityId("", ""), {})


def _mirror(before: Entity | None, after: Entity | None) -> bool:
    return any(each is not None and each.origin is not None for each in (before, after))


def forbidden(action: SubscriptionAction, id: EntityId) -> Denial | None:
    """Why the distributor may not perform an action on any mirrored subscription."""
    if action.denied is None:
        return None
    return Denial(action.denied, f"{action.id} is not for the distributor: {id} follows the reseller's")


def _of_fields(
    action: SubscriptionAction, shape: KindShape, before: Entity | None, after: Entity | None
) -> Denial | None:
    id = (before or after or _NOBODY).id
    if before is None:
        return Denial("SUB-04", f"{id}: a mirror is made by the reconciler only")
    if after is None:
        return Denial("SUB-32", f"the distributor may not delete {id}: it follows the reseller's")
    if before.origin != after.origin:
        return Denial("ORIGIN-01", f"{id}: the origin is written by the reconciler only")
    locked = sorted(_locked_changes(shape, before, after))
    if not locked:
        return None
    rule = "SUB-17" if all(path[0] == "add_ons" for path in locked) else action.limits
    named = ", ".join(map(render_path, locked))
    return Denial(rule, f"{named} of {id} {'is' if len(locked) == 1 else 'are'} locked: it follows the reseller's")


def _locked_changes(shape: KindShape, before: Entity, after: Entity) -> Iterator[Path]:
    """The locked fields that would change. A history may grow."""
    for path, mine, theirs in changed_leaves(before.body, after.body):
        if path == HISTORY and _grows(mine, theirs):
            continue
        if is_locked(shape.fields, path):
            yield path


def _grows(mine: Value, theirs: Value) -> bool:
    before, after = mine or [], theirs or []
    return len(after) > len(before) and after[: len(before)] == before
