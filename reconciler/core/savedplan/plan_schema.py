"""The JSON Schema of a saved plan, and the validation of a plan against it.

Strict: every key is listed and required, and no other key is allowed. A key that a later release added is optional, and
left out if it has no value: plans saved before it can still be applied. A reader may ignore the keys that Terraform
does not have; an applier must understand all of them.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from reconciler.core.savedplan.schema_check import compiled
from reconciler.core.schema import DRAFT_2020, Schema
from reconciler.core.schema import closed_object as _object
from reconciler.core.schema import list_of as _list
from reconciler.core.schema import or_null as _or_null
from reconciler.core.schema import text as _text
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.documents.options import GUARDS, VETOES
from reconciler.model.plans.change import Action, HoldKind
from reconciler.model.plans.plan import FORMAT_VERSION, WARNING_CODES, Summary, TenantStatus
from reconciler.model.values.keys import snake

_DIGEST = "sha256:[0-9a-f]{64}"
_TENANT = "[a-z0-9_-]+"
_ADDRESS = f"^{_TENANT}/[a-z_]+/[a-z0-9_.-]+$"
_REASONS = ("withheld", "blocked", "unmanaged")
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_ANY: Schema = {}
LATER = frozenset({"warnings"})
"""Keys that plans have now, and that plans of an earlier reconciler of the same format may lack."""


def plan_schema() -> Schema:
    """The JSON Schema (2020-12) of what ``reconcile plan --out`` writes."""
    return {
        "$schema": DRAFT_2020,
        "title": "A saved plan",
        "description": "What apply would do, tenant by tenant: Terraform's plan representation, with keys of our own.",
        **_with_optional(
            _object(
                format_version={"const": FORMAT_VERSION, "description": "Terraform's plan format."},
                reconciler_version=_text("The reconciler that made the plan."),
                timestamp=_text("When the plan was made, ISO 8601.", examples=["2026-12-01T08:00:00Z"]),
                applyable={"type": "boolean", "description": "Whether there is anything to apply."},
                complete={"type": "boolean", "description": "Whether nothing is withheld, blocked or in error."},
                errored={"type": "boolean", "description": "Whether a tenant could not be planned."},
                source=_source(),
                summary=_summary(),
                tenants=_list(_tenant(), "Upstreams first."),
                read=_list(_read(), "Tenants not planned, whose state as it is was planned against. Upstreams first."),
                scheduled=_list(
                    _scheduled(), "Amounts of delegated plans and price lists that change on a day to come, by day."
                ),
                resource_changes=_list(_resource_change(), "What is done, in this order."),
                deferred_changes=_list(_deferred(), "What is not done, and why."),
                digest=_text("Over everything else in the plan.", pattern=f"^{_DIGEST}$"),
            ),
            warnings=_list(_warning(), "What a reader should know, though nothing is held because of it."),
        ),
    }


def schema_violation(data: Mapping[str, Any]) -> str | None:
    """The first violation of the schema in a plan's data, with its place; ``None`` if there is none."""
    if _fits()(data):
        return None
    error = next(_validator().iter_errors(data), None)
    return _NOT_NAMED if error is None else f"{error.json_path}: {error.message}"


def plan_keys() -> frozenset[str]:
    """The keys of a plan."""
    return frozenset(plan_schema()["properties"])


def part_fits(key: str, value: Any) -> bool:
    """Whether the value of one key of a plan fits the schema of that key."""
    return _part(key)(value)


@cache
def _part(key: str) -> Callable[[Any], bool]:
    return compiled(plan_schema()["properties"][key])


_NOT_NAMED = "a number or a text of it has another form than the schema says"
"""For data that `compiled` refuses and a Python validator accepts: 1.0 for 1, and a line feed at the end of a text."""


@cache
def _fits() -> Callable[[Any], bool]:
    return compiled(plan_schema())


