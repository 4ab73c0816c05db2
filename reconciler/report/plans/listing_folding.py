"""Groups equal changes, and equal deferred changes, of several tenants, so that each is shown once.

A plan is walked once per list. Only a digest and the tenants' names are kept per group; the documents of whole entities
are read again when they are shown.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import orjson

from reconciler.core.inspect import PR
from reconciler.model.bounded_cache import BoundedCache
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import (
    VETO,
    Change,
    Declared,
    DeferralReason,
    FieldChange,
    Outline,
    Plan,
    StoredChange,
    StoredDeferred,
    cause_order,
)
from reconciler.model.values.digests import checksum
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from reconciler.report.plans.folding import changes_of, deferred_of
from reconciler.report.values import as_leaves

Content: TypeAlias = tuple[Any, ...]

LISTED = 10
"""Number of creations of one kind in the same tenants to list; the others are counted."""


@dataclass(frozen=True, slots=True)
class FoldedChange:
    """A change that is the same, with the same causes, in these tenants.

    In ``change`` stands only what is true of all of them: of places and of what a dependent is needed by. It is
    without its bodies; ``read`` reads the first whole.
    """

    tenants: tuple[str, ...]
    change: Change
    read: Callable[[], Change]
    dependent: bool = False

    def document(self) -> Body:
        """The document of an entity that is created or deleted."""
        whole = self.read()
        return (whole.before if whole.action is Action.DELETE else whole.after) or {}


@dataclass(frozen=True, slots=True)
class Explained:
    """The reason of a deferral, the policy line that decides it, and the tenants that it applies to."""

    tenants: tuple[str, ...]
    detail: str
    policy: Declared | None


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """Changes deferred in these tenants by the same options; ``options`` is empty for vetoes and blocked changes.

    ``why``: one entry per wording or policy line.
    """

    reason: str
    tenants: tuple[str, ...]
    options: tuple[str, ...]
    rules: tuple[str, ...]
    why: tuple[Explained, ...]
    changes: tuple[Change, ...]


@dataclass(slots=True)
class EqualChanges:
    """Equal changes of several tenants, as they are found: the first without its bodies, with what is true of all."""

    change: Change
    tenants: list[str] = field(default_factory=list)

    def join(self, other: Change) -> None:
        """Add an equal change, and drop the details in which it differs."""
        mine, fields = self.change, other.fields
        if other.needed_by != mine.needed_by:
            self.change = replace(mine, needed_by=tuple(each for each in mine.needed_by if each in other.needed_by))
        if any(one.declared_at != two.declared_at for one, two in zip(mine.fields, fields, strict=True)):
            agreed = tuple(_agreed_field(one, two) for one, two in zip(mine.fields, fields, strict=True))
            self.change = replace(self.change, fields=agreed)


def _agreed_field(one: FieldChange, two: FieldChange) -> FieldChange:
    return one if one.declared_at == two.declared_at else replace(one, declared_at=None)


def same_as(change: Change) -> EqualChanges:
    """A group with one change."""
    return EqualChanges(replace(change, before=None, after=None))


def fold_changes(plan: Plan) -> list[FoldedChange]:
    """The plan's changes in groups, ordered by the first tenant of each group."""
    found: dict[bytes, tuple[EqualChanges, StoredChange, bool]] = {}
    alike: dict[bytes, EqualChanges] = {}
    for number, tenant in enumerate(plan.outlines):
        for kept in changes_of(plan, number) if tenant.summary.changes else ():
            same = alike.get(kept.content_key) or _same(kept, found)
            same.tenants.append(tenant.tenant)
            if kept.content_key:
                alike[kept.content_key] = same
    return [FoldedChange(tuple(same.tenants), same.change, kept.read, by) for same, kept, by in found.values()]


