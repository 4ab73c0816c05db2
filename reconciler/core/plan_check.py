# long: every way in which the parts of a plan can contradict each other, in one place
"""Whether a saved plan may be believed: that what it shows is what applying it writes.

A digest says that a file is whole, not who wrote it. Before a saved plan is shown or applied, every tenant, change and
deferred change of it is checked by itself: the fields of an update are exactly the difference of its two documents, a
document is one of a tenant's state, and its kind, key and origin fit its address.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from itertools import islice
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from reconciler.core.bodies import faults
from reconciler.core.denials import mirrored_kinds
from reconciler.core.descent import item_origins
from reconciler.core.order import in_order
from reconciler.core.planning import status_of
from reconciler.core.shape import FieldShape, fields_of, kept, kind_shapes
from reconciler.core.state import state_model
from reconciler.core.tenants import circles
from reconciler.model.amounts import AMOUNT, AMOUNTS, canonical, in_force
from reconciler.model.change import Action
from reconciler.model.entity import entity
from reconciler.model.keys import EntityId
from reconciler.model.kinds import TENANT
from reconciler.model.options import OPTIONS
from reconciler.model.plan import Change, Deferred, FieldChange, Plan, Read, Scheduled, TenantPlan, TenantStatus
from reconciler.model.rules import RULES
from reconciler.model.sync import LAST_APPLIED
from reconciler.model.values import Body, Path, Value, get, put, render_path

NAMED = 5
"""So many faults of a plan are named."""
LONGEST = 200
"""So many characters of a fault are shown."""
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
_EARLIER_RULES = frozenset({"ORIGIN"})
"""Ids of rules as earlier releases wrote them."""
_RENAMED = "AP-21"
_EDITABLE = frozenset({"name", "prices"})
"""What of a mirror its distributor may edit, so that it remembers what was applied before that."""
_KEY, _ORIGIN = ("key",), ("origin",)
_HEAD = frozenset({"kind", "key", "origin"})


def why_not_believed(plan: Plan) -> str | None:
    """The first contradictions in a plan that was read from a file, in words; ``None`` if there is none."""
    found = [shortened(each) for each in islice(_faults(plan), NAMED + 1)]
    more = ["and more"] if len(found) > NAMED else []
    return "; ".join([*found[:NAMED], *more]) or None


def shortened(text: str) -> str:
    """A fault as it is shown: what stands in a file may be of any length."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _faults(plan: Plan) -> Iterator[str]:
    if not _MOMENT.match(plan.timestamp) or not _is_day(plan.timestamp[:10]):
        yield "its timestamp is no moment in UTC"
    yield from _tree_faults(plan)
    for each in plan.scheduled:
        yield from _scheduled_faults(each)
    above = {each.tenant: each.upstream for each in _standing(plan)}
    for tenant in plan.tenants:
        yield from _tenant_faults(tenant, above)


def _tree_faults(plan: Plan) -> Iterator[str]:
    """Tenants stand once, below what stands before them. A provider's own system holds nobody up: it may come last."""
    above = {each.tenant: each.upstream for each in _standing(plan)}
    yield from (f"{circle[0]} is its own upstream" for circle in circles(above))
    seen: set[str] = set()
    for each in _standing(plan):
        if each.tenant in seen:
            yield f"the tenant {each.tenant} stands in it twice"
        if type(each.revision) is not int:
            yield f"the revision of {each.tenant} is no whole number"
        seen.add(each.tenant)
    for listed in (plan.read, plan.tenants):
        to_come = {each.tenant for each in listed if each.upstream}
        for each in listed:
            to_come.discard(each.tenant)
            if each.upstream in to_come:
                yield f"{each.tenant} stands before its upstream {each.upstream}"


def _standing(plan: Plan) -> Iterator[Read | TenantPlan]:
    yield from plan.read
    yield from plan.tenants


