"""Explains an entity or field: its desired and actual value, the declaration, the verdict, and what would change it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.core.planning import (
    Comparison,
    Judgement,
    decide,
    deciding_place,
    declared_at,
    detail,
    differences,
    judge,
    permitted_by,
    withheld_rule,
)
from reconciler.core.records import RELEASE_RULE
from reconciler.core.schema import FieldShape, KindShape, field_at
from reconciler.core.subscriptions import mirror_key
from reconciler.model.documents.declarations import Bookkeeping, ResellerOwned, Synced, Unmanaged
from reconciler.model.documents.settings import Policy, Setting
from reconciler.model.plans.change import Judged, Rename, Restore, Verdict
from reconciler.model.plans.plan import Declared
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, Value, get, render_path


@dataclass(frozen=True, slots=True)
class Account:
    """One path (empty: the whole entity): desired and actual value, place of declaration, verdict, rule and reason.

    ``verdict``: one of the four, or ``in sync``, ``the reseller's own``, ``the provider's alone``. ``releases``: the
    differences that turning on the deciding options would apply, as ``entity#path``. ``options``: any of them permits
    it, or would. ``vetoes``: those that withhold it. ``held_at``: the tenant above at which it is withheld or blocked
    (TREE-02).
    """

    path: Path
    desired: Value
    actual: Value
    verdict: str
    rule: str
    why: str
    declared_at: Declared | None = None
    policy: Declared | None = None
    releases: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    held_at: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one entity of a tenant. ``here``: whether the tenant has it. ``origin``: its origin.

    ``desired`` and ``actual``: the whole bodies, ``None`` if there is none. ``says``: the origin stored in the tenant,
    which may be wrong (ORIGIN-02). ``released``: it was released (ORIGIN-03).
    """

    tenant: str
    entity: EntityId
    here: bool
    wanted: bool
    origin: str | None
    accounts: tuple[Account, ...]
    desired: Body | None = None
    actual: Body | None = None
    says: str | None = None
    released: bool = False


def explain(comparison: Comparison, policy: Policy, id: EntityId, path: Path | None) -> Explanation:
    """Explains an entity, or one field of it and the fields below."""
    judgement = decide(policy, comparison)
    have, wanted = comparison.actual.get(id), comparison.desired.wanted.get(id)
    as_it_is = comparison.before(id)
    accounts = list(_accounts(comparison, policy, judgement, id, path))
    if comparison.released(id) and path is None:
        accounts.append(_released(comparison, id))
    around = {path[:end] for end in range(1, len(path) + 1)} if path else {()}
    if path is not None and not any(each.path in around for each in accounts):
        accounts.insert(0, _undisputed(comparison, id, path))
    return Explanation(
        tenant=comparison.tenant,
        entity=id,
        here=have is not None,
        wanted=wanted is not None,
        origin=have.origin if have else None,
        accounts=tuple(accounts),
        desired=wanted.body if wanted else None,
        actual=as_it_is.body if as_it_is else None,
        says=as_it_is.origin if as_it_is else None,
        released=comparison.released(id),
    )


def left_alone(tenant: str, id: EntityId, state: State, distributor: str | None) -> str:
    """The text for a subscription or customer that is the tenant's own, or that the tenant does not have.

    ``distributor``: the tenant that the tenant's subscriptions are mirrored to, if any.
    """
    if id not in state:
        return f'{tenant} has no "{id}": {did_you_mean(str(id), [str(each) for each in state if each.kind == id.kind])}'
    answer = f"{id} of {tenant} is its own: it is mirrored from nobody, and left alone"
    mirrored = EntityId(id.kind, mirror_key(tenant, id.key))
    return (
        f"{answer}. What {distributor} gets of it: reconcile explain {distributor} {mirrored}"
        if distributor
        else answer
    )


