"""What tenants have in common is shown once: equal changes, and equal deferred changes, with the list of tenants."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import orjson

from reconciler.core.causes import BACKLOG, DRIFT, PR
from reconciler.model.change import Action
from reconciler.model.keys import EntityId
from reconciler.model.plan import Change, Declared, Deferred, FieldChange, Plan, Summary, TenantPlan, TenantStatus
from reconciler.report.values import leaves

Content: TypeAlias = tuple[Any, ...]

LISTED = 10
"""Of more creations of one kind in the same tenants, this many are listed and the rest is counted."""
VETO = "CB-34"


@dataclass(frozen=True, slots=True)
class FoldedChange:
    """A change that is the same in these tenants, and comes of the same causes.

    In ``change`` stands only what is true of all of them: of places and of what a dependent is needed by.
    """

    tenants: tuple[str, ...]
    change: Change
    dependent: bool = False


@dataclass(frozen=True, slots=True)
class Explained:
    """Why something is deferred, in words, the line of policy that decides, and for whom it reads so."""

    tenants: tuple[str, ...]
    detail: str
    policy: Declared | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Changes that the same options hold back in these tenants; of a veto, or of what blocks, ``options`` is empty.

    ``why``: one for each wording or line of policy.
    """

    reason: str
    tenants: tuple[str, ...]
    options: tuple[str, ...]
    rules: tuple[str, ...]
    why: tuple[Explained, ...]
    changes: tuple[Change, ...]


def fold_changes(plan: Plan) -> list[FoldedChange]:
    """The plan's changes, in the order in which the first tenant that has each makes it."""
    found: dict[Content, list[Change]] = {}
    for tenant in plan.tenants:
        for change in tenant.changes:
            found.setdefault(content(change), []).append(change)
    return [_folded(same) for same in found.values()]


@dataclass(frozen=True, slots=True)
class Rest:
    """Creations of one kind in the same tenants that are counted instead of listed."""

    tenants: tuple[str, ...]
    kind: str
    number: int


def shortened(folded: list[FoldedChange]) -> Iterator[FoldedChange | Rest]:
    """The same changes, but of many creations of one kind in the same tenants the first few and how many more."""
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
            yield Rest(tenants, kind, len(groups[tenants, kind]) - LISTED)


def _folded(same: list[Change]) -> FoldedChange:
    return FoldedChange(tuple(each.tenant for each in same), _agreed(same), bool(same[0].needed_by))


def content(change: Change) -> Content:
    """What a change says whatever the tenant: equal for changes that are shown as one."""
    said: Any = [(field.path, field.before, field.after, field.cause) for field in change.fields]
    if not said:
        said = leaves((change.before if change.action is Action.DELETE else change.after) or {})
    return change.entity, change.action, bool(change.needed_by), change.cause, _bytes(said)


