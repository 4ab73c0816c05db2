"""`tenant release`, and origins that a tenant removed (ORIGIN-02, ORIGIN-03), as users see them."""

from __future__ import annotations

import json
import re

from tests.cli.runner import Shop

WIPED = "kind: Plan\nkey: mail-basic\norigin: null\nname: Ours\n"
CLEAN = "No changes. Your tenants match the catalog.\n"


def test_a_removed_origin_is_planned_explained_shown_and_given_back(shop: Shop) -> None:
    exported = shop.run("tenant export one").out
    assert shop.run("tenant import one", stdin=WIPED).status == 0
    planned = shop.run("plan --verbose")
    assert '+ origin: (none) -> "acme"' in planned.out
    assert "ORIGIN-02" in shop.run("explain one plan/mail-basic").out
    assert "plan/mail-basic  acme  its origin was changed" in shop.run("tenant show one").out
    (change,) = json.loads(shop.run("plan --format json").out)["resource_changes"]
    (field,) = [each for each in change["fields"] if each["path"] == "origin"]
    assert (field["rule"], field["allowed_by"], field["before"], field["after"]) == ("ORIGIN-02", [], None, "acme")
    assert shop.run("apply --auto-approve").status == 0
    name = re.compile(r"^name: .*$", re.MULTILINE)
    assert name.sub("", shop.run("tenant export one").out) == name.sub("", exported)


def test_it_is_drift_by_cause(shop: Shop) -> None:
    shop.run("tenant import one", stdin=WIPED)
    planned = json.loads(shop.run("plan --base HEAD --format json").out)
    causes = {each["path"]: each["cause"] for change in planned["resource_changes"] for each in change["fields"]}
    assert causes["origin"] == "drift"


def test_a_release_is_known_to_plan_explain_show_and_history(shop: Shop) -> None:
    released = shop.run("tenant release one plan/mail-basic")
    assert (released.status, released.err) == (0, "")
    assert released.out.startswith("one/plan/mail-basic: released")
    assert shop.run("plan").out == CLEAN
    assert "ORIGIN-03" in shop.run("explain one plan/mail-basic").out
    assert "plan/mail-basic  acme  released" in shop.run("tenant show one").out
    told = shop.run("history one").out
    assert "by ann" in told
    assert "released: plan/mail-basic" in told
    assert '"tenant release"' in shop.run("history one --format json").out
    assert "origin" not in shop.run("tenant export one").out.split("---")[0]


def test_released_twice_nothing_is_written(shop: Shop) -> None:
    shop.run("tenant release one one/plan/mail-basic")
    state = shop.state
    again = shop.run("tenant release one plan/mail-basic --format json")
    assert (again.status, again.err) == (0, "")
    result = json.loads(again.out)["result"]
    assert result == {"tenant": "one", "address": "one/plan/mail-basic", "result": "already_released"}
    assert shop.state == state


def test_a_release_that_is_undone_is_drift_again(shop: Shop) -> None:
    exported = shop.run("tenant export one").out
    shop.run("tenant release one plan/mail-basic")
    undone = shop.run("tenant release one plan/mail-basic --undo -o text")
    assert (undone.status, undone.err) == (0, "")
    assert '+ origin: (none) -> "acme"' in shop.run("plan --verbose").out
    planned = json.loads(shop.run("plan --base HEAD --format json").out)
    (change,) = planned["resource_changes"]
    assert {each["cause"] for each in change["fields"]} == {"drift"}
    shop.run("apply --auto-approve")
    assert shop.run("tenant export one").out == exported
    assert shop.run("tenant release one plan/mail-basic --undo").status == 1


def test_a_plan_from_before_a_release_or_its_undoing_is_refused(shop: Shop) -> None:
    shop.run("tenant import one", stdin=WIPED)
    shop.run("plan --out ../one.plan")
    shop.run("tenant release one plan/mail-basic")
    refused = shop.run("apply ../one.plan --auto-approve")
    assert refused.status == 1
    assert "one/plan/mail-basic (by ann" in refused.err
    shop.run("plan --out ../two.plan")
    shop.run("tenant release one plan/mail-basic --undo -o text")
    assert '+ origin: (none) -> "acme"' in shop.run("plan --verbose").out  # and no plan that was kept


def test_what_did_not_come_down_cannot_be_released(shop: Shop) -> None:
    shop.run("tenant import one", stdin="kind: Plan\nkey: mine\nname: Mine\nproduct: mail\n")
    own = shop.run("tenant release one plan/mine")
    assert (own.status, own.out) == (1, "")
    assert "one/plan/mine is not synced from upstream: it is already the tenant's own" in own.err
    unknown = shop.run("tenant release one plan/mail-basik")
    assert unknown.status == 1
    assert 'did you mean "plan/mail-basic"?' in unknown.err
    assert shop.run("tenant release one plan/mail-basic#name").status == 1
    assert shop.run("tenant release one tenant/one").status == 1
    assert shop.run("tenant release nobody plan/mail-basic").status == 1


def test_a_whole_state_without_origins_says_what_it_releases(shop: Shop) -> None:
    own = re.sub(r"^ *origin: .*\n", "", shop.run("tenant export one").out, flags=re.MULTILINE)
    imported = shop.run("tenant import one --replace", stdin=own)
    assert imported.status == 0
    assert "Released, because they are synced from upstream" in imported.err
    assert "plan/mail-basic" in imported.err
    assert shop.run("plan --tenant one").out == CLEAN
    assert "tenant import --replace" in shop.run("history one").out
