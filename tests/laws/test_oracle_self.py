"""The oracle itself is trusted because of these: single rules, read off the fixture by hand."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.laws.bench_of_options import Fixture
from tests.laws.oracle import verdicts

Doc = dict[str, Any]
Verdicts = dict[tuple[str, str], str]

HERE = Path(__file__).parent / "every_difference"
PLANS = ("create", "enable_disable", "update_fees", "update_categories", "update_notification_schedules")
ALL = frozenset(
    [f"plans.{name}" for name in (*PLANS, "attach_usage_statistics")]
    + [f"resources.{name}" for name in ("create", "remove_obsolete", "update_prices", "update_limits")]
    + [f"other.{name}" for name in ("update_order_flow", "update_roles", "sync_terms_and_conditions")]
    + [f"price_list.{name}" for name in ("activation", "relations", "product_groups", "product_type_options")]
)


def load(name: str) -> list[Doc]:
    return list(YAML(typ="safe", pure=True).load_all(HERE / name))


CATALOG, STATE = load("catalog.yaml"), load("state.yaml")


def find(docs: list[Doc], kind: str, key: str) -> Doc:
    return next(doc for doc in docs if doc["kind"] == kind and doc.get("key", doc.get("reseller")) == key)


def judged(*options: str, policy: Doc | None = None) -> Verdicts:
    """The fixture's verdicts with these options on and these fields of the policy changed."""
    catalog = CATALOG
    if policy is not None:
        catalog = copy.deepcopy(CATALOG)
        find(catalog, "SyncPolicy", "contoso").update(policy)
    return verdicts(catalog, STATE, reseller="contoso", enabled=frozenset(options))


def conflict(*options: str) -> Verdicts:
    catalog, state = load("catalog_conflict.yaml"), load("state_conflict.yaml")
    return verdicts(catalog, state, reseller="contoso", enabled=frozenset(options))


def applied(found: Verdicts) -> set[tuple[str, str]]:
    return {at for at, verdict in found.items() if verdict == "apply"}


def test_cb_32_with_no_option_on_nothing_applies_and_nothing_is_blocked() -> None:
    assert set(judged().values()) == {"withheld", "unmanaged"}


def test_cb_02_fees_alone_reprice_an_old_plan_and_bring_no_new_one() -> None:
    found = judged("plans.update_fees")
    assert found["plan/office-basic", "periods.P1M.fees.recurring"] == "apply"
    assert found["plan/office-plus", ""] == "withheld"
    assert ("plan/office-basic", "periods.P1M.fees.renewal") not in found  # 6.0 is 6.00


def test_cb_03_a_new_plan_brings_every_dependent_whatever_the_other_options_say() -> None:
    found = judged("plans.create")
    brought = {address for address, path in applied(found) if path == ""}
    assert brought == {
        "plan/office-plus",
        "plan_category/suites",
        "sales_category/launch",
        "service_term/triennial",
        "product/office-suite",
        "product_category/bundles",
        "product_type/bundle",
        "product_group/bundle-shelf",
        "notification_schedule/suite-reminders",
        "expiration_schedule/grace-suite",
        "expiration_schedule/grace-90",
    }
    assert found["plan/office-plus", "usage_statistics"] == "withheld"  # CB-21


def test_cb_04_cb_33_a_new_period_comes_and_an_old_one_stays() -> None:
    found = judged("plans.create")
    assert found["plan/office-basic", "periods.P3Y"] == "apply"
    assert found["plan/office-basic", "periods.P6M"] == "unmanaged"


def test_origin_04_own_items_are_in_the_way_or_taken_over_and_never_counted_otherwise() -> None:
    for option, item, other in (
        ("plans.create", "periods.P2Y", "periods.P5Y"),
        ("resources.create", "resources.support", "resources.concierge"),
    ):
        assert judged(option)["plan/office-basic", item] == "blocked"
        taken = judged(option, policy={"adopt": True, "veto": {"prices": True, "categories": True}})
        assert taken["plan/office-basic", item] == "apply"
        assert judged(*(ALL - {option}), policy={"adopt": True})["plan/office-basic", item] == "withheld"
        assert ("plan/office-basic", other) not in judged(*ALL)