def _accounts(
    comparison: Comparison, policy: Policy, judgement: Judgement, id: EntityId, path: Path | None
) -> Iterator[Account]:
    arrival = judgement.dependents.get(id)
    if arrival and not path:
        needed = ", ".join(str(each) for each in arrival.needed_by)
        place = _declared_at(comparison, id, ())
        yield Account((), arrival.body, None, Verdict.APPLY, arrival.rule, f"it comes with {needed}", place)
    for each in judgement.judged:
        found = each.difference
        below_or_around = not path or found.path[: len(path)] == path or path[: len(found.path)] == found.path
        if found.entity == id and below_or_around:
            yield _account(comparison, policy, judgement, each)


def _account(comparison: Comparison, policy: Policy, judgement: Judgement, judged: Judged) -> Account:
    difference = judged.difference
    applies = judged.verdict is Verdict.APPLY
    why = f"permitted by {', '.join(judged.enabled)}" if applies else detail((judged,), policy)
    if isinstance(difference, Rename | Restore) and applies:
        why = _needs_no_option(difference)
    place = policy.options[judged.enabled[0]].place if applies and judged.enabled else deciding_place(judged, policy)
    return Account(
        path=difference.path,
        desired=difference.after,
        actual=difference.before,
        verdict=judged.verdict.value,
        rule=withheld_rule(judged),
        why=why,
        declared_at=_declared_at(comparison, difference.entity, difference.path),
        policy=declared_at(place),
        releases=() if applies else _releases(comparison, policy, judgement, judged),
        options=judged.enabled if applies else permitted_by(judged),
        vetoes=judged.vetoes,
        held_at=judged.root.tenant if judged.root else None,
    )


def _needs_no_option(difference: Rename | Restore) -> str:
    if isinstance(difference, Restore):
        return f"it came down from {difference.after}, says the tenant's journal; no option is needed"
    return "the upstream renamed it; no option is needed"


def _released(comparison: Comparison, id: EntityId) -> Account:
    have = comparison.actual.get(id)
    why = _how_to_reclaim(comparison, id)
    return Account((), None, have.body if have else None, "the reseller's own", RELEASE_RULE, why)


def _how_to_reclaim(comparison: Comparison, id: EntityId) -> str:
    return f"it was released to the tenant; `reconcile tenant release {comparison.tenant} {id} --undo` takes it back"


def _declared_at(comparison: Comparison, id: EntityId, path: Path) -> Declared | None:
    wanted = comparison.desired.wanted.get(id)
    return declared_at(wanted.declared_at(path)) if wanted else None


def _releases(comparison: Comparison, policy: Policy, before: Judgement, judged: Judged) -> tuple[str, ...]:
    """What else would be applied if the first option that permits it were on, and the vetoes against it off."""
    if judged.verdict is not Verdict.WITHHELD or judged.root:
        return ()  # what is held above is released there
    options = dict(policy.options)
    if not judged.enabled:
        first = permitted_by(judged)[0]
        options[first] = replace(options[first], value=True)
    vetoes: Mapping[str, Setting] = {
        id: replace(setting, value=False) if id in judged.vetoes else setting for id, setting in policy.vetoes.items()
    }
    after = judge(comparison, differences(comparison), replace(policy, options=options, vetoes=vetoes))
    return tuple(sorted(applied(after) - applied(before)))


def applied(judgement: Judgement) -> set[str]:
    """The differences that a judgement applies, as ``entity#path``."""
    found = {
        _named(each.difference.entity, each.difference.path)
        for each in judgement.judged
        if each.verdict is Verdict.APPLY
    }
    return found | {_named(id, ()) for id in judgement.dependents}


def _named(id: EntityId, path: Path) -> str:
    return f"{id}#{render_path(path)}" if path else str(id)