def _scheduled_faults(scheduled: Scheduled) -> Iterator[str]:
    if not _is_day(scheduled.date):
        yield f"{scheduled.entity} has an amount from {scheduled.date} on, which is no day"
    if not AMOUNT.match(scheduled.amount):
        yield f"{scheduled.entity} is to cost {scheduled.amount}, which is no amount"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _tenant_faults(tenant: TenantPlan, above: Mapping[str, str]) -> Iterator[str]:
    if tenant.day and not _is_day(tenant.day):
        yield f"{tenant.tenant} is planned for {tenant.day}, which is no day"
        return
    yield from (f"{tenant.tenant} {each}" for each in _status_faults(tenant))
    taken: set[EntityId] = set()
    for change in tenant.changes:
        if not taken.isdisjoint(names := {change.entity, *_was(change)}):
            yield f"{change.address} stands in it twice"
        taken |= names
        yield from (f"{change.address}: {each}" for each in _change_faults(change, tenant, above))
    if in_order(tenant.changes) != tenant.changes:
        yield f"the changes of {tenant.tenant} do not stand in the order in which they are made"
    for deferred in tenant.deferred:
        yield from (f"{deferred.change.address}, deferred: {each}" for each in _deferred_faults(deferred))


def _status_faults(tenant: TenantPlan) -> Iterator[str]:
    wrong = tenant.status is TenantStatus.ERROR
    if wrong != (tenant.problem is not None):
        yield "has a problem if, and only if, it is in error, which this one contradicts"
    if wrong:
        if tenant.changes:
            yield "is in error, and has changes"
        return
    due = status_of(tenant.changes, tenant.deferred)
    of_old = due is TenantStatus.WITHHELD and tenant.status is TenantStatus.IN_SYNC  # plans of 0.1
    if tenant.status is not due and not of_old:
        yield f'has status "{tenant.status}", but what it changes and defers comes to "{due}"'
    if tenant.changes and not tenant.fingerprint:
        yield "has changes, but no fingerprint"


def _was(change: Change) -> Iterator[EntityId]:
    key = change.before.get("key") if change.before else None
    if isinstance(key, str):
        yield EntityId(change.entity.kind, key)


