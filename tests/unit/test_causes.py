"""Causes: from a base, the documents since, the journal and the tenants' states, by the whole path through git."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler import app
from reconciler.core.reading.merge_patch import patched
from reconciler.core.reading.state_documents import read_state
from reconciler.model.plans.plan import Plan
from reconciler.shell.connections.access import Access, place_of
from reconciler.stores.base import EntityWrite

NOW = datetime(2026, 12, 1, tzinfo=UTC)
CATALOG = """\
kind: Provider
key: northwind
currency: EUR
---
{{kind: ServiceTerm, key: annual}}
---
{{kind: PlanCategory, key: productivity}}
---
{{kind: ProductCategory, key: software}}
---
{{kind: Product, key: office, category: software}}
---
kind: Plan
key: office-basic
name: Office Basic
product: office
plan_category: productivity
service_term: annual
periods:
  P1M: {{fees: {{setup: {setup}, recurring: {recurring}, renewal: {renewal}}}}}
"""
POLICY = """\
kind: SyncPolicy
reseller: {tenant}
upstream: {upstream}
delegate: {{plans: [office-basic]}}
options: {{plans: {{create: true, update_fees: {fees}}}}}
"""


COPY = """\
{kind: Tenant, key: contoso, origin: northwind, currency: EUR}
---
{kind: ServiceTerm, key: annual, origin: northwind, delegated: true}
---
{kind: PlanCategory, key: productivity, origin: northwind}
---
{kind: ProductCategory, key: software, origin: northwind}
---
{kind: Product, key: office, origin: northwind, category: software, published: false}
---
kind: Plan
key: office-basic
origin: northwind
name: Office Basic
status: active
published: true
product: office
plan_category: productivity
service_term: annual
periods:
  P1M: {fees: {setup: 1, recurring: 5}}
