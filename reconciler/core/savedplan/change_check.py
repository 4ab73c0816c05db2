"""Validates one change of a saved plan by itself: its form, its documents and their origins."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ValidationError

from reconciler.core.reading import state_model
from reconciler.core.records import item_origins
from reconciler.core.savedplan.field_check import difference_faults, same_value_bytes
from reconciler.core.savedplan.memory_check import memory_faults
from reconciler.core.schema import faults, kind_shapes
from reconciler.core.subscriptions import mirrored_kinds
from reconciler.model.documents.kinds import TENANT
from reconciler.model.documents.options import OPTIONS
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, FieldChange, TenantPlan
from reconciler.model.plans.rules import RULES
from reconciler.model.values.entity import entity
from reconciler.model.values.plain_values import Body, Path, Value, render_path

_EARLIER_RULES = frozenset({"ORIGIN"})
"""Ids of rules as earlier releases wrote them."""
_KEY = ("key",)


def change_faults(change: Change, tenant: TenantPlan, above: Mapping[str, str]) -> Iterator[str]:
    """The faults of a change to be applied, as text. ``above``: the upstream of each tenant in the plan."""
    found = [*form_faults(change)] or [*shape_faults(change)]
    yield from found
    if found:
        return
    if change.entity.kind not in kind_shapes():
        yield f"nothing of the kind {change.entity.kind} is ever changed in a tenant"
        return
    if change.entity.kind == TENANT and change.entity.key != change.tenant:
        yield "it is the document of another tenant"
    yield from difference_faults(change, tenant.day)
    yield from document_faults(change)
    yield from memory_faults(change)
    yield from origin_faults(change, tenant, above)


def shape_faults(change: Change) -> Iterator[str]:
    """The paths at which a document is not a body of its kind; checked first, as all other checks read bodies."""
    for document in (change.before, change.after):
        if document is not None:
            found = entity(document)
            yield from faults({found.id: found})


def is_rule(rule: str) -> bool:
    return rule in RULES or rule in _EARLIER_RULES


def form_faults(change: Change, *, made: bool = True) -> Iterator[str]:
    """The parts of a change that do not fit its action or address, or that name an unknown rule or option.

    ``made``: whether it is to be applied; a deferred change may name an entity that changed since.
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
    if made and change.fields:
        yield from permission_faults(change)
    for part in _parts(change):
        if not is_rule(part.rule):
            yield f'there is no rule "{part.rule}"'
        yield from (f'there is no option "{each}"' for each in part.allowed_by if each not in OPTIONS)
        if part.declared_at is not None and type(part.declared_at.line) is not int:
            yield "a line of the workspace is no whole number"


def permission_faults(change: Change) -> Iterator[str]:
    """An update must be permitted by what permits its fields, and have the rule of one of them."""
    if set(change.allowed_by) != {option for each in change.fields for option in each.allowed_by}:
        yield "other options permit it than permit its fields"
    if change.rule not in {each.rule for each in change.fields}:
        yield "no field of it changes by its rule"


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
    followed = made or change.declared_at is not None  # in a change that is not undone, `after` has the previous key
    if followed and after is not None and after.get("key") != id.key:
        yield "`after` has another key"
    if any(each is not None and not isinstance(each.get("key"), str) for each in (before, after)):
        yield "a document has no key"
    renamed = any(each.path == _KEY for each in change.fields)
    if made and before is not None and not renamed and before.get("key") != id.key:
        yield "`before` has another key"


def document_faults(change: Change) -> Iterator[str]:
    """The parts of the document to be written that are invalid in a tenant's state, unless they are already there."""
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
    """Whether the tenant already has the invalid value."""
    mine, theirs = _at(before, place), _at(after, place)
    return mine is not None and same_value_bytes(mine) == same_value_bytes(theirs)


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


def _nulls(value: Value, path: Path) -> Iterator[Path]:
    if value is None:
        yield path
    elif type(value) is dict:  # it was read from JSON
        for key, each in value.items():
            yield from _nulls(each, (*path, key))


def origin_faults(change: Change, tenant: TenantPlan, above: Mapping[str, str]) -> Iterator[str]:
    """A copy must have the upstream's key as origin, a mirror its reseller's; everything else keeps its origin."""
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
    """Whether this plan undoes another one: no document declares any of its changes."""
    return not any(each.declared_at for change in tenant.changes for each in _parts(change))
