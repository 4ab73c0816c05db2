"""Folds a plan into its view: each different change once, each reason once, with the tenants that they concern.

A plan is walked once. Equal changes of several tenants are decoded once where the plan knows that they are equal; of
each only what a report shows is kept.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import NamedTuple, TypeAlias

import orjson

from reconciler.model.bounded_cache import BoundedCache
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import (
    Change,
    DeferralReason,
    FieldChange,
    Outline,
    Plan,
    StoredChange,
    StoredDeferred,
    StoredTenants,
)
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value
from reconciler.report.plans.view import (
    BACKLOG,
    MANY_VARIANTS,
    PRIMARY,
    Decider,
    Entry,
    Hold,
    PlanView,
    Reason,
    Row,
    TenantOutcome,
    What,
    reason_of,
    rows_by_entity,
)
from reconciler.report.values import clean, place_text, without_origin
from reconciler.report.words import counted, kind_word, label, number_of, period, value_words

APPLIED, UNMANAGED = "applied", "unmanaged"
MANY_DETAILS = 5
"""The number of tenants of which the wording of a reason is kept."""
MANY_WORDINGS = 20
"""The number of parts of it that are kept of a tenant."""
TENANT = "Tenant"
NAMED_ALIKE = ("Subscription", "Customer")
"""The kinds of which many have the same name: their key stands beside it."""
_ON_SALE: dict[str, tuple[str, Value]] = {"Plan": ("status", "active"), "Product": ("active", True)}
"""The field by which an entity of a kind is on sale, and its value then."""

Shown: TypeAlias = Row | Entry


class ContentPart(NamedTuple):
    """A part of a change, its cause, and the line that declares it."""

    shown: Shown
    cause: str
    place: tuple[str, int] | None


class Content(NamedTuple):
    """The parts of a change, its causes, and its number: equal changes have the same."""

    parts: tuple[ContentPart, ...]
    causes: frozenset[str]
    entity: EntityId
    number: int


@dataclass(slots=True)
class Folding:
    """The view as it grows. ``seen``: the contents of changes that the plan knows to be equal, by currency."""

    plan: Plan
    rows: dict[tuple[object, ...], Row] = field(default_factory=dict)
    entries: dict[tuple[object, ...], Entry] = field(default_factory=dict)
    tenants: dict[str, TenantOutcome] = field(default_factory=dict)
    holds: dict[Reason, Hold] = field(default_factory=dict)
    standing: dict[Reason, Hold] = field(default_factory=dict)
    reasons: dict[DeferralReason, Reason] = field(default_factory=dict)
    deciders: dict[tuple[Reason, bool, str], Decider] = field(default_factory=dict)
    seen: BoundedCache[tuple[bytes, str], Content] = field(default_factory=BoundedCache)
    numbers: dict[object, int] = field(default_factory=dict)

    def note(self, number: int, outline: Outline) -> None:
        """Add one tenant's plan."""
        tenant = self.tenants[outline.tenant] = TenantOutcome(outline)
        found: set[int] = set()
        for kept in changes_of(self.plan, number) if outline.summary.changes else ():
            content = self._content(kept, outline.bare.currency)
            found.add(content.number)
            self._reached(content, APPLIED, outline.tenant)
            tenant.gets.update(_category(each.shown) for each in content.parts)
        tenant.content = self._number(frozenset(found))
        for why, kept in self._held_back(number, outline):
            if why.reason != UNMANAGED:
                self._held(tenant, why, self._content(kept, outline.bare.currency))
        if above := self.tenants.get(outline.bare.upstream):
            above.children.append(tenant)

    def _held_back(self, number: int, outline: Outline) -> Iterable[StoredDeferred]:
        return deferred_of(self.plan, number) if outline.summary.withheld or outline.summary.blocked else ()

    def _reached(self, content: Content, reason: str, tenant: str) -> None:
        for shown, cause, place in content.parts:
            shown.reach.add(reason, tenant)
            if cause:
                shown.causes[cause] += 1
            if place:
                shown.places.add(place)

    def _held(self, tenant: TenantOutcome, why: DeferralReason, content: Content) -> None:
        """Add something that is withheld or blocked. What was so before the base too is only counted."""
        name, held = tenant.name, why.held
        standing = self.plan.source.base is not None and content.causes == {BACKLOG}
        reason = self._reason(why)
        holds = self.standing if standing else self.holds
        hold = holds.setdefault(reason, Hold(reason))
        hold.tenants[name] = hold.tenants.get(name, 0) + 1
        hold.entities[content.entity] += 1
        _word(hold, name, why.detail)
        at = held.at or name
        hold.owners.add(at)
        self._decider(hold, why, standing=standing).tenants.setdefault(name, 0)
        self._decider(hold, why, standing=standing).tenants[name] += 1
        if held.also:
            hold.doubly.add(name)
        if standing:
            tenant.standing += 1
            return
        above = at if at != name else ""
        if above:
            hold.above.add(above)
        tenant.holds[reason, above] += 1
        self._reached(content, why.reason, name)

    def _reason(self, why: DeferralReason) -> Reason:
        known = why._replace(policy=None, detail="" if why.hold else why.detail)
        if known not in self.reasons:
            self.reasons[known] = reason_of(why.reason, why.rule, why.detail, why.held)
        return self.reasons[known]

    def _decider(self, hold: Hold, why: DeferralReason, *, standing: bool) -> Decider:
        """The line that decides, or the service template: one for all tenants that use it."""
        template, place = why.held.template, place_text(why.policy) if why.policy else ""
        key = hold.reason, standing, f"template {template}" if template else place
        decider = self.deciders.get(key)
        if decider is None:
            decider = self.deciders[key] = Decider(template, place)
            hold.deciders.append(decider)
        elif decider.place != place:
            decider.place = ""
        return decider

    def _content(self, kept: StoredChange, currency: str) -> Content:
        key = kept.content_key, currency
        found = self.seen.known.get(key) if kept.content_key else None
        if found is None:
            found = self._new_content(kept.read, currency)
            if kept.content_key:
                self.seen.keep(key, found)
        return found

    def _new_content(self, read: Callable[[], Change], currency: str) -> Content:
        change = read()
        body = change.after or change.before or {}
        entity, title = change.entity, clean(str(body.get("name") or change.entity.key))
        if entity.kind in NAMED_ALIKE and title != entity.key:
            title = f"{title} ({entity.key})"
        if entity == EntityId(TENANT, change.tenant):  # each tenant has its own: to readers they are the same
            entity, title = EntityId(TENANT, ""), "Tenant settings"
        shown: list[ContentPart] = []
        if not change.fields:
            what = What.REMOVE if change.action is Action.DELETE else What.ADD
            prices = _prices(body) if what is What.ADD else ""
            shown.append(
                ContentPart(self._entry(Entry(entity, title, what, prices, read)), change.cause or "", _place(change))
            )
        for each in change.fields:
            place = _place(each) or _place(change)
            if switched := _switched(entity.kind, each):
                found: Shown = self._entry(Entry(entity, title, switched, "", read))
            else:
                found = self._field(entity, title, each, currency)
            shown.append(ContentPart(found, each.cause or change.cause or "", place))
        number = self._number(tuple(id(each.shown) for each in shown))
        causes = frozenset(each.cause for each in shown if each.cause)
        return Content(tuple(shown), causes, entity, number)

    def _field(self, entity: EntityId, title: str, each: FieldChange, currency: str) -> Row:
        words = label(entity.kind, each.path)
        currency = currency if words.money else ""
        before, after = without_origin(each.before), without_origin(each.after)  # it differs from tenant to tenant
        if before == after:
            before, after = each.before, each.after
        values = orjson.dumps([before, after], option=orjson.OPT_SORT_KEYS)
        key = entity, title, each.path, currency, values
        if key not in self.rows:
            self.rows[key] = Row(entity, title, each.path, words.text, words.money, currency, before, after)
        return self.rows[key]

    def _entry(self, found: Entry) -> Entry:
        entry = self.entries.setdefault((found.entity, found.title, found.what), found)
        if entry.prices != found.prices:
            entry.prices = "prices differ between tenants"
        return entry

    def _number(self, content: object) -> int:
        return self.numbers.setdefault(content, len(self.numbers))


