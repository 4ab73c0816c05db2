"""Mirrors in the commands that look and apply: plan, apply, explain, status, history, tenant, watch."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.core.savedplan.plan_schema import plan_schema
from tests.cli.mirrors import MIRROR, exported, with_mirrors
from tests.cli.runner import Shop

SETTLED = "No changes. Your tenants match the catalog."


@pytest.fixture
def due(shop: Shop) -> Shop:
    """A shop with one mirror still to be made."""
    return with_mirrors(shop)


@pytest.fixture
def mirrored(due: Shop) -> Shop:
    """A shop whose mirrors match their sources."""
    assert due.run("apply --auto-approve").status == 0
    return due


def data(shop: Shop, options: str) -> dict[str, Any]:
    """A plan as JSON, held against the schema that is published."""
    found: dict[str, Any] = json.loads(shop.run(f"plan --format json {options}").out)
    assert list(Draft202012Validator(plan_schema()).iter_errors(found)) == []
    return found


def test_a_mirror_is_planned_as_anything_else_and_made_once(due: Shop) -> None:
    planned = due.run("plan")
    assert (planned.status, planned.closing) == (0, "Plan: 2 to add, 0 to change, 0 to destroy.")
    assert "+ subscription Blumen Huber - Acme Mail (one.sub-1)" in planned.out
    listed = due.run("plan --verbose").out
    assert '  # acme: customer "one.huber" will be created (needed by subscription "one.sub-1")\n' in listed
    assert '  + name: "Blumen Huber - Acme Mail"\n' in listed
    assert "  + prices.P1M: 2.50\n" in listed
    assert not any(word in listed for word in ("last_applied", "locked", "history"))
    assert due.run("apply --auto-approve").status == 0
    assert due.run("plan --detailed-exitcode").closing == SETTLED


def test_a_provider_has_no_upstream_in_json(due: Shop) -> None:
    plan = data(due, "--tenant acme")
    assert [(each["tenant"], each["upstream"]) for each in plan["tenants"]] == [("acme", None)]
    assert {each["upstream"] for each in plan["read"]} == {"acme"}
    (mirror,) = [each for each in plan["resource_changes"] if each["type"] == "subscription"]
    assert (mirror["address"], mirror["change"]["after"]["source"]) == (MIRROR, "sub-1")


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_a_saved_plan_of_mirrors_is_shown_and_applied(due: Shop, tmp_path: Path, form: str) -> None:
    saved = tmp_path / "mirrors.plan"
    assert due.run(f"plan --tenant acme --out {saved}").status == 0
    assert "one.sub-1" in due.run(f"show {saved} --format {form}").out
    assert due.run(f"apply {saved}").status == 0
    assert due.run("plan").closing == SETTLED


def test_only_what_is_named_is_written(due: Shop) -> None:
    """The reseller alone: its own plan, and no mirror. The provider: mirrors, and nobody's catalog."""
    due.edit("acme/catalog.yaml", "name: Office", "name: Office and mail")
    assert MIRROR.partition("/")[2] not in due.run("plan --tenant one").out
    assert "Office" not in due.run("plan --tenant acme").out
    due.commit()
    assert due.run("apply --auto-approve --tenant acme").out.endswith("2 added, 0 changed, 0 destroyed.\n")


def test_the_guard_of_the_resellers_policy_holds_for_its_mirrors(mirrored: Shop) -> None:
    mirrored.edit("acme/catalog.yaml", "{P1M: 2.50}", "{P1M: 7.50}")
    mirrored.commit()
    blocked = mirrored.run("plan --tenant acme")
    assert blocked.status == 3
    assert "--allow max_price_change:one" in blocked.out
    listed = mirrored.run("plan --tenant acme --verbose").out
    assert "blocks the mirrors of one: 1 price would change by more than 50%" in listed
    assert "--allow max_price_change:one lets it through for one plan" in listed
    allowed = mirrored.run("plan --tenant acme --allow max_price_change:one --verbose")
    assert (allowed.status, "  ~ prices.P1M: 2.50 -> 7.50" in allowed.out) == (0, True)
    assert allowed.closing == "Allowed: max_price_change:one"
    assert data(mirrored, "--allow max_price_change:one")["tenants"][0]["allowed"] == ["max_price_change:one"]
    assert mirrored.run("apply --auto-approve --allow max_price_change:one").status == 0
    assert json.loads(mirrored.run("history acme --format json").out)["entries"][-1]["allowed"] == [
        "max_price_change:one"
    ]


