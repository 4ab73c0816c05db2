"""One tenant's plan under any set of options, as the verdicts that the oracle speaks of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from reconciler.core.desired.upstream import provider_upstream
from reconciler.core.planning.diff import Comparison, differences
from reconciler.core.planning.judge import judge
from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.planning.tenant_plan import Observed, compare, write_down
from reconciler.core.reading.merge_patch import patched
from reconciler.core.reading.state_documents import read_state
from reconciler.core.schema.rule_book import rule_book
from reconciler.core.workspace.load import load
from reconciler.core.workspace.policies import resolve_policy
from reconciler.model.documents.options import OPTIONS
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.plans.change import Difference
from reconciler.model.plans.plan import Change, FieldChange, TenantPlan
from reconciler.model.values.entity import State, state_fingerprint
from reconciler.model.values.plain_values import Body
from tests.laws.worlds import as_yaml

FOLDER = Path(__file__).parent / "every_difference"
ON = date(2026, 12, 1)
RESELLER = "contoso"
WORKSPACE = SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n")

GATED = {"Plan": ("usage_statistics",), "Tenant": ("order_flow", "roles", "terms_and_conditions")}
"""Fields that a creation leaves out: in a creation's ``after``, each is an entry of its own to the oracle."""


@dataclass(frozen=True)
class Fixture:
    """A catalog and a tenant's state, both as the engine and as the oracle read them."""

    catalog_file: str
    state_file: str
    priced: Mapping[str, Any] | None = None
    """What contoso's policy says besides, beside what stands in `prices.yaml` and `state_prices.yaml`."""

    @cached_property
    def catalog(self) -> Catalog:
        catalog, problems = load([WORKSPACE, SourceFile("northwind/catalog.yaml", as_yaml(self.documents))])
        assert catalog is not None, [str(problem) for problem in problems]
        return catalog

    @cached_property
    def state(self) -> State:
        patches, problems = read_state(as_yaml(self.state_documents), self.state_file)
        assert not problems, [str(problem) for problem in problems]
        return {id: entity for id, entity in patched({}, patches, replace=False) if entity is not None}

    @cached_property
    def documents(self) -> list[dict[str, Any]]:
        found = _documents(self.catalog_file)
        if self.priced is None:
            return found
        policy = [{**each, **self.priced} if each["kind"] == "SyncPolicy" else each for each in found]
        return [*policy, *_documents("prices.yaml")]

    @cached_property
    def state_documents(self) -> list[dict[str, Any]]:
        found = {(each["kind"], each["key"]): each for each in _documents(self.state_file)}
        for each in _documents("state_prices.yaml") if self.priced is not None else ():
            found[each["kind"], each["key"]] = {**found.get((each["kind"], each["key"]), {}), **each}
        return list(found.values())

    @cached_property
    def policy(self) -> Policy:
        return resolve_policy(self.catalog, RESELLER)

    def with_options(self, enabled: Iterable[str]) -> Policy:
        """The policy with exactly these options on."""
        chosen = frozenset(enabled)
        options = {id: replace(self.policy.options[id], value=id in chosen) for id in OPTIONS}
        return replace(self.policy, options=options)

    def plan(self, policy: Policy) -> TenantPlan:
        """The plan under a policy that differs in its options only: they decide verdicts, never differences."""
        judgement = judge(self._comparison, self._differences, policy)
        return write_down(policy, self._comparison, judgement, self._observed).plan

    @cached_property
    def _comparison(self) -> Comparison:
        upstream = provider_upstream(self.catalog.providers["northwind"], ON)
        return compare(self.policy, upstream, self.state, RULES, ON)

    @cached_property
    def _differences(self) -> list[Difference]:
        return differences(self._comparison)

    @cached_property
    def _observed(self) -> Observed:
        return Observed(self.state, state_fingerprint(self.state), 1)


RULES = rule_book(frozenset(PRECONDITIONS))


def _documents(file: str) -> list[dict[str, Any]]:
    return [_plain(each) for each in YAML(typ="safe").load_all(FOLDER / file)]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def verdicts_of(plan: TenantPlan) -> Mapping[tuple[str, str], str]:
    """Every difference in a plan by (entity, path), with its verdict. Fails where one stands in two lists."""
    found: dict[tuple[str, str], str] = {}

    def enter(entity: str, path: str, verdict: str) -> None:
        key = (entity, path)
        assert found.get(key, verdict) == verdict, (key, found[key], verdict)
        assert key not in found or path.endswith(("[+]", "[-]")), key
        found[key] = verdict

    for change in plan.changes:
        for path in _paths(change):
            enter(str(change.entity), path, "apply")
    for deferred in plan.deferred:
        for path in _paths(deferred.change):
            enter(str(deferred.change.entity), path, deferred.reason)
    return found


def _paths(change: Change) -> list[str]:
    takeover = any(field.path == ("origin",) for field in change.fields)
    if change.fields and not takeover:
        return [_path(change.entity.kind, field) for field in change.fields]
    before, after = change.before or {}, change.after or {}
    gated = [name for name in GATED.get(change.entity.kind, ()) if change.after and before.get(name) != after.get(name)]
    return ["", *gated, *_cycles(change, before, after)]


def _cycles(change: Change, before: Body, after: Body) -> list[str]:
    """Units that come with the tenant's document, and cycles that go when an own product is taken over."""
    one, other = before.get("billing_cycles", {}), after.get("billing_cycles", {})
    keys = other if change.entity.kind == "Tenant" else set(one) - set(other) if change.after else ()
    return [f"billing_cycles.{key}" for key in sorted(keys)]


def _path(kind: str, field: FieldChange) -> str:
    if kind == "Product" and field.path[0] == "relations":
        return ".".join(field.path[:-1]) + ("[+]" if field.after is not None else "[-]")
    return ".".join(field.path)
