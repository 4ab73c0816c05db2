"""Policies as they hold: provider defaults, then the template and what it extends, then the policy itself.

Every setting keeps the line that set it, so that whatever is withheld can name it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.diagnostics import Place
from reconciler.model.keys import EntityId
from reconciler.model.options import OPTIONS, OVERRIDES, VETOES
from reconciler.model.policy import Provider, ServiceTemplate, SyncPolicy
from reconciler.model.settings import Policy, Selected, Setting
from reconciler.model.source import Catalog, ProviderTree, SourceDocument

GUARD_DEFAULTS: dict[str, Any] = {
    "max_deletes": "10%",
    "max_price_change": "50%",
    "max_changes": False,
    "currency_change": True,
    "price_to_zero": True,
}
"""GUARD-01. ``False`` is off."""

GIVEN = {
    "OrderFlow": "order_flow",
    "Role": "roles",
    "TermsAndConditions": "terms_and_conditions",
    "NotificationSchedule": "notification_schedules",
}
"""What a service template hands out: the kind, and the template's field that names it (CB-19, CB-29 to CB-31)."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One document that steers, and where in it its settings stand."""

    name: str
    document: SourceDocument
    prefix: tuple[str, ...]
    model: Any

    def place(self, *path: str) -> Place:
        return self.document.place_of((*self.prefix, *path))


def resolve_policy(catalog: Catalog, reseller: str) -> Policy:
    """What holds for a reseller of a workspace that was validated."""
    document = catalog.policies[reseller]
    model = document.model
    assert isinstance(model, SyncPolicy)
    tree = catalog.providers[catalog.provider_of[reseller]]
    layers = tuple(_layers(tree, document, model))
    price_list = _latest(layers, "price_list")
    return Policy(
        reseller=reseller,
        name=model.name,
        provider=tree.key,
        upstream=model.upstream,
        currency=_currency(tree),
        document=document,
        options=_options(layers),
        vetoes=_flags(layers, "veto", tuple(VETOES)),
        overrides=_flags(layers, "overrides", OVERRIDES),
        guards=_guards(layers),
        adopt=_setting(layers, ("adopt",), model.adopt, default=False),
        plans=tuple(_plans(layers)),
        given={kind: _latest(layers, field) for kind, field in GIVEN.items()},
        price_list=price_list,
        listed=tree.documents[EntityId("PriceList", price_list.value)] if price_list.value else None,
        store=model.store,
        token_env=model.token_env,
        billing_day=model.subscriptions.billing_day,
    )


def _layers(tree: ProviderTree, document: SourceDocument, policy: SyncPolicy) -> Iterator[Layer]:
    assert isinstance(tree.provider.model, Provider)
    yield Layer(f"provider {tree.key}", tree.provider, ("defaults",), tree.provider.model.defaults)
    yield from reversed(list(_templates(tree, policy.service_template)))
    yield Layer(f"policy {policy.reseller}", document, (), policy)


def _templates(tree: ProviderTree, key: str | None) -> Iterator[Layer]:
    """A template and what it extends, nearest first."""
    while key is not None:
        document = tree.documents[EntityId("ServiceTemplate", key)]
        assert isinstance(document.model, ServiceTemplate)
        yield Layer(f"template {key}", document, (), document.model)
        key = document.model.extends


def _options(layers: tuple[Layer, ...]) -> Mapping[str, Setting]:
    settings = dict.fromkeys(OPTIONS, Setting(False, layers[-1].place("options"), "default"))
    for layer in layers:
        for id, value in layer.model.options.items():
            option = OPTIONS[id]
            settings[id] = Setting(value, layer.place("options", option.group, option.name), layer.name)
    return settings


def _flags(layers: tuple[Layer, ...], part: str, names: tuple[str, ...]) -> Mapping[str, Setting]:
    settings = dict.fromkeys(names, Setting(False, layers[-1].place(part), "default"))
    for name in names:
        for layer in layers:
            value = getattr(getattr(layer.model, part), name)
            if value is not None:
                settings[name] = Setting(value, layer.place(part, name), layer.name)
    return settings


def _guards(layers: tuple[Layer, ...]) -> Mapping[str, Setting]:
    settings, place = {}, layers[-1].place("guards")
    for name, default in GUARD_DEFAULTS.items():
        settings[name] = Setting(default, place, "default")
        for layer in layers:
            value = getattr(layer.model.guards, name)
            if value is not None:
                settings[name] = Setting(value, layer.place("guards", name), layer.name)
    return settings


def _setting(layers: tuple[Layer, ...], path: tuple[str, ...], value: Any, *, default: Any) -> Setting:
    layer = layers[-1]
    if value is None:
        return Setting(default, layer.place(*path), "default")
    return Setting(value, layer.place(*path), layer.name)


def _latest(layers: tuple[Layer, ...], field: str) -> Setting:
    """A template's field that a nearer layer replaces whole; absent means inherited."""
    found = Setting(None, layers[-1].document.place, "default")
    for layer in layers:
        value = getattr(layer.model, field, None)
        if value is not None:
            found = Setting(value, layer.place(field), layer.name)
    return found


def _plans(layers: tuple[Layer, ...]) -> Iterator[Selected]:
    """The template's list (the nearest that has one), and the policy's beside it."""
    templates = [layer for layer in layers if isinstance(layer.model, ServiceTemplate)]
    for layer in reversed(templates):
        if layer.model.delegated_plans is not None:
            yield Selected(layer.model.delegated_plans, layer.place("delegated_plans"))
            break
    policy = layers[-1]
    if policy.model.delegate.plans is not None:
        yield Selected(policy.model.delegate.plans, policy.place("delegate", "plans"))


def _currency(tree: ProviderTree) -> str:
    """The provider's: in a valid workspace every policy below it has that currency (`bad-currency`)."""
    assert isinstance(tree.provider.model, Provider)
    return tree.provider.model.currency
