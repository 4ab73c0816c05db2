"""`store check` and `store migrate`, and the other commands on a store of an older version."""

import json
import sqlite3
from contextlib import closing

import pytest

from reconciler.stores.sql import schema
from tests.cli.runner import Shop

FOREIGN = "1b2f0a9c77de"


def execute(shop: Shop, *statements: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(shop.root / ".reconcile" / "tenants.db")) as database, database:
        return [row for statement in statements for row in database.execute(statement).fetchall()]


def age(shop: Shop) -> None:
    """Make the store what a reconciler of version 0005 left."""
    execute(
        shop,
        "DROP TABLE came_down",
        "ALTER TABLE tenants DROP COLUMN lineage",
        "UPDATE alembic_version SET version_num = '0005'",
    )


def version(shop: Shop) -> object:
    return execute(shop, "SELECT version_num FROM alembic_version")[0][0]


def raise_fees(shop: Shop) -> None:
    shop.run("tenant import one", stdin="kind: Plan\nkey: mail-basic\nperiods: {P1M: {fees: {recurring: 1.23}}}\n")


def test_check_shows_the_version_and_writes_nothing(shop: Shop) -> None:
    assert shop.run("store check").out.split()[-4:-1] == ["sqlite:///.reconcile/tenants.db", *[schema.VERSION] * 2]
    age(shop)
    state = shop.state
    found = shop.run("store check --format json")
    assert (found.status, found.err, shop.state) == (0, "", state)
    assert json.loads(found.out)["stores"] == [
        {
            "store": "sqlite:///.reconcile/tenants.db",
            "version": "0005",
            "ours": schema.VERSION,
            "status": "older",
            "problem": None,
        }
    ]


def test_migrate_brings_it_up_to_date_once(shop: Shop) -> None:
    before = shop.run("tenant export one").out
    age(shop)
    for was in ("0005", schema.VERSION):
        done = json.loads(shop.run("store migrate --format json").out)["result"]["stores"][0]
        assert (done["before"], done["version"], done["status"]) == (was, schema.VERSION, "current")
    assert (version(shop), shop.run("tenant export one").out) == (schema.VERSION, before)


def test_migrate_makes_what_is_not_there(fresh: Shop) -> None:
    assert json.loads(fresh.run("store check -o json").out)["stores"][0]["status"] == "none"
    assert fresh.state is None
    done = json.loads(fresh.run("store migrate -o json").out)["result"]["stores"][0]
    assert (done["before"], done["version"], done["status"]) == (None, schema.VERSION, "current")
    assert fresh.run("plan").out.endswith("Plan: 16 to add, 0 to change, 0 to destroy.\n")


@pytest.mark.parametrize("command", ["plan", "status", "explain one plan/mail-basic", "tenant export one", "history"])
def test_readers_read_an_older_store_and_leave_it(shop: Shop, command: str) -> None:
    raise_fees(shop)
    current = shop.run(command)
    age(shop)
    state = shop.state
    older = shop.run(command)
    assert (older.status, older.out, older.err) == (current.status, current.out, current.err)
    assert (shop.state, version(shop)) == (state, "0005")


@pytest.mark.parametrize("saved", [True, False])
def test_apply_migrates_an_older_store(shop: Shop, saved: bool) -> None:
    raise_fees(shop)
    age(shop)
    if saved:
        assert shop.run("plan --out plan.json --allow max_price_change:*").status == 0
        assert version(shop) == "0005"
    done = shop.run("apply plan.json" if saved else "apply --auto-approve --allow max_price_change:*")
    assert (done.status, version(shop)) == (0, schema.VERSION)
    assert shop.run("plan").out == "No changes. Your tenants match the catalog.\n"


@pytest.mark.parametrize("command", ["plan", "store check", "store migrate", "apply --auto-approve"])
def test_a_foreign_version_is_no_newer_reconcilers(shop: Shop, command: str) -> None:
    execute(shop, f"UPDATE alembic_version SET version_num = '{FOREIGN}'")
    state = shop.state
    done = shop.run(command)
    assert (done.status, shop.state) == (1, state)
    assert f'version "{FOREIGN}", which is none of this reconciler\'s' in done.out + done.err
    assert "newer" not in done.out + done.err


def test_a_newer_store_is_refused(shop: Shop) -> None:
    execute(shop, "UPDATE alembic_version SET version_num = '9999'")
    done = shop.run("store check")
    assert (done.status, done.out.split()[-3:]) == (1, ["9999", schema.VERSION, "newer"])
    assert "they are of a newer reconciler: upgrade this one" in done.err
