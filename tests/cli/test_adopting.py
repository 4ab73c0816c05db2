"""Bringing a live tenant under management, as docs/guide/adopting.md has it."""

import json
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from tests.cli.runner import Shop

EXAMPLE = Path(__file__).parents[2] / "examples" / "before" / "fabrikam.yaml"
PROVIDER = "kind: Provider\nkey: northwind\ncurrency: EUR\n"
POLICY = "kind: SyncPolicy\nreseller: {}\nupstream: {}\n"
ADOPT = "service_template: fabrikam\nadopt: true\noptions: {plans: {create: true}, price_list: {products: true}}\n"


@pytest.fixture
def live(tmp_path: Path) -> Shop:
    """A new workspace whose one tenant sells things of its own, and one below it."""
    shop = Shop(tmp_path / "new")
    (shop.root / "northwind").mkdir(parents=True)
    (shop.root / "reconcile.yaml").write_text("kind: Workspace\nversion: 1\n", "utf-8")
    (shop.root / "northwind/provider.yaml").write_text(PROVIDER, "utf-8")
    for tenant, upstream in (("fabrikam", "northwind"), ("litware", "fabrikam")):
        (shop.root / f"northwind/{tenant}.yaml").write_text(POLICY.format(tenant, upstream), "utf-8")
    assert shop.run(f"tenant import fabrikam {EXAMPLE}").status == 0
    return shop


def plan(shop: Shop) -> dict[str, Any]:
    done = shop.run("plan --format json")
    assert done.status in (0, 3), done.err
    made: dict[str, Any] = json.loads(done.out)
    return made


def test_a_live_tenant_comes_under_management(live: Shop) -> None:
    exported = live.run("tenant export fabrikam --as-catalog northwind/adopted.yaml")
    assert exported.status == 0, exported.err
    assert exported.err.splitlines() == [
        "Wrote 12 documents to northwind/adopted.yaml.",
        "Note: its service terms fabrikam-24m are not delegated, so that no plan can be taken over (AP-17): "
        "import `delegated: true` for each into fabrikam first.",
        "In the policy of fabrikam: service_template: fabrikam, adopt: true, and options (docs/guide/adopting.md).",
    ]
    policy = live.root / "northwind/fabrikam.yaml"
    policy.write_text(policy.read_text("utf-8") + ADOPT, "utf-8")
    assert {each["rule"] for each in plan(live)["deferred_changes"]} == {"AP-17"}
    term = "kind: ServiceTerm\nkey: fabrikam-24m\ndelegated: true\n"
    assert live.run("tenant import fabrikam", stdin=term).status == 0
    made = plan(live)
    assert made["deferred_changes"] == []
    assert {each["address"]: [field["path"] for field in each["fields"]] for each in made["resource_changes"]} == {
        "fabrikam/plan/fabrikam-phone-flat": ["origin", "periods.P1M.origin"],
        "fabrikam/product/fabrikam-phone": ["origin"],
    }
    assert live.run("apply --auto-approve").status == 0
    assert set(plan(live)["summary"].values()) == {0}
    assert live.run("plan").out == "No changes. Your tenants match the catalog.\n"


def test_a_tenant_that_is_managed_already_plans_to_nothing(shop: Shop) -> None:
    """Its catalog is lost, or is to be another's: what came down says all that there is to say."""
    exported = shop.run("tenant export one --as-catalog")
    assert (exported.status, exported.err.count("Note:")) == (0, 0)
    rmtree(shop.root / "acme")
    (shop.root / "other").mkdir()
    policy = f"{POLICY.format('one', 'acme')}service_template: one\noptions: all\n"
    for name, text in (("provider", PROVIDER.replace("northwind", "acme")), ("one", policy), ("all", exported.out)):
        (shop.root / f"other/{name}.yaml").write_text(text, "utf-8")
    assert set(plan(shop)["summary"].values()) == {0}
    assert shop.run("plan --verbose").out == "No changes. Your tenants match the catalog.\n"


@pytest.mark.parametrize(
    ("tenant", "said"),
    [
        ("litware", 'its upstream is the reseller "fabrikam", and a catalog is what a provider has'),
        ("northwind", "it is a provider, and a catalog is what a provider has"),
        ("fabricam", 'did you mean "fabrikam"?'),
    ],
)
def test_only_what_is_below_a_provider_makes_a_catalog(live: Shop, tenant: str, said: str) -> None:
    done = live.run(f"tenant export {tenant} --as-catalog")
    assert (done.status, done.out) == (1, "")
    assert said in done.err
