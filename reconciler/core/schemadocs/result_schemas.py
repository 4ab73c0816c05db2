# long: one small function for each command's result
"""The JSON Schemas of the results that commands print with ``--format json``; that of plans is
`core.savedplan.plan_schema`.

They are open: a key that a later release adds is valid under an older schema, and keeps the ``format_version``.
"""

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.core.schema import DRAFT_2020, Schema, list_of, open_object, or_null, text
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.plans.plan import Summary, TenantStatus
from reconciler.model.values.keys import snake
from reconciler.version import RESULT_VERSION


def result_schema(title: str, **data: Schema) -> Schema:
    """The schema of a result: ``format_version``, and the data under their keys."""
    version: Schema = {"const": RESULT_VERSION, "description": "Of the JSON of every command but plan and show."}
    return {"$schema": DRAFT_2020, "title": title, **open_object(format_version=version, **data)}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _count(description: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": description}


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _with_more(schema: Schema, description: str) -> Schema:
    return {**schema, "additionalProperties": True, "description": description}


def _texts(description: str, **item: Any) -> Schema:
    return list_of(text(**item), description)


_TENANT = text("The tenant's key.", examples=["contoso"])
_UPSTREAM = or_null(text("The provider or reseller above it; null for a provider."))
_AT = text("ISO 8601, in UTC.", examples=["2026-12-01T08:00:00Z"])
_COMMIT = or_null(text("The commit that was applied, `+dirty` behind it where documents differed; null outside git."))
_DOCUMENT: Schema = {
    "type": "object",
    "required": ["kind", "key"],
    "additionalProperties": True,
    "description": "As in state.json.",
}
_ORIGIN = or_null(text("The upstream that it came down from; null: the tenant's own."))


RESULT_CODES = (
    "stale",
    "already_applied_but_moved",
    "upstream_stale",
    "upstream_not_applied",
    "not_planned",
    "plan_contradicts_state",
    "store_error",
    "store_busy",
    "store_damaged",
    "store_disk",
    "store_forbidden",
    "store_full",
    "store_not_a_database",
    "store_read_only",
    "store_unreachable",
    "outcome_unknown",
)
"""Why apply refused a tenant, or failed at it (`shell.runs.execute.Code`)."""


def _apply() -> Schema:
    result = open_object(
        tenant=_TENANT,
        result=text(
            "`already_applied`: it has this plan, with the state that it left (TREE-05).",
            enum=["applied", "unchanged", "already_applied", "refused", "failed", "partial"],
        ),
        problem=or_null(text("Why it was refused or failed, in words.")),
        code={"enum": [*RESULT_CODES, None], "description": "The same for programs."},
        added=_count("Entities created by this apply."),
        changed=_count("Entities updated by this apply."),
        destroyed=_count("Entities removed by this apply."),
    )
    return result_schema(
        "What `reconcile apply` did",
        plan=text("The plan's digest, as in the plan and in the history.", pattern="^sha256:[0-9a-f]{64}$"),
        run=or_null(text("The name of this application, as in the history; null where it has none.")),
        results=list_of(result, "In the order of application; empty if it was not approved."),
    )


def _status() -> Schema:
    last = open_object(commit=_COMMIT, at=_AT, by=text("Who applied."))
    tenant = open_object(
        tenant=_TENANT,
        upstream=_UPSTREAM,
        status=text("As in the plan.", enum=[each.value for each in TenantStatus]),
        summary=_described(open_object(**{name: _count("Entities.") for name in Summary.__slots__}), "As in the plan."),
        last_applied=_described(or_null(last), "The last apply; null: nothing was applied yet."),
        problem=or_null(text("Why it could not be planned.")),
    )
    return result_schema("The status of tenants", tenants=list_of(tenant, "Upstreams first."))


def _history() -> Schema:
    entry = open_object(
        tenant=_TENANT,
        at=_AT,
        by=text("Who applied."),
        commit=_COMMIT,
        plan=text("The digest of the plan."),
        changes=list_of({"type": "object"}, "As in the plan's `resource_changes`."),
    )
    return result_schema(
        "What was applied",
        entries=list_of(_with_more(entry, "And what was noted besides, such as `allowed`."), "Oldest first."),
        left_out=_count("How many older entries were left out, with --limit or --since."),
        problems=_texts("The journals that could not be read; the exit status is then 1."),
    )


def _plans() -> Schema:
    plan = open_object(
        kind={"const": "Plan"},
        key=text("The plan's key."),
        upstream=text("Whose plan it is."),
        delegable=_flag("Whether it can be delegated (AP-04)."),
        delegated_to=_texts("The tenants on whose lists it is."),
    )
    return result_schema(
        "The plans that can be delegated",
        plans=list_of(_with_more(plan, "And all fields of the plan, as in state.json."), "In the order asked for."),
    )


def _tenant_list() -> Schema:
    tenant = open_object(
        tenant=_TENANT,
        upstream=_UPSTREAM,
        store=text("Where its state is."),
        entities=or_null(_count("How many it holds; null where the store could not be read.")),
        problem=or_null(text("Why its store could not be read.")),
    )
    return result_schema("The tenants", tenants=list_of(tenant, "Providers first."))


def _tenant_show() -> Schema:
    plan = open_object(
        key=text("The plan's key."),
        name=or_null(text("Its name.")),
        status=text("Its status."),
        published=_flag("Whether it is published."),
        product=or_null(text("Its product's key.")),
        origin=_ORIGIN,
    )
    counted = open_object(origin=_ORIGIN, status=text("Their status."), number=_count("How many."))
    lost = open_object(
        entity=text("``kind/key``."), origin=_ORIGIN, released=_flag("Whether it was given to the tenant (ORIGIN-03).")
    )
    tenant = open_object(
        tenant=_TENANT,
        upstream=_UPSTREAM,
        revision=_count("How often its state was written."),
        entities=_described({"type": "object", "additionalProperties": _count("How many.")}, "By kind."),
        plans=list_of(plan, "By key; those with an origin are the delegated ones (AP-16)."),
        subscriptions=list_of(counted, "By origin and status."),
        origins=list_of(lost, "What came down by the journal, and was released or has another origin now, by address."),
    )
    return result_schema("What a tenant holds", tenant=tenant)


def _tenant_export() -> Schema:
    return _either(
        "A tenant's state",
        documents=list_of(_DOCUMENT, "By kind and key; unless FILE was named."),
        result=_written(documents=_count("How many documents there are in FILE.")),
    )


def _written(**more: Schema) -> Schema:
    return open_object(written=_texts("The files that were written."), **more)


def _init() -> Schema:
    return result_schema("What init wrote", result=_written())


def _schema() -> Schema:
    return result_schema("What schema wrote", result=_written())


def _completion() -> Schema:
    result = open_object(
        shell=text("Whose script it is.", enum=["bash", "fish", "zsh"]), script=text("What the shell reads.")
    )
    return result_schema("The script of a shell", result=result)


def _explain_kind() -> Schema:
    field = open_object(
        path=text("With `<key>` for a key that the document chooses.", examples=["periods.<key>.fees.recurring"]),
        type=text("In words."),
        required=_flag("Whether each document has it."),
        default=text("As JSON; empty if there is none."),
        example={"description": "A valid value; null if the fields inside have it."},
        owner=text("Who may change it."),
        options=_texts("The options that let a change reach a tenant, with the rule."),
        description=text("What it is."),
        rules={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Of a setting of a policy: the rules that it implements, by id.",
        },
    )
    kind = open_object(
        kind=text("Its name.", examples=["Plan"]),
        place=text("Where documents of it are."),
        description=text("What it is."),
        fields=list_of(field, "Empty in the list of all kinds."),
    )
    return result_schema("The kinds of documents, or one of them with its fields", kinds=list_of(kind, "By name."))


def _tenant_import() -> Schema:
    counts = {name: _count(f"Entities that were {name}.") for name in ("added", "changed", "removed")}
    released = _texts("What a whole state gave no origin, as `kind/key` or `kind/key#item` (ORIGIN-02).")
    documents = _count("How many documents were given.")
    result = open_object(tenant=_TENANT, documents=documents, released=released, **counts)
    return result_schema("What an import did", result=result)


def _subscription_act() -> Schema:
    denied = open_object(
        rule=text("The id of the rule that denies it."), rule_text=text("What it says."), detail=text("Why, in words.")
    )
    result = open_object(
        tenant=_TENANT,
        subscription=text("The subscription's key."),
        action=text("The action.", examples=["change_quantity"]),
        done=_flag("False: it was denied, and nothing was changed."),
        changed=_texts("The addresses of the subscriptions that it changed; empty: there was nothing to do."),
        mirrored=_texts("The addresses of what was mirrored in the same transaction."),
        pending=_texts("What is mirrored later, and why."),
        denied=_described(or_null(denied), "Null where it was not denied; else the exit status is 3."),
    )
    return result_schema("What an action did", result=result)


def _subscription() -> Schema:
    pending = open_object(
        address=text("The mirror that has it not yet."),
        action=text(enum=["create", "update", "delete"]),
        verdict=text(
            "`apply`: the next apply, round of watch or action makes it.", enum=["apply", "withheld", "blocked"]
        ),
        rule=text("The rule's id."),
        rule_text=text("What the rule says."),
        detail=or_null(text("Why it is held back, in words.")),
        allowed_by=_texts("The options any of which would permit it."),
        policy={"type": ["object", "null"], "description": "The line of policy that decides."},
        fields=list_of({"type": "object"}, "As in the plan's `fields`; empty for create and delete."),
    )
    unit = open_object(billing_cycle=text("The unit to come."), **{"from": text("The day, ISO 8601.")})
    return open_object(
        address=text(examples=["northwind/subscription/contoso.sub-1001"]),
        tenant=_TENANT,
        key=text("The subscription's key."),
        exists=_flag("False: a mirror that is not made yet."),
        origin=_ORIGIN,
        status=or_null(text("Its status; null where it does not exist.")),
        follows=or_null(text("The address of what it mirrors; null: it is no mirror.")),
        mirror=or_null(text("The address of its own mirror at the distributor; null: it has none.")),
        pending_unit=_described(or_null(unit), "The change of unit for the next cycle (SUB-27)."),
        pending=list_of(pending, "What the mirror has not yet of its source (SUB-19)."),
        document=_described(or_null(_DOCUMENT), "The whole subscription, as in state.json."),
    )


def _subscription_list() -> Schema:
    return result_schema("A tenant's subscriptions", subscriptions=list_of(_subscription(), "By key."))


def _subscription_show() -> Schema:
    return result_schema("A subscription", subscription=_subscription())


def _validate() -> Schema:
    place = {
        "file": text("In the workspace."),
        "line": {"type": "integer", "minimum": 1},
        "column": {"type": "integer", "minimum": 1},
    }
    problem = open_object(
        **place,
        severity=text(enum=["error", "warning"]),
        code=text("Stable.", examples=["unknown-field"]),
        summary=text("What is wrong."),
        hint=text("How to put it right; may be empty."),
        also=list_of(open_object(**place), "Where else."),
        tenants=list_of(text(), "Those that a warning is about."),
    )
    problem["properties"]["more"] = _count("So many more of this code in this file, which are not listed.")
    schema = result_schema(
        "What is wrong with a workspace",
        valid=_flag("False: there is an error, and the exit status is 1."),
        problems=list_of(problem, "By file and line."),
    )
    schema["properties"]["ignored"] = list_of(text(), "The files that `ignore:` of reconcile.yaml leaves out.")
    return schema


def _line(description: str) -> Schema:
    place = open_object(
        file=text("In the workspace."),
        line={"type": "integer", "minimum": 1},
        commit=or_null(text("The commit that set the line.")),
        author=or_null(text("Its author.")),
        date=or_null(text("Its day, ISO 8601.")),
    )
    return _described(or_null(place), description)


def _account() -> Schema:
    return open_object(
        path=text("The field, as in the plan's `fields`; empty: the whole entity."),
        desired=_described({}, "The value that should be; null: none."),
        actual=_described({}, "The value that is; null: none."),
        verdict=text(enum=list(VERDICTS)),
        rule=text("The rule's id."),
        rule_text=text("What the rule says."),
        detail=text("Why, in words."),
        options=_texts("The options any of which permits it, or would."),
        vetoes=_texts("The vetoes that hold it (CB-34)."),
        held_at=or_null(text("The tenant above at which it is held (TREE-02).")),
        declared_at=_line("Where the desired value was declared."),
        policy=_line("The line of policy that decides."),
        releases=_texts("The differences that turning on the deciding options would apply, as `kind/key#path`."),
    )


def _explain() -> Schema:
    entity = open_object(
        address=text(examples=["contoso/plan/m365-business-basic"]),
        tenant=_TENANT,
        type=text("The kind, in snake case.", enum=sorted(map(snake, STATE_KINDS))),
        name=text("The key."),
        exists=_flag("Whether the tenant has it."),
        wanted=_flag("Whether the tenant should have it."),
        origin=_ORIGIN,
        released=_flag("Whether it was given to the tenant (ORIGIN-03)."),
        desired=_described(or_null(_DOCUMENT), "As it should be: the fields that are compared."),
        actual=_described(or_null(_DOCUMENT), "As it is."),
        fields=list_of(_account(), "What differs; with #PATH, that field and what is below."),
    )
    supposition = open_object(
        tenant=_TENANT,
        enable=_texts("The options that would be on."),
        disable=_texts("The options that would be off."),
        released=_texts("The differences that would be applied, as `kind/key#path`."),
        held=_texts("The differences that would not be applied any more."),
        guards=_texts("What the guards that would trip say; they would block everything."),
    )
    title = "The account of an entity, or with --enable and --disable what would change"
    return _either(title, entity=entity, supposition=supposition)


def _either(title: str, **data: Schema) -> Schema:
    """The schema of a result with exactly one of these keys."""
    schema = result_schema(title)
    keys: list[Schema] = [{"required": [key]} for key in data]
    return {**schema, "properties": {**schema["properties"], **data}, "oneOf": keys}


def _tenant_release() -> Schema:
    result = open_object(
        tenant=_TENANT,
        address=text(examples=["contoso/plan/m365-business-basic"]),
        result=text("What came of it (ORIGIN-03).", enum=["already_released", "released", "undone"]),
    )
    return result_schema("What a release did", result=result)


def _store(**more: Schema) -> Schema:
    status = "How its tables stand to this reconciler's: `none` yet, `older` (read as they are, migrated by `apply`), "
    status += (
        "`current`, `newer`, `foreign` (of another application); `unversioned`: of a plugin; `error`: see problem."
    )
    return open_object(
        store=text("The store's URL, as it may be printed.", examples=["sqlite:///.reconcile/tenants.db"]),
        version=or_null(text("The version id of its tables; null where there are none.", examples=["0006"])),
        ours=or_null(text("The version id of this reconciler's; null for a store without versions.")),
        status=text(status, enum=["none", "older", "current", "newer", "foreign", "unversioned", "error"]),
        problem=or_null(text("Why it cannot be used, or was not migrated.")),
        **more,
    )


def _store_check() -> Schema:
    return result_schema(
        "The versions of stores", stores=list_of(_store(), "Each store of the workspace once, by URL.")
    )


def _store_migrate() -> Schema:
    before = or_null(text("The version id before."))
    stores = list_of(_store(before=before), "Each store of the workspace once, by URL, as it is now.")
    return result_schema("What a migration did", result=open_object(stores=stores))


def _watch() -> Schema:
    mirrored = open_object(tenant=_TENANT, changes=_count("How many changes were written to it."))
    reason = "Why: the reason of a deferred change, the result of a tenant that was not written, `git` for an error of "
    reason += "git, or `workspace` if it cannot be read or does not know a tenant."
    pending = open_object(
        reason=text(reason, enum=["withheld", "blocked", "refused", "failed", "git", "workspace"]),
        detail=text("Why, in words."),
        tenant=or_null(text("The tenant; null if it is about none.")),
        address=or_null(text("The address of a deferred change, as in the plan.")),
        changes=_count("How many changes were not written to a tenant that was refused or failed."),
    )
    round = open_object(
        at=_AT,
        mirrored=list_of(mirrored, "The tenants that were written to."),
        pending=list_of(pending, "What the next round tries again, unless the round before reported it already."),
        more=_count("How many deferred changes are not listed; 0 if as many as in the round before."),
    )
    return result_schema("A round of watch; one object per line", round=round)


VERDICTS = (
    "apply",
    "withheld",
    "blocked",
    "unmanaged",
    "in_sync",
    "reseller_owned",
    "distributor_owned",
    "provider_only",
)
"""The verdicts of `explain` on a field: those on a difference, and those without one."""

RESULTS: Mapping[str, Callable[[], Schema]] = {
    "apply.json": _apply,
    "explain.json": _explain,
    "explain-kind.json": _explain_kind,
    "history.json": _history,
    "init.json": _init,
    "plans.json": _plans,
    "schema.json": _schema,
    "completion.json": _completion,
    "status.json": _status,
    "store-check.json": _store_check,
    "store-migrate.json": _store_migrate,
    "subscription-act.json": _subscription_act,
    "subscription-list.json": _subscription_list,
    "subscription-show.json": _subscription_show,
    "tenant-export.json": _tenant_export,
    "tenant-import.json": _tenant_import,
    "tenant-list.json": _tenant_list,
    "tenant-release.json": _tenant_release,
    "tenant-show.json": _tenant_show,
    "validate.json": _validate,
    "watch.json": _watch,
}
"""The schema of each command's result by its file in ``schemas/``: the command's name with ``-`` for spaces."""