def _same(kept: StoredChange, found: dict[bytes, tuple[EqualChanges, StoredChange, bool]]) -> EqualChanges:
    """The group of a change: an existing or a new one."""
    change = kept.read()
    key = digest(content(change))
    if key in found:
        found[key][0].join(change)
    else:
        found[key] = same_as(change), kept, bool(change.needed_by)
    return found[key][0]


@dataclass(frozen=True, slots=True)
class UnlistedCreations:
    """The number of creations of one kind in the same tenants that are not listed."""

    tenants: tuple[str, ...]
    kind: str
    number: int


def shorten_folded(folded: list[FoldedChange]) -> Iterator[FoldedChange | UnlistedCreations]:
    """The changes with at most `LISTED` creations of one kind in the same tenants, and the number of others."""
    groups: dict[Content, list[int]] = {}
    for number, each in enumerate(folded):
        if each.change.action is Action.CREATE:
            groups.setdefault((each.tenants, each.change.entity.kind), []).append(number)
    hidden = {number for group in groups.values() for number in group[LISTED:]}
    rests = {group[-1]: key for key, group in groups.items() if len(group) > LISTED}
    for number, each in enumerate(folded):
        if number not in hidden:
            yield each
        elif number in rests:
            tenants, kind = rests[number]
            yield UnlistedCreations(tenants, kind, len(groups[tenants, kind]) - LISTED)


def content(change: Change) -> Content:
    """The tenant-independent contents of a change, equal for changes that are shown as one."""
    contents: Any = [(field.path, field.before, field.after, field.cause, field.note) for field in change.fields]
    if not contents:
        contents = as_leaves((change.before if change.action is Action.DELETE else change.after) or {})
    return change.entity.kind, change.entity.key, change.action, bool(change.needed_by), change.cause, contents


def digest(content: Content) -> bytes:
    """Equal for equal contents."""
    return checksum(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))


@dataclass(frozen=True, slots=True)
class Withheld:
    """A change that is not made, as it is shown: without its bodies. ``contents_digest``: equal for equal contents."""

    why: DeferralReason
    change: Change
    contents_digest: bytes
    content_key: bytes = b""


@dataclass(slots=True)
class HeldGroupBuilder:
    """What is held back alike in several tenants, as it is found: the changes, and for whom it is worded how."""

    options: tuple[str, ...]
    rules: tuple[str, ...]
    first: list[Withheld]
    changes: list[EqualChanges]
    worded: dict[tuple[str, Declared | None], list[str]] = field(default_factory=dict)
    tenants: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, held: list[Withheld]) -> "HeldGroupBuilder":
        """The first of it."""
        rules = tuple(sorted({each.why.rule for each in held if each.why.rule}))
        return cls(_options(held[0].why), rules, held, [EqualChanges(each.change) for each in held])

    def join(self, tenant: str, held: list[Withheld]) -> None:
        """One more tenant, or one more wording of the same."""
        for same, first, each in zip(self.changes, self.first, held, strict=True):
            if not each.content_key or each.content_key != first.content_key:
                same.join(each.change)
        self.tenants.append(tenant)
        self.worded.setdefault((held[0].why.detail, held[0].why.policy), []).append(tenant)

    def hold(self, reason: str) -> HeldGroup:
        """The group as a `HeldGroup`."""
        why = (Explained(tuple(tenants), *words) for words, tenants in self.worded.items())
        changes = tuple(same.change for same in self.changes)
        return HeldGroup(reason, tuple(self.tenants), self.options, self.rules, tuple(why), changes)


def fold_deferred(plan: Plan, reason: str) -> list[HeldGroup]:
    """The changes deferred for a reason, grouped by what holds them: within each tenant, then across tenants.

    Changes with the cause ``pr`` come first, if causes are known.
    """
    found: dict[bytes, HeldGroupBuilder] = {}
    seen: BoundedCache[bytes, tuple[Change, bytes]] = BoundedCache()
    for number, tenant in enumerate(plan.outlines):
        deferred = (each for each in _deferred_of(plan, number, tenant) if each.why.reason == reason)
        for held in _by_cause(_withheld(each, seen) for each in deferred):
            key = digest((_options(held[0].why), [each.contents_digest.hex() for each in held]))
            if key not in found:
                found[key] = HeldGroupBuilder.of(held)
            found[key].join(tenant.tenant, held)
    holds = [alike.hold(reason) for alike in found.values()]
    return sorted(holds, key=lambda hold: not any(PR in each.causes for each in hold.changes))


