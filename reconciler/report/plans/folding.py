"""Folds a plan into its view: each different change once, each reason once, with the tenants that they concern.

A plan is walked once. Equal changes of several tenants are decoded once where the plan knows that they are equal; of
each only what a report shows is kept.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

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
from reconciler.model.values.counts import counted
from reconciler.model.values.digests import content_digest
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value
from reconciler.report.plans.field_changes import FieldChanges, Plain, plain, price_rows
from reconciler.report.plans.reach import Place, Reach
from reconciler.report.plans.view import (
    BACKLOG,
    PRIMARY,
    Decider,
    Entry,
    Hold,
    PlanView,
    Reason,
    TenantOutcome,
    What,
    reason_of,
)
from reconciler.report.values import clean, place_text, without_origin
from reconciler.report.words import kind_word, label, number_of, period, value_words

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


class ContentPart(NamedTuple):
    """A part of a change: where it is noted, what it counts as (`TenantOutcome.gets`), its cause, and its line."""

    reach: Reach
    category: str
    cause: str
    place: Place | None


MANY_CONTENTS = 4096
"""The number of different changes whose tenants are noted before they are added to every part of each change."""


@dataclass(slots=True)
class Content:
    """The parts of a change, its causes, and its digest: equal changes have the same.

    ``tally``: the number of parts by category. ``noted``: the tenants that are not added to the parts yet: a change of
    thirty fields may reach a thousand tenants.
    """

    parts: tuple[ContentPart, ...]
    entity: EntityId
    causes: frozenset[str] = field(init=False)
    digest: bytes = field(init=False)
    tally: Mapping[str, int] = field(init=False)
    noted: Reach = field(default_factory=Reach)

    def __post_init__(self) -> None:
        self.causes = frozenset(each.cause for each in self.parts if each.cause)
        self.digest = content_digest(str(id(each.reach)).encode() for each in self.parts)
        self.tally = Counter(each.category for each in self.parts)


@dataclass(slots=True)
class Folding:
    """The view as it grows. ``seen``: the contents of changes that the plan knows to be equal, by currency.

    ``noted``: the contents with tenants that are not added to their parts yet. ``mixed``: where tenants of several
    contents were added, not in the plan's order.
    ``counted``: what was counted of the tenant that is added: an entity counts once for a reason, whatever its fields.
    """

    plan: Plan
    fields: dict[tuple[object, ...], FieldChanges] = field(default_factory=dict)
    entries: dict[tuple[object, ...], Entry] = field(default_factory=dict)
    tenants: dict[str, TenantOutcome] = field(default_factory=dict)
    holds: dict[Reason, Hold] = field(default_factory=dict)
    standing: dict[Reason, Hold] = field(default_factory=dict)
    reasons: dict[DeferralReason, Reason] = field(default_factory=dict)
    deciders: dict[tuple[Reason, bool, str], Decider] = field(default_factory=dict)
    seen: BoundedCache[tuple[bytes, str], Content] = field(default_factory=BoundedCache)
    texts: BoundedCache[str, str] = field(default_factory=BoundedCache)
    places: dict[Place, Place] = field(default_factory=dict)
    noted: list[Content] = field(default_factory=list)
    mixed: dict[int, Reach] = field(default_factory=dict)
    counted: set[tuple[object, ...]] = field(default_factory=set)

    def note(self, number: int, outline: Outline) -> None:
        """Add one tenant's plan."""
        tenant = self.tenants[outline.tenant] = TenantOutcome(outline)
        found: set[bytes] = set()
        for kept in changes_of(self.plan, number) if outline.summary.changes else ():
            content = self._content(kept, outline.bare.currency)
            found.add(content.digest)
            self._reached(content, APPLIED, outline.tenant)
            tenant.gets.update(content.tally)
        tenant.content = content_digest(sorted(found))
        self.counted.clear()
        for why, kept in self._held_back(number, outline):
            if why.reason != UNMANAGED:
                self._held(tenant, why, self._content(kept, outline.bare.currency))
        if above := self.tenants.get(outline.bare.upstream):
            above.children.append(tenant)

    def _held_back(self, number: int, outline: Outline) -> Iterable[StoredDeferred]:
        return deferred_of(self.plan, number) if outline.summary.withheld or outline.summary.blocked else ()

    def _reached(self, content: Content, reason: str, tenant: str) -> None:
        if not content.noted.total:
            self.noted.append(content)
        content.noted.add(reason, tenant)
        if len(self.noted) == MANY_CONTENTS:
            self._add_noted()

    def _add_noted(self) -> None:
        """Add the tenants of every change to its parts."""
        for content in self.noted:
            noted, content.noted = content.noted.frozen(), Reach()
            for reach, _, cause, place in content.parts:
                if reach.total:
                    self.mixed[id(reach)] = reach
                reach.join(noted)
                reach.explain(cause, place)
        self.noted.clear()

    def finish(self) -> None:
        """Add what was only noted, and put tenants into the plan's order where they were noted change by change."""
        self._add_noted()
        order = {tenant: number for number, tenant in enumerate(self.tenants)}
        for reach in self.mixed.values():
            reach.sort(order)

    def _held(self, tenant: TenantOutcome, why: DeferralReason, content: Content) -> None:
        """Add something that is withheld or blocked. What was so before the base too is only counted."""
        name, held = tenant.name, why.held
        standing = self.plan.source.base is not None and content.causes == {BACKLOG}
        reason = self._reason(why)
        holds = self.standing if standing else self.holds
        hold = holds.setdefault(reason, Hold(reason))
        first = self._first(content, id(hold))
        hold.tenants[name] = hold.tenants.get(name, 0) + first
        hold.entities[content.entity] += first
        _word(hold, name, why.detail)
        at = held.at or name
        hold.owners.add(at)
        decider = self._decider(hold, why, standing=standing)
        decider.tenants[name] = decider.tenants.get(name, 0) + self._first(content, id(hold), id(decider))
        if held.also:
            hold.doubly.add(name)
        if standing:
            tenant.standing += self._first(content)
            return
        above = at if at != name else ""
        if above:
            hold.above.add(above)
        tenant.holds[reason, above] += self._first(content, id(hold), above)
        self._reached(content, why.reason, name)

    def _first(self, content: Content, *of: object) -> bool:
        """Whether an entity of the tenant is not counted of something yet; it is from now on."""
        key = content.entity, *of
        known = key in self.counted
        self.counted.add(key)
        return not known

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
        parts: list[ContentPart] = []
        if not change.fields:
            what = What.REMOVE if change.action is Action.DELETE else What.ADD
            prices = _prices(body) if what is What.ADD else ""
            reach = self._entry(Entry(entity, title, what, prices, read))
            parts.append(ContentPart(reach, what.value, change.cause or "", self._place(change)))
        for each in change.fields:
            if switched := _switched(entity.kind, each):
                reach, category = self._entry(Entry(entity, title, switched, "", read)), switched.value
            else:
                reach, category = self._field(entity, title, each, currency)
            place = self._place(each) or self._place(change)
            parts.append(ContentPart(reach, category, each.cause or change.cause or "", place))
        return Content(tuple(parts), entity)

    def _field(self, entity: EntityId, title: str, each: FieldChange, currency: str) -> tuple[Reach, str]:
        """Where the change of a field is noted, and what it counts as."""
        words = label(entity.kind, each.path)
        currency = currency if words.money else ""
        known = self.fields.get(key := (entity, title, each.path, currency))
        if known is None:
            made = FieldChanges(entity, title, each.path, words.text, words.money, currency)
            known = self.fields[key] = made
        before, after = without_origin(each.before), without_origin(each.after)  # it differs from tenant to tenant
        if before == after:
            before, after = each.before, each.after
        change = self._plain(before), self._plain(after)
        reach = known.changes.get(change)
        if reach is None:
            reach = known.changes[change] = Reach()
        return reach, "price" if words.money else "field"

    def _plain(self, value: Value) -> Plain:
        if isinstance(value, str):
            return self.texts.known.get(value) or self.texts.keep(value, value)
        return plain(value)

    def _place(self, declared: Change | FieldChange) -> Place | None:
        if declared.declared_at is None:
            return None
        place = declared.declared_at.file, declared.declared_at.line
        return self.places.setdefault(place, place)

    def _entry(self, found: Entry) -> Reach:
        entry = self.entries.setdefault((found.entity, found.title, found.what), found)
        if entry.prices != found.prices:
            entry.prices = "prices differ between tenants"
        return entry.reach


