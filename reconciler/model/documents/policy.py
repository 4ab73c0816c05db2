"""The steering documents: workspace, provider, price lists, templates and sync policies. They are never copied."""

from functools import partial
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from reconciler.model.documents.catalog import IDENTITY, NAME, Document, Part
from reconciler.model.documents.declarations import Ref
from reconciler.model.documents.options import GROUPS, OPTIONS
from reconciler.model.values.field_types import (
    Amount,
    BillingDay,
    CountOrOff,
    Currency,
    Faults,
    Flag,
    Key,
    KeySet,
    Number,
    Patterns,
    Period,
    Share,
    TenantKey,
    Text,
    TokenEnv,
    quoted_value,
    read_text,
    refuse,
)
from reconciler.model.values.quotes import quote
from reconciler.model.values.store_urls import why_no_store_url


def read_options(value: object) -> dict[str, bool]:
    """``all``, or groups with ``true``, ``false`` or their options: to option ids and whether they are on."""
    if value == "all":
        return dict.fromkeys(OPTIONS, True)
    if not isinstance(value, dict):
        message = f"expected `all` or a map of options, found {quoted_value(value)}"
        raise refuse("wrong-type", message, _options_form(value))
    settings: dict[str, bool] = {}
    faults = Faults()
    for group, inner in value.items():
        if group not in GROUPS:
            message = f"there is no group of options {quote(group)}"
            hint = _options_form([group]) if group in OPTIONS else faults.near(group, GROUPS)
            faults.add("unknown-option", message, hint, at=(group,))
        else:
            settings |= faults.read(group, partial(_read_group, group), inner) or {}
    faults.check()
    return settings


def _options_form(value: object) -> str:
    """How to write options that are given as true, as a name or as a list of names; an example for anything else."""
    named = value if isinstance(value, list) else [value]
    if value is True or named == ["all"]:
        return "write options: all"
    groups: dict[str, list[str]] = {}
    for each in named:
        group, _, name = each.partition(".") if isinstance(each, str) else ("", "", "")
        if group not in GROUPS or (name and name not in GROUPS[group]):
            return "for example options: {plans: {create: true}}"
        groups.setdefault(group, []).extend([f"{name}: true"] if name else [])
    inner = (f"{group}: {{{', '.join(names)}}}" if names else f"{group}: true" for group, names in groups.items())
    return f"write options: {{{', '.join(inner)}}}"


def _read_group(group: str, value: object) -> dict[str, bool]:
    names = GROUPS[group]
    if isinstance(value, bool):
        return {f"{group}.{name}": value for name in names}
    if not isinstance(value, dict):
        message = f"expected true, false or a map of options, found {quoted_value(value)}"
        named = value if isinstance(value, list) else [value]
        known = named if all(each in names for each in named) else names[:1]
        hint = f"write {group}: {{{', '.join(f'{name}: true' for name in known)}}}"
        raise refuse("wrong-type", message, hint)
    settings = {}
    faults = Faults()
    for name, flag in value.items():
        if name not in names:
            message = f"there is no option {quote(f'{group}.{name}')}"
            faults.add("unknown-option", message, faults.near(name, names), at=(name,))
        elif not isinstance(flag, bool):
            message = f"expected true or false, found {quoted_value(flag)}"
            faults.add("wrong-type", message, "unquoted: true or false", at=(name,))
        else:
            settings[f"{group}.{name}"] = flag
    faults.check()
    return settings


def read_store(value: object) -> str:
    """A store's URL; refuses parts that it must not have (`store_urls`)."""
    url = read_text(value)
    if fault := why_no_store_url(url):
        raise refuse("bad-store", *fault)
    return url


def read_version_one(value: object) -> int:
    """The workspace's format: 1."""
    if isinstance(value, Number) and value.text == "1":
        return 1
    raise refuse("workspace", f"this reconciler reads version 1 of a workspace, not {quoted_value(value)}")


def _listed(value: Any) -> Any:
    return {"include": value} if isinstance(value, list) else value


