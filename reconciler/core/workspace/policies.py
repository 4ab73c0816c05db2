"""Effective policies: provider defaults, then the service template and those that it extends, then the policy itself.

Every setting keeps the line that set it, so that a reason for withholding can name it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from reconciler.model.documents.options import OPTIONS, OVERRIDES, VETOES
from reconciler.model.documents.policy import Provider, Selection, ServiceTemplate, SyncPolicy
from reconciler.model.documents.settings import Policy, Selected, Setting
from reconciler.model.documents.source import Catalog, ProviderTree, SourceDocument
from reconciler.model.values.keys import EntityId

GUARD_DEFAULTS: dict[str, Any] = {
    "max_deletes": "10%",
    "max_price_change": "50%",
    "max_changes": False,
    "currency_change": True,
    "price_to_zero": True,
}
"""The default guards (GUARD-01). ``False`` is off."""

GIVEN = {
    "OrderFlow": "order_flow",
    "Role": "roles",
    "TermsAndConditions": "terms_and_conditions",
    "NotificationSchedule": "notification_schedules",
}
"""What a service template gives: the kind, and the template's field that names it (CB-19, CB-29 to CB-31)."""


NAMES = {"veto": tuple(VETOES), "overrides": OVERRIDES, "guards": tuple(GUARD_DEFAULTS)}
"""The settings of each part of a policy, except the options."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One document that sets a part of a policy, at ``prefix`` in it. ``said``: its settings, by part and name."""

    name: str
    document: SourceDocument
    prefix: tuple[str, ...]
    model: Any
    said: dict[str, Mapping[str, Setting]] = field(default_factory=dict)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The values of the model's fields. A model's ``getattr`` of a field that it lacks is slow."""
        found: Mapping[str, Any] = vars(self.model)
        return found

    def setting(self, value: Any, *path: str) -> Setting:
        """A value that this layer sets."""
        return Setting(value, self.name, self.document, (*self.prefix, *path))

    def default(self, value: Any, *path: str) -> Setting:
        """A value that no layer sets, with the place where this one would."""
        return Setting(value, "default", self.document, (*self.prefix, *path))

    def selected(self, selection: Selection, *path: str) -> Selected:
        """A list of plans in this layer."""
        return Selected(selection, self.document, (*self.prefix, *path))

    def settings(self, part: str) -> Mapping[str, Setting]:
        """Its settings of ``options``, ``guards``, ``veto`` or ``overrides``, by id."""
        if part not in self.said:
            named = self._named(part).items()
            self.said[part] = {name: self.setting(value, part, *name.split(".", 1)) for name, value in named}
        return self.said[part]

    def _named(self, part: str) -> Mapping[str, Any]:
        said = self.fields[part]
        if part == "options":
            return cast(Mapping[str, Any], said)
        found = vars(said)
        return {name: found[name] for name in NAMES[part] if found[name] is not None}


Layers: TypeAlias = dict[tuple[str, str | None], Layer]
"""The layers that resellers share, by provider and template (``None``: the provider's defaults)."""


def resolve_policy(catalog: Catalog, reseller: str, known: Layers | None = None) -> Policy:
    """The effective policy of a reseller in a valid workspace.

    ``known``: a cache of the shared layers, so that each is computed once for all resellers.
    """
    document = catalog.policies[reseller]
    model = document.model
    assert isinstance(model, SyncPolicy)
    tree = catalog.providers[catalog.provider_of[reseller]]
    layers = tuple(_layers(tree, document, model, {} if known is None else known))
    price_list = _latest(layers, "price_list")
    return Policy(
        reseller=reseller,
        name=model.name,
        provider=tree.key,
        upstream=model.upstream,
        currency=provider_currency(tree),
        document=document,
        options=_settings(layers, "options", dict.fromkeys(OPTIONS, False)),
        vetoes=_settings(layers, "veto", dict.fromkeys(VETOES, False)),
        overrides=_settings(layers, "overrides", dict.fromkeys(OVERRIDES, False)),
        guards=_settings(layers, "guards", GUARD_DEFAULTS),
        adopt=_setting(layers, ("adopt",), model.adopt, default=False),
        plans=tuple(_plans(layers)),
        given={kind: _latest(layers, field) for kind, field in GIVEN.items()},
        price_list=price_list,
        listed=tree.documents[EntityId("PriceList", price_list.value)] if price_list.value else None,
        store=model.store,
        token_env=model.token_env,
        billing_day=model.subscriptions.billing_day,
    )


def _layers(tree: ProviderTree, document: SourceDocument, policy: SyncPolicy, known: Layers) -> Iterator[Layer]:
    if (tree.key, None) not in known:
        assert isinstance(tree.provider.model, Provider)
        defaults = tree.provider.model.defaults
        known[tree.key, None] = Layer(f"provider {tree.key}", tree.provider, ("defaults",), defaults)
    yield known[tree.key, None]
    yield from reversed(list(_templates(tree, policy.service_template, known)))
    yield Layer(f"policy {policy.reseller}", document, (), policy)


def _templates(tree: ProviderTree, key: str | None, known: Layers) -> Iterator[Layer]:
    """A template and those that it extends, nearest first."""
    while key is not None:
        if (tree.key, key) not in known:
            document = tree.documents[EntityId("ServiceTemplate", key)]
            known[tree.key, key] = Layer(f"template {key}", document, (), document.model)
        layer = known[tree.key, key]
        yield layer
        assert isinstance(layer.model, ServiceTemplate)
        key = layer.model.extends


def _settings(layers: tuple[Layer, ...], part: str, defaults: Mapping[str, Any]) -> dict[str, Setting]:
    """One part of the policy: each setting of the last layer that sets it, else the default."""
    by_value = {value: layers[-1].default(value, part) for value in {*defaults.values()}}
    settings = {name: by_value[value] for name, value in defaults.items()}
    for layer in layers:
        settings.update(layer.settings(part))
    return settings


def _setting(layers: tuple[Layer, ...], path: tuple[str, ...], value: Any, *, default: Any) -> Setting:
    layer = layers[-1]
    return layer.default(default, *path) if value is None else layer.setting(value, *path)


def _latest(layers: tuple[Layer, ...], field: str) -> Setting:
    """A template's field, which a nearer layer replaces as a whole; absent means inherited."""
    for layer in reversed(layers):
        value = layer.fields.get(field)
        if value is not None:
            return layer.setting(value, field)
    return Setting(None, "default", layers[-1].document, ())


def _plans(layers: tuple[Layer, ...]) -> Iterator[Selected]:
    """The plans that the template selects (the nearest layer with a list), and those of the policy."""
    templates = [layer for layer in layers if isinstance(layer.model, ServiceTemplate)]
    for layer in reversed(templates):
        if layer.model.delegated_plans is not None:
            yield layer.selected(layer.model.delegated_plans, "delegated_plans")
            break
    policy = layers[-1]
    if policy.model.delegate.plans is not None:
        yield policy.selected(policy.model.delegate.plans, "delegate", "plans")


def provider_currency(tree: ProviderTree) -> str:
    """The provider's currency: in a valid workspace all policies below it have the same (`bad-currency`)."""
    assert isinstance(tree.provider.model, Provider)
    return tree.provider.model.currency
