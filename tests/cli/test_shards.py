"""`--shard` splits the tree by whole subtrees; `--verify` believes nothing that is kept beside the states."""

import sqlite3
from pathlib import Path

import orjson
import pytest

from reconciler import app
from tests.cli.runner import Shop

PARENTS = {"a": "acme", "a1": "a", "a2": "a1", "b": "acme", "c": "acme", "c1": "c"}


def grown(shop: Shop) -> app.Workspace:
    """The shop with three more subtrees below its provider."""
    for key, above in PARENTS.items():
        text = f"kind: SyncPolicy\nreseller: {key}\nupstream: {above}\n"
        (shop.root / "acme" / "resellers" / f"{key}.yaml").write_text(text, "utf-8")
    return app.open_workspace(shop.root)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_every_tenant_is_in_one_shard_with_its_whole_subtree(fresh: Shop, count: int) -> None:
    workspace = grown(fresh)
    shards = [app.shard_of(workspace.catalog, f"{number}/{count}") for number in range(1, count + 1)]
    assert sorted(tenant for shard in shards for tenant in shard) == workspace.tenants()
    for shard in shards:
        for tenant, above in PARENTS.items():
            assert above == "acme" or (tenant in shard) == (above in shard)
    assert "acme" in shards[0]


def test_the_shards_of_a_plan_are_the_plan(fresh: Shop) -> None:
    whole = orjson.loads(fresh.run("plan --format json").out)
    parts = [orjson.loads(fresh.run(f"plan --format json --shard {number}/2").out) for number in (1, 2)]
    assert [each for part in parts for each in part["tenants"]] == whole["tenants"]
    assert [len(part["tenants"]) for part in parts] == [1, 1]
    assert sum(part["summary"]["create"] for part in parts) == whole["summary"]["create"]


def test_a_shard_and_a_tenant_choose_together(fresh: Shop) -> None:
    ran = fresh.run("apply --auto-approve --shard 1/2 --tenant t*")
    assert (ran.status, ran.out) == (0, "No changes. Your tenants match the catalog.\n")
    assert fresh.run("apply --auto-approve --shard 2/2 --tenant t*").status == 0
    assert [line.split()[1] for line in fresh.run("status").out.splitlines()[1:]] == ["changes", "in"]


@pytest.mark.parametrize("text", ["1", "0/2", "3/2", "1/0", "x/2", "1/2/3", "-1/2"])
def test_what_is_no_shard_is_refused(fresh: Shop, text: str) -> None:
    ran = fresh.run(f"plan --shard '{text}'")
    assert (ran.status, ran.err) == (1, f'Error: "{text}" is no shard: for example 1/4, the first of four\n')


def test_a_saved_plan_takes_no_shard_and_is_not_verified(fresh: Shop) -> None:
    assert fresh.run("plan --out saved.plan").status == 0
    for option in ("--shard 1/2", "--verify"):
        assert "cannot be given with a saved plan" in fresh.run(f"apply saved.plan {option}").err


def test_verification_finds_what_was_written_past_every_trigger(shop: Shop) -> None:
    """Digests that are wrong, as only somebody who takes the triggers away can leave them, are not believed."""
    database = shop.root / ".reconcile" / "tenants.db"
    _tamper(database)
    believed = orjson.loads(shop.run("plan --format json --tenant one").out)
    verified = orjson.loads(shop.run("plan --format json --tenant one --verify").out)
    assert verified["tenants"][0]["fingerprint"] != believed["tenants"][0]["fingerprint"]
    assert shop.run("apply --auto-approve --verify").status == 0
    assert shop.run("plan --verify").out == "No changes. Your tenants match the catalog.\n"
    believed, verified = (orjson.loads(shop.run(f"plan --format json {how}").out) for how in ("", "--verify"))
    assert believed["tenants"] == verified["tenants"]


def _tamper(database: Path) -> None:
    connection = sqlite3.connect(database)
    kept = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in kept:
        connection.execute(f"DROP TRIGGER {name}")
    changed = connection.execute(
        "UPDATE entities SET body = replace(body, '2.00', '1.90') WHERE kind = 'Plan' AND tenant = 'one'"
    )
    assert changed.rowcount > 0
    for _, sql in kept:
        connection.execute(sql)
    connection.commit()
    connection.close()
