"""A plan as JSON-like data and as the pieces of its canonical text, and the inverse."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias

import orjson

from reconciler.core.records import (
    change_from_data,
    change_to_data,
    deferred_from_data,
    deferred_to_data,
    entity_of,
    in_saved_order,
)
from reconciler.core.savedplan.plan_schema import LATER
from reconciler.model.plans.plan import (
    FORMAT_VERSION,
    Change,
    Declared,
    Deferred,
    Plan,
    PlanWarning,
    Read,
    Scheduled,
    Source,
    StoredTenants,
    TenantPlan,
    TenantStatus,
)
from reconciler.model.values.digests import prefixed_digest
from reconciler.model.values.keys import snake
from reconciler.model.values.plain_values import parse_path, render_path

Data: TypeAlias = dict[str, Any]


def plan_digest(plan: Plan) -> str:
    """The identity of a plan: the ``digest`` that it is saved with, ``sha256:...``, which the journal records."""
    return prefixed_digest(plan_chunks(head_to_data(plan), lists_of(plan)))


def digest_of_data(data: Mapping[str, Any]) -> str:
    """``sha256:...`` of a plan's data in canonical form, without its own ``digest``."""
    return prefixed_digest((dump({key: value for key, value in data.items() if key != "digest"}),))


def dump(data: Any) -> bytes:
    """Data in canonical form: JSON on one line, keys sorted."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


Lists: TypeAlias = Mapping[str, Iterable[bytes]]
"""The parts of a plan that grow with its tenants: for each, non-empty pieces of its items, to be joined by commas."""


def head_to_data(plan: Plan) -> Data:
    """A plan without its digest and its `Lists`."""
    data = {
        "format_version": FORMAT_VERSION,
        "reconciler_version": plan.reconciler_version,
        "timestamp": plan.timestamp,
        "applyable": plan.applyable,
        "complete": plan.complete,
        "errored": plan.errored,
        "source": _source_to_data(plan.source),
        "summary": asdict(plan.summary()),
        "read": [asdict(each) for each in plan.read],
        "scheduled": [_scheduled_to_data(each) for each in plan.scheduled],
        "warnings": [_warning_to_data(each) for each in plan.warnings],
    }
    return {key: value for key, value in data.items() if key not in plan.without}


def lists_of(plan: Plan) -> Lists:
    """A plan's tenants and changes, in the plan's order, and deferred changes, sorted within each tenant.

    The order of changes is the order of application.
    """
    kept = plan.tenants
    if isinstance(kept, StoredTenants):
        changes, deferred = kept.encoded_changes(), kept.encoded_deferred()
    else:
        changes = filter(None, (encoded_changes(each) for each in kept))
        deferred = filter(None, (encoded_deferred(each) for each in kept))
    tenants = (dump(tenant_to_data(each.bare)) for each in plan.outlines)
    return {"tenants": tenants, "resource_changes": changes, "deferred_changes": deferred}


def plan_chunks(head: Data, lists: Lists) -> Iterator[bytes]:
    """A plan in canonical form: on one line, keys sorted."""
    before = b"{"
    for key in sorted({*head, *lists}):
        yield before + dump(key) + b":"
        if key in lists:
            yield b"["
            yield from _with_commas(lists[key])
            yield b"]"
        else:
            yield dump(head[key])
        before = b","
    yield b"}"


def _with_commas(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for number, piece in enumerate(pieces):
        yield b"," + piece if number else piece


def encoded_changes(tenant: TenantPlan) -> bytes:
    """A tenant's changes in saved form, joined by commas."""
    return b",".join(dump(change_to_data(each)) for each in tenant.changes)


def encoded_deferred(tenant: TenantPlan) -> bytes:
    """The same for deferred changes, sorted."""
    return b",".join(dump(deferred_to_data(each)) for each in in_saved_order(tenant.deferred))


def plan_to_data(plan: Plan) -> Data:
    """A plan as JSON-like data, without the digest; all of it in memory."""
    lists = {key: orjson.loads(b"".join((b"[", *_with_commas(each), b"]"))) for key, each in lists_of(plan).items()}
    return {**head_to_data(plan), **lists}


def _source_to_data(source: Source) -> Data:
    """Facts of the commit that are not known are left out."""
    data = asdict(source)
    return {key: value for key, value in data.items() if value or key not in ("author", "subject", "date")}


def _scheduled_to_data(scheduled: Scheduled) -> Data:
    return {
        "date": scheduled.date,
        "type": snake(scheduled.entity.kind),
        "name": scheduled.entity.key,
        "path": render_path(scheduled.path),
        "amount": scheduled.amount,
        "tenants": list(scheduled.tenants),
        **({"before": scheduled.before} if scheduled.before else {}),
        **({"display_name": scheduled.name} if scheduled.name else {}),
    }


