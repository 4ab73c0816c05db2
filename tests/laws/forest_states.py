"""What the tenants of a random forest have: copies from an earlier time, some changed since, and their own.

A tenant's copies are of what its upstream has, mostly; each tenant calls what was renamed by its old key or by its new
one, and so does whatever links to it there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.laws.forest_catalogs import (
    AMOUNTS,
    KEYS,
    PERIODS,
    PROVIDER,
    Document,
    Id,
    body,
    moved_from,
    old_keys,
    some,
)
from tests.laws.forest_renames import as_called

PROVIDERS_ALONE = ("labels", "moved_from", "unit_prices")


def states(
    chance: Random, catalog: Sequence[Document], upstream: Mapping[str, str], own: Mapping[str, bool]
) -> dict[str, list[Document]]:
    """The states of all tenants, which ``upstream`` has in an order from above."""
    offers = {PROVIDER: {id: each for each in catalog if (id := (each["kind"], each["key"]))[0] in KEYS}}
    olds = {PROVIDER: old_keys(catalog)}
    calls: dict[str, dict[Id, str]] = {PROVIDER: {}}
    found = {}
    for tenant, above in upstream.items():
        offers[tenant] = Drawing(chance, tenant, above).documents(offers[above], own=own[tenant])
        olds[tenant] = old_keys([*catalog, *offers[tenant].values()])
        calls[tenant] = _called(chance, olds[above], calls[above])
        named = [as_called(each, calls[tenant]) for each in offers[tenant].values()]
        found[tenant] = [*named, *_in_the_way(chance, named, olds[above])]
    return found


def _called(chance: Random, olds: Mapping[Id, Sequence[str]], above: Mapping[Id, str]) -> dict[Id, str]:
    """The entities that a tenant knows by an old key; that of its upstream mostly, where that has not the new one."""
    found = {id: chance.choice(keys) for id, keys in olds.items() if chance.random() < (0.9 if id in above else 0.5)}
    return {id: above.get(id, old) if chance.random() < 0.9 else old for id, old in found.items()}


def _in_the_way(chance: Random, named: Sequence[Document], olds: Mapping[Id, Sequence[str]]) -> Iterator[Document]:
    """By chance, something of the tenant's own under a new key that a copy is to get."""
    there = {(each["kind"], each["key"]) for each in named}
    for (kind, key), keys in olds.items():
        due = kind in KEYS and any((kind, old) in there for old in keys) and (kind, key) not in there
        if due and chance.random() < 0.15:
            yield _own(chance, kind, key)


def _own(chance: Random, kind: str, key: str) -> Document:
    document = body(chance, kind, key)
    if kind == "ServiceTerm":
        document["delegated"] = chance.random() < 0.7
    if kind == "Product":
        document["billing_cycles"] = {period: _cycle(chance) for period in some(chance, PERIODS)}
    return document


def _cycle(chance: Random) -> Document:
    return {
        "active": chance.random() < 0.8,
        "purchase_price": chance.choice(AMOUNTS),
        "selling_price": chance.choice(AMOUNTS),
    }


@dataclass(frozen=True)
class Drawing:
    """Draws one tenant's documents, by the keys of the catalog."""

    chance: Random
    tenant: str
    above: str

    def documents(self, offered: Mapping[Id, Document], *, own: bool) -> dict[Id, Document]:
        """By kind and key. ``offered``: what the upstream has, from before its own plan."""
        found: dict[Id, Document] = {}
        if self.chance.random() < 0.75:
            found = {id: self._copy(document) for id, document in offered.items() if self._came(id)}
            strays = [(kind, key) for kind, keys in KEYS.items() for key in keys if self.chance.random() < 0.05]
            found |= {id: self._copy(body(self.chance, *id)) for id in strays}
        if own:
            found |= {id: document for id, document in self._of_its_own() if id not in found}
        if self.chance.random() < 0.6:
            found["Tenant", self.tenant] = self._itself()
        found |= self._sold(found)
        return found

    def _came(self, id: Id) -> bool:
        return id[0] not in ("Tenant", "Customer", "Subscription") and self.chance.random() < 0.8

    def _copy(self, document: Document) -> Document:
        """A copy as it was made, or as anything may have become of it."""
        kind, key = document["kind"], document["key"]
        fresh = document if self.chance.random() < 0.7 else body(self.chance, kind, key)
        copy = {name: self._plain(value) for name, value in fresh.items() if name not in PROVIDERS_ALONE}
        copy |= {"origin": self.above if self.chance.random() < 0.97 else "elsewhere"}
        match kind:
            case "Plan":
                self._drift_plan(copy)
            case "Product":
                cycles = {period: _cycle(self.chance) for period in some(self.chance, PERIODS, 0.6)}
                copy["billing_cycles"] = cycles
                copy["active"] = copy["active"] and self.chance.random() < 0.9
            case "ServiceTerm":
                copy["delegated"] = self.chance.random() < 0.95
        return copy

    def _plain(self, value: Any) -> Any:
        """A value with its dated amounts as they hold, most of them."""
        if isinstance(value, dict):
            return {name: self._plain(inner) for name, inner in value.items()}
        if isinstance(value, list) and value and isinstance(value[0], dict) and self.chance.random() < 0.9:
            return value[0]["amount"]
        return value

    def _drift_plan(self, copy: Document) -> None:
        if self.chance.random() < 0.15:
            copy["status"] = "disabled_by_provider"
        for period in copy["periods"].values():
            period.pop("origin", None)
            if self.chance.random() < 0.15:
                period["origin"] = None
        for rate in copy["resources"].values():
            rate.pop("origin", None)
            if self.chance.random() < 0.9:
                rate["origin"] = copy["origin"]

    def _of_its_own(self) -> Iterator[tuple[Id, Document]]:
        for kind, keys in KEYS.items():
            for key in keys:
                if self.chance.random() < 0.12:
                    yield (kind, key), _own(self.chance, kind, key)
        key = f"own-{self.tenant}"
        plan = _own(self.chance, "Plan", key) | {"labels": {"segment": "smb"}}
        if self.chance.random() < 0.3:
            plan["moved_from"] = moved_from(self.chance, key)
        yield ("Plan", key), plan

    def _itself(self) -> Document:
        units = {period: {"active": self.chance.random() < 0.7} for period in some(self.chance, PERIODS)}
        return {
            "kind": "Tenant",
            "key": self.tenant,
            "currency": "EUR" if self.chance.random() < 0.7 else "USD",
            "order_flow": self.chance.choice(KEYS["OrderFlow"]),
            "roles": some(self.chance, KEYS["Role"]),
            "terms_and_conditions": some(self.chance, KEYS["TermsAndConditions"]),
            "billing_cycles": units,
        }

    def _sold(self, found: Mapping[Id, Document]) -> dict[Id, Document]:
        """A subscription to one of the plans: it names what may be renamed."""
        plans = [document for id, document in found.items() if id[0] == "Plan"]
        if not plans or self.chance.random() < 0.6:
            return {}
        plan = self.chance.choice(plans)
        sold = {
            "kind": "Subscription",
            "key": "sub",
            "customer": "acme",
            "product": plan["product"],
            "plan": plan["key"],
        }
        return {("Customer", "acme"): {"kind": "Customer", "key": "acme"}, ("Subscription", "sub"): sold}
