"""A row that was edited by hand into something that is no body of ours: an error of that tenant, and of those below."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.cli.runner import Shop

BELOW = "kind: SyncPolicy\nreseller: three\nname: Three\nupstream: one\n"
FEES = ("Plan", "mail-basic", ["periods", "P1M", "fees", "recurring"], 2)


@pytest.fixture
def tree(shop: Shop) -> Shop:
    """With a reseller below ``one``, and a change for everybody."""
    (shop.root / "acme" / "three.yaml").write_text(f"{BELOW}delegate: {{plans: [mail-basic]}}\noptions: all\n", "utf-8")
    shop.edit("acme/catalog.yaml", "name: Mail Basic", "name: Mail")
    shop.edit("acme/catalog.yaml", "P1M: {fees: {recurring: 2.00}}", "P1M: {fees: {recurring: 2.20}}")
    return shop


def damage(shop: Shop, kind: str, key: str, path: list[str], value: Any) -> None:
    """Write a value into a body of ``one``, straight into the database; without a path, it is the body."""
    with closing(sqlite3.connect(shop.root / ".reconcile" / "tenants.db")) as connection, connection:
        where = (("one", kind, key),)
        (text,) = connection.execute(
            "select body from entities where (tenant, kind, key) = (?, ?, ?)", where[0]
        ).fetchone()
        body = json.loads(text)
        inner = body
        for step in path[:-1]:
            inner = inner[step]
        if path:
            inner[path[-1]] = value
        connection.execute(
            "update entities set body = ? where (tenant, kind, key) = (?, ?, ?)",
            (json.dumps(body if path else value), *where[0]),
        )


def test_it_takes_those_below_and_nobody_else(tree: Shop) -> None:
    damage(tree, *FEES)
    done = tree.run("plan --format json")
    assert done.status == 1
    plan = json.loads(done.out)
    assert {each["tenant"]: each["status"] for each in plan["tenants"]} == {
        "one": "error",
        "three": "error",
        "two": "withheld",
    }
    said = "its state is damaged: plan/mail-basic#periods.P1M.fees.recurring is 2, not an amount in quotes"
    assert said in tree.run("plan").out
    assert f"its upstream one failed: {said}" in tree.run("plan").out


@pytest.mark.parametrize(
    ("kind", "key", "path", "value"),
    [
        FEES,
        ("Plan", "mail-basic", ["periods"], ["P1M"]),
        ("Plan", "mail-basic", ["periods", "P1M"], None),
        ("Plan", "mail-basic", ["sales_categories"], [1, "a"]),
        ("Plan", "mail-basic", ["resources"], {"mailbox": {"prices": {"recurring": {"a": 1}}}}),
        ("Product", "mail", ["relations"], "none"),
        ("Tenant", "one", ["roles"], {"admin": True}),
        ("ServiceTerm", "monthly", ["delegated"], "yes"),
    ],
)
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("plan", 1),
        ("apply --auto-approve", 1),
        ("status", 0),
        ("explain two plan/mail-basic", 0),
        ("explain one plan/mail-basic", 1),
        ("explain three plan/mail-basic", 1),
        ("plans", 1),
        ("tenant list", 0),
        ("tenant show one", 0),
        ("tenant export one", 0),
        ("tenant import one", 0),
        ("tenant import one --replace", 0),
        ("tenant release one sales_category/office", 0),
        ("subscription list one", 1),
        ("subscription act one nobody suspend", 1),
        ("watch --rounds 1", 0),
    ],
)
def test_no_command_falls_over_it(
    tree: Shop, kind: str, key: str, path: list[str], value: Any, command: str, status: int
) -> None:
    damage(tree, kind, key, path, value)
    done = tree.run(command, stdin="kind: Role\nkey: own\nname: Own\nprivileges: []\n")
    assert done.status == status, done
    assert "Traceback" not in done.err
    if command in WRITERS:
        assert "its state is damaged: " in tree.run("plan").out, "what was written beside it hides it"


WRITERS = ("tenant import one", "tenant release one sales_category/office", "subscription act one nobody suspend")


@pytest.mark.parametrize(
    "kind", ["Nosuch", "7", "", "plan", "SyncPolicy", "k" * 5_000], ids=lambda kind: kind[:10] or "none"
)
def test_a_row_of_a_kind_that_there_is_not(tree: Shop, kind: str) -> None:
    """It is damage to whoever reads it; a writer leaves it as it is, and one that replaces the state removes it."""
    with closing(sqlite3.connect(tree.root / ".reconcile" / "tenants.db")) as connection, connection:
        connection.execute("update entities set kind = ? where (tenant, key) = ('one', 'mail-basic')", (kind,))
    for command in ("plan", "status", "tenant show one", "tenant export one", *WRITERS, "watch --rounds 1", "plan"):
        done = tree.run(command, stdin="kind: Role\nkey: own\nname: Own\nprivileges: []\n")
        assert done.status in (0, 1), command
        assert "Traceback" not in done.err, command
        assert len(done.out + done.err) < 10_000, command
        if command == "plan":
            assert "one: its state is damaged: " in done.out.replace("  ", " ")
    assert tree.run("tenant import one --replace", stdin=tree.run("tenant export two").out).status == 0
    assert "damaged" not in tree.run("plan").out


def test_what_is_damaged_can_be_put_right(tree: Shop) -> None:
    damage(tree, *FEES)
    right = "kind: Plan\nkey: mail-basic\nperiods: {P1M: {fees: {recurring: 2.00}}}\n"
    assert tree.run("tenant import one", stdin=right).status == 0
    assert tree.run("plan").status == 0


NOT_AS_WRITTEN = (
    *("7", "null", "[7]", "[[]]", "[{}]", '[["Plan", "a", 7, ["b"], 1]]', '{"a": 1}', "[", "9" * 5_000),
    '[{"address": "one/plan/a", "change": {"actions": []}}]',
)
KEPT_AS_JSON = (("tenants", "lineage"), ("came_down", "items"), ("journal", "changes"), ("journal", "notes"))


@pytest.mark.parametrize("value", NOT_AS_WRITTEN, ids=lambda value: value[:9])
@pytest.mark.parametrize(("table", "column"), KEPT_AS_JSON)
def test_what_is_kept_as_json_is_damage_where_it_is_not_as_it_was_written(
    shop: Shop, table: str, column: str, value: str
) -> None:
    shop.reprice()
    with closing(sqlite3.connect(shop.root / ".reconcile" / "tenants.db")) as connection, connection:
        connection.execute(f"update {table} set {column} = ? where tenant = 'one'", (value,))
    for command in ("plan", "plan --verify", "history", "tenant export one", *WRITERS, "apply --auto-approve"):
        done = shop.run(command, stdin="kind: Role\nkey: own\nname: Own\nprivileges: []\n")
        assert done.status in (0, 1), command
        assert "9" * 300 not in done.out + done.err, command


def test_a_revision_that_is_no_number_is_damage(shop: Shop) -> None:
    shop.reprice()
    with closing(sqlite3.connect(shop.root / ".reconcile" / "tenants.db")) as connection, connection:
        connection.execute("update tenants set revision = 'many' where tenant = 'one'")
    for command in ("plan", "apply --auto-approve --allow-dirty"):
        done = shop.run(command)
        assert "the revision of one is damaged" in done.out + done.err


TEXTS = {
    "entities": ("tenant", "kind", "key", "origin", "body", "digest", "synced"),
    "tenants": ("tenant", "fingerprint", "shape", "rest", "lineage"),
    "journal": ("tenant", "plan", "at", "by", '"commit"', "changes", "notes"),
    "moves": ("tenant", "kind", "key", "actor", "at"),
    "came_down": ("tenant", "kind", "key", "origin", "items"),
}
BYTES = [
    f"update {table} set {column} = cast({column} as blob) where tenant = 'one'"
    for table, columns in TEXTS.items()
    for column in columns
]


@pytest.mark.parametrize("statement", BYTES)
def test_bytes_in_place_of_text_are_damage_never_absent(shop: Shop, statement: str) -> None:
    """No traceback, and nothing of that tenant is taken for what is not there."""
    with closing(sqlite3.connect(shop.root / ".reconcile" / "tenants.db")) as connection, connection:
        assert connection.execute(statement).rowcount
    about_all = "tenant =" in statement.partition(" where ")[0].partition(" set ")[2]
    for command in ("plan --verify", "plan", "tenant export one", "history one", "apply --auto-approve"):
        done = shop.run(command)
        assert "Traceback" not in done.err
        if done.status:
            assert "holds bytes (BLOB), not text" in done.out + done.err, command
        else:
            assert not about_all, command
            assert not done.out.startswith("Plan: "), command
    if about_all:
        assert shop.run("tenant export two").status == 1


COLUMNS = [(table, column) for table, columns in TEXTS.items() for column in columns]


@pytest.mark.parametrize(
    ("table", "column", "odd"),
    [
        *((table, column, "ff") for table, column in COLUMNS),
        *((table, "tenant", odd) for table in TEXTS for odd in ("80", "c3", "eda080", "00ff")),
    ],
)
def test_text_that_is_not_utf_8_is_damage_never_absent(shop: Shop, table: str, column: str, odd: str) -> None:
    """It is told without what the column holds."""
    with closing(sqlite3.connect(shop.root / ".reconcile" / "tenants.db")) as connection, connection:
        changed = f"update {table} set {column} = cast({column} || cast(x'{odd}' as text) as text) where tenant = 'one'"
        assert connection.execute(changed).rowcount
    for command in ("plan --verify", "plan", "tenant export one", "history one"):
        done = shop.run(command)
        assert "Traceback" not in done.err, command
        if done.status:
            assert "it is damaged (" in done.out + done.err, command
            assert "holds text that is not UTF-8)" in done.out + done.err, command
            assert "\ufffd" not in done.out + done.err, command
        else:
            assert column != "tenant", command
            assert not done.out.startswith("Plan: "), command


def test_a_tenant_whose_name_is_utf_8_beyond_ascii_is_no_damage(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.root / ".reconcile" / "tenants.db")) as connection, connection:
        for table in TEXTS:
            connection.execute(f"update {table} set tenant = 'z\u00fcrich' where tenant = 'two'")
    assert shop.run("tenant export one").status == 0
