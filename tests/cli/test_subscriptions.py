"""`subscription act`: every action, through the guard."""

import json
import sqlite3
from functools import partial
from pathlib import Path
from shutil import copytree

import pytest

from reconciler.model.documents.subscriptions import ACTIONS
from tests.cli.mirrors import MIRROR, exported, with_mirrors
from tests.cli.runner import Shop
from tests.faults.breaking import LOST, MADE, Breaks, failing_connection

RESELLERS = [
    ("change_quantity --set quantity=30 --set effective=2026-12-15", "25 -> 30, effective 2026-12-15"),
    ("change_unit --set billing_cycle=P1Y --set when=next_cycle", "P1M -> P1Y, next_cycle"),
    ("upgrade --set product=mail-pro", "mail -> mail-pro"),
    ("downgrade --set product=mail-pro --set quantity=5", "5 of 25 to mail-pro, as sub-1-2"),
    ("set_renew_automatically --set value=false", "false"),
    ("edit --set characteristics.domain=huber.example", "characteristics"),
    ("add_add_on --set add_on=more --set product=archive --set billing_cycle=P1M --set quantity=5", "more"),
    ("change_add_on --set add_on=archive --set quantity=5", "archive"),
    ("cancel_add_on --set add_on=archive", "archive"),
    ("suspend", None),
    ("renew", "from 2026-12-05"),
    ("cancel", None),
    ("delete", None),
]
DENIED = [
    ("change_quantity --set quantity=30", "SUB-34"),
    ("change_unit --set billing_cycle=P1Y", "SUB-39"),
    ("upgrade --set product=mail-pro", "SUB-35"),
    ("downgrade --set product=mail-pro", "SUB-35"),
    ("set_renew_automatically --set value=false", "SUB-10"),
    ("edit --set quantity=3", "SUB-38"),
    ("add_add_on --set add_on=more --set product=archive", "SUB-34"),
    ("change_add_on --set add_on=archive --set quantity=5", "SUB-17"),
    ("cancel_add_on --set add_on=archive", "SUB-17"),
    ("suspend", "SUB-33"),
    ("activate", "SUB-33"),
    ("renew", "SUB-33"),
    ("cancel", "SUB-33"),
    ("delete", "SUB-32"),
    ("run_billing", "SUB-28"),
    ("edit_pricing --set billing_cycle=P1Y", "SUB-39"),
    ("generate_invoice", "SUB-36"),
    ("relate_activity", "SUB-37"),
    ("relate_email", "SUB-37"),
    ("retry_provisioning", "SUB-11"),
]


@pytest.fixture(scope="module")
def _mirrored(_applied: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("mirrored") / "shop"
    copytree(_applied.root, root)
    shop = with_mirrors(Shop(root))
    assert shop.run("apply --auto-approve").status == 0
    return shop


@pytest.fixture
def mirrored(_mirrored: Shop, tmp_path: Path) -> Shop:
    """A shop whose mirrors match their sources."""
    copytree(_mirrored.root, tmp_path / "shop")
    return Shop(tmp_path / "shop")


@pytest.mark.parametrize(("action", "detail"), RESELLERS)
def test_a_resellers_action_reaches_the_mirror_with_its_record(mirrored: Shop, action: str, detail: str | None) -> None:
    name = action.split(maxsplit=1)[0]
    done = mirrored.run(f"subscription act one sub-1 {action} --as reseller")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"one: {name} done: subscription/sub-1")
    assert f"; mirrored: {MIRROR}" in done.out
    mirror = exported(mirrored, "acme", "Subscription", "one.sub-1")
    told = f"- action: {name}\n  at: '2026-12-01T08:00:00Z'\n"
    assert told + (f"  detail: {detail}\n" if detail and detail != "false" else "") in mirror
    assert mirrored.run("plan").closing == "No changes. Your tenants match the catalog."