def test_an_upgrade_moves_no_price(mirrored: Shop) -> None:
    """The dearer product has a price of its own: no guard takes it for a slipped decimal point."""
    mirrored.run("tenant import one", stdin="kind: Subscription\nkey: sub-1\nproduct: mail-pro\n")
    planned = mirrored.run("plan --verbose")
    assert (planned.status, "  ~ prices.P1M: 2.50 -> 4.00" in planned.out) == (0, True)


def test_an_inverse_leaves_mirrors_to_their_sources(mirrored: Shop, tmp_path: Path) -> None:
    there = tmp_path / "there.plan"
    second = "kind: Subscription\nkey: sub-2\ncustomer: huber\nproduct: mail\npaid: true\n"
    mirrored.run("tenant import one", stdin=f"kind: Subscription\nkey: sub-1\nquantity: 9\n---\n{second}")
    mirrored.edit("acme/catalog.yaml", "name: Office", "name: Office and mail")
    assert mirrored.run(f"plan --out {there}").status == 0
    assert mirrored.run(f"apply {there}").status == 0
    back = mirrored.run(f"plan --inverse {there} --verbose")
    assert (back.status, back.out.splitlines()[-2:]) == (
        0,
        ["Plan: 0 to add, 1 to change, 0 to destroy.", "Blocked: 2"],
    )
    assert "acme: blocked (SUB-40)\n  ~ subscription" in back.out
    assert "acme: blocked (SUB-41)\n  - subscription" in back.out
    assert f"{MIRROR} is a mirror: it follows one/subscription/sub-1" in back.out


def test_causes_of_mirrors_are_told_from_a_commit(mirrored: Shop) -> None:
    """A price of the pull request; a change at the reseller, that no commit made."""
    mirrored.run("tenant import one", stdin="kind: Subscription\nkey: sub-1\nquantity: 9\n")
    mirrored.edit("acme/catalog.yaml", "{P1M: 2.50}", "{P1M: 2.60}")
    (change,) = data(mirrored, "--base HEAD")["resource_changes"]
    causes = {field["path"]: field["cause"] for field in change["fields"]}
    assert (causes["prices.P1M"], causes["quantity"]) == ("pr", "backlog")


def test_drift_is_restored_and_named_so(mirrored: Shop) -> None:
    mirrored.run("tenant import acme", stdin="kind: Subscription\nkey: one.sub-1\nquantity: 99\n")
    assert "    Rule SUB-40: " in mirrored.run("explain acme subscription/one.sub-1#quantity").out
    (change,) = data(mirrored, "--base HEAD")["resource_changes"]
    assert [(field["path"], field["cause"]) for field in change["fields"]] == [("quantity", "drift")]
    assert mirrored.run("apply --auto-approve").status == 0
    assert "quantity: 25\n" in exported(mirrored, "acme", "Subscription", "one.sub-1")
    assert "change_quantity" not in exported(mirrored, "acme", "Subscription", "one.sub-1")


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("quantity", "in sync"),
        ("prices.P1M", "in sync"),
        ("custom_fields", "the distributor's own"),
        ("responsible_user", "the distributor's own"),
    ],
)
def test_explain_says_whose_a_field_of_a_mirror_is(mirrored: Shop, path: str, verdict: str) -> None:
    done = mirrored.run(f"explain acme subscription/one.sub-1#{path}")
    assert (done.status, done.err) == (0, "")
    assert "  The tenant has it; it mirrors subscription/sub-1 of one.\n" in done.out
    assert f"    {verdict[:1].upper()}{verdict[1:]}: " in done.out


def test_explain_says_of_an_edited_price_that_it_is_the_distributors(mirrored: Shop) -> None:
    mirrored.run("subscription act acme one.sub-1 edit_pricing --set prices.P1M=2.20")
    done = mirrored.run("explain acme subscription/one.sub-1#prices.P1M")
    assert "    Upstream it is 2.50" in done.out
    assert "    It is 2.20.\n    The distributor's own: " in done.out
    assert "\n    Rule SUB-13: " in done.out


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("acme subscription/one.trial", "subscription/trial of one is not mirrored to acme: it is not paid (SUB-02)"),
        ("acme subscription/one.sub-9", 'neither acme nor one has "subscription/one.sub-9"'),
        ("acme subscription/sub-1", 'acme has no "subscription/sub-1": did you mean "subscription/one.sub-1"?'),
        ("one subscription/sub-1", "What acme gets of it: reconcile explain acme subscription/one.sub-1"),
        ("one customer/hubr", 'one has no "customer/hubr": did you mean "customer/huber"?'),
        ("acme 'subscription/one.sub-1#quantty'", 'there is no field "quantty": did you mean "quantity"?'),
    ],
)
def test_explain_says_why_there_is_nothing_to_explain(mirrored: Shop, what: str, message: str) -> None:
    done = mirrored.run(f"explain {what}")
    assert (done.status, done.out) == (1, "")
    assert message in done.err