def _bytes(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _agreed(same: list[Change]) -> Change:
    """The first, with what is true of all of them."""
    first = same[0]
    if len(same) == 1:
        return first
    columns = zip(*(each.fields for each in same), strict=True)
    shared = set(first.needed_by).intersection(*(each.needed_by for each in same[1:]))
    return replace(
        first,
        fields=tuple(_agreed_field(column) for column in columns),
        needed_by=tuple(each for each in first.needed_by if each in shared),
    )


def _agreed_field(same: tuple[FieldChange, ...]) -> FieldChange:
    first = same[0]
    place = first.declared_at if all(each.declared_at == first.declared_at for each in same) else None
    return replace(first, declared_at=place)


def fold_deferred(plan: Plan, reason: str) -> list[Hold]:
    """What is deferred for a reason, by what holds it: in each tenant first, then over the tenants.

    What a pull request has a part in comes first, where causes were told.
    """
    found: dict[Content, list[tuple[TenantPlan, list[Deferred]]]] = {}
    for tenant in plan.tenants:
        for held in _by_cause(tenant, reason):
            key = (_options(held[0]), tuple(content(each.change) for each in held))
            found.setdefault(key, []).append((tenant, held))
    holds = [_hold(reason, same) for same in found.values()]
    return sorted(holds, key=lambda hold: not any(PR in causes_of(each) for each in hold.changes))


def _by_cause(tenant: TenantPlan, reason: str) -> Iterator[list[Deferred]]:
    grouped: dict[Content, list[Deferred]] = {}
    for each in tenant.deferred:
        if each.reason == reason:
            grouped.setdefault((_options(each), each.detail, each.policy), []).append(each)
    return (list(_each_entity_once(held)) for held in grouped.values())


def _options(held: Deferred) -> tuple[str, ...]:
    """The options to name. A veto, a guard or a precondition holds whatever options would let it through."""
    return () if held.reason == "blocked" or held.rule == VETO else held.allowed_by


def _each_entity_once(held: list[Deferred]) -> Iterator[Deferred]:
    """Fields of one entity that go by several options are one change of it, where all are held alike."""
    same: dict[EntityId, list[Deferred]] = {}
    for each in held:
        same.setdefault(each.change.entity, []).append(each)
    for first, *others in same.values():
        more = tuple(field for each in others for field in each.change.fields)
        yield replace(first, change=replace(first.change, fields=(*first.change.fields, *more))) if others else first


def _hold(reason: str, same: list[tuple[TenantPlan, list[Deferred]]]) -> Hold:
    first = same[0][1]
    return Hold(
        reason=reason,
        tenants=tuple(tenant.tenant for tenant, _ in same),
        options=_options(first[0]),
        rules=tuple(sorted({each.rule for each in first if each.rule})),
        why=tuple(_explained(same)),
        changes=tuple(_agreed(list(column)) for column in zip(*_changes_of(same), strict=True)),
    )


def _changes_of(same: list[tuple[TenantPlan, list[Deferred]]]) -> list[list[Change]]:
    return [[each.change for each in held] for _, held in same]


def _explained(same: list[tuple[TenantPlan, list[Deferred]]]) -> Iterator[Explained]:
    worded: dict[tuple[str, Declared | None], list[str]] = {}
    for tenant, held in same:
        worded.setdefault((held[0].detail, held[0].policy), []).append(tenant.tenant)
    for (detail, policy), tenants in worded.items():
        yield Explained(tuple(tenants), detail, policy)


def causes_of(change: Change) -> frozenset[str]:
    """The causes of a change and of its fields; none where they were not told from a base."""
    return frozenset(cause for cause in (change.cause, *(each.cause for each in change.fields)) if cause)


def entities_by_cause(plan: Plan) -> list[tuple[str, int]]:
    """How many entities change for each cause. One whose fields have two causes counts for both."""
    found = Counter(cause for tenant in plan.tenants for each in tenant.changes for cause in causes_of(each))
    return [(cause, found[cause]) for cause in (PR, DRIFT, BACKLOG) if found[cause]]


def few_of_each_kind(changes: Iterable[Change]) -> tuple[list[Change], Counter[str]]:
    """Of changes that are held back: those to list, and by kind how many creations more there are."""
    listed: list[Change] = []
    seen: Counter[str] = Counter()
    for change in changes:
        kind = change.entity.kind
        seen[kind] += change.action is Action.CREATE
        if change.action is not Action.CREATE or seen[kind] <= LISTED:
            listed.append(change)
    return listed, Counter({kind: number - LISTED for kind, number in seen.items() if number > LISTED})


def withheld_by_option(plan: Plan) -> list[tuple[str, int]]:
    """How many entities each option withholds, by option. Several, any of which would do, count as one: ``a or b``."""
    held = {
        (tenant.tenant, each.change.entity, " or ".join(each.allowed_by) or each.rule)
        for tenant in plan.tenants
        for each in tenant.deferred
        if each.reason == "withheld"
    }
    return sorted(Counter(option for _, _, option in held).items())


def in_error(plan: Plan) -> list[TenantPlan]:
    """The tenants that could not be planned."""
    return [each for each in plan.tenants if each.status is TenantStatus.ERROR]


def summary_of(plan: Plan, tenant: TenantPlan) -> Summary:
    """The counts of one tenant."""
    return replace(plan, tenants=(tenant,)).summary()