def test_every_action_is_tried_on_either_side() -> None:
    resellers = {action.split()[0] for action, _ in RESELLERS} | {"activate", "run_billing"}
    assert resellers == {name for name, action in ACTIONS.items() if action.resellers}
    assert {action.split()[0] for action, _ in DENIED} == set(ACTIONS)


def test_suspended_and_active_again(mirrored: Shop) -> None:
    assert mirrored.run("subscription act one sub-1 suspend").status == 0
    assert "status: suspended\n" in exported(mirrored, "acme", "Subscription", "one.sub-1")
    assert mirrored.run("subscription act one sub-1 activate").status == 0
    assert "status: active\n" in exported(mirrored, "acme", "Subscription", "one.sub-1")


def test_billing_lets_it_run_out_each_side_on_its_own_day(mirrored: Shop) -> None:
    mirrored.run("subscription act one sub-1 set_renew_automatically --set value=false")
    early = mirrored.run("subscription act one sub-1 run_billing --now 2026-12-04")
    assert (early.status, early.out) == (0, "one: run_billing: nothing to do.\n")
    assert mirrored.run("subscription act one sub-1 run_billing --now 2026-12-05").status == 0
    assert "status: inactive\n" in exported(mirrored, "one", "Subscription", "sub-1")
    assert "status: active\n" in exported(mirrored, "acme", "Subscription", "one.sub-1")
    assert mirrored.run("watch --rounds 1 --now 2027-01-01").out.endswith("acme: 1 change mirrored\n")
    mirror = exported(mirrored, "acme", "Subscription", "one.sub-1")
    assert "status: inactive\n" in mirror
    assert "- action: expire\n" in mirror


@pytest.mark.parametrize(("action", "rule"), DENIED)
def test_a_denial_names_its_rule_and_changes_nothing(mirrored: Shop, action: str, rule: str) -> None:
    before = mirrored.state
    done = mirrored.run(f"subscription act acme one.sub-1 {action}")
    assert (done.status, done.out) == (3, "")
    first, second = done.err.splitlines()
    assert first.startswith(f"Denied by {rule}: ")
    assert second.startswith(f"{rule}: ")
    assert mirrored.state == before


