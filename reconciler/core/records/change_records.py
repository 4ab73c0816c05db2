"""The entries of a saved plan as data: changes and deferred changes. The journal stores them too."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

import orjson

from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.plans.change import Action, HeldBy, HoldKind, TrippedGuard
from reconciler.model.plans.plan import Change, Declared, DeferralReason, Deferred, FieldChange
from reconciler.model.values.keys import EntityId, address, snake
from reconciler.model.values.plain_values import parse_path, render_path

Data: TypeAlias = dict[str, Any]

_KIND_OF = {snake(kind): kind for kind in STATE_KINDS}


def change_to_data(change: Change) -> Data:
    """A change as an entry of ``resource_changes``, as the journal stores it too."""
    return {
        "address": change.address,
        "mode": "managed",
        "type": snake(change.entity.kind),
        "name": change.entity.key,
        "provider_name": "reconciler",
        "tenant": change.tenant,
        "change": {
            "actions": [change.action.value],
            "before": change.before,
            "after": change.after,
            "after_unknown": {},
            "before_sensitive": False,
            "after_sensitive": False,
        },
        "fields": [field_to_data(each) for each in change.fields],
        "allowed_by": list(change.allowed_by),
        "rule": change.rule,
        "cause": change.cause,
        "declared_at": declared_to_data(change.declared_at),
        "needed_by": [address(change.tenant, each) for each in change.needed_by],
    }


def data_in_tenant(data: Mapping[str, Any], change: Change) -> Data:
    """The data of a shared change as that of the ``change`` of one tenant."""
    needed_by = [address(change.tenant, each) for each in change.needed_by]
    return {**data, "address": change.address, "tenant": change.tenant, "needed_by": needed_by}


def field_to_data(field: FieldChange) -> Data:
    """A field of a change, as an entry of its ``fields``."""
    return {
        "path": render_path(field.path),
        "before": field.before,
        "after": field.after,
        "allowed_by": list(field.allowed_by),
        "rule": field.rule,
        "cause": field.cause,
        "declared_at": declared_to_data(field.declared_at),
        **({"note": field.note} if field.note else {}),
    }


def deferred_to_data(deferred: Deferred) -> Data:
    """A deferred change as an entry of ``deferred_changes``."""
    return {**reason_to_data(deferred.why), "resource_change": change_to_data(deferred.change)}


def reason_to_data(said: DeferralReason) -> Data:
    """The same without the change."""
    return {
        "reason": said.reason,
        "rule": said.rule,
        "allowed_by": list(said.allowed_by),
        "detail": said.detail,
        "policy": declared_to_data(said.policy),
        "resource_change": None,
        **({} if said.hold is None else {"hold": _hold_to_data(said.hold)}),
    }


def _hold_to_data(hold: HeldBy) -> Data:
    first = hold.guards[0] if hold.guards else None
    return {
        "kind": hold.kind.value,
        "at": hold.at,
        "options": list(hold.options),
        "vetoes": list(hold.vetoes),
        "set": hold.set or None,
        "allow": hold.allow[0] if first else None,
        "limit": first.limit if first else None,
        "guards": [each._asdict() for each in hold.guards],
        "template": hold.template or None,
        "also": _hold_to_data(hold.also) if hold.also else None,
    }


def _hold_from_data(data: Mapping[str, Any] | None) -> HeldBy | None:
    if data is None:
        return None
    return HeldBy(
        HoldKind(data["kind"]),
        data["at"],
        tuple(data["options"]),
        tuple(data["vetoes"]),
        data["set"] or "",
        tuple(TrippedGuard(**each) for each in data["guards"]),
        data["template"] or "",
        _hold_from_data(data["also"]),
    )


def declared_to_data(declared: Declared | None) -> Data | None:
    """A line of the workspace, with its commit."""
    if declared is None:
        return None
    return {"file": declared.file, "line": declared.line, "commit": declared.commit}


def in_saved_order(deferred: Iterable[Deferred]) -> list[Deferred]:
    """A tenant's deferred changes in saved order."""
    found = sorted(deferred, key=_first_order)
    if all(_first_order(one) < _first_order(two) for one, two in pairwise(found)):
        return found
    return sorted(found, key=deferred_order)