def fold(plan: Plan, file: str = "") -> PlanView:
    """The view of a plan. ``file``: what the saved plan is called in commands; empty if it was not saved."""
    folding = Folding(plan)
    for number, outline in enumerate(plan.outlines):
        folding.note(number, outline)
    folding.finish()
    for each in folding.fields.values():
        each.changes = {change: reach for change, reach in each.changes.items() if reach.total}  # not: only standing
    rows = [row for each in folding.fields.values() if not each.money for row in each.rows]
    entries = [entry for entry in folding.entries.values() if entry.reach.total]
    return PlanView(
        plan=plan,
        tenants=folding.tenants,
        prices=price_rows(folding.fields),
        fields=sorted(rows, key=lambda row: (row.entity, row.title, row.path)),
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


def _prices(body: Body) -> str:
    """The prices of a new entity in words: ``monthly 34.00, yearly 340.00``, ``2 resource prices``."""
    found = [(key, (item.get("fees") or {}).get("recurring")) for key, item in sorted(body.get("periods", {}).items())]
    found += [(key, item.get("purchase_price")) for key, item in sorted(body.get("billing_cycles", {}).items())]
    rates = sum(len(item.get("prices") or {}) for item in body.get("resources", {}).values())
    said = [
        f"{period(key)} {value_words(amount)}" for key, amount in found if amount and (number_of(amount) or not rates)
    ]
    return ", ".join([*said, *([counted(rates, "resource price")] if rates else [])])


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