def test_cb_05_withheld_creations_carry_their_dependents() -> None:
    found = judged(*(ALL - {"plans.create"}))
    assert found["plan/office-plus", ""] == "withheld"
    absent = {"plan_category/suites", "product/office-suite", "product_group/bundle-shelf", "service_term/triennial"}
    assert absent.isdisjoint(address for address, _ in found)
    assert ("product/office", "relations.upgrade[+]") not in found  # IW-11: office-suite is not there


def test_cb_08_what_left_the_list_is_judged_on_its_status_only() -> None:
    found = judged(*ALL)
    assert {path for address, path in found if address == "plan/fax-legacy"} == {"status"}
    assert {path for address, path in found if address == "plan/fax-ancient"} == {"status"}
    assert "plan/fax-forgotten" not in {address for address, _ in found}


def test_cb_09_cb_11_published_follows_the_transition_and_never_alone() -> None:
    found = judged("plans.enable_disable")
    assert found["plan/backup-basic", "status"] == found["plan/backup-basic", "published"] == "apply"
    assert ("plan/crm-basic", "published") not in found


def test_cb_35_an_inactive_plan_on_the_list_is_disabled_and_compared_on_every_field() -> None:
    found = judged("plans.enable_disable", "plans.update_fees")
    assert found["plan/backup-archive", "status"] == "apply"
    assert found["plan/backup-archive", "periods.P1M.fees.recurring"] == "apply"


def test_cb_16_only_categories_of_delegated_plans_change() -> None:
    found = judged(*ALL)
    assert found["sales_category/office-apps", "name"] == "apply"
    addresses = {address for address, _ in found}
    assert addresses.isdisjoint({"sales_category/clearance", "sales_category/local-deals", "plan_category/house"})


def test_cb_17_cb_18_the_flag_is_the_resellers_unless_overridden() -> None:
    at = ("sales_category/office-apps", "display_in_control_panel")
    assert at not in judged(*ALL)
    override = {"overrides": {"sync_display_in_control_panel": True}}
    assert judged(*ALL, policy=override)[at] == "apply"
    assert judged(policy=override)[at] == "withheld"


def test_cb_20_hidden_templates_block_the_schedule_its_new_use_and_the_plan() -> None:
    found = judged(*ALL)
    assert found["notification_schedule/dunning", "notices"] == "blocked"
    assert found["plan/backup-basic", "notification_schedule"] == "blocked"
    assert found["plan/office-alerts", ""] == "blocked"
    assert "notification_schedule/escalations" not in {address for address, _ in found}
    assert judged()["plan/office-alerts", ""] == "withheld"


def test_cb_23_only_a_rate_that_is_for_sale_comes() -> None:
    found = judged("resources.create")
    assert found["plan/office-basic", "resources.sms"] == "apply"
    assert ("plan/office-basic", "resources.preview") not in found
    assert found["resource_category/storage-space", ""] == "apply"


def test_cb_24_only_rates_that_came_down_are_removed() -> None:
    found = judged("resources.remove_obsolete")
    assert found["plan/office-basic", "resources.archive"] == "apply"
    assert found["plan/office-basic", "resources.support"] == "withheld"  # ORIGIN-04
    assert ("plan/office-basic", "resources.concierge") not in found


@pytest.mark.parametrize("option", sorted(ALL))
def test_cb_25_cb_26_sale_availability_follows_any_of_four(option: str) -> None:
    four = {
        "resources.remove_obsolete",
        "resources.update_prices",
        "resources.update_limits",
        "other.sync_terms_and_conditions",
    }
    found = judged(option)
    for rate in ("voice", "fax"):
        verdict = found["plan/office-basic", f"resources.{rate}.available"]
        assert verdict == ("apply" if option in four else "withheld")


def test_cb_34_a_veto_on_prices_holds_existing_amounts_only() -> None:
    found = judged(*ALL, policy={"veto": {"prices": True}})
    assert found["plan/office-basic", "periods.P1M.fees.recurring"] == "withheld"
    assert found["plan/office-basic", "periods.P1Y.fees.setup"] == "withheld"  # it disappears
    assert found["plan/office-basic", "periods.P1Y.fees.renewal"] == "apply"  # it is new
    assert found["plan/office-basic", "resources.seat.prices.recurring"] == "withheld"
    assert found["plan/office-basic", "resources.seat.prices.overuse"] == "apply"
    assert found["plan/office-basic", "expiration_schedule"] == "apply"
    assert found["plan/office-plus", ""] == "apply"


