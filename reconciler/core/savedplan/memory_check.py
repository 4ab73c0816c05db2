"""Validates that a mirror's ``last_applied`` is what the plan applies.

No field of an update shows it, and later plans depend on it. So it is computed again from the change's documents and
from the mirror's source, and compared (SUB-13).
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from reconciler.core.records import ORIGIN, RESTORE_RULE
from reconciler.core.subscriptions import ADD_ON, REMEMBERED, of_mirror, of_source
from reconciler.model.documents.declarations import LAST_APPLIED
from reconciler.model.plans.plan import Change
from reconciler.model.values.entity import entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value

SUBSCRIPTION, RENAMED = "Subscription", "AP-21"


class SourceMemory(NamedTuple):
    """What a mirror stores about its source, which is not part of the change: see `of_source`."""

    mirror: EntityId
    reseller: str
    source: EntityId
    body: Body

    def fits(self, source: Body) -> bool:
        """Whether it matches the source."""
        remembered = self.body.get(LAST_APPLIED) or {}
        return all(remembered.get(name) == value for name, value in of_source(source, self.body).items())


def memory_faults(change: Change) -> Iterator[str]:
    """The parts of a mirror's ``last_applied`` that do not follow from its two documents, as text."""
    if change.after is None or change.entity.kind != SUBSCRIPTION:
        return
    was = (change.before or {}).get(LAST_APPLIED) or {}
    now = change.after.get(LAST_APPLIED) or {}
    if _remembers_nothing(change):
        yield from ["its memory changes, and it is no mirror"] if now != was else ()
        return
    yield from _head_faults(change.entity.key, change.after)
    due = of_mirror(_mirror_before(change), change.after)
    for name in (*REMEMBERED, "name", "prices"):
        if _settled(due.get(name)) != _settled(now.get(name)):
            yield f"its memory of {name} is not what is applied"
    yield from _add_on_faults(due.get("add_ons") or {}, now.get("add_ons") or {})


def source_memory(change: Change) -> SourceMemory | None:
    """What a change stores in a mirror about its source; ``None`` if it stores nothing.

    `memory_faults` must find nothing in the change.
    """
    after = change.after
    if after is None or change.entity.kind != SUBSCRIPTION or _remembers_nothing(change):
        return None
    return SourceMemory(change.entity, after["reseller"], EntityId(SUBSCRIPTION, after["source"]), entity(after).body)


def _remembers_nothing(change: Change) -> bool:
    """Whether it is not a mirror, or only its origin (ORIGIN-02) or the key of a link (AP-21) changes."""
    before, after = change.before or {}, change.after or {}
    bookkeeping = bool(change.fields) and all(each.rule in (RESTORE_RULE, RENAMED) for each in change.fields)
    return after.get("origin") is None or (bookkeeping and before.get(LAST_APPLIED) == after.get(LAST_APPLIED))


def _head_faults(key: str, after: Body) -> Iterator[str]:
    """A mirror's fields must match the reseller and source in its key (SUB-04, SUB-07)."""
    reseller, _, source = key.partition(".")
    for name, due in (("reseller", reseller), ("bill_to", reseller), ("source", source)):
        if after.get(name) != due:
            yield f"its {name} is not that of its key"


def _mirror_before(change: Change) -> Body | None:
    """The mirror before the change; ``None`` for a takeover, since the entity was the distributor's own."""
    restored = any(each.rule == RESTORE_RULE and each.path == ORIGIN for each in change.fields)
    assert change.after is not None
    before = change.before
    return before if before and (restored or before.get("origin") == change.after.get("origin")) else None


def _add_on_faults(due: Mapping[str, Body], now: Mapping[str, Body]) -> Iterator[str]:
    for key in sorted({*due, *now}):
        mine, theirs = due.get(key), now.get(key)
        if mine is None or theirs is None or not _alike(mine, theirs):
            yield f"its memory of add_ons.{key} is not what is applied"


def _alike(mine: Body, theirs: Body) -> bool:
    return all(_settled(mine.get(name)) == _settled(theirs.get(name)) for name in (*ADD_ON, "prices"))


def _settled(value: Value) -> Any:
    """A false flag and empty values count as absent."""
    return None if value in (None, {}, []) or value is False else value
