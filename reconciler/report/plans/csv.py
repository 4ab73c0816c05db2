"""Renders a plan as CSV: one line per tenant and field, and per entity that comes or goes."""

from collections.abc import Iterator, Sequence

from reconciler.model.plans.plan import Change, Declared, DeferralReason, FieldChange, Plan, TenantPlan
from reconciler.model.values.keys import snake
from reconciler.model.values.plain_values import Value, render_path
from reconciler.report.tables import csv_lines
from reconciler.report.values import place_text, shown
from reconciler.report.words import percent

HEADER = (
    "tenant",
    "upstream",
    "verdict",
    "action",
    "type",
    "key",
    "name",
    "path",
    "before",
    "after",
    "change_percent",
    "currency",
    "cause",
    "rule",
    "options",
    "held_at",
    "set",
    "allow",
    "declared_at",
    "policy",
    "detail",
)


def plan_csv(plan: Plan) -> Iterator[str]:
    """The lines of a plan, tenant by tenant: what is applied, then what is withheld, blocked or unmanaged."""
    return csv_lines(HEADER, (row for tenant in plan.tenants for row in _rows(tenant)))


def _rows(tenant: TenantPlan) -> Iterator[Sequence[str]]:
    if tenant.problem:
        yield (tenant.tenant, tenant.upstream, "error", *("",) * (len(HEADER) - 4), tenant.problem)
    for change in tenant.changes:
        yield from _change_rows(tenant, change, None)
    for each in tenant.deferred:
        yield from _change_rows(tenant, each.change, each.why)


def _change_rows(tenant: TenantPlan, change: Change, why: DeferralReason | None) -> Iterator[Sequence[str]]:
    body = change.after or change.before or {}
    name = str(body.get("name") or "")
    head = (tenant.tenant, tenant.upstream, why.reason if why else "apply", change.action.value)
    entity = (snake(change.entity.kind), change.entity.key, name)
    whole = FieldChange((), None, None, change.allowed_by, change.rule, change.cause, change.declared_at)
    for field in change.fields or (whole,):
        values = (_value(field.before), _value(field.after), _percent_cell(field))
        of_field = (field.cause or "", field.rule, " ".join(field.allowed_by))
        yield (*head, *entity, render_path(field.path), *values, tenant.currency, *of_field, *_held(why, field))


def _value(value: Value) -> str:
    return "" if value is None else value if isinstance(value, str) else shown(value)


def _percent_cell(field: FieldChange) -> str:
    share = percent(field.before, field.after)
    return "" if share is None else f"{share:.2f}"


def _held(why: DeferralReason | None, field: FieldChange) -> Sequence[str]:
    """What holds a field back, where that is set, and where the field is declared."""
    declared = _place(field.declared_at)
    if why is None:
        return ("", "", "", declared, "", field.note)
    held = why.hold
    releases = (held.at, held.set, " ".join(held.allow)) if held else ("", "", "")
    return (*releases, declared, _place(why.policy), why.detail)


def _place(declared: Declared | None) -> str:
    return place_text(declared) if declared else ""