def test_what_mirroring_would_release_and_hold(due: Shop) -> None:
    held = due.run("explain one --disable subscriptions")
    assert held.out.endswith(f"  2 would be held:\n    acme/customer/one.huber\n    {MIRROR}\n")
    due.edit("acme/resellers/one.yaml", "mirror: true", "mirror: false")
    released = due.run("explain one --enable subscriptions.mirror")
    assert f"  2 would be released:\n    acme/customer/one.huber\n    {MIRROR}\n" in released.out
    assert "is a provider" in due.run("explain acme --enable subscriptions").err


def test_status_counts_mirrors_at_their_distributor(due: Shop) -> None:
    due.run("tenant import two", stdin="kind: Customer\nkey: k\n")
    lines = {line.split()[0]: line.split()[1:5] for line in due.run("status").out.splitlines()}
    assert lines["acme"] == ["changes", "2", "0", "0"]
    due.run("apply --auto-approve")
    due.run("tenant import one", stdin="kind: Subscription\nkey: sub-1\ncustomer: nobody\nquantity: 9\n")
    lines = {line.split()[0]: line.split()[1:5] for line in due.run("status").out.splitlines()}
    assert lines["acme"] == ["blocked", "0", "0", "1"]


def test_a_distributors_state_goes_out_and_in_unchanged(mirrored: Shop, tmp_path: Path) -> None:
    mirrored.run("subscription act acme one.sub-1 edit --set custom_fields.po=4711")
    mirrored.run("subscription act one sub-1 suspend")
    file = tmp_path / "acme-state"
    assert mirrored.run(f"tenant export acme {file}").status == 0
    again = mirrored.run(f"tenant import acme {file} --replace")
    assert again.err == "Imported 2 documents into acme: 0 added, 0 changed, 0 removed.\n"
    assert mirrored.run("plan").closing == SETTLED


def test_the_distributor_is_shown_with_its_mirrors(mirrored: Shop) -> None:
    shown = mirrored.run("tenant show acme").out
    assert shown.startswith("Tenant acme, after 1 write, holds: 1 Customer, 1 Subscription\n")
    assert "\nSubscriptions:\n\nMIRRORED FROM  STATUS  NUMBER\none            active  1\n" in shown
    assert "Delegated plans" not in shown
    assert "(own)          active  2\n" in mirrored.run("tenant show one").out


def test_watch_mirrors_and_says_what(due: Shop) -> None:
    done = due.run("watch --rounds 2 --interval 0.1 --tenant acme")
    assert (done.status, done.out) == (0, "2026-12-01T08:00:00Z acme: 2 changes mirrored\n")
    assert done.err.endswith("Stopped. No tenant was left partly written.\n")
    assert due.run("plan").closing == SETTLED


def test_watch_leaves_catalogs_alone(due: Shop) -> None:
    due.edit("acme/catalog.yaml", "name: Office", "name: Office and mail")
    assert due.run("watch --rounds 1").out == "2026-12-01T08:00:00Z acme: 2 changes mirrored\n"
    assert re.search(r"Office and mail +name +Office -> Office and mail ", due.run("plan").out)


def test_watch_says_once_what_is_held_back_and_why(mirrored: Shop) -> None:
    mirrored.run("tenant import one --replace", stdin="kind: Customer\nkey: huber\nname: Blumen Huber\n")
    done = mirrored.run("watch --rounds 3 --interval 0.1")
    (line,) = done.out.splitlines()
    assert line.startswith(f"2026-12-01T08:00:00Z {MIRROR}: blocked: one has no subscription")
    assert "SUB-41" in line


def test_watch_waits_for_a_workspace_that_is_not_valid(mirrored: Shop) -> None:
    mirrored.edit("acme/catalog.yaml", "kind: Plan\n", "kind: Plam\n")
    done = mirrored.run("watch --rounds 2 --interval 0.1")
    assert (done.status, len(done.out.splitlines())) == (0, 1)
    assert "the workspace is not valid: acme/catalog.yaml:" in done.out
    assert done.out.endswith("; waiting\n")


def test_watch_of_nobody_is_an_error(mirrored: Shop) -> None:
    done = mirrored.run("watch --rounds 1 --tenant acmee")
    assert (done.status, 'did you mean "acme"?' in done.err) == (1, True)
    assert mirrored.run("watch --rounds 0").status == 1
    assert mirrored.run("watch --interval 0").status == 1