def deferred_order(deferred: Deferred) -> tuple[Any, ...]:
    """By entity, then reason and options: the order in which a tenant's deferred changes are saved and shown."""
    paths = tuple(field.path for field in deferred.change.fields)
    rest = orjson.dumps(change_to_data(deferred.change), option=orjson.OPT_SORT_KEYS)
    return *_first_order(deferred), deferred.detail, paths, rest


def _first_order(deferred: Deferred) -> tuple[Any, ...]:
    """The beginning of that order, which is nearly always sufficient."""
    return deferred.change.entity, deferred.reason, deferred.allowed_by, deferred.rule


def change_from_data(data: Mapping[str, Any]) -> Change:
    """The inverse of `change_to_data`. Raises ``ValueError`` for an unknown kind, action or path."""
    change = data["change"]
    return Change(
        tenant=data["tenant"],
        entity=entity_of(data["type"], data["name"]),
        action=Action(change["actions"][0]),
        before=change["before"],
        after=change["after"],
        fields=tuple(_field_from_data(each) for each in data["fields"]),
        allowed_by=tuple(data["allowed_by"]),
        rule=data["rule"],
        cause=data["cause"],
        declared_at=_declared_from_data(data["declared_at"]),
        needed_by=tuple(_entity_at(each.partition("/")[2]) for each in data["needed_by"]),
    )


@lru_cache(maxsize=4096)
def _entity_at(path: str) -> EntityId:
    """The entity of an address without its tenant; cached, as dependencies of many tenants have the same ones."""
    return entity_of(*path.split("/"))


def entity_of(type_: str, key: str) -> EntityId:
    """The entity of an entry's ``type`` and ``name``. Raises ``ValueError`` for an unknown type."""
    if type_ not in _KIND_OF:
        raise ValueError(f'there is no kind "{type_}"')
    return EntityId(_KIND_OF[type_], key)


def _field_from_data(data: Mapping[str, Any]) -> FieldChange:
    return FieldChange(
        path=parse_path(data["path"]),
        before=data["before"],
        after=data["after"],
        allowed_by=tuple(data["allowed_by"]),
        rule=data["rule"],
        cause=data["cause"],
        declared_at=_declared_from_data(data["declared_at"]),
        note=data.get("note", ""),
    )


def deferred_from_data(data: Mapping[str, Any]) -> Deferred:
    """The inverse of `deferred_to_data`. Raises ``ValueError`` as `change_from_data`."""
    return reason_from_data(data).of(change_from_data(data["resource_change"]))


def reason_from_data(data: Mapping[str, Any]) -> DeferralReason:
    """The reason in such data, without its change."""
    return DeferralReason(
        reason=data["reason"],
        rule=data["rule"],
        allowed_by=tuple(data["allowed_by"]),
        detail=data["detail"],
        policy=_declared_from_data(data["policy"]),
        hold=_hold_from_data(data.get("hold")),
    )


def _declared_from_data(data: Mapping[str, Any] | None) -> Declared | None:
    return None if data is None else Declared(data["file"], data["line"], data["commit"])


def is_entry(data: Mapping[str, Any]) -> bool:
    """Whether data in a journal is an entry as `change_to_data` makes it, as far as reports read it."""
    match data:
        case {"address": str(), "change": {"actions": [str(), *_], "before": _, "after": _}}:
            fields = data.get("fields", [])
            return isinstance(fields, list) and all(map(_is_field, fields))
    return False


def _is_field(data: object) -> bool:
    match data:
        case {"path": str(), "before": _, "after": _}:
            return True
    return False