def _undisputed(comparison: Comparison, id: EntityId, path: Path) -> Account:
    """A field without a difference: in sync, or not managed in the tenant."""
    wanted, have = comparison.desired.wanted.get(id), comparison.actual.get(id)
    if have is not None and have.origin == comparison.origin and (noun := _own_item(comparison, have, path)):
        desired = get(wanted.body, path) if wanted else None
        why = f"the {noun} did not come down; it is left alone"
        return Account(path, desired, get(have.body, path), "the reseller's own", "ORIGIN-04", why)
    desired = get(wanted.body, path) if wanted else None
    actual = get(have.body, path) if have else None
    verdict, rule, why = _ownership(comparison.rules.kinds.get(id.kind), path, comparison.overrides)
    if comparison.released(id):
        why = _how_to_reclaim(comparison, id)
        return Account(path, None, actual, "the reseller's own", RELEASE_RULE, why)
    if have is not None and verdict == "in sync" and desired != actual and _edited(comparison, id, path):
        verdict, why = "the distributor's own", "it was edited, and belongs to the distributor from then on"
    if verdict == "in sync" and have is not None and have.origin != comparison.origin and id.kind != "Tenant":
        verdict, rule, why = "the reseller's own", "ORIGIN-01", "the entity did not come down; it is left alone"
    elif verdict == "in sync" and (wanted is None or not wanted.speaks_of(path[0])):
        why = "nothing wants it; it is left as it is"
    options = declared_options(comparison.rules.kinds.get(id.kind), path) if verdict == "in sync" else ()
    return Account(path, desired, actual, verdict, rule, why, _declared_at(comparison, id, path), options=options)


def declared_options(shape: KindShape | None, path: Path) -> tuple[str, ...]:
    """The options any of which permits the field at ``path`` to change."""
    field = field_at(shape.fields, path) if shape else None
    return field.declared.options if field and isinstance(field.declared, Synced) else ()


def _own_item(comparison: Comparison, have: Entity, path: Path) -> str | None:
    """The text if a path is in, or at, an own item of the tenant in a copy; else ``None``."""
    shape = comparison.rules.kinds.get(have.id.kind)
    field = field_at(shape.fields, (path[0],)) if shape else None
    item = get(have.body, path[:2]) if field and field.items and len(path) > 1 else None
    if field is None or field.items is None or not isinstance(item, Mapping):
        return None
    return field.items.noun if comparison.own_item(field, item) else None


def _edited(comparison: Comparison, id: EntityId, path: Path) -> bool:
    """Whether a field that follows its source until it is edited was edited (SUB-13)."""
    shape = comparison.rules.kinds.get(id.kind)
    field = field_at(shape.fields, path) if shape else None
    return field is not None and isinstance(field.declared, Synced) and field.declared.until_edited


def _ownership(shape: KindShape | None, path: Path, overrides: frozenset[str]) -> tuple[str, str, str]:
    field = field_at(shape.fields, path) if shape else None
    declared = field.declared if field else None
    match declared:
        case ResellerOwned():
            whose = f"the field belongs to the {declared.owner}: never compared, never written"
            return f"the {declared.owner}'s own", declared.rule, whose
        case Bookkeeping():
            return "in sync", declared.rule, "the reconciler remembers there what it applied last"
        case Synced() if declared.unless_override and declared.unless_override not in overrides:
            return "the reseller's own", "CB-17", f"it follows the provider only under {declared.unless_override}"
        case Synced():
            return "in sync", declared.rule, f"it changes under {' or '.join(declared.options)}"
        case Unmanaged():
            return "in sync", declared.rule, "no option synchronises this"
        case _ if field and (field.items or field.links or field.fields):
            return "in sync", "FIELDS", "nothing in it differs"
        case _:
            return "the provider's alone", "FIELDS", "the field table does not list it: never compared, never copied"


def misnamed(fields: tuple[FieldShape, ...], path: Path) -> str | None:
    """Why no document of a kind can have a path; ``None`` if one can.

    Any key of a map is accepted.
    """
    names = {field.name: field for field in fields}
    field = names.get(path[0])
    if field is None:
        return f'there is no field "{path[0]}": {did_you_mean(path[0], names)}'
    rest = path[1 + (field.type == "items") :]
    return misnamed(field.fields, rest) if rest and field.fields else None