def test_cb_34_a_veto_on_categories_holds_what_the_option_changes_and_no_creation() -> None:
    found = judged(*ALL, policy={"veto": {"categories": True}})
    held = {at for at, verdict in found.items() if verdict == "withheld"}
    assert held == {
        ("plan/office-basic", "plan_category"),
        ("plan/office-basic", "sales_categories"),
        ("plan/office-basic", "resources.seat.category"),
        ("plan/office-basic", "resources.voice.category"),
        ("plan_category/productivity", "name"),
        ("sales_category/office-apps", "name"),
        ("sales_category/office-apps", "description"),
        ("sales_category/office-apps", "position"),
        ("resource_category/licences", "name"),
    }
    assert found["sales_category/launch", ""] == "apply"  # CB-06
    assert ("plan_category/collaboration", "") not in found


def test_ap_04_a_draft_is_blocked_when_named_and_not_chosen_by_a_label() -> None:
    found = judged(*ALL)
    assert found["plan/mail-draft", ""] == "blocked"
    assert ("plan/helpdesk-next", "") not in found


def test_ap_17_to_19_one_conflicting_term_holds_every_new_plan_and_no_other() -> None:
    found = conflict(*ALL)
    assert {found[f"plan/{key}", ""] for key in ("web-yearly", "web-weekly", "web-monthly")} == {"blocked"}
    assert ("product/web", "") not in found
    assert ("plan_category/hosting", "") not in found
    assert found["plan/mail-monthly", "periods.P1Y"] == "apply"
    assert found["plan/mail-monthly", "periods.P1M.fees.recurring"] == "apply"
    assert found["plan/mail-yearly", "status"] == "apply"
    assert conflict()["plan/web-yearly", ""] == "withheld"


def test_a_tenant_document_comes_with_the_first_thing_that_does() -> None:
    assert ("tenant/contoso", "") not in conflict()
    assert conflict()["tenant/contoso", "order_flow"] == "withheld"
    found = conflict("other.update_order_flow")
    assert found["order_flow/express", ""] == found["tenant/contoso", "order_flow"] == "apply"
    assert found["tenant/contoso", ""] == "apply"


def test_origin_an_own_plan_or_product_is_in_the_way_unless_adopted() -> None:
    found = judged(*ALL)
    assert found["plan/mail-basic", ""] == found["plan/phone-basic", ""] == "blocked"
    adopted = judged("plans.create", policy={"adopt": True})
    for at in ("plan/mail-basic", "plan/phone-basic", "product/phone", "product/mail"):
        assert adopted[at, ""] == "apply"
    assert judged(policy={"adopt": True})["plan/mail-basic", ""] == "withheld"


def test_iw_10_iw_11_a_relation_comes_when_both_products_are_there() -> None:
    found = judged("price_list.relations", "plans.create")
    assert found["product/office", "relations.upgrade[+]"] == "apply"
    assert found["product/office", "relations.cross[-]"] == "unmanaged"
    assert ("product/crm", "relations.cross[+]") not in found
    assert judged("plans.create")["product/office", "relations.upgrade[+]"] == "withheld"


def test_iw_12_iw_16_groups_come_and_go_under_one_option() -> None:
    for options, verdict in ((("price_list.product_groups",), "apply"), ((), "withheld")):
        found = judged(*options)
        assert found["product_group/work-apps", ""] == found["product/office", "group"] == verdict
        assert found["product_group/spring-promo", ""] == found["product/backup", "group"] == verdict


def test_iw_17_to_22_five_options_of_a_product_type_and_nothing_else() -> None:
    found = judged(*ALL)
    of_type = {path: verdict for (at, path), verdict in found.items() if at == "product_type/seat-licence"}
    assert sorted(path for path, verdict in of_type.items() if verdict == "unmanaged") == ["description", "name"]
    assert [verdict for path, verdict in of_type.items() if path.startswith("options.")] == ["apply"] * 5