"""


class Workspace:
    """A workspace in a repository, that is committed, planned and applied."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q")
        self.write("reconcile.yaml", "kind: Workspace\nversion: 1\n")
        self.write(".gitignore", ".reconcile/\n")

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
        done = subprocess.run(["git", *who, *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(exist_ok=True)
        (self.root / name).write_text(text, "utf-8")

    def commit(self, *, setup: str, recurring: str, renewal: str, fees: bool = True) -> str:
        self.write("northwind/catalog.yaml", CATALOG.format(setup=setup, recurring=recurring, renewal=renewal))
        for tenant, upstream in (("contoso", "northwind"), ("litware", "contoso")):
            text = POLICY.format(tenant=tenant, upstream=upstream, fees=str(fees).lower())
            self.write(f"northwind/{tenant}.yaml", text)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def plan(self, base: str) -> Plan:
        workspace = app.open_workspace(self.root)
        with Access(self.root, {}) as access:
            return app.with_base(workspace, access, app.make_plan(workspace, access, now=NOW), base, now=NOW)

    def apply(self, base: str = "HEAD") -> None:
        plan = self.plan(base)
        with Access(self.root, {}) as access:
            list(app.apply_plan(app.open_workspace(self.root), access, plan, now=NOW, by="somebody"))

    def drift(self, tenant: str, text: str) -> None:
        workspace = app.open_workspace(self.root)
        with Access(self.root, {}) as access:
            store = access.writer(place_of(workspace.catalog, tenant))
            state = store.observe(tenant).entities
            writes = [
                EntityWrite(id, state.get(id), after)
                for id, after in patched(state, read_state(text, "")[0], replace=False)
            ]
            store.overwrite(tenant, writes, actor="tenant", at="2026-12-01T00:00:00Z")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def causes(plan: Plan) -> dict[str, str | None]:
    changes = [
        *(each for tenant in plan.tenants for each in tenant.changes),
        *(each.change for tenant in plan.tenants for each in tenant.deferred),
    ]
    found: dict[str, str | None] = {}
    for change in changes:
        found |= {f"{change.tenant} {'.'.join(each.path[1:])}": each.cause for each in change.fields}
        if not change.fields:
            found[change.address] = change.cause
    return found


def test_the_pull_request_drift_and_the_backlog_are_told_apart_at_every_level(workspace: Workspace) -> None:
    workspace.commit(setup="1", recurring="6.00", renewal="5")
    workspace.apply()
    base = workspace.commit(setup="1.2", recurring="6.00", renewal="5")
    workspace.commit(setup="1.20", recurring="6.00", renewal="5.50")
    changed = "kind: Plan\nkey: office-basic\nperiods: {P1M: {fees: {recurring: 9.99}}}\n"
    workspace.drift("contoso", changed)
    plan = workspace.plan(base)
    assert plan.source.base == base
    assert causes(plan) == {
        "contoso P1M.fees.setup": "backlog",
        "contoso P1M.fees.recurring": "drift",
        "contoso P1M.fees.renewal": "pr",
        "litware P1M.fees.setup": "backlog",
        "litware P1M.fees.renewal": "pr",
    }


def test_a_withheld_change_has_its_cause_and_one_that_is_released_keeps_it(workspace: Workspace) -> None:
    workspace.commit(setup="1", recurring="6.00", renewal="5", fees=False)
    workspace.apply()
    base = workspace.commit(setup="1.2", recurring="6.00", renewal="5", fees=False)
    assert causes(workspace.plan(f"{base}~1")) == {"contoso P1M.fees.setup": "pr"}
    assert causes(workspace.plan(base)) == {"contoso P1M.fees.setup": "backlog"}
    workspace.commit(setup="1.2", recurring="6.00", renewal="5")
    assert causes(workspace.plan(base))["contoso P1M.fees.setup"] == "backlog"


def test_creations_and_what_comes_with_them(workspace: Workspace) -> None:
    base = workspace.commit(setup="1", recurring="6.00", renewal="5")
    assert set(causes(workspace.plan(base)).values()) == {"backlog"}
    workspace.apply()
    workspace.drift("litware", "kind: Plan\nkey: office-basic\nname: null\n")
    assert causes(workspace.plan(base)) == {"litware ": "drift"}


def test_what_no_apply_wrote_is_backlog_however_it_came_to_differ(workspace: Workspace) -> None:
    base = workspace.commit(setup="1", recurring="6.00", renewal="5", fees=False)
    workspace.drift("contoso", "kind: PlanCategory\nkey: productivity\norigin: northwind\nname: Mine\n")
    plan = workspace.plan(base)
    assert causes(plan)["contoso/plan/office-basic"] == "backlog"


def test_a_field_that_no_apply_ever_wrote_is_backlog_though_its_plan_was_written(workspace: Workspace) -> None:
    """Contoso had the copy without a journal; an apply gave it one fee, and nothing says who gave the other."""
    workspace.commit(setup="1", recurring="6.00", renewal="5")
    catalog = workspace.root / "northwind" / "catalog.yaml"
    catalog.write_text(catalog.read_text("utf-8").replace(", renewal: 5", ""), "utf-8")
    workspace.git("commit", "-q", "-a", "-m", "no renewal fee")
    workspace.drift("contoso", COPY)
    workspace.apply()
    workspace.drift("contoso", "kind: Plan\nkey: office-basic\nperiods: {P1M: {fees: {renewal: 4, recurring: 7}}}\n")
    assert causes(workspace.plan("HEAD")) == {
        "contoso P1M.fees.recurring": "drift",
        "contoso P1M.fees.renewal": "backlog",
    }


def test_a_rename_changes_nothing_about_the_causes_of_the_rest(workspace: Workspace) -> None:
    workspace.commit(setup="1", recurring="6.00", renewal="5")
    workspace.apply()
    base = workspace.commit(setup="1.2", recurring="6.00", renewal="5")
    workspace.drift("contoso", "kind: Plan\nkey: office-basic\nperiods: {P1M: {fees: {recurring: 9.99}}}\n")
    renamed = [
        (workspace.root / "northwind" / file).read_text("utf-8").replace("office-basic", "office-start")
        for file in ("catalog.yaml", "contoso.yaml", "litware.yaml")
    ]
    workspace.write("northwind/catalog.yaml", f"{renamed[0]}moved_from: office-basic\n")
    workspace.write("northwind/contoso.yaml", renamed[1])
    workspace.write("northwind/litware.yaml", renamed[2])
    told = causes(workspace.plan(base))
    assert told == {
        "contoso ": "pr",
        "contoso P1M.fees.setup": "backlog",
        "contoso P1M.fees.recurring": "drift",
        "litware ": "pr",
        "litware P1M.fees.setup": "backlog",
    }
    workspace.apply(base)
    workspace.drift("contoso", "kind: Plan\nkey: office-start\nperiods: {P1M: {fees: {renewal: 4.50}}}\n")
    workspace.git("add", "--all")
    workspace.git("commit", "-q", "-m", "renamed")
    assert causes(workspace.plan("HEAD")) == {"contoso P1M.fees.renewal": "drift"}


def test_a_base_that_is_not_valid_is_said(workspace: Workspace) -> None:
    workspace.write("northwind/catalog.yaml", "kind: Provide\n")
    workspace.git("add", "--all")
    workspace.git("commit", "-q", "-m", "broken")
    workspace.commit(setup="1", recurring="6.00", renewal="5")
    with pytest.raises(app.Unknown, match="causes cannot be told from HEAD~1"):
        workspace.plan("HEAD~1")
