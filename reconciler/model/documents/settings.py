"""A reseller's effective policy: every setting with its value and the line that sets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.documents.policy import Selection
from reconciler.model.documents.source import SourceDocument
from reconciler.model.values.diagnostics import Place


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it is set. ``layer``: ``provider northwind``, ``template gold``, ``policy contoso``, or
    ``default`` if nothing sets it (then ``document`` and ``path`` are where the policy would).
    """

    value: Any
    layer: str
    document: SourceDocument
    path: tuple[str, ...]

    @property
    def on(self) -> bool:
        return self.value is True

    @property
    def place(self) -> Place:
        """The line that sets it, found when it is asked for: most lines are never named."""
        return self.document.place_of(self.path)


@dataclass(frozen=True, slots=True)
class Selected:
    """One list of plans, and where it is."""

    selection: Selection
    document: SourceDocument
    path: tuple[str, ...]

    @property
    def place(self) -> Place:
        """The line of the list."""
        return self.document.place_of(self.path)


@dataclass(frozen=True, slots=True)
class Policy:
    """The effective policy of one reseller: provider defaults, templates and its own policy combined.

    ``given``: the kinds that a service template gives (OrderFlow, Role, ...), each a setting with a list of keys.
    ``listed``: the price list that ``price_list`` names. ``billing_day``: of its mirrored subscriptions. ``options``,
    ``vetoes``, ``overrides`` and ``guards`` have an entry for every id.
    """

    reseller: str
    name: str | None
    provider: str
    upstream: str
    currency: str
    document: SourceDocument
    options: Mapping[str, Setting]
    vetoes: Mapping[str, Setting]
    overrides: Mapping[str, Setting]
    guards: Mapping[str, Setting]
    adopt: Setting
    plans: tuple[Selected, ...]
    given: Mapping[str, Setting]
    price_list: Setting
    listed: SourceDocument | None = None
    store: str | None = None
    token_env: str | None = None
    billing_day: int | None = None
