"""A shop of two plans that several resellers have: the ground of examples of what one tenant's outcome depends on."""

from collections.abc import Mapping, Sequence
from datetime import date

from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.core.workspace.load import load
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.plans.origins import RecordedOrigins
from reconciler.model.plans.plan import TenantPlan
from reconciler.model.values.entity import Entity, State, state_fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from tests.laws.grown import RULES
from tests.laws.sketched import plans_by_digests
from tests.laws.test_laws import ON, WORKSPACE
from tests.laws.worlds import PROVIDER, RESELLER, Document, as_yaml

RESELLERS = (RESELLER, "fabrikam", "litware", "tailspin", "wingtip")
"""Of one template, in the order in which they are planned."""


def shop(
    fee: str = "10.00",
    options: Document | None = None,
    apart: Mapping[str, Document] | None = None,
    besides: Sequence[Document] = (),
    **amended: Document,
) -> Catalog:
    """Two plans that every reseller has, by these options. ``apart``: what else the policy of one says.

    ``besides``: further documents. ``amended``: by kind, what else a document of the key "one" says, and plan "web".
    """
    documents: list[Document] = [
        {"kind": "Provider", "key": PROVIDER, "currency": "EUR"},
        {"kind": "ServiceTemplate", "key": "gold", "delegated_plans": {"include": ["web", "mail"]}},
        *({"kind": kind, "key": "one", "name": "One"} for kind in ("PlanCategory", "ServiceTerm", "ProductCategory")),
        *({"kind": kind, "key": "one", "name": "One"} for kind in ("ProductGroup", "ProductType")),
        {"kind": "Product", "key": "one", "name": "One", "group": "one", "type": "one", "category": "one"},
        plan_document("web", fee),
        plan_document("mail", "5.00"),
    ]
    keys = ("one", "web", "gold")
    documents = [each | (amended.get(each["kind"], {}) if each["key"] in keys else {}) for each in documents]
    on = {"plans": {"update_fees": True}} if options is None else options
    policies = [
        {
            "kind": "SyncPolicy",
            "reseller": each,
            "upstream": PROVIDER,
            "service_template": "gold",
            "options": on,
            **(apart or {}).get(each, {}),
        }
        for each in RESELLERS
    ]
    return loaded([*documents, *besides], policies)


def plan_document(key: str, fee: str) -> Document:
    needs = dict.fromkeys(("plan_category", "service_term", "product"), "one")
    return {"kind": "Plan", "key": key, "name": key, **needs, "periods": {"P1M": {"fees": {"recurring": fee}}}}


def loaded(documents: Sequence[Document], policies: Sequence[Document]) -> Catalog:
    files = [SourceFile(f"{PROVIDER}/catalog.yaml", as_yaml(documents))]
    files += [SourceFile(f"{PROVIDER}/{each['reseller']}.yaml", as_yaml([each])) for each in policies]
    catalog, problems = load([WORKSPACE, *files])
    assert catalog is not None, [str(each) for each in problems]
    return catalog


def in_sync(tenant: str) -> dict[EntityId, Entity]:
    """A tenant's state as it is once the shop's plans were created at ten and five."""
    catalog = shop("10.00", {"plans": {"create": True}})
    planner = TreePlanner(catalog, lambda _: Observed({}, state_fingerprint({}), 0), RULES, date(2026, 1, 1))
    return dict(applied({}, planner.plan(tenant)))


def applied(state: State, plan: TenantPlan) -> State:
    after = {each.entity: each.after for each in plan.changes}
    kept = {id: each for id, each in state.items() if id not in after}
    return kept | {id: _entity(id, body) for id, body in after.items() if body is not None}


def _entity(id: EntityId, document: Body) -> Entity:
    body = {name: value for name, value in document.items() if name not in ("kind", "key", "origin")}
    return Entity(id, body, document.get("origin"))


def tree_planner(
    catalog: Catalog, states: Mapping[str, State], lineages: Mapping[str, RecordedOrigins] | None = None
) -> TreePlanner:
    """The fold over tenants with these states. ``lineages``: what their journals say of origins, by tenant."""

    def observe(policy: Policy) -> Observed:
        state = states[policy.reseller]
        return Observed(state, state_fingerprint(state), 1, (lineages or {}).get(policy.reseller, {}))

    return TreePlanner(catalog, observe, RULES, ON)


def same_plans(
    catalog: Catalog, states: Mapping[str, State], lineages: Mapping[str, RecordedOrigins] | None = None
) -> Sequence[TenantPlan]:
    """The plans by digests, together; they are those that comparing each in full gives."""
    expected = tuple(tree_planner(catalog, states, lineages).plans(None))
    plans, _ = plans_by_digests(tree_planner(catalog, states, lineages))
    assert plans == expected
    return plans
