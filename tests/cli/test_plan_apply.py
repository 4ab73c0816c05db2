"""`plan`, `apply` and `show`: what they print where, what they write, and how they exit."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.core.schemadocs.schemas import SCHEMAS
from tests.cli.runner import Shop

IN_SYNC = "No changes. Your tenants match the catalog."
FIRST = "Plan: 16 to add, 0 to change, 0 to destroy."
REPRICED = "Plan: 0 to add, 1 to change, 0 to destroy."
NOTHING = "No changes to apply."
VETOED = "Withheld: 1 (veto on prices 1)"
BLOCK = "kind: ServiceTerm\nkey: {}\nname: Mine\n"


def blocked(shop: Shop) -> Shop:
    """Both tenants get a service term of their own in the way of a new plan: nothing else is to do."""
    text = shop.catalog.read_text("utf-8")
    term = "---\nkind: ServiceTerm\nkey: yearly\nname: Yearly\nduration: P1Y\n"
    plan = text[text.rindex("---\nkind: Plan") :].replace("mail-basic", "mail-pro").replace("monthly", "yearly")
    shop.catalog.write_text(text + term + plan, "utf-8")
    shop.edit("acme/provider.yaml", "[mail-basic]", "[mail-basic, mail-pro]")
    shop.commit()
    for tenant in ("one", "two"):
        assert shop.run(f"tenant import {tenant}", stdin=BLOCK.format("yearly")).status == 0
    return shop


def test_plan_shows_and_writes_nothing(fresh: Shop) -> None:
    before = sorted(fresh.root.rglob("*"))
    planned = fresh.run("plan")
    assert (planned.status, planned.closing, planned.err) == (0, FIRST, "")
    assert planned.out.startswith("1 plan and 1 product are added for all 2 tenants\n")
    listed = fresh.run("plan --verbose").out
    assert listed.startswith("reconcile will perform the following actions:\n")
    assert sorted(fresh.root.rglob("*")) == before


def test_apply_does_what_was_planned_and_a_second_one_nothing(fresh: Shop) -> None:
    applied = fresh.run("apply --auto-approve")
    assert (applied.status, applied.err) == (0, "")
    assert applied.out.endswith(f"{FIRST}\n\nApply complete: 16 added, 0 changed, 0 destroyed.\n")
    state = fresh.state
    again = fresh.run("apply --auto-approve")
    assert (again.status, again.out, again.err) == (0, f"{IN_SYNC}\n", "")
    assert fresh.state == state


def test_withheld_is_no_failure_unless_it_is_asked_to_be(shop: Shop) -> None:
    shop.reprice()
    shop.commit()
    planned = shop.run("plan")
    assert planned.status == 0
    assert planned.out.endswith(f"{REPRICED}\n{VETOED}\n")
    assert shop.run("plan --fail-on-withheld").status == 3
    assert shop.run("plan --fail-on-withheld --tenant one").status == 0
    assert shop.run("apply --auto-approve --fail-on-withheld").status == 3
    left = shop.run("plan --tenant two")
    assert (left.status, left.out.splitlines()[-2:]) == (0, [NOTHING, VETOED])


def test_detailed_exitcode_tells_changes_from_none(shop: Shop) -> None:
    assert shop.run("plan --detailed-exitcode").status == 0
    shop.reprice()
    shop.commit()
    assert shop.run("plan --detailed-exitcode").status == 2
    assert shop.run("plan --detailed-exitcode --tenant two").status == 0
    assert shop.run("plan --detailed-exitcode --fail-on-withheld").status == 3
    assert shop.run("apply --auto-approve --detailed-exitcode").status == 0


def test_blocked_with_nothing_else_to_do_is_3(shop: Shop) -> None:
    blocked(shop)
    planned = shop.run("plan")
    assert (planned.status, planned.closing) == (3, "Blocked: 2")
    assert "permitted at acme/provider.yaml:12" in shop.run("plan --verbose").out
    assert shop.run("plan --out p.plan").status == 3
    applied = shop.run("apply p.plan")
    assert (applied.status, applied.closing) == (3, "Blocked: 2")
    assert shop.run("apply --auto-approve").status == 3


def test_blocked_beside_changes_is_0(shop: Shop) -> None:
    blocked(shop).reprice()
    shop.commit()
    applied = shop.run("apply --auto-approve")
    assert (applied.status, applied.closing) == (0, "Apply complete: 0 added, 1 changed, 0 destroyed.")


@pytest.mark.parametrize("answer", ["", "no\n", "y\n", "yes please\n"])
def test_only_yes_approves(fresh: Shop, answer: str) -> None:
    asked = fresh.run("apply", stdin=answer)
    assert (asked.status, asked.closing) == (1, FIRST)
    assert "Apply these changes to 2 tenants? Only `yes` is accepted: " in asked.err
    assert "Nothing was applied." in asked.err
    assert ("--auto-approve" in asked.err) == (not answer)
    assert fresh.state is None


def test_yes_approves(fresh: Shop) -> None:
    assert fresh.run("apply", stdin="yes\n").closing == "Apply complete: 16 added, 0 changed, 0 destroyed."


def test_nobody_is_asked_where_there_is_nothing_to_do(shop: Shop) -> None:
    done = shop.run("apply")
    assert (done.status, done.out, done.err) == (0, f"{IN_SYNC}\n", "")


def test_a_saved_plan_is_applied_once(fresh: Shop) -> None:
    saved = fresh.run("plan --out p.plan")
    assert (saved.status, saved.err) == (0, "Saved the plan to p.plan.\n")
    applied = fresh.run("apply p.plan")
    assert (applied.status, applied.out) == (0, "Apply complete: 16 added, 0 changed, 0 destroyed.\n")
    state = fresh.state
    again = fresh.run("apply p.plan")
    assert (again.status, again.err) == (0, "")
    assert again.closing == "Apply complete: 0 added, 0 changed, 0 destroyed (2 tenants already had this plan)."
    assert fresh.state == state


def test_a_saved_plan_that_was_tampered_with_is_refused(fresh: Shop) -> None:
    fresh.run("plan --out p.plan")
    file = fresh.root / "p.plan"
    file.write_bytes(file.read_bytes().replace(b'"2.00"', b'"9.00"'))
    for command in ("apply p.plan", "show p.plan"):
        done = fresh.run(command)
        assert (done.status, done.out) == (1, "")
        assert "the saved plan was altered after it was made" in done.err
    assert fresh.state is None


@pytest.mark.parametrize("content", ["", "{}", "[1", "kind: Plan\n", '{"format_version": "9.9"}'])
def test_what_is_no_saved_plan_is_refused(fresh: Shop, content: str) -> None:
    (fresh.root / "p.plan").write_text(content)
    done = fresh.run("apply p.plan")
    assert (done.status, done.out, fresh.state) == (1, "", None)
    assert done.err.startswith("Error: p.plan: ")


def test_a_tenant_that_moved_is_refused_and_the_others_are_applied(shop: Shop) -> None:
    shop.edit("acme/resellers/two.yaml", "veto: {prices: true}", "veto: {prices: false}")
    shop.reprice()
    shop.commit()
    assert shop.run("plan --out p.plan").closing == "Plan: 0 to add, 2 to change, 0 to destroy."
    assert shop.run("tenant import one", stdin="kind: Customer\nkey: bob\nname: Bob\n").status == 0
    done = shop.run("apply p.plan")
    moved = "its state has changed since the plan was made: one/customer/bob (by tenant, 2026-12-01T08:00:00Z)"
    assert (done.status, done.err) == (1, f"one: refused: {moved}\n")
    assert done.closing == (
        "Apply incomplete: 0 added, 1 changed, 0 destroyed; not applied: one. Plan again to see the rest."
    )
    assert shop.run("plan").closing == REPRICED


def test_a_workspace_that_moved_is_noted(shop: Shop) -> None:
    shop.reprice()
    shop.commit()
    shop.run("plan --out p.plan")
    shop.edit("acme/catalog.yaml", "recurring: 2.20", "recurring: 3.30")
    done = shop.run("apply p.plan")
    assert done.status == 0
    assert done.err == "Note: the workspace changed since this plan was made; the plan is applied as saved.\n"
    assert "recurring: 2.20" in shop.run("tenant export one").out


def test_what_belongs_to_planning_is_not_mixed_with_a_saved_plan(fresh: Shop) -> None:
    fresh.run("plan --out p.plan")
    for option in ("--tenant one", "--ref HEAD", "--out q.plan"):
        done = fresh.run(f"apply p.plan {option}")
        assert (done.status, fresh.state) == (1, None)
        assert "cannot be given with a saved plan" in done.err


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_show_renders_a_saved_plan_as_plan_did(fresh: Shop, form: str) -> None:
    planned = fresh.run(f"plan --out p.plan --format {form} --verbose")
    shown = fresh.run(f"show p.plan --format {form} --verbose")
    assert (shown.status, shown.out) == (0, planned.out)


def result(tenant: str, ended: str, changed: int = 0) -> dict[str, Any]:
    counts = {"added": 0, "changed": changed, "destroyed": 0}
    return {"tenant": tenant, "result": ended, "problem": None, "code": None, **counts}


def test_what_is_to_be_approved_is_shown_beside_json(fresh: Shop) -> None:
    declined = fresh.run("apply --format json", stdin="no\n")
    assert (declined.status, json.loads(declined.out)["results"]) == (1, [])
    assert FIRST in declined.err
    agreed = fresh.run("apply --format json", stdin="yes\n")
    results = json.loads(agreed.out)["results"]
    assert (agreed.status, [each["added"] for each in results]) == (0, [8, 8])


def test_json_is_nothing_but_json(shop: Shop) -> None:
    shop.reprice()
    head = shop.commit()
    planned = shop.run("plan --format json")
    plan = json.loads(planned.out)
    shop.run("plan --out p.plan")
    applied = shop.run("apply p.plan --format json")
    done = json.loads(applied.out)
    assert (done["plan"], done["run"]) == (plan["digest"], None)
    Draft202012Validator(SCHEMAS["apply.json"]()).validate(done)
    assert done["results"] == [result("one", "applied", changed=1), result("two", "unchanged")]
    again = json.loads(shop.run("apply p.plan --format json").out)
    assert again["results"] == [result("one", "already_applied"), result("two", "unchanged")]
    assert shop.run("tenant import one", stdin="kind: Customer\nkey: bob\nname: Bob\n").status == 0
    moved = shop.run("apply p.plan --format json")
    refused = json.loads(moved.out)
    Draft202012Validator(SCHEMAS["apply.json"]()).validate(refused)
    at = "2026-12-01T08:00:00Z"
    problem = (
        f"this plan was already applied to it at {at}, and its state has changed since: "
        f"one/customer/bob (by tenant, {at})"
    )
    first = {**result("one", "refused"), "problem": problem, "code": "already_applied_but_moved"}
    assert (moved.status, refused["results"][0]) == (1, first)
    assert applied.err == "Apply complete: 0 added, 1 changed, 0 destroyed.\n"
    assert (plan["timestamp"], plan["summary"]["update"]) == ("2026-12-01T08:00:00Z", 1)
    (field,) = plan["resource_changes"][0]["fields"]
    assert (field["before"], field["after"], field["declared_at"]["commit"]) == ("2.00", "2.20", head)


def test_out_replaces_whole_or_not_at_all(fresh: Shop, tmp_path: Path) -> None:
    missing = fresh.run("plan --out nowhere/p.plan")
    assert missing.status == 1
    assert missing.err == "Error: the plan was not saved: nowhere/p.plan: No such file or directory\n"
    assert fresh.run("plan --out /dev/null").status == 0
    assert Path("/dev/null").is_char_device()
    link = tmp_path / "link.plan"
    link.symlink_to(tmp_path / "real.plan")
    assert fresh.run(f"plan --out {link}").status == 0
    assert link.is_symlink()
    assert fresh.run(f"apply {tmp_path / 'real.plan'}").status == 0


def test_what_was_applied_can_be_kept(shop: Shop) -> None:
    shop.reprice()
    shop.commit()
    applied = shop.run("apply --auto-approve --verbose --out kept.plan")
    assert (applied.status, applied.err) == (0, "Saved the plan to kept.plan.\n")
    assert shop.run("show kept.plan --verbose").out in applied.out
    assert "(1 tenant already had this plan)" in shop.run("apply kept.plan --verbose").closing


def test_a_plan_saved_as_a_document_is_remarked_on(fresh: Shop) -> None:
    assert "Note: p.yaml is in the workspace" in fresh.run("plan --out p.yaml").err


def test_the_desired_state_can_come_from_a_commit(shop: Shop) -> None:
    shop.reprice()
    head = shop.commit("dearer")
    assert shop.run("apply --auto-approve --ref HEAD").closing == "Apply complete: 0 added, 1 changed, 0 destroyed."
    assert shop.run(f"plan --ref {head}").closing == VETOED
    back = shop.run("plan --ref HEAD~1 --format json")
    data = json.loads(back.out)
    assert (data["resource_changes"][0]["fields"][0]["after"], data["source"]["dirty"]) == ("2.00", False)
    unknown = shop.run("plan --ref nowhere")
    assert (unknown.status, unknown.out) == (1, "")
    assert "no commit 'nowhere'" in unknown.err


def test_only_documents_make_a_workspace_dirty(shop: Shop) -> None:
    def dirty() -> bool:
        return bool(json.loads(shop.run("plan --format json").out)["source"]["dirty"])

    assert not dirty()
    (shop.root / "p.plan").write_text("saved here\n")
    assert not dirty()
    (shop.root / "acme" / "more.yaml").write_text("kind: Role\nkey: clerk\nname: Clerk\nprivileges: []\n")
    assert dirty()


def test_tenants_are_chosen_by_name_and_by_pattern(fresh: Shop) -> None:
    assert fresh.run("plan --tenant one").closing == "Plan: 8 to add, 0 to change, 0 to destroy."
    assert fresh.run("plan --tenant one --tenant 'tw*'").closing == FIRST
    done = fresh.run("apply --auto-approve --tenant two")
    assert done.closing == "Apply complete: 8 added, 0 changed, 0 destroyed."
    assert fresh.run("tenant export one").out == ""
    unknown = fresh.run("plan --tenant onne")
    assert (unknown.status, unknown.err) == (1, 'Error: no tenant is called "onne": did you mean "one"?\n')


def test_an_unreachable_tenant_is_an_error_and_the_others_go_on(shop: Shop) -> None:
    with (shop.root / "acme/resellers/two.yaml").open("a", encoding="utf-8") as file:
        file.write("store: postgresql://db.example/bss\ntoken_env: RECONCILE_TWO\n")
    shop.reprice()
    shop.commit()
    planned = shop.run("plan --detailed-exitcode")
    assert (planned.status, planned.closing) == (1, "Errors: 1 (two)")
    done = shop.run("apply --auto-approve")
    assert done.status == 1
    assert done.err.startswith("two: failed: the environment variable RECONCILE_TWO (token_env) is not set")
    assert done.closing == (
        "Apply incomplete: 0 added, 1 changed, 0 destroyed; not applied: two. Plan again to see the rest."
    )


def test_the_clock_decides_which_amount_holds(shop: Shop) -> None:
    dated = "P1M: {fees: {recurring: [{from: 2026-01-01, amount: 2.00}, {from: 2027-01-01, amount: 2.50}]}}"
    shop.edit("acme/catalog.yaml", "P1M: {fees: {recurring: 2.00}}", dated)
    assert shop.run("plan --now 2026-12-31").closing == IN_SYNC
    assert shop.run("plan --now 2027-01-01").out.splitlines()[-2] == REPRICED


def test_verbose_lists_what_is_only_counted_otherwise(shop: Shop) -> None:
    shop.edit("acme/catalog.yaml", "name: Mail Basic", "name: Mail Plus")
    assert shop.run("plan").closing == "Unmanaged: 2 (listed with --verbose)"
    verbose = shop.run("plan --verbose").out
    assert '~ name: "Mail Basic" -> "Mail Plus"' in verbose
    assert verbose.endswith("Unmanaged: 2\n")


def test_many_creations_are_counted_instead_of_listed(fresh: Shop) -> None:
    text = fresh.catalog.read_text("utf-8")
    plan = text[text.rindex("---\nkind: Plan") :]
    keys = [f"mail-{number:02}" for number in range(25)]
    fresh.catalog.write_text(text + "".join(plan.replace("mail-basic", key) for key in keys), "utf-8")
    fresh.edit("acme/provider.yaml", "[mail-basic]", f"[{', '.join(keys)}]")
    short, full = fresh.run("plan").out, fresh.run("plan --verbose").out
    assert short.startswith("25 plans and 1 product are added for all 2 tenants\n")
    assert re.search(
        r"  \+ 25 plans: Mail Basic and 24 more +monthly 2\.00, yearly 20\.00, 2 resource prices +2\n", short
    )
    assert full.count(" will be created\n") == 25
    assert short.splitlines()[-1] == full.splitlines()[-1] == "Plan: 64 to add, 0 to change, 0 to destroy."
    fresh.edit("acme/provider.yaml", "  plans: true", "  plans: false")
    held = fresh.run("plan").out
    assert re.search(r"  \+ 25 plans not added: Mail Basic and 24 more +monthly 2\.00, .+ +0 of 2\n", held)
    assert fresh.run("plan --verbose").out.count('  + plan "mail-') == 25