def _withheld(deferred: StoredDeferred, seen: BoundedCache[bytes, tuple[Change, bytes]]) -> Withheld:
    """Decode equal deferred changes once. ``seen``: the decoded ones."""
    why, kept = deferred
    found = seen.known.get(kept.content_key)
    if found is None:
        change = kept.read()
        found = same_as(change).change, digest(content(change))
        if kept.content_key:
            seen.keep(kept.content_key, found)
    return Withheld(why, *found, kept.content_key)


def _deferred_of(plan: Plan, number: int, tenant: Outline) -> Iterable[StoredDeferred]:
    count = tenant.summary
    return deferred_of(plan, number) if count.withheld or count.blocked or count.unmanaged else ()


def _by_cause(deferred: Iterable[Withheld]) -> Iterator[list[Withheld]]:
    grouped: dict[Content, list[Withheld]] = {}
    for each in deferred:
        grouped.setdefault((_options(each.why), each.why.detail, each.why.policy), []).append(each)
    return (list(_each_entity_once(held)) for held in grouped.values())


def _options(why: DeferralReason) -> tuple[str, ...]:
    """The options to name; none for a veto, guard or precondition, which hold regardless of options."""
    return () if why.reason == "blocked" or why.rule == VETO else why.allowed_by


def _each_entity_once(held: list[Withheld]) -> Iterator[Withheld]:
    """Merge fields of one entity under several options into one change, if all are held in the same way."""
    same: dict[EntityId, list[Withheld]] = {}
    for each in held:
        same.setdefault(each.change.entity, []).append(each)
    for first, *others in same.values():
        if not others:
            yield first
            continue
        change = replace(first.change, fields=tuple(field for each in (first, *others) for field in each.change.fields))
        yield Withheld(first.why, change, digest(content(change)))


def entities_by_cause(outlines: Iterable[Outline]) -> list[tuple[str, int]]:
    """The number of changed entities by their causes, ``pr and drift`` apart; they add up to the plan's changes."""
    found: Counter[str] = Counter()
    for each in outlines:
        found.update(each.causes)
    return sorted(found.items(), key=lambda each: [*map(cause_order, each[0].split(" and "))])


def few_of_each_kind(changes: Iterable[Change]) -> tuple[list[Change], Counter[str]]:
    """The deferred changes to list, and the number of other creations per kind."""
    listed: list[Change] = []
    seen: Counter[str] = Counter()
    for change in changes:
        kind = change.entity.kind
        seen[kind] += change.action is Action.CREATE
        if change.action is not Action.CREATE or seen[kind] <= LISTED:
            listed.append(change)
    return listed, Counter({kind: number - LISTED for kind, number in seen.items() if number > LISTED})


def withheld_by_option(outlines: Iterable[Outline]) -> list[tuple[str, int]]:
    """The number of entities that each option or veto withholds (`DeferralReason.holders`), sorted."""
    found: Counter[str] = Counter()
    for each in outlines:
        found.update(each.withheld_by)
    return sorted(found.items())


def in_error(outlines: Iterable[Outline]) -> list[Outline]:
    """The tenants that could not be planned."""
    return [each for each in outlines if each.errored]


def problems(failed: Iterable[Outline]) -> list[tuple[str, tuple[str, ...]]]:
    """The problems of tenants that could not be planned, each once with its tenants."""
    found: dict[str, list[str]] = {}
    for each in failed:
        found.setdefault(each.bare.problem or "it could not be planned", []).append(each.tenant)
    return [(problem, tuple(tenants)) for problem, tenants in found.items()]