@pytest.mark.parametrize(
    ("action", "left"),
    [
        ("edit --set custom_fields.po=4711 --set bill_to_contact=Uschi --set type=key-account", "po: '4711'"),
        ("edit --set responsible_user=anna --set sharing_rule=private", "responsible_user: anna\n"),
        ("edit_pricing --set prices.P1M=2.20 --set billing_options.discount=0.10", "prices:\n  P1M: 2.20\n"),
        ("change_add_on --set add_on=archive --set prices.P1M=0.90", "    prices:\n      P1M: 0.90\n"),
    ],
)
def test_an_allowed_edit_survives_every_apply(mirrored: Shop, action: str, left: str) -> None:
    done = mirrored.run(f"subscription act acme one.sub-1 {action} --as distributor")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"acme: {action.split(maxsplit=1)[0]} done: subscription/one.sub-1.\n"
    assert mirrored.run("subscription act one sub-1 change_quantity --set quantity=7").status == 0
    assert mirrored.run("apply --auto-approve").status == 0
    mirror = exported(mirrored, "acme", "Subscription", "one.sub-1")
    assert left in mirror
    assert "quantity: 7\n" in mirror


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("onee sub-1 suspend", 'there is no tenant "onee": did you mean "one"?'),
        ("one sub-11 suspend", 'one has no subscription "sub-11": did you mean "sub-1"?'),
        ("two sub-1 suspend", 'two has no subscription "sub-1": there is none yet'),
        ("one sub-1 suspnd", 'unknown action "suspnd": did you mean "suspend"?'),
        ("one sub-1 change_quantity --set quantty=3", 'change_quantity has no parameter "quantty"'),
        ("one sub-1 change_quantity --set quantity=many", 'expected a whole number, found "many"'),
        ("one sub-1 change_quantity --set quantity", "--set takes K=V, not 'quantity'"),
        ("one sub-1 change_quantity --set =3", "--set takes K=V, not '=3'"),
        ("one sub-1 change_quantity", "change_quantity needs --set quantity=…"),
        ("one sub-1 change_quantity --set quantity=3 --set effective=soon", 'effective: "soon" is not a date'),
        ("one sub-1 change_unit --set billing_cycle=monthly", '"monthly"'),
        ("one sub-1 change_unit --set billing_cycle=P1Y --set when=later", '"later"'),
        ("one sub-1 suspend --set why=unpaid", 'suspend has no parameter "why": it takes none'),
        ("one sub-1 edit", "there is nothing to edit: name a field with --set"),
        ("one sub-1 edit --set quantity=3", "quantity is not edited: change_quantity changes it"),
        ("one sub-1 edit --set cycle_end=2027-01-01", "cycle_end is not edited: it is written by the system"),
        ("one sub-1 edit --set 'characteristics.=x'", "--set characteristics.:"),
        ("one sub-1 edit --set characteristics=x --set characteristics.domain=y", "set as a whole as well"),
        ("one sub-1 activate", "subscription/sub-1 is active already"),
        ("one sub-1 upgrade --set product=mail", "subscription/sub-1 is of product mail already"),
        ("one sub-1 upgrade --set product=mail-pro --set quantity=26", "26 of it cannot be moved"),
        ("one sub-1 add_add_on --set add_on=archive --set product=archive", "has an add-on archive already"),
        ("one sub-1 cancel_add_on --set add_on=archiv", 'has no add-on "archiv": it has archive'),
        ("one sub-1 generate_invoice --as reseller", "only the distributor may perform generate_invoice"),
        ("one sub-1 suspend --as somebody", "--as"),
    ],
)
def test_what_cannot_be_is_an_error_and_changes_nothing(mirrored: Shop, what: str, message: str) -> None:
    before = mirrored.state
    done = mirrored.run(f"subscription act {what}")
    assert (done.status, done.out) == (1, "")
    assert message in done.err
    assert mirrored.state == before


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        ("suspend", "suspend", "is suspended already"),
        ("suspend", "renew", "is suspended and cannot be renewed"),
        ("cancel", "change_quantity --set quantity=3", "is cancelled and cannot be changed"),
        ("cancel", "suspend", "is cancelled and cannot be suspended"),
        ("delete", "activate", "is deleted and cannot be activated"),
        ("delete", "delete", "is deleted already"),
    ],
)
def test_what_a_status_does_not_allow(mirrored: Shop, first: str, then: str, message: str) -> None:
    assert mirrored.run(f"subscription act one sub-1 {first}").status == 0
    done = mirrored.run(f"subscription act one sub-1 {then}")
    assert (done.status, done.out, done.err) == (1, "", f"Error: subscription/sub-1 {message}\n")


def test_who_acts_is_told_by_whose_it_is(mirrored: Shop) -> None:
    assert mirrored.run("subscription act one sub-1 suspend").status == 0
    assert "Denied by SUB-33" in mirrored.run("subscription act acme one.sub-1 activate").err
    assert "Denied by SUB-19" in mirrored.run("subscription act acme one.sub-1 activate --as reseller").err


def test_a_value_is_a_yaml_scalar(mirrored: Shop) -> None:
    assert mirrored.run("""subscription act one sub-1 edit --set characteristics.note='"yes: no"'""").status == 0
    assert "  note: 'yes: no'\n" in exported(mirrored, "one", "Subscription", "sub-1")
    assert mirrored.run("subscription act one sub-1 edit --set characteristics.note=null").status == 0
    assert "note" not in exported(mirrored, "one", "Subscription", "sub-1")