_OPTIONS_SCHEMA: dict[str, Any] = {
    "description": "Which changes reach the tenant: `all`, or groups with true, false or their options.",
    "examples": ["all", {"plans": True, "resources": {"update_prices": True}}],
    "anyOf": [
        {"const": "all"},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                group: {
                    "anyOf": [
                        {"type": "boolean"},
                        {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                name: {"type": "boolean", "description": OPTIONS[f"{group}.{name}"].label}
                                for name in names
                            },
                        },
                    ]
                }
                for group, names in GROUPS.items()
            },
        },
    ],
}

Options: TypeAlias = Annotated[dict[str, bool], PlainValidator(read_options), WithJsonSchema(_OPTIONS_SCHEMA)]
StoreUrl: TypeAlias = Annotated[
    str,
    PlainValidator(read_store),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:", "examples": ["sqlite:///tenants.db"]}),
]


_OWN_STORE = "Where the tenant's own system is, as a URL without a password; by default the workspace's store."
STORE = Field(description=_OWN_STORE)
_TOKEN = "The environment variable that holds the store's token; the token itself never stands in a file."
TOKEN_ENV = Field(description=_TOKEN)


class Selection(Part):
    """Which plans: those included by key and those that match all of the labels, less the excluded."""

    include: Annotated[KeySet, Field(default_factory=list), Ref("Plan", copied=False)]
    match: Annotated[dict[str, Text] | None, Field(description="Labels; an empty map matches every plan.")] = None
    exclude: Annotated[KeySet, Field(default_factory=list), Ref("Plan", copied=False)]


class _SelectionOrList:
    """Accepts a list of keys as ``{include: [...]}``, in the model and in its JSON Schema."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> Any:
        keys = {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9_.-]+$"}, "uniqueItems": True}
        return {"anyOf": [keys, handler(core_schema)]}


Plans: TypeAlias = Annotated[Selection, BeforeValidator(_listed), _SelectionOrList()]


class Veto(Part):
    """What the reseller holds, whatever the options say (CB-34)."""

    categories: Annotated[Flag | None, Field(description="Holds later changes of categories.")] = None
    prices: Annotated[Flag | None, Field(description="Holds later changes of amounts.")] = None


class Overrides(Part):
    """Defaults that are changed (CB-18)."""

    sync_display_in_control_panel: Annotated[
        Flag | None, Field(description="Whether the shown sales categories follow the upstream's (CB-18).")
    ] = None


class Guards(Part):
    """Limits above which a tenant's plan is blocked (GUARD-01); `false` switches one off."""

    max_deletes: Annotated[
        Share | None,
        Field(description="The share of what came down that one plan may remove, disable or retire; only above five."),
    ] = None
    max_price_change: Annotated[
        Share | None, Field(description="The share by which one plan may change any amount that is there.")
    ] = None
    max_changes: Annotated[CountOrOff | None, Field(description="How many changes one plan may make.")] = None
    currency_change: Annotated[Flag | None, Field(description="Whether a change of currency blocks the plan.")] = None
    price_to_zero: Annotated[Flag | None, Field(description="Whether an amount that turns zero blocks the plan.")] = (
        None
    )


class Steering(Part):
    """What provider, template and policy may all set: each over the one before; maps merge."""

    options: Annotated[Options, Field(default_factory=dict)]
    guards: Annotated[Guards, Field(default_factory=Guards)]
    veto: Annotated[Veto, Field(default_factory=Veto)]
    overrides: Annotated[Overrides, Field(default_factory=Overrides)]


class Workspace(Part):
    """The workspace: a folder with this document in `reconcile.yaml`."""

    kind: Literal["Workspace"]
    version: Annotated[
        int,
        Field(description="The format of the workspace."),
        PlainValidator(read_version_one),
        WithJsonSchema({"const": 1}),
    ]
    store: Annotated[StoreUrl, Field(description="Where the tenants' state is; relative to the workspace.")] = (
        "sqlite:///.reconcile/tenants.db"
    )
    ignore: Annotated[
        Patterns,
        Field(
            default_factory=list,
            description="Files that are not documents of this product: patterns as in .gitignore, relative to the "
            "workspace.",
            examples=[["docker-compose.yml", "charts/"]],
        ),
    ]


