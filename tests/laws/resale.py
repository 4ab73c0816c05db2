"""A small world of resale for the tests of subscriptions: northwind ← contoso ← east, and northwind ← fabrikam.

Everything lives in one SQLite database, unless the provider is given another. What is done here goes through the
application's own ways in: `app.act`, `app.make_plan`, `app.apply_plan`, and `tenant import`'s `write_state`.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

from reconciler import app
from reconciler.core.reading.state_documents import read_state
from reconciler.model.plans.plan import Plan
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from reconciler.shell.connections.access import Access, place_of
from reconciler.shell.runs.execute import Applied
from reconciler.shell.tenants.actions import ActionRequest, PerformedAction
from reconciler.shell.tenants.states import snapshot, write_state
from reconciler.stores.base import Snapshot, TenantStore

PROVIDER = "northwind"
UPSTREAMS = {"contoso": PROVIDER, "east": "contoso", "fabrikam": PROVIDER}
"""Every reseller, and its distributor."""
NAMES = {"contoso": "Contoso Telecom", "east": "Contoso East", "fabrikam": "Fabrikam"}
PRODUCTS: Mapping[str, Body] = {
    "office": {
        "name": "Office",
        "relations": {"upgrade": ["premium"]},
        "unit_prices": {"P1M": "7.00", "P1Y": "70.00", "P1W": "2.00"},
    },
    "premium": {"name": "Office Premium", "relations": {"downgrade": ["office"]}, "unit_prices": {"P1M": "12.00"}},
    "exchange": {"name": "Exchange", "unit_prices": {"P1M": "4.00", "P1W": "1.00"}},
    "backup": {"name": "Backup", "unit_prices": {"P1M": "1.00"}},
}
"""What the provider offers."""
OWN_PRODUCT = "own-tool"
"""What contoso sells on its own account."""
NOW = datetime(2026, 11, 15, 8, tzinfo=UTC)
FAST = Path("/dev/shm")
"""Where there is a file system in memory: killed processes leave the same there, and nobody waits for a disk."""

Prices = Mapping[str, Mapping[str, str]]
LISTED: Prices = {"office": {"P1M": "5.10"}, "backup": {"P1M": "0.80"}}


def folder() -> Path:
    """A new folder of one's own."""
    return Path(tempfile.mkdtemp(prefix="resale-", dir=FAST if FAST.is_dir() else None))


@dataclass
class Resale:
    """The world at a moment. ``mirrors``: the resellers that have the option on; ``billing_days``: of resellers."""

    root: Path
    now: datetime = NOW
    mirrors: set[str] = field(default_factory=lambda: set(UPSTREAMS))
    billing_days: dict[str, int | None] = field(default_factory=dict)
    prices: Prices = field(default_factory=lambda: dict(LISTED))
    provider_store: str | None = None
    guards: Body = field(default_factory=lambda: {"max_deletes": False, "max_price_change": False})

    def __post_init__(self) -> None:
        self.declare()
        self.access = Access(self.root, os.environ)
        offered = [{"kind": "Product", "key": key, "name": PRODUCTS[key]["name"]} for key in PRODUCTS]
        own = {"kind": "Product", "key": OWN_PRODUCT, "name": "Own Tool"}
        self.write("contoso", *({**each, "origin": PROVIDER} for each in offered), own)
        self.write("fabrikam", *({**each, "origin": PROVIDER} for each in offered))
        self.write("east", *({**each, "origin": "contoso"} for each in [*offered, own]))

    def declare(self) -> None:
        """Write the workspace's documents as they are now."""
        documents = [
            {
                "kind": "Provider",
                "key": PROVIDER,
                "name": "Northwind Cloud",
                "currency": "EUR",
                "api_options": {"responsible_user": "partner-desk", "sharing_rule": "public"},
                **({"store": self.provider_store} if self.provider_store else {}),
            },
            {"kind": "ProductCategory", "key": "software", "name": "Software"},
            *({"kind": "Product", "key": key, "category": "software", **body} for key, body in PRODUCTS.items()),
            {"kind": "PriceList", "key": "emea", "currency": "EUR", "products": self.prices},
            *(self._policy(reseller) for reseller in sorted(UPSTREAMS)),
        ]
        self.root.joinpath("catalog").mkdir(exist_ok=True)
        self.root.joinpath("reconcile.yaml").write_text("kind: Workspace\nversion: 1\n")
        data = b"\n---\n".join(orjson.dumps(each) for each in documents)
        self.root.joinpath("catalog", "all.yaml").write_bytes(data)
        self.workspace = app.open_workspace(self.root)

    def _policy(self, reseller: str) -> dict[str, Any]:
        billing_day = self.billing_days.get(reseller)
        return {
            "kind": "SyncPolicy",
            "reseller": reseller,
            "name": NAMES[reseller],
            "upstream": UPSTREAMS[reseller],
            "options": {"subscriptions": {"mirror": reseller in self.mirrors}},
            "guards": self.guards,
            **({"price_list": "emea"} if reseller == "contoso" else {}),
            **({"subscriptions": {"billing_day": billing_day}} if billing_day else {}),
        }

    @property
    def today(self) -> date:
        return self.now.date()

    def store(self, tenant: str) -> TenantStore:
        return self.access.writer(place_of(self.workspace.catalog, tenant))

    def write(self, tenant: str, *documents: Body) -> None:
        """As the outside world does: `tenant import`."""
        data = b"\n---\n".join(orjson.dumps(each) for each in documents)
        patches, problems = read_state(data, "given.yaml")
        assert not problems, [str(each) for each in problems]
        write_state(self.store(tenant), tenant, patches, replace=False, at=app.timestamp(self.now))

    def act(
        self, tenant: str, key: str, action: str, *settings: str, role: str | None = None, by: str = "ann"
    ) -> PerformedAction:
        return app.act(self.workspace, self.access, ActionRequest(tenant, key, action, self.now, by, settings, role))

    def plan(self, *tenants: str) -> Plan:
        selected = self.workspace.chosen(tenants)
        return app.make_plan(self.workspace, self.access, now=self.now, selected=selected)

    def apply(self, plan: Plan) -> list[Applied]:
        return list(app.apply_plan(self.workspace, self.access, plan, now=self.now, by="ann"))

    def snapshot(self, tenant: str) -> Snapshot:
        return snapshot(self.workspace.catalog, self.access, tenant)

    def state(self, tenant: str) -> State:
        return self.snapshot(tenant).entities

    def body(self, tenant: str, key: str, kind: str = "Subscription") -> Body:
        return self.state(tenant)[EntityId(kind, key)].body

    def subscriptions(self, tenant: str) -> dict[str, Entity]:
        return {id.key: each for id, each in self.state(tenant).items() if id.kind == "Subscription"}

    def close(self) -> None:
        self.access.__exit__(None, None, None)
        shutil.rmtree(self.root)


def tenants() -> Iterable[str]:
    """Every tenant, the provider among them."""
    return [PROVIDER, *sorted(UPSTREAMS)]


def paid(key: str, customer: str, **given: Any) -> dict[str, Any]:
    """The document of a paid subscription, as its reseller's system would give it."""
    body: dict[str, Any] = {
        "kind": "Subscription",
        "key": key,
        "customer": customer,
        "product": "office",
        "billing_cycle": "P1M",
        "quantity": 10,
        "paid": True,
        "status": "active",
        "start_date": NOW.date().isoformat(),
        "renew_automatically": True,
    }
    return {name: value for name, value in {**body, **given}.items() if value is not None}