def _change_faults(change: Change, tenant: TenantPlan, above: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with a change that is to be made, each in words. ``above``: by tenant of the plan, its upstream."""
    found = [*_form_faults(change)] or [*_shape_faults(change)]
    yield from found
    if found:
        return
    if change.entity.kind not in kind_shapes():
        yield f"nothing of the kind {change.entity.kind} is ever changed in a tenant"
        return
    if change.entity.kind == TENANT and change.entity.key != change.tenant:
        yield "it is the document of another tenant"
    yield from _difference_faults(change, tenant.day)
    yield from _body_faults(change)
    yield from _memory_faults(change)
    yield from _origin_faults(change, tenant, above)


def _deferred_faults(deferred: Deferred) -> Iterator[str]:
    if not _is_rule(deferred.rule):
        yield f'there is no rule "{deferred.rule}"'
    yield from (f'there is no option "{each}"' for each in deferred.allowed_by if each not in OPTIONS)
    hold = deferred.hold
    yield from (f'there is no option "{each}"' for each in (hold.options if hold else ()) if each not in OPTIONS)
    yield from [*_form_faults(deferred.change, made=False)] or [*_shape_faults(deferred.change)]


def _shape_faults(change: Change) -> Iterator[str]:
    """Where a document is no body of its kind at all: everything else looks into bodies."""
    for document in (change.before, change.after):
        if document is not None:
            found = entity(document)
            yield from faults({found.id: found})


def _is_rule(rule: str) -> bool:
    return rule in RULES or rule in _EARLIER_RULES


def _form_faults(change: Change, *, made: bool = True) -> Iterator[str]:
    """What of a change does not fit its action, its address, or what there is of rules and options.

    ``made``: whether it is to be made; what is deferred may name an entity that moved since.
    """
    before, after = change.before, change.after
    there = {Action.CREATE: (False, True), Action.UPDATE: (True, True), Action.DELETE: (True, False)}[change.action]
    if made and there != (before is not None, after is not None):
        yield f"a {change.action} does not go from {_a(before)} to {_a(after)}"
    if change.fields and change.action is not Action.UPDATE:
        yield f"a {change.action} has no fields"
    if made and not change.fields and change.action is Action.UPDATE:
        yield "an update has fields"
    yield from _identity_faults(change, made=made)
    for part in _parts(change):
        if not _is_rule(part.rule):
            yield f'there is no rule "{part.rule}"'
        yield from (f'there is no option "{each}"' for each in part.allowed_by if each not in OPTIONS)
        if part.declared_at is not None and type(part.declared_at.line) is not int:
            yield "a line of the workspace is no whole number"


def _parts(change: Change) -> Iterator[Change | FieldChange]:
    yield change
    yield from change.fields


def _a(document: Body | None) -> str:
    return "nothing" if document is None else "a document"


def _identity_faults(change: Change, *, made: bool) -> Iterator[str]:
    before, after, id = change.before, change.after, change.entity
    for what, document in (("before", before), ("after", after)):
        if document is not None and document.get("kind") != id.kind:
            yield f"`{what}` is of another kind"
    followed = made or change.declared_at is not None  # of what is not undone, `after` has the key that it had
    if followed and after is not None and after.get("key") != id.key:
        yield "`after` has another key"
    if any(each is not None and not isinstance(each.get("key"), str) for each in (before, after)):
        yield "a document has no key"
    renamed = any(each.path == _KEY for each in change.fields)
    if made and before is not None and not renamed and before.get("key") != id.key:
        yield "`before` has another key"


def _difference_faults(change: Change, day: str) -> list[str]:
    """What of an update's fields is not exactly the difference of its two documents.

    A rename comes before what else is changed of what it renames (AP-21); where it is undone, after that.
    """
    if change.action is not Action.UPDATE:
        return []
    renames = [each for each in change.fields if each.rule == _RENAMED]
    others = [each for each in change.fields if each.rule != _RENAMED]
    found = [*_step_faults(change, (*renames, *others), day)]
    return found if not found or not renames or not others else [*_step_faults(change, (*others, *renames), day)]


def _step_faults(change: Change, fields: tuple[FieldChange, ...], day: str) -> Iterator[str]:
    """The fields are made one by one, from ``before`` on: each must find what it says, and leave what it says.

    Then nothing may differ from ``after`` any more, but for what the reconciler remembers of an entity.
    """
    assert change.before is not None and change.after is not None
    shapes = fields_of(change.entity.kind)
    memory = {each.name for each in kept(shapes)}
    made: Body = change.before
    for number, field in enumerate(fields):
        if field.path[:1] and field.path[0] in memory:
            continue
        at = _spot(shapes, field.path)
        if at is None:
            yield f"no field is called {render_path(field.path)}"
            return
        if not at.says(field.before, at.value(made), day):
            yield f"{_named(field)} is not what it says it was"
        again = any(_overlap(each.path, field.path) for each in fields[number + 1 :])
        if not (at.same(field.after, at.value(change.after)) or again):
            yield f"{_named(field)} is not what it says it will be"
        if _bytes(field.before) == _bytes(field.after):
            yield f"{_named(field)} changes nothing"
        made = at.put(made, field.after)
    yield from (f"{render_path(path)} changes, and is no field of it" for path in _unlike(made, change, shapes, memory))


def _overlap(one: Path, other: Path) -> bool:
    """Whether one is, or is in, what the other is."""
    return all(mine == theirs for mine, theirs in zip(one, other, strict=False))


def _named(field: FieldChange) -> str:
    return f"its field {render_path(field.path)}"


class _Spot:
    """A place in a document, as a field of a plan names it.

    ``shape``: the declared field that it is, or is in; ``None`` for a part of a map of plain values. ``member``:
    whether the path ends at a member of a set of links.
    """

    __slots__ = ("default", "member", "path", "type")

    def __init__(self, path: Path, type_: str, default: Value = None, *, member: bool = False) -> None:
        self.path, self.type, self.default, self.member = path, type_, default, member

    def value(self, document: Body) -> Value:
        if self.member:
            listed = get(document, self.path[:-1])
            return self.path[-1] if isinstance(listed, list) and self.path[-1] in listed else None
        return get(document, self.path)

    def put(self, document: Body, value: Value) -> Body:
        if not self.member:
            return put(document, self.path, None if _absent(value) and self.type != "item" else value)
        listed = get(document, self.path[:-1])
        members = {each for each in listed if isinstance(each, str)} if isinstance(listed, list) else set()
        members = members | {self.path[-1]} if value is not None else members - {self.path[-1]}
        return put(document, self.path[:-1], sorted(members) or None)

    def says(self, said: Value, there: Value, day: str) -> bool:
        """Whether a field may say of what is there that it is this: as it is, or as it holds on the day."""
        if self.same(said, there):
            return True
        if self.type not in AMOUNTS or not isinstance(there, list):
            return False
        held = [in_force(there, date.fromisoformat(day))] if day else [None, *(each.get("amount") for each in there)]
        return said in held

    def same(self, one: Value, other: Value) -> bool:
        """Whether two values mean the same: what is absent is the default, 6.0 is 6.00, sets have no order."""
        return bool(_bytes(self.settled(one)) == _bytes(self.settled(other)))

    def settled(self, value: Value) -> Value:
        if _absent(value) and self.type != "item":
            return self.default
        if self.type in AMOUNTS and isinstance(value, str):
            return canonical(value)
        if self.type == "set" and isinstance(value, list) and all(isinstance(each, str) for each in value):
            return sorted(value)
        return _without_absent(value)


def _absent(value: Value) -> bool:
    return value is None or value == {} or value == []


def _without_absent(value: Value) -> Value:
    if not isinstance(value, Mapping):
        return value
    return {key: _without_absent(each) for key, each in value.items() if each is not None and each != []}


def _bytes(value: Value) -> Any:
    """Something that is equal for equal values only: 1 is not true."""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@cache
def _spots(fields: tuple[FieldShape, ...]) -> Mapping[str, FieldShape]:
    return {each.name: each for each in fields}


def _spot(fields: tuple[FieldShape, ...], path: Path) -> _Spot | None:
    """Where a path leads; ``None`` for one that leads nowhere."""
    if path in (_KEY, _ORIGIN):
        return _Spot(path, "text")
    found, rest = None, path
    while rest:
        found = _spots(fields).get(rest[0]) if fields else None
        if found is None:
            return None
        rest = rest[1:]
        if not rest:
            return _Spot(path, found.type, found.default)
        match found.type:
            case "struct":
                fields = found.fields
            case "items":
                fields, rest = found.fields, rest[1:]
                if not rest:
                    return _Spot(path, "item")
            case "amounts" | "map" if len(rest) == 1:
                return _Spot(path, found.type)
            case "set" if found.links and len(rest) == 1:
                return _Spot(path, "key", member=True)
            case _:
                return None
    return None


def _unlike(made: Body, change: Change, fields: tuple[FieldShape, ...], memory: set[str]) -> list[Path]:
    """Where the fields of an update leave something else than ``after``."""
    assert change.after is not None
    head = tuple((name,) for name in ("kind", "key", "origin") if made.get(name) != change.after.get(name))
    return [*head, *_differing(made, change.after, fields, (), without=_HEAD | memory)]


def _differing(
    one: Body,
    other: Body,
    fields: tuple[FieldShape, ...],
    path: Path,
    *,
    without: frozenset[str] | set[str] = frozenset(),
) -> Iterator[Path]:
    """The paths at which two bodies do not mean the same."""
    shapes = _spots(fields)
    for name in sorted({*one, *other} - without):
        mine, theirs, here = one.get(name), other.get(name), (*path, name)
        if mine is theirs or (type(mine) is type(theirs) is str and mine == theirs):
            continue
        shape = shapes.get(name)
        kind = shape.type if shape else "unknown"
        inner = (mine or {}), (theirs or {})
        if shape is None or not all(isinstance(each, Mapping) for each in inner):
            at = _Spot(here, kind, shape.default if shape else None)
            yield from [here] if not at.same(mine, theirs) else ()
        elif kind == "struct":
            yield from _differing(*inner, shape.fields, here)
        elif kind == "items":
            yield from _items_differing(*inner, shape.fields, here)
        elif kind == "amounts":
            amount = _Spot(here, "amount")
            yield from (
                (*here, key) for key in {**inner[0], **inner[1]} if not amount.same(*(each.get(key) for each in inner))
            )
        elif not _Spot(here, kind, shape.default).same(mine, theirs):
            yield here


def _items_differing(one: Body, other: Body, fields: tuple[FieldShape, ...], path: Path) -> Iterator[Path]:
    for key in sorted({*one, *other}):
        here, mine, theirs = (*path, key), one.get(key), other.get(key)
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            yield from _differing(mine, theirs, (*fields, *_OF_ITEMS), here)
        elif mine != theirs:
            yield here


_OF_ITEMS: tuple[FieldShape, ...] = ()


def _body_faults(change: Change) -> Iterator[str]:
    """What of the document that is going to be written no tenant's state may hold, unless it holds that already."""
    if change.after is None:
        return
    model: type[BaseModel] = state_model(change.entity.kind)
    document = change.after
    try:
        model.model_validate(document)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            path = tuple(str(step) for step in each["loc"] if step != "[key]")
            if not _was_there(change.before, document, each["loc"]):
                yield f"{render_path(path)} would not be valid in a tenant's state: {each['msg']}"
    yield from (f"{render_path(path)} is null" for path in _nulls(document, ()))


def _was_there(before: Body | None, after: Body, place: tuple[str | int, ...]) -> bool:
    """Whether what is not valid is in the tenant as it is."""
    mine, theirs = _at(before, place), _at(after, place)
    return mine is not None and _bytes(mine) == _bytes(theirs)


def _at(value: Value, place: tuple[str | int, ...]) -> Value:
    for step in place:
        if step == "[key]":
            return value
        if isinstance(value, Mapping):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            return value
    return value


def _memory_faults(change: Change) -> Iterator[str]:
    """What a mirror is to remember as applied last (SUB-13) is what is applied here.

    Of a name or price that its distributor edited, it is what was remembered before. No field of the update shows it,
    so nothing else may be written there.
    """
    before, after = change.before or {}, change.after or {}
    was, now = before.get(LAST_APPLIED) or {}, after.get(LAST_APPLIED) or {}
    if now == was:
        return
    for name in sorted({*was, *now} & after.keys() - _EDITABLE - {"add_ons"}):
        if now.get(name) != after[name]:
            yield f"its memory of {name} is not what is applied"
    if now.get("name") not in (after.get("name"), was.get("name")):
        yield "its memory of name is not what is applied"
    yield from _remembered_price_faults(was, now, after, ())
    for key, add_on in (now.get("add_ons") or {}).items():
        there = get(after, ("add_ons", key)) or {}
        if any(add_on.get(name) != there.get(name) for name in ("product", "billing_cycle", "quantity")):
            yield f"its memory of add_ons.{key} is not what is applied"
        yield from _remembered_price_faults(was, now, after, ("add_ons", key))
    if (now.get("records") or 0) < (was.get("records") or 0):
        yield "it forgets records that have come"


def _remembered_price_faults(was: Body, now: Body, after: Body, path: Path) -> Iterator[str]:
    for unit, amount in (get(now, (*path, "prices")) or {}).items():
        here = (*path, "prices", unit)
        if amount not in (get(after, here), get(was, here)):
            yield f"its memory of {render_path(here)} is not what is applied"


def _nulls(value: Value, path: Path) -> Iterator[Path]:
    if value is None:
        yield path
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _nulls(each, (*path, key))


def _origin_faults(change: Change, tenant: TenantPlan, above: Mapping[str, str]) -> Iterator[str]:
    """What comes down has the upstream's key, a mirror its reseller's; everything else keeps the origin that it had."""
    before, after = change.before or {}, change.after
    if after is None:
        return
    mirrored = change.entity.kind in mirrored_kinds()
    mine, theirs = before.get("origin"), after.get("origin")
    due = {tenant.upstream} if tenant.upstream else set()
    if mirrored:
        reseller = change.entity.key.partition(".")[0]
        due = {reseller} if above.get(reseller, tenant.tenant) == tenant.tenant else set()
    given_back = change.action is Action.UPDATE and mine in due and _undoes(tenant)
    if theirs != mine and theirs not in due and not given_back:
        yield f"its origin is {_quoted(theirs)}, not {' or '.join(map(_quoted, sorted(due))) or 'any'}"
    if change.action is Action.CREATE and theirs is None and not _undoes(tenant):
        yield "what comes down has an origin"
    if mirrored and theirs is not None and not change.entity.key.startswith(f"{theirs}."):
        yield "a mirror's key begins with its reseller's"
    had = item_origins(change.entity.kind, before)
    for path, each in item_origins(change.entity.kind, after).items():
        if each != had.get(path) and each not in due and not (each is None and path not in had) and not _undoes(tenant):
            yield f"the origin of {render_path(path)} is {_quoted(each)}, not {_quoted(tenant.upstream)}"


def _quoted(value: Value) -> str:
    return f'"{value}"'


def _undoes(tenant: TenantPlan) -> bool:
    """Whether it is the plan that undoes another: nothing that it changes is declared anywhere."""
    return not any(each.declared_at for change in tenant.changes for each in _parts(change))