def fold(plan: Plan, file: str = "") -> PlanView:
    """The view of a plan. ``file``: what the saved plan is called in commands; empty if it was not saved."""
    folding = Folding(plan)
    for number, outline in enumerate(plan.outlines):
        folding.note(number, outline)
    rows = [row for row in folding.rows.values() if row.reach.total]  # others are standing only
    entries = [entry for entry in folding.entries.values() if entry.reach.total]
    return PlanView(
        plan=plan,
        tenants=folding.tenants,
        prices=_ordered(_spanned(_with_renewals([row for row in rows if row.money]))),
        fields=sorted((row for row in rows if not row.money), key=lambda row: (row.entity, row.title, row.path)),
        added=sorted((each for each in entries if each.what is What.ADD), key=_entry_order),
        removed=sorted((each for each in entries if each.what is not What.ADD), key=_entry_order),
        holds=_by_size(folding.holds.values()),
        standing=_by_size(folding.standing.values()),
        file=file,
    )


def changes_of(plan: Plan, number: int) -> Iterator[StoredChange]:
    """A tenant's changes, to be decoded on demand; a change in memory is known by itself."""
    if isinstance(plan.tenants, StoredTenants):
        yield from plan.tenants.changes_of(number)
    else:
        yield from (StoredChange(b"", partial(_itself, change)) for change in plan.tenants[number].changes)


def deferred_of(plan: Plan, number: int) -> Iterable[StoredDeferred]:
    """The same for its deferred changes."""
    if isinstance(plan.tenants, StoredTenants):
        return plan.tenants.deferred_of(number)
    return (
        StoredDeferred(each.why, StoredChange(b"", partial(_itself, each.change)))
        for each in plan.tenants[number].deferred
    )