def _scheduled_from_data(data: Mapping[str, Any]) -> Scheduled:
    entity = entity_of(data["type"], data["name"])
    return Scheduled(
        data["date"],
        entity,
        parse_path(data["path"]),
        data["amount"],
        tuple(data["tenants"]),
        data.get("before", ""),
        data.get("display_name", ""),
    )


def _warning_to_data(warning: PlanWarning) -> Data:
    return {
        "code": warning.code,
        "tenants": list(warning.tenants),
        "address": warning.address,
        "detail": warning.detail,
        "declared_at": asdict(warning.declared_at) if warning.declared_at else None,
    }


def _warnings_from_data(data: Mapping[str, Any]) -> Mapping[str, tuple[PlanWarning, ...]]:
    """The warnings by tenant. Raises ``ValueError`` for a warning whose tenant or address is not in the plan."""
    found: dict[str, list[PlanWarning]] = {each["tenant"]: [] for each in data["tenants"]}
    for each in data.get("warnings", ()):
        first, type_, name = each["address"].split("/")
        entity, at = entity_of(type_, name), each["declared_at"]
        if each["tenants"][0] != first or not found.keys() >= set(each["tenants"]):
            raise ValueError(f"it warns of {each['address']}, which is in no tenant that it lists")
        for tenant in each["tenants"]:
            place = Declared(**at) if at else None
            found[tenant].append(PlanWarning(each["code"], (tenant,), entity, each["detail"], place))
    return {tenant: tuple(warnings) for tenant, warnings in found.items()}


def tenant_to_data(tenant: TenantPlan) -> Data:
    """A tenant as an entry of ``tenants``, without its changes and deferred changes."""
    return {
        "tenant": tenant.tenant,
        "upstream": tenant.upstream or None,
        "status": tenant.status.value,
        "fingerprint": tenant.fingerprint,
        "revision": tenant.revision,
        "problem": tenant.problem,
        "allowed": list(tenant.allowed),
        **({"day": tenant.day} if tenant.day else {}),
        **({"currency": tenant.currency} if tenant.currency else {}),
    }


def plan_from_data(data: Mapping[str, Any]) -> Plan:
    """The inverse of `plan_to_data`, for data that fits `plan_schema`. Raises ``ValueError`` for data that is not a
    plan.
    """
    bare = tenants_from_data(data)
    changes: dict[str, list[Change]] = {tenant: [] for tenant in bare}
    deferred: dict[str, list[Deferred]] = {tenant: [] for tenant in bare}
    try:
        for change in map(change_from_data, data["resource_changes"]):
            changes[change.tenant].append(change)
        for each in map(deferred_from_data, data["deferred_changes"]):
            deferred[each.change.tenant].append(each)
    except KeyError as error:
        raise ValueError(f"it changes a tenant that it does not list, {error}") from error
    tenants = (
        replace(tenant, changes=tuple(changes[name]), deferred=tuple(deferred[name])) for name, tenant in bare.items()
    )
    return plan_from_head(data, tuple(tenants))


def plan_from_head(data: Mapping[str, Any], tenants: Sequence[TenantPlan]) -> Plan:
    """The plan of these tenants; ``data``: that of the plan, in which the lists of changes are not looked at."""
    return Plan(
        timestamp=data["timestamp"],
        source=Source(**data["source"]),
        tenants=tenants,
        reconciler_version=data["reconciler_version"],
        read=tuple(Read(**each) for each in data["read"]),
        scheduled=tuple(map(_scheduled_from_data, data["scheduled"])),
        without=LATER - data.keys(),
    )


def tenants_from_data(data: Mapping[str, Any]) -> dict[str, TenantPlan]:
    """The plans of a plan's tenants without their changes, by tenant, in the plan's order. Raises ``ValueError`` if a
    tenant appears twice, or for a warning about none of them.
    """
    warnings = _warnings_from_data(data)
    if len(warnings) < len(data["tenants"]):
        raise ValueError("a tenant stands in it twice")
    return {
        each["tenant"]: replace(_tenant_from_data(each), warnings=warnings[each["tenant"]]) for each in data["tenants"]
    }


def _tenant_from_data(data: Mapping[str, Any]) -> TenantPlan:
    return TenantPlan(
        tenant=data["tenant"],
        upstream=data["upstream"] or "",
        status=TenantStatus(data["status"]),
        fingerprint=data["fingerprint"],
        revision=data["revision"],
        problem=data["problem"],
        allowed=tuple(data["allowed"]),
        day=data.get("day", ""),
        currency=data.get("currency", ""),
    )
