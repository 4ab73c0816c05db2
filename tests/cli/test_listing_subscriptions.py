"""`subscription list` and `subscription show`: what a mirror follows, and what is pending (SUB-19)."""

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.cli.mirrors import with_mirrors
from tests.cli.runner import Shop


@pytest.fixture(scope="module")
def _unmirrored(_applied: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("unmirrored") / "shop"
    copytree(_applied.root, root)
    return with_mirrors(Shop(root))


@pytest.fixture
def unmirrored(_unmirrored: Shop, tmp_path: Path) -> Shop:
    """A shop whose subscriptions are not mirrored yet."""
    copytree(_unmirrored.root, tmp_path / "shop")
    return Shop(tmp_path / "shop")


def listed(shop: Shop, line: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shop.run(f"subscription list {line} --format json").out)["subscriptions"]
    return found


def test_a_mirror_that_is_not_made_yet_is_listed_as_pending(unmirrored: Shop) -> None:
    state = unmirrored.state
    lines = unmirrored.run("subscription list acme").out.splitlines()
    assert lines[0].split() == ["KEY", "CUSTOMER", "PRODUCT", "UNIT", "QUANTITY", "STATUS", "FOLLOWS", "PENDING"]
    assert lines[1].startswith("one.sub-1  -")
    assert lines[1].endswith("not mirrored  one/sub-1  create at acme")
    assert len(lines) == 2
    assert unmirrored.state == state
    (mirror,) = listed(unmirrored, "acme")
    assert (mirror["exists"], mirror["follows"], mirror["document"]) == (False, "one/subscription/sub-1", None)
    assert "it is not mirrored yet" in unmirrored.run("subscription show acme one.sub-1").out


def test_what_is_in_step_has_nothing_pending(unmirrored: Shop) -> None:
    assert unmirrored.run("apply --auto-approve").status == 0
    assert [(each["key"], each["mirror"], each["pending"]) for each in listed(unmirrored, "one")] == [
        ("sub-1", "acme/subscription/one.sub-1", []),
        ("trial", None, []),
    ]
    assert listed(unmirrored, "one --pending") == listed(unmirrored, "two") == []
    shown = unmirrored.run("subscription show acme one.sub-1").out
    assert "\n  name: Blumen Huber - Acme Mail\n" in shown
    assert "\nFollows one/subscription/sub-1.\n" in shown
    assert shown.endswith("Nothing is pending.\n")


def test_what_the_reseller_changed_since_is_pending_on_both_sides(unmirrored: Shop) -> None:
    assert unmirrored.run("apply --auto-approve").status == 0
    unmirrored.run("tenant import one", stdin="kind: Subscription\nkey: sub-1\nquantity: 30\n")
    assert "quantity" in unmirrored.run("subscription list acme --pending").out
    for tenant, key in (("acme", "one.sub-1"), ("one", "sub-1")):
        line = f"subscription show {tenant} {key}"
        (pending,) = json.loads(unmirrored.run(f"{line} --format json").out)["subscription"]["pending"]
        assert (pending["address"], pending["verdict"]) == ("acme/subscription/one.sub-1", "apply")
        assert {"path": "quantity", "before": 25, "after": 30}.items() <= pending["fields"][-1].items()
        assert "\n  quantity: 25 -> 30\n" in unmirrored.run(line).out
    assert unmirrored.run("apply --auto-approve").status == 0
    assert listed(unmirrored, "acme --pending") == []


def test_what_is_held_back_says_why(unmirrored: Shop) -> None:
    """SUB-41: a source that vanished."""
    assert unmirrored.run("apply --auto-approve").status == 0
    unmirrored.run("tenant import one --replace", stdin="kind: Customer\nkey: huber\nname: Huber\n")
    (mirror,) = listed(unmirrored, "acme")
    (pending,) = mirror["pending"]
    assert (pending["verdict"], pending["rule"]) == ("blocked", "SUB-41")
    assert pending["rule_text"]
    assert "blocked by SUB-41" in unmirrored.run("subscription list acme").out
    assert pending["detail"] in unmirrored.run("subscription show acme one.sub-1").out
    assert listed(unmirrored, "one") == []


def test_they_are_chosen_by_status(unmirrored: Shop) -> None:
    unmirrored.run("subscription act one sub-1 suspend")
    assert [each["key"] for each in listed(unmirrored, "one --status suspended")] == ["sub-1"]
    assert [each["key"] for each in listed(unmirrored, "one --status active")] == ["trial"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("subscription list onee", 'there is no tenant "onee": did you mean "one"?'),
        ("subscription show one sub-2", 'one has no subscription "sub-2": did you mean "sub-1"?'),
        ("subscription list one --status activ", "'activ' is not one of"),
    ],
)
def test_what_is_misspelt_is_named_with_the_nearest(unmirrored: Shop, line: str, message: str) -> None:
    done = unmirrored.run(line)
    assert (done.status, done.out) == (1, "")
    assert message in done.err


def test_a_distributor_that_cannot_be_read_is_an_error(unmirrored: Shop) -> None:
    with (unmirrored.root / "acme/provider.yaml").open("a", encoding="utf-8") as file:
        file.write("store: sqlite:///nowhere/at/all.db\n")
    (unmirrored.root / "nowhere").write_text("a file", "utf-8")
    done = unmirrored.run("subscription list acme")
    assert (done.status, done.out) == (1, "")