@pytest.mark.parametrize(
    ("option", "kind", "changed", "gone", "new"),
    [
        ("other.update_order_flow", "order_flow", "standard", "legacy-flow", None),
        ("other.update_roles", "role", "billing-admin", "legacy-operator", "support-agent"),
        ("other.sync_terms_and_conditions", "terms_and_conditions", "general", "legacy-terms", "data-protection"),
    ],
)
def test_cb_29_to_31_what_a_template_gives(option: str, kind: str, changed: str, gone: str, new: str | None) -> None:
    found, link = judged(option), "roles" if kind == "role" else kind
    assert found[f"{kind}/{changed}", "name"] == found[f"{kind}/{gone}", ""] == "apply"
    assert found["tenant/contoso", link] == "apply"
    assert new is None or found[f"{kind}/{new}", ""] == "apply"


def test_the_resellers_own_is_never_named() -> None:
    own = {"order_flow/house-flow", "role/auditor", "role/shop-manager", "terms_and_conditions/shop-terms"}
    own |= {f"{kind}/house-{name}" for kind, name in (("plan", "plan"), ("product", "product"))}
    own |= {"service_term/monthly", "plan_category/infrastructure", "sales_category/local-picks"}
    assert own.isdisjoint(address for address, _ in judged(*ALL))


def subsets(rng: random.Random, count: int) -> Iterable[frozenset[str]]:
    for _ in range(count):
        yield frozenset(option for option in ALL if rng.random() < 0.5)


def test_law_turning_an_option_off_never_adds_a_change() -> None:
    for enabled in itertools.chain([ALL], subsets(random.Random(7), 60)):
        with_all = applied(judged(*enabled))
        for option in enabled:
            assert applied(judged(*(enabled - {option}))) <= with_all, option


def test_the_order_of_documents_does_not_matter() -> None:
    rng = random.Random(11)
    for enabled in subsets(rng, 20):
        catalog, state = rng.sample(CATALOG, len(CATALOG)), rng.sample(STATE, len(STATE))
        assert verdicts(catalog, state, reseller="contoso", enabled=enabled) == judged(*enabled)


def priced(*options: str, policy: Doc | None = None) -> Verdicts:
    """With the price list of `prices.yaml` assigned, and what contoso has of its products."""
    fixture = Fixture("catalog.yaml", "state.yaml", {"price_list": "emea", **(policy or {})})
    enabled = frozenset(f"price_list.{option}" for option in options)
    return verdicts(fixture.documents, fixture.state_documents, reseller="contoso", enabled=enabled)


def test_iw_04_new_products_come_by_the_list_and_an_own_one_is_in_the_way() -> None:
    found = priced("products")
    assert {key for key, path in applied(found) if key.startswith("product/") and not path} == {
        "product/mail",
        "product/tent",
        "product/office-suite",
    }
    assert found["product/phone", ""] == "blocked"
    assert found["product_type/outdoor", ""] == found["product_category/outdoors", ""] == "apply"


def test_iw_05_to_08_prices_and_cycles_each_by_its_own_option() -> None:
    assert {path for key, path in applied(priced("purchase_prices")) if key == "product/office"} == {
        "billing_cycles.P1M.purchase_price",
        "billing_cycles.P1Y.purchase_price",
    }
    assert applied(priced("remove_billing_cycles")) >= {
        ("product/office", "billing_cycles.P6M"),
        ("product/cabin", "billing_cycles.P1M"),
        ("product/cabin", "billing_cycles.P1W"),
    }
    assert ("product/office", "billing_cycles.P3Y") in applied(priced("add_billing_cycles"))


def test_iw_07_a_unit_comes_with_a_new_cycle_and_not_for_a_product_that_does_not_come() -> None:
    assert ("tenant/contoso", "billing_cycles.P3Y") in applied(priced("add_billing_cycles"))
    assert ("tenant/contoso", "billing_cycles.P2Y") not in priced("add_billing_cycles")
    assert ("tenant/contoso", "billing_cycles.P2Y") in applied(priced("add_billing_cycles", "products"))


def test_iw_23_what_left_the_list_is_retired_unless_a_plan_needs_it() -> None:
    found = applied(priced("activation", "product_groups"))
    assert {("product/attic", "active"), ("product/attic", "group"), ("product_group/clear-out", "")} <= found
    assert ("product/helpdesk", "active") not in priced()
    assert ("product/cellar", "active") not in priced()