@cache
def _validator() -> Any:
    """The validator that names the fault; it is much slower than `compiled`."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import, and needed for plans at fault only

    return Draft202012Validator(plan_schema())


def _source() -> Schema:
    commit = _text("The commit of the desired state; null outside git.", pattern="^[0-9a-f]{40}([0-9a-f]{24})?$")
    source = _object(
        commit=_or_null(commit),
        base=_or_null(_text("The revision with which causes are determined.")),
        dirty={"type": "boolean", "description": "Whether files differ from the commit."},
        digest=_text("Over every document that was read.", pattern=f"^{_DIGEST}$"),
    )
    return _with_optional(
        source,
        author=_text("The name of the commit's author."),
        subject=_text("The first line of the commit's message."),
        date=_text("When the commit was made, ISO 8601."),
    )


def _summary() -> Schema:
    counts: dict[str, Schema] = {name: {"type": "integer", "minimum": 0} for name in Summary.__slots__}
    return {**_object(**counts), "description": "Counts of entities."}


def _tenant() -> Schema:
    tenant = _object(
        tenant=_text(pattern=f"^{_TENANT}$"),
        upstream=_or_null(_text("The provider or reseller above it; null for a provider, which only gets mirrors.")),
        status=_text(enum=[each.value for each in TenantStatus]),
        fingerprint=_text("Of the state that was read; empty if none was.", pattern=f"^({_DIGEST})?$"),
        revision={"type": "integer", "minimum": 0, "description": "How often the state had been written."},
        problem=_or_null(_text("Why it could not be planned.")),
        allowed=_list(
            _text(pattern=f"^({'|'.join(GUARDS)})(:{_TENANT})?$"),
            "The guards that were overridden for this plan (GUARD-01); for the mirrors of a reseller, GUARD:RESELLER.",
        ),
    )
    day = _text("The day whose amounts hold, in its provider's time zone (DATE-01).", pattern=_DAY)
    currency = _text("The currency of its prices, ISO 4217.", pattern="^[A-Z]{3}$", examples=["EUR"])
    return _with_optional(tenant, day=day, currency=currency)


def _read() -> Schema:
    return _object(
        tenant=_text(pattern=f"^{_TENANT}$"),
        upstream=_text("The provider or reseller above it."),
        fingerprint=_text("Of the state that was read.", pattern=f"^{_DIGEST}$"),
        revision={"type": "integer", "minimum": 0, "description": "How often the state had been written."},
    )


def _scheduled() -> Schema:
    scheduled = _object(
        date=_text("From when on.", examples=["2027-01-01"]),
        type=_text("The kind, in snake case.", enum=sorted(map(snake, STATE_KINDS))),
        name=_text("The key."),
        path=_text("A key with a dot stands in brackets.", examples=["periods.P1M.fees.recurring"]),
        amount=_text("What it will be.", examples=["6.60"]),
        tenants=_list(_text(pattern=f"^{_TENANT}$"), "Those that have the plan from above."),
    )
    return _with_optional(
        scheduled,
        before=_text("What it is until then; absent where there is no amount yet.", examples=["6.00"]),
        display_name=_text("The entity's name, if it has one."),
    )


def _warning() -> Schema:
    return _object(
        code=_text("What it is about.", enum=sorted(WARNING_CODES)),
        tenants={**_list(_text(pattern=f"^{_TENANT}$"), "Those that it is about, sorted."), "minItems": 1},
        address=_text("The entity that it is about, in the first of the tenants.", pattern=_ADDRESS),
        detail=_text("In words, what is the matter."),
        declared_at=_declared(),
    )


def _resource_change() -> Schema:
    return _object(
        address=_text("<tenant>/<kind>/<key>", pattern=_ADDRESS, examples=["contoso/plan/m365-business-basic"]),
        mode={"const": "managed"},
        type=_text("The kind, in snake case.", enum=sorted(map(snake, STATE_KINDS))),
        name=_text("The key."),
        provider_name={"const": "reconciler"},
        tenant=_text(pattern=f"^{_TENANT}$"),
        change=_change(),
        fields=_list(_field(), "What differs; empty for create and delete."),
        allowed_by=_options(),
        rule=_rule(),
        cause=_cause(),
        declared_at=_declared(),
        needed_by=_list(_text(pattern=_ADDRESS), "For a dependent: what it is created for."),
    )


def _change() -> Schema:
    whole = {"type": ["object", "null"], "description": "The whole document; null where there is none."}
    action = {"enum": [each.value for each in Action]}
    return _object(
        actions={"type": "array", "items": action, "minItems": 1, "maxItems": 1},
        before=whole,
        after=whole,
        after_unknown={"const": {}},
        before_sensitive={"const": False},
        after_sensitive={"const": False},
    )


def _field() -> Schema:
    field = _object(
        path=_text("A key with a dot stands in brackets.", examples=["periods.P1M.fees.recurring"]),
        before=_ANY,
        after=_ANY,
        allowed_by=_options(),
        rule=_rule(),
        cause=_cause(),
        declared_at=_declared(),
    )
    note = _text("Why it has its value, in words, where a rule asks for it; otherwise absent (SUB-13).")
    return {**field, "properties": {**field["properties"], "note": note}}


def _deferred() -> Schema:
    deferred = _object(
        reason=_text(enum=list(_REASONS)),
        rule=_rule(),
        allowed_by=_options(),
        detail=_text("In words, all that must change."),
        policy=_declared(),
        resource_change=_resource_change(),
    )
    return _with_optional(deferred, hold=_hold())


def _with_optional(schema: Schema, **properties: Schema) -> Schema:
    """The schema with keys that plans of an earlier release lack: these plans are read, and keep their digest
    (`codec`).
    """
    return {**schema, "properties": {**schema["properties"], **properties}}


def _hold(*, also: bool = True) -> Schema:
    """``also``: whether something else may hold it back too, at the tenant itself."""
    hold = _object(
        kind=_text(enum=[each.value for each in HoldKind]),
        at=_text("The tenant whose policy or state decides.", pattern=f"^{_TENANT}$"),
        options=_options(),
        vetoes=_list(_text(enum=sorted(VETOES)), "The vetoes that hold it, or some of its fields (CB-34)."),
        set=_or_null(_text("The setting that releases it.", examples=["options: {plans: {update_fees: true}}"])),
        allow=_or_null(_text("The value of --allow that lets it through once.", examples=["max_price_change:contoso"])),
        limit=_or_null(_text("The limit of the guard of `allow`.", examples=["5%"])),
        guards=_list(
            _object(guard=_text(enum=sorted(GUARDS)), limit=_text("As the policy sets it.")),
            "Every guard that tripped.",
        ),
        template=_or_null(_text("The service template that sets it, or, where nothing does, could.")),
        **({"also": _or_null(_hold(also=False))} if also else {"also": {"type": "null"}}),
    )
    return {**hold, "description": "What holds it back; absent where nothing does, and in plans of an earlier release."}


def _options() -> Schema:
    option = _text(pattern=r"^[a-z_]+\.[a-z_]+$")
    return {**_list(option, "The options any of which permits it."), "examples": [["plans.update_fees"]]}


def _rule() -> Schema:
    return _text("The rule's id.", examples=["CB-12"])


def _cause() -> Schema:
    known = ["pr", "drift", "backlog", None]
    return {"enum": known, "description": "The cause, determined by comparison with the base; null without one."}


def _declared() -> Schema:
    place = _object(
        file=_text("In the workspace."),
        line={"type": "integer", "minimum": 1},
        commit=_or_null(_text("The commit that set the line.")),
    )
    return {**_or_null(place), "description": "A line of the workspace."}