def test_a_trial_that_is_paid_is_mirrored_at_once(mirrored: Shop) -> None:
    assert mirrored.run("subscription act one trial change_quantity --set quantity=3").out == (
        "one: change_quantity done: subscription/trial.\n"
    )
    paid = mirrored.run("subscription act one trial edit --set paid=true")
    assert paid.out == "one: edit done: subscription/trial; mirrored: acme/subscription/one.trial.\n"


def test_without_the_option_an_action_stays_where_it_is(mirrored: Shop) -> None:
    mirrored.edit("acme/resellers/one.yaml", "mirror: true", "mirror: false")
    done = mirrored.run("subscription act one sub-1 suspend")
    assert done.out == "one: suspend done: subscription/sub-1.\n"
    assert "status: active\n" in exported(mirrored, "acme", "Subscription", "one.sub-1")
    assert "subscriptions.mirror" in mirrored.run("plan").out


def test_what_does_not_reach_the_mirror_is_pending_and_says_why(mirrored: Shop) -> None:
    mirrored.run("tenant import one", stdin="kind: Product\nkey: own\nname: Own\ncategory: productivity\n")
    done = mirrored.run("subscription act one sub-1 upgrade --set product=own")
    assert (done.status, done.out) == (0, "one: upgrade done: subscription/sub-1.\n")
    assert done.err.startswith(f"Pending: {MIRROR}: blocked: ")
    assert mirrored.run("plan").status == 3


def test_the_history_tells_what_was_done_by_whom_and_from_which_commit(mirrored: Shop) -> None:
    mirrored.run("subscription act one sub-1 suspend")
    record = json.loads(mirrored.run("history acme --format json").out)["entries"][-1]
    first = json.loads(mirrored.run("history acme --format json").out)["entries"][0]
    assert (record["action"], record["subscription"], record["by"]) == ("suspend", "one/subscription/sub-1", "ann")
    assert record["commit"] == first["commit"]
    assert record["commit"] is not None
    shown = mirrored.run("history acme").out
    assert '      history: [… 1 in both] -> [… 1 in both, {action: "suspend", at: "2026-12-01T08:00:00Z"}]\n' in shown
    assert shown.endswith("  action: suspend\n  subscription: one/subscription/sub-1\n")


def test_an_action_that_was_made_though_the_disk_failed_is_told_as_made(
    mirrored: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told as a failure, it would be repeated, and recorded twice."""
    breaks = Breaks()
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=failing_connection(breaks)))
    breaks.next(LOST)
    failed = mirrored.run("subscription act one sub-1 suspend")
    assert (failed.status, failed.out) == (1, "")
    assert "the disk failed" in failed.err and "nothing was written" in failed.err
    breaks.next(MADE)
    assert mirrored.run("subscription act one sub-1 suspend").status == 0
    assert "is suspended already" in mirrored.run("subscription act one sub-1 suspend").err


def _git_commands(trace: Path) -> list[str]:
    """The git commands of a trace, in order: one for each process."""
    events = map(json.loads, trace.read_text("utf-8").splitlines())
    return [event["name"] for event in events if event["event"] == "cmd_name"]


def test_git_is_asked_only_for_what_an_action_records(mirrored: Shop, tmp_path: Path) -> None:
    """A journal has the commit; the commit's author and subject are for reports, and take one more process."""
    traces = {name: tmp_path / name for name in ("action", "round", "plan")}
    env = {name: {"GIT_TRACE2_EVENT": str(trace)} for name, trace in traces.items()}
    acted = mirrored.run("subscription act one sub-1 change_quantity --set quantity=26", env=env["action"])
    assert (acted.status, acted.err) == (0, "")
    assert mirrored.run("watch --rounds 1", env=env["round"]).status == 0
    assert mirrored.run("plan --format json", env=env["plan"]).status == 0
    asked = {name: _git_commands(trace) for name, trace in traces.items()}
    assert "log" not in asked["action"] + asked["round"]
    assert asked["plan"].count("log") == 1
    assert asked["action"] == asked["round"] == [each for each in asked["plan"] if each != "log"]