def _word(hold: Hold, tenant: str, detail: str) -> None:
    """Keep how the plan words a reason: of the first few tenants, and of each the first few different wordings."""
    known = hold.details.get(tenant)
    if known is None and len(hold.details) < MANY_DETAILS:
        hold.details[tenant] = detail
    elif known is not None and detail not in known and known.count("; ") < MANY_WORDINGS:
        hold.details[tenant] = f"{known}; {detail}"


def _itself(change: Change) -> Change:
    return change


def _place(declared: Change | FieldChange) -> tuple[str, int] | None:
    return (declared.declared_at.file, declared.declared_at.line) if declared.declared_at else None


def _category(shown: Shown) -> str:
    """What a tenant's tally counts it as: a price, another field, or what becomes of a whole entity."""
    if isinstance(shown, Entry):
        return shown.what.value
    return "price" if shown.money else "field"


def _prices(body: Body) -> str:
    """The prices of a new entity in words: ``monthly 34.00, yearly 340.00``, ``2 resource prices``."""
    found = [(key, (item.get("fees") or {}).get("recurring")) for key, item in sorted(body.get("periods", {}).items())]
    found += [(key, item.get("purchase_price")) for key, item in sorted(body.get("billing_cycles", {}).items())]
    rates = sum(len(item.get("prices") or {}) for item in body.get("resources", {}).values())
    said = [
        f"{period(key)} {value_words(amount)}" for key, amount in found if amount and (number_of(amount) or not rates)
    ]
    return ", ".join([*said, *([counted(rates, "resource price")] if rates else [])])


def _with_renewals(rows: list[Row]) -> list[Row]:
    """The rows without renewal fees that change like their recurring fee, in the same tenants: those say so."""
    by_path = {(row.entity, row.title, row.path, row.currency, str(row.before), str(row.after)): row for row in rows}
    found = []
    for row in rows:
        twin = None
        if row.path[-2:] == ("fees", "renewal"):
            path = (*row.path[:-1], "recurring")
            twin = by_path.get((row.entity, row.title, path, row.currency, str(row.before), str(row.after)))
        if twin is not None and twin.reach.same_as(row.reach):
            twin.renewal_too = True
        else:
            found.append(row)
    return found


def _spanned(rows: list[Row]) -> list[Row]:
    """The rows with one for each price that changes differently in more than `MANY_VARIANTS` ways."""
    same: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        same.setdefault((row.entity, row.title, row.path, row.currency), []).append(row)
    return [row for found in same.values() for row in ([_span(found)] if len(found) > MANY_VARIANTS else found)]


def _span(rows: list[Row]) -> Row:
    first = rows[0]
    before, after = _ends(row.before for row in rows), _ends(row.after for row in rows)
    span = Row(first.entity, first.title, first.path, first.label, first.money, first.currency, before, after)
    for row in rows:
        span.reach.join(row.reach)
        span.causes.update(row.causes)
        span.places |= row.places
    span.variants = tuple(sorted(rows, key=lambda row: -row.reach.total))
    return span


def _ends(values: Iterable[Value]) -> Value:
    """``5.00 … 7.00``; one value where all are equal."""
    known = sorted(
        {str(value) for value in values if value is not None}, key=lambda each: (number_of(each) or Decimal(0), each)
    )
    if len(known) < 2:
        return known[0] if known else None
    return f"{known[0]} … {known[-1]}"


def _ordered(rows: list[Row]) -> list[Row]:
    """Entities with the furthest change first; the rows of one entity by path."""
    rows = sorted(rows, key=lambda row: (row.entity, row.title, row.currency, row.path, -row.reach.total))
    groups = [found for _, found in rows_by_entity(rows)]

    def weight(found: list[Row]) -> tuple[float, int]:
        furthest = max(abs(row.percent) if row.percent is not None else 1000.0 for row in found)
        return -furthest, -max(row.reach.total for row in found)

    return [row for found in sorted(groups, key=weight) for row in found]


def _switched(kind: str, each: FieldChange) -> What | None:
    """Whether a field puts its entity on or off sale."""
    name, on_sale = _ON_SALE.get(kind, ("", None))
    if each.path != (name,) or each.before is None:
        return None
    return What.ON if each.after == on_sale else What.OFF


def _entry_order(entry: Entry) -> tuple[object, ...]:
    return (
        entry.entity.kind not in PRIMARY,
        not entry.reach.gets,
        kind_word(entry.entity.kind),
        -entry.reach.total,
        entry.entity,
        entry.title,
    )


def _by_size(holds: Iterable[Hold]) -> list[Hold]:
    """What concerns most tenants first; within each, the line that decides for most."""
    found = sorted(holds, key=lambda hold: (hold.reason.reason != "blocked", -len(hold.tenants), hold.reason.title))
    for hold in found:
        hold.deciders.sort(key=lambda each: (-len(each.tenants), each.template, each.place))
    return found
