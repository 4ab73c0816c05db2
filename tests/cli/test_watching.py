"""`watch`: where the provider's system is a database of its own, it mirrors within its interval (SUB-19)."""

import json
import os
import selectors
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.core.schemadocs.result_schemas import RESULTS
from reconciler.model.values.keys import EntityId
from reconciler.stores.base import EntityWrite
from tests.cli.runner import git, run
from tests.contract.samples import AT
from tests.laws.resale import PROVIDER, Resale, folder, paid

HERE = str(Path(__file__).parents[2])
STOPPED = "Stopped. No tenant was left partly written.\n"
PATIENCE = 60.0
"""Seconds within which a watch must have done what it does every tenth of a second; machines are busy."""


@pytest.fixture
def resale() -> Iterator[Resale]:
    """Everything in sync; the provider's system is a database of its own."""
    world = Resale(folder(), provider_store="sqlite:///provider.db")
    for reseller in ("contoso", "east"):
        world.write(reseller, {"kind": "Customer", "key": "acme", "name": "Acme"}, paid("s1", "acme"))
    world.apply(world.plan())
    yield world
    world.close()


class Watch:
    """A watch in a process of its own, and what it has said so far."""

    def __init__(self, world: Resale, *options: str) -> None:
        command = [sys.executable, "-m", "reconciler", "watch", "--interval", "0.1", *options]
        environment = {**os.environ, "PYTHONPATH": HERE, "RECONCILE_USER": "watch"}
        self.process = subprocess.Popen(
            command, cwd=world.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.said = ""

    def hears(self, words: str) -> str:
        """Wait until it says so. What it said before then is not heard again."""
        assert self.process.stdout is not None
        before, until = self.said, time.monotonic() + PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while words not in self.said:
                left = until - time.monotonic()
                assert left > 0, f"it did not say {words!r} but {self.said!r}"
                if selector.select(left):
                    data = os.read(self.process.stdout.fileno(), 65536)
                    assert data, f"it ended, and said {before!r} {self.said!r} {self.process.stderr!r}"
                    self.said += data.decode()
        heard, _, self.said = self.said.partition(words)
        return before + heard + words

    def ends(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """What it exits with once it gets a signal, and all that it says until then."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, self.said + out.decode(), err.decode()


@pytest.fixture
def watching(resale: Resale) -> Iterator[list[Watch]]:
    """The watches of a test; none is left over."""
    started: list[Watch] = []
    yield started
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


def until(world: Resale, key: str, quantity: int) -> None:
    """Wait until the mirror at the provider has a quantity."""
    end = time.monotonic() + PATIENCE
    while world.body(PROVIDER, key).get("quantity") != quantity:
        assert time.monotonic() < end, f"{key} was not mirrored"
        time.sleep(0.05)


def actions(world: Resale, key: str) -> list[str]:
    return [each["action"] for each in world.body(PROVIDER, key)["history"]]


def act(world: Resale, *arguments: str) -> tuple[str, str]:
    done = run(f"subscription act {' '.join(arguments)} --now {world.now:%Y-%m-%dT%H:%M:%SZ}", world.root)
    assert done.status == 0
    return done.out, done.err


def test_an_action_is_pending_until_a_round_mirrors_it(resale: Resale) -> None:
    out, err = act(resale, "contoso", "s1", "change_quantity", "--set", "quantity=12")
    assert out == "contoso: change_quantity done: subscription/s1.\n"
    assert err == "Pending: northwind is in another database: `reconcile watch` or `apply` mirrors it there\n"
    assert resale.body(PROVIDER, "contoso.s1")["quantity"] == 10
    planned = run("plan --now 2026-11-15 --verbose", resale.root)
    assert "quantity: 10 -> 12" in planned.out
    first = run("watch --rounds 1 --now 2026-11-15", resale.root)
    assert (first.status, first.out) == (0, "2026-11-15T00:00:00Z northwind: 1 change mirrored\n")
    assert first.err == STOPPED
    assert actions(resale, "contoso.s1") == ["create", "change_quantity"]
    second = run("watch --rounds 1 --now 2026-11-15", resale.root)
    assert (second.status, second.out) == (0, "")
    assert actions(resale, "contoso.s1") == ["create", "change_quantity"]


def test_an_action_two_levels_below_reaches_the_distributor_at_once_and_the_provider_with_the_round(
    resale: Resale,
) -> None:
    out, err = act(resale, "east", "s1", "change_quantity", "--set", "quantity=12")
    assert out == "east: change_quantity done: subscription/s1; mirrored: contoso/subscription/east.s1.\n"
    assert "Pending: northwind is in another database" in err
    assert run("watch --rounds 1 --now 2026-11-15", resale.root).status == 0
    assert resale.body(PROVIDER, "contoso.east.s1")["quantity"] == 12
    assert actions(resale, "contoso.east.s1") == ["create", "change_quantity"]


def test_what_stays_held_back_is_said_once(resale: Resale) -> None:
    resale.write("contoso", {"kind": "Subscription", "key": "s1", "product": "own-tool"})
    found = run("watch --rounds 3 --interval 0.1 --now 2026-11-15", resale.root)
    said = "2026-11-15T00:00:00Z northwind/subscription/contoso.s1: blocked: "
    assert found.out.count(said) == 1
    assert "SUB-0" not in found.err


def rounds_of(out: str) -> list[dict[str, Any]]:
    """The rounds that a watch printed as JSON, each an object on a line of its own, by the schema."""
    found = [json.loads(each) for each in out.removesuffix("\n").split("\n")]
    for each in found:
        Draft202012Validator(RESULTS["watch.json"]()).validate(each)
    return [each["round"] for each in found]


def test_as_json_each_round_is_a_line(resale: Resale) -> None:
    """What is pending is in the first round that has it; a round without news is a line too."""
    act(resale, "contoso", "s1", "change_quantity", "--set", "quantity=12")
    (resale.root / "provider.db").rename(resale.root / "away.db")
    (resale.root / "provider.db").mkdir()
    away = rounds_of(run("watch --rounds 2 --interval 0.1 --now 2026-11-15 -o json", resale.root).out)
    assert [len(each["pending"]) for each in away] == [1, 0]
    (pending,) = away[0]["pending"]
    assert (pending["reason"], pending["tenant"], pending["address"]) == ("failed", "northwind", None)
    assert "provider.db" in pending["detail"]
    (resale.root / "provider.db").rmdir()
    (resale.root / "away.db").rename(resale.root / "provider.db")
    done = run("watch --rounds 2 --interval 0.1 --now 2026-11-15 --format json", resale.root)
    assert done.err == STOPPED
    quiet = {"at": "2026-11-15T00:00:00Z", "mirrored": [], "pending": [], "more": 0}
    assert rounds_of(done.out) == [{**quiet, "mirrored": [{"tenant": "northwind", "changes": 1}]}, quiet]


def test_it_mirrors_within_its_interval_for_as_long_as_it_runs(resale: Resale, watching: list[Watch]) -> None:
    watching.append(Watch(resale))
    for quantity in (11, 12, 13):
        act(resale, "contoso", "s1", "change_quantity", "--set", f"quantity={quantity}")
        until(resale, "contoso.s1", quantity)
        watching[0].hears("northwind: 1 change mirrored\n")
    assert watching[0].ends() == (0, "", STOPPED)
    assert actions(resale, "contoso.s1") == ["create", *["change_quantity"] * 3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_stops_it_cleanly(resale: Resale, watching: list[Watch], number: int) -> None:
    resale.act("contoso", "s1", "change_quantity", "quantity=12")
    watching.append(Watch(resale, "--interval", "3600"))
    watching[0].hears("northwind: 1 change mirrored\n")
    assert watching[0].ends(number) == (0, "", STOPPED), "it waits for its next round no longer"


SLOW = """
import os, signal, sys
from reconciler.stores.sql import store as sql

commit = sql.SqlStore.commit

def interrupted(self, record, *rest, **named):
    os.kill(os.getpid(), {number})
    return commit(self, record, *rest, **named)

sql.SqlStore.commit = interrupted
sys.argv = ["reconcile", "watch", "--interval", "3600"]
from reconciler.cli.main import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_in_the_middle_of_a_write_lets_it_finish(resale: Resale, number: int) -> None:
    """One tenant is written to its end, and no other begun."""
    resale.write("contoso", {"kind": "Subscription", "key": "s1", "quantity": 12})
    resale.write("east", {"kind": "Subscription", "key": "s1", "quantity": 12})
    environment = {**os.environ, "PYTHONPATH": HERE}
    command = [sys.executable, "-c", SLOW.format(number=int(number))]
    done = subprocess.run(
        command, cwd=resale.root, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, STOPPED)
    assert done.stdout.count("mirrored\n") == 1
    written = [tenant for tenant in (PROVIDER, "contoso") if len(list(resale.store(tenant).history(tenant))) == 2]
    assert len(written) == 1
    assert run("watch --rounds 1 --now 2026-11-15", resale.root).status == 0
    assert resale.body(PROVIDER, "contoso.s1")["quantity"] == resale.body("contoso", "east.s1")["quantity"] == 12


def test_two_watches_at_once_never_mirror_twice(resale: Resale, watching: list[Watch]) -> None:
    watching += [Watch(resale, "--interval", "0.1") for _ in range(2)]
    numbers = range(11, 31)
    for quantity in numbers:
        resale.act("contoso", "s1", "change_quantity", f"quantity={quantity}")
        resale.write("contoso", paid(f"new-{quantity}", "acme"))
        resale.now += timedelta(seconds=1)
        time.sleep(0.05)
    until(resale, "contoso.s1", numbers[-1])
    end = time.monotonic() + PATIENCE
    while len(resale.subscriptions(PROVIDER)) < 2 + len(numbers):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert [each.ends()[0] for each in watching] == [0, 0]
    named = Counter((each.body["reseller"], each.body["source"]) for each in resale.subscriptions(PROVIDER).values())
    assert set(named.values()) == {1}
    assert len(named) == 2 + len(numbers)
    assert actions(resale, "contoso.s1") == ["create", *["change_quantity"] * len(numbers)]
    for key, each in resale.subscriptions(PROVIDER).items():
        if "new-" in key:
            assert [record["action"] for record in each.body["history"]] == ["create"]
    created = Counter(
        change["address"]
        for record in resale.store(PROVIDER).history(PROVIDER)
        for change in record.changes
        if change["change"]["actions"] == ["create"]
    )
    assert set(created.values()) == {1}, "the journal has each creation once"


def test_a_database_that_is_locked_for_a_while_is_waited_for(resale: Resale, watching: list[Watch]) -> None:
    with closing(sqlite3.connect(resale.root / "provider.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        resale.act("contoso", "s1", "change_quantity", "quantity=12")
        watching.append(Watch(resale))
        time.sleep(1)
        assert watching[0].process.poll() is None
        other.execute("ROLLBACK")
    until(resale, "contoso.s1", 12)
    assert watching[0].ends()[0] == 0


def test_a_store_that_is_away_for_a_while_is_waited_for(resale: Resale, watching: list[Watch]) -> None:
    """What cannot be read is never taken for empty: nothing is mirrored anew."""
    database, away = resale.root / "provider.db", resale.root / "away"
    shutil.move(database, away)
    database.mkdir()
    resale.act("contoso", "s1", "change_quantity", "quantity=12")
    watching.append(Watch(resale))
    said = watching[0].hears("it cannot be opened (it is a folder); waiting\n")
    assert f"Z northwind: {database}: " in said
    database.rmdir()
    shutil.move(away, database)
    until(resale, "contoso.s1", 12)
    assert watching[0].ends()[0] == 0
    assert actions(resale, "contoso.s1") == ["create", "change_quantity"]


def test_a_workspace_that_is_not_valid_for_a_while_is_waited_for(resale: Resale, watching: list[Watch]) -> None:
    catalog = resale.root / "catalog" / "all.yaml"
    saved = catalog.read_text()
    catalog.write_text(saved.replace('"kind":"PriceList"', '"kind":"PriceLsit"'))
    watching.append(Watch(resale))
    watching[0].hears("the workspace is not valid: ")
    watching[0].hears("; waiting\n")
    resale.act("contoso", "s1", "change_quantity", "quantity=12")
    assert resale.body(PROVIDER, "contoso.s1")["quantity"] == 10
    catalog.write_text(saved)
    until(resale, "contoso.s1", 12)
    assert watching[0].ends()[0] == 0


def test_a_workspace_that_is_gone_for_a_while_is_waited_for(resale: Resale, watching: list[Watch]) -> None:
    """As while another commit is checked out."""
    watching.append(Watch(resale))
    resale.act("contoso", "s1", "change_quantity", "quantity=12")
    until(resale, "contoso.s1", 12)
    shutil.move(resale.root / "reconcile.yaml", resale.root / "away")
    shutil.move(resale.root / "catalog", resale.root / ".away")
    watching[0].hears("; waiting\n")
    resale.act("contoso", "s1", "change_quantity", "quantity=13")
    shutil.move(resale.root / ".away", resale.root / "catalog")
    shutil.move(resale.root / "away", resale.root / "reconcile.yaml")
    until(resale, "contoso.s1", 13)
    assert watching[0].ends()[0] == 0


def test_a_repository_that_git_refuses_for_a_while_is_said_and_mirrored_all_the_same(
    resale: Resale, watching: list[Watch]
) -> None:
    git(resale.root, "init", "--quiet")
    git(resale.root, "add", "--all")
    git(resale.root, "commit", "--quiet", "--message", "all")
    index = resale.root / ".git" / "index"
    saved = index.read_bytes()
    index.write_bytes(b"half an index, as it is while somebody else writes it past every lock")
    watching.append(Watch(resale))
    watching[0].hears("error: bad signature")
    resale.act("contoso", "s1", "change_quantity", "quantity=12")
    until(resale, "contoso.s1", 12)
    index.write_bytes(saved)
    resale.act("contoso", "s1", "change_quantity", "quantity=13")
    until(resale, "contoso.s1", 13)
    assert watching[0].ends()[0] == 0


def test_a_workspace_whose_folder_is_away_for_a_while_is_waited_for(resale: Resale, watching: list[Watch]) -> None:
    watching.append(Watch(resale))
    resale.act("contoso", "s1", "change_quantity", "quantity=12")
    until(resale, "contoso.s1", 12)
    away = resale.root.with_name(f"{resale.root.name}-away")
    shutil.move(resale.root, away)
    watching[0].hears("; waiting\n")
    shutil.move(away, resale.root)
    resale.act("contoso", "s1", "change_quantity", "quantity=13")
    until(resale, "contoso.s1", 13)
    assert watching[0].ends()[0] == 0


def test_a_tenant_that_is_gone_for_a_while_is_waited_for(resale: Resale, watching: list[Watch]) -> None:
    """It was known when the watch began: then it is the workspace that changes, not the usage that is wrong."""

    def arrives(quantity: int) -> None:
        resale.write("east", {"kind": "Subscription", "key": "s1", "quantity": quantity})
        end = time.monotonic() + PATIENCE
        while resale.body("contoso", "east.s1")["quantity"] != quantity:
            assert time.monotonic() < end
            time.sleep(0.05)

    watching.append(Watch(resale, "--tenant", "contoso"))
    arrives(12)
    catalog = resale.root / "catalog" / "all.yaml"
    saved = catalog.read_text()
    catalog.write_text(saved.replace('"contoso"', '"contoso-west"'))
    watching[0].hears("; waiting\n")
    catalog.write_text(saved)
    arrives(14)
    assert watching[0].ends()[0] == 0


def test_catalogs_are_left_as_they_are(resale: Resale) -> None:
    """They are for `apply`: a watch brings no product down, whatever the options say."""
    catalog = resale.root / "catalog" / "all.yaml"
    policy = '"upstream":"northwind","options":{"subscriptions":{"mirror":true}}'
    products = '"price_list":"emea","options":{"subscriptions":{"mirror":true},"price_list":{"products":true}}'
    text = catalog.read_text().replace('"price_list":"emea"', '"labels":{}')
    catalog.write_text(text.replace(policy, f'"upstream":"northwind",{products}'))
    id = EntityId("Product", "office")
    there = resale.state("fabrikam")[id]
    resale.store("fabrikam").overwrite("fabrikam", [EntityWrite(id, there, None)], actor="tenant", at=AT)
    assert 'product "office" will be created' in run("plan --now 2026-11-15 --verbose", resale.root).out
    assert run("watch --rounds 1 --now 2026-11-15", resale.root).out == ""
    assert id not in resale.state("fabrikam")


def test_only_to_the_tenants_that_are_named(resale: Resale) -> None:
    for reseller in ("contoso", "east"):
        resale.write(reseller, {"kind": "Subscription", "key": "s1", "quantity": 12})
    assert run("watch --rounds 1 --tenant contoso --now 2026-11-15", resale.root).out.endswith(
        "contoso: 1 change mirrored\n"
    )
    assert resale.body("contoso", "east.s1")["quantity"] == 12
    assert resale.body(PROVIDER, "contoso.s1")["quantity"] == 10
    unknown = run("watch --rounds 1 --tenant nobody --now 2026-11-15", resale.root)
    assert (unknown.status, unknown.out) == (1, "")
    assert "nobody" in unknown.err