class ApiOptions(Part):
    """What mirrored subscriptions get from the provider (SUB-12)."""

    responsible_user: Annotated[Text | None, Field(description="Who is responsible for mirrored subscriptions.")] = None
    sharing_rule: Annotated[Text | None, Field(description="With whom mirrored subscriptions are shared.")] = None


class Provider(Document):
    """A provider of cloud services. Its folder tree holds its catalog and its resellers' policies."""

    kind: Literal["Provider"]
    key: Annotated[TenantKey, IDENTITY]
    name: Annotated[Text | None, NAME] = None
    currency: Annotated[Currency, Field(description="The currency of all amounts, ISO 4217.")]
    time_zone: Annotated[
        Text | None,
        Field(description="Where days begin: an IANA time zone. Default: UTC (DATE-01).", examples=["Europe/Vienna"]),
    ] = None
    defaults: Annotated[Steering, Field(default_factory=Steering, description="For every policy below it.")]
    store: Annotated[
        StoreUrl | None,
        STORE,
    ] = None
    token_env: Annotated[
        TokenEnv | None,
        TOKEN_ENV,
    ] = None
    api_options: Annotated[ApiOptions, Field(default_factory=ApiOptions)]


class PriceList(Document):
    """What resellers pay for products, by billing cycle."""

    kind: Literal["PriceList"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME] = None
    currency: Annotated[
        Currency | None, Field(description="The currency of its amounts; by default the provider's.")
    ] = None
    products: Annotated[
        dict[Key, dict[Period, Amount]],
        Field(default_factory=dict, description="What each product costs the reseller, by billing cycle."),
        Ref("Product", at="keys", copied=False),
    ]


class ServiceTemplate(Document, Steering):
    """What many resellers have in common. A setting that is absent is inherited: from the template that this one
    extends, then from the provider's `defaults`; the default applies where none of them sets it.
    """

    kind: Literal["ServiceTemplate"]
    key: Annotated[Key, IDENTITY]
    name: Annotated[Text | None, NAME] = None
    extends: Annotated[Key | None, Ref("ServiceTemplate", copied=False)] = None
    delegated_plans: Plans | None = None
    price_list: Annotated[Key | None, Ref("PriceList", copied=False)] = None
    order_flow: Annotated[Key | None, Ref("OrderFlow", copied=False)] = None
    roles: Annotated[KeySet | None, Ref("Role", copied=False)] = None
    terms_and_conditions: Annotated[KeySet | None, Ref("TermsAndConditions", copied=False)] = None
    notification_schedules: Annotated[KeySet | None, Ref("NotificationSchedule", copied=False)] = None


class Delegate(Part):
    """What is delegated beside the template's plans."""

    plans: Plans | None = None


class SubscriptionSettings(Part):
    """How the reseller's mirrored subscriptions are billed."""

    billing_day: Annotated[BillingDay | None, Field(description="The day of the month on which is billed.")] = None


class SyncPolicy(Document, Steering):
    """What one reseller gets from its upstream, and what may change there. One per reseller. A setting that is absent
    is inherited: from the service template, then from the provider's `defaults`; the default applies where none of
    them sets it.
    """

    own_key: ClassVar[str] = "reseller"

    kind: Literal["SyncPolicy"]
    reseller: Annotated[TenantKey, Field(description="The tenant's key.")]
    name: Annotated[Text | None, NAME] = None
    upstream: Annotated[TenantKey, Field(description="The provider or reseller that it gets its catalog from.")]
    service_template: Annotated[Key | None, Ref("ServiceTemplate", copied=False)] = None
    delegate: Annotated[Delegate, Field(default_factory=Delegate)]
    price_list: Annotated[Key | None, Ref("PriceList", copied=False)] = None
    currency: Annotated[Currency | None, Field(description="Its currency: the upstream's, which is the default.")] = (
        None
    )
    adopt: Annotated[
        Flag | None, Field(description="Whether copies take over the tenant's own plans and products of the same key.")
    ] = None
    subscriptions: Annotated[SubscriptionSettings, Field(default_factory=SubscriptionSettings)]
    store: Annotated[
        StoreUrl | None,
        STORE,
    ] = None
    token_env: Annotated[
        TokenEnv | None,
        TOKEN_ENV,
    ] = None
