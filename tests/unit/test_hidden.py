"""CB-20 in `validate`: hidden templates, with the tenants whose policies select a plan that uses one."""

from typing import Any

from reconciler.core.inspect.hidden import hidden_template_warnings
from reconciler.core.workspace.load import load
from reconciler.model.documents.source import SourceFile
from reconciler.model.values.diagnostics import Diagnostic
from tests.laws.worlds import as_yaml

NEEDS = {"product": "office", "plan_category": "all", "service_term": "annual"}


def _plan(key: str, **more: Any) -> dict[str, Any]:
    return {"kind": "Plan", "key": key, "status": "active", "notification_schedule": "reminders", **NEEDS, **more}


def _policy(reseller: str, upstream: str = "northwind", **more: Any) -> dict[str, Any]:
    return {"kind": "SyncPolicy", "reseller": reseller, "upstream": upstream, **more}


def _warnings(*policies: dict[str, Any], visible: bool = False) -> list[Diagnostic]:
    documents: list[dict[str, Any]] = [
        {"kind": "Provider", "key": "northwind", "currency": "EUR"},
        {"kind": "ServiceTerm", "key": "annual"},
        {"kind": "PlanCategory", "key": "all"},
        {"kind": "ProductCategory", "key": "software"},
        {"kind": "Product", "key": "office", "category": "software"},
        {"kind": "NotificationTemplate", "key": "renewal", "visible_to_resellers": True},
        {"kind": "NotificationTemplate", "key": "last-call", "visible_to_resellers": visible},
        {"kind": "NotificationSchedule", "key": "reminders", "notices": {"30": "renewal", "7": "last-call"}},
        {"kind": "ServiceTemplate", "key": "gold", "notification_schedules": ["reminders"]},
        _plan("basic", labels={"sold": "yes"}),
        _plan("draft", status="draft", labels={"sold": "yes"}),
        _plan("quiet", notification_schedule=None),
    ]
    files = [SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n")]
    catalog, problems = load([*files, SourceFile("northwind/all.yaml", as_yaml([*documents, *policies]))])
    assert catalog is not None, problems
    return list(hidden_template_warnings(catalog))


def test_tenants_are_those_whose_policies_select_such_a_plan() -> None:
    (warning,) = _warnings(
        _policy("contoso", delegate={"plans": ["basic"]}),
        _policy("fabrikam", delegate={"plans": {"match": {"sold": "yes"}}}),
        _policy("litware", service_template="gold"),
        _policy("adatum", delegate={"plans": ["quiet"]}),
        _policy("tailspin"),
    )
    assert (warning.code, warning.severity) == ("hidden-template", "warning")
    assert warning.tenants == ("contoso", "fabrikam", "litware")
    assert "last-call" in warning.summary


def test_a_resellers_reseller_selects_of_what_its_upstream_selects() -> None:
    (warning,) = _warnings(
        _policy("contoso", delegate={"plans": ["basic"]}),
        _policy("adatum", delegate={"plans": ["quiet"]}),
        _policy("fabrikam", "contoso", delegate={"plans": {"match": {"sold": "yes"}}}),
        _policy("litware", "adatum", delegate={"plans": ["basic"]}),
    )
    assert warning.tenants == ("contoso", "fabrikam")


def test_nothing_is_said_of_what_is_visible_or_goes_to_nobody() -> None:
    assert _warnings(_policy("contoso", delegate={"plans": ["basic"]}), visible=True) == []
    assert _warnings(_policy("contoso", delegate={"plans": ["quiet"]})) == []
    assert _warnings(_policy("contoso", delegate={"plans": {"match": {"sold": "no"}}})) == []
