"""A plan that found nothing to do is known the next time, until anything that it depends on is another."""

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from reconciler.shell.connections import access
from reconciler.shell.runs import plan_cache
from reconciler.stores import file_stamps
from tests.cli.mirrors import exported, with_mirrors
from tests.cli.runner import NOW, Ran, Shop

NOTHING = "No changes. Your tenants match the catalog.\n"


class Asking:
    """Plans in a shop, with a cache of its own; ``made`` counts the plans that had to be made, by the cache's log."""

    def __init__(self, shop: Shop, cache: Path, log: pytest.LogCaptureFixture) -> None:
        self.shop = shop
        self.env: Mapping[str, str] = {"RECONCILE_CACHE": str(cache)}
        self.made = 0
        self.log = log
        log.set_level(logging.DEBUG, plan_cache.__name__)

    def plan(self, options: str = "") -> Ran:
        self.log.clear()
        self.made += 1
        try:
            return self.shop.run(f"plan {options}", env=self.env)
        finally:
            self.made -= [each.getMessage() for each in self.log.records].count("the plan is cached")


@pytest.fixture
def asking(shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Asking:
    return Asking(shop, tmp_path / "cache", caplog)


def test_a_plan_without_changes_is_made_once(asking: Asking) -> None:
    assert [asking.plan().out for _ in range(3)] == [NOTHING] * 3
    assert asking.made == 1


def test_what_is_known_is_what_would_be_made(asking: Asking) -> None:
    first = asking.plan("--format json --verbose").out
    known = asking.plan("--format json --verbose").out
    assert asking.made == 1
    assert known == first == asking.shop.run("plan --format json --verbose", env={"RECONCILE_CACHE": "off"}).out


def test_its_moment_is_another_and_nothing_else(asking: Asking) -> None:
    early = orjson.loads(asking.plan("--format json --now 2026-12-01T01:00:00Z").out)
    late = orjson.loads(asking.plan("--format json --now 2026-12-01T02:00:00Z").out)
    assert asking.made == 1
    assert late.pop("timestamp") == "2026-12-01T02:00:00Z" != early.pop("timestamp")
    assert early.pop("digest") != late.pop("digest")
    assert early == late


@pytest.mark.parametrize(
    "options", ["--now 2026-12-02", "--tenant one", "--shard 1/2", "--allow max_deletes:one", "--verify", "--ref HEAD"]
)
def test_another_question_is_another_plan(asking: Asking, options: str) -> None:
    asking.plan()
    assert asking.plan(options).status == 0
    assert asking.made == 2


def test_another_document_is_another_plan(asking: Asking) -> None:
    asking.plan()
    asking.shop.reprice()
    assert "Plan: 0 to add, 1 to change, 0 to destroy." in asking.plan().out
    assert asking.plan().status == 0
    assert asking.made == 3, "a plan with changes is always made anew"


def test_another_line_is_another_plan(asking: Asking) -> None:
    """Places stand in what is withheld."""
    asking.shop.edit("acme/resellers/two.yaml", "kind: SyncPolicy", "# by hand\nkind: SyncPolicy")
    asking.plan()
    asking.shop.edit("acme/resellers/two.yaml", "# by hand\n", "")
    asking.plan()
    assert asking.made == 2


def test_another_commit_is_another_plan(asking: Asking) -> None:
    asking.plan()
    (asking.shop.root / "unrelated.txt").write_text("x", "utf-8")
    asking.shop.commit()
    asking.plan()
    assert asking.made == 2


def test_a_tenants_import_is_seen(asking: Asking) -> None:
    asking.plan()
    patch = "kind: Plan\nkey: mail-basic\nperiods: {P1M: {fees: {recurring: 1.00}}}\n"
    asking.shop.run("tenant import one -", stdin=patch)
    assert "1.00 -> 2.00" in asking.plan().out


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entities SET body = replace(body, '\"2.00\"', '\"1.00\"') WHERE kind = 'Plan' AND tenant = 'one'",
        "DELETE FROM entities WHERE kind = 'Plan' AND tenant = 'one'",
        "UPDATE entities SET tenant = 'two' WHERE kind = 'Plan' AND tenant = 'one' AND 0 = 1",
    ],
)
def test_drift_that_is_written_straight_into_the_database_is_seen(asking: Asking, statement: str) -> None:
    asking.plan()
    connection = sqlite3.connect(asking.shop.root / ".reconcile" / "tenants.db")
    changed = connection.execute(statement).rowcount
    connection.commit()
    connection.close()
    assert (asking.plan().out != NOTHING) == bool(changed)
    assert asking.made == (2 if changed else 1)


def test_what_was_kept_is_not_believed_once_it_is_spoilt(asking: Asking, tmp_path: Path) -> None:
    asking.plan()
    (kept,) = (tmp_path / "cache" / "plans").iterdir()
    whole = kept.read_bytes()
    for spoilt in (b"", whole[:-1], whole[:40] + b"x" + whole[41:], whole.replace(b"in_sync", b"blocked"), b"\0" * 999):
        kept.write_bytes(spoilt)
        assert asking.plan().out == NOTHING
        assert kept.read_bytes() == whole
    assert asking.made == 6


def test_a_cache_that_cannot_be_written_is_no_error(asking: Asking, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way", "utf-8")
    assert [asking.plan().out for _ in range(2)] == [NOTHING] * 2
    assert asking.made == 2


def changed_in_place(database: Path) -> None:
    """One character of a state, and the file's time set back: no byte more."""
    before = database.stat()
    connection = sqlite3.connect(database)
    connection.execute("UPDATE entities SET body = replace(body, '\"2.00\"', '\"1.00\"') WHERE tenant = 'one'")
    connection.commit()
    connection.close()
    assert database.stat().st_size == before.st_size
    os.utime(database, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced_by_another(database: Path) -> None:
    """A copy of the file that was changed takes its name, as where a backup is put back."""
    copy = database.with_name("copy.db")
    shutil.copy2(database, copy)
    changed_in_place(copy)
    copy.replace(database)


def removed(database: Path) -> None:
    database.unlink()


@pytest.fixture
def settled(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The database of a shop whose plan is known, and with it that its file has not changed since."""
    monkeypatch.setattr(file_stamps, "SETTLED_NS", 0)
    assert [asking.plan().out for _ in range(2)] == [NOTHING] * 2
    assert asking.made == 1
    return asking.shop.root / ".reconcile" / "tenants.db"


def test_a_store_whose_file_is_as_it_was_is_not_opened(
    asking: Asking, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(access, "open_reader", None)
        assert asking.plan().out == NOTHING
    assert asking.made == 1
    settled.touch()
    with monkeypatch.context() as patch:
        patch.setattr(access, "open_reader", None)
        with pytest.raises(TypeError):
            asking.plan()


@pytest.mark.parametrize("change", [changed_in_place, replaced_by_another, removed])
def test_a_store_whose_file_is_another_is_asked(asking: Asking, settled: Path, change: Callable[[Path], None]) -> None:
    change(settled)
    assert asking.plan().out != NOTHING
    assert asking.made == 2


def test_a_plan_that_is_known_loads_no_driver(asking: Asking, settled: Path) -> None:
    assert settled.is_file()
    program = """if True:
        import sys
        from reconciler.stores import file_stamps
        file_stamps.SETTLED_NS = 0
        from reconciler.cli.main import main
        try:
            main(sys.argv[1:])
        finally:
            print(*{name.partition(".")[0] for name in sys.modules})
    """
    ran = subprocess.run(
        [sys.executable, "-c", program, "plan", "--now", NOW],
        cwd=asking.shop.root,
        env={**os.environ, **asking.env},
        capture_output=True,
        text=True,
        check=True,
    )
    *shown, modules = ran.stdout.splitlines(keepends=True)
    assert "".join(shown) == NOTHING
    assert "reconciler" in modules.split()
    assert not {"alembic", "psycopg", "sqlalchemy"} & {*modules.split()}


DATED = "unit_prices: {P1M: [{from: 2026-01-01, amount: 2.50}, {from: 2026-12-20, amount: 2.60}], P1Y: 25.00}"


def waiting(shop: Shop) -> None:
    """A mirror whose price is another from 20 December on, and whose unit is from 1 January on."""
    with_mirrors(shop)
    shop.edit("acme/catalog.yaml", "unit_prices: {P1M: 2.50}", DATED)
    shop.commit()
    assert shop.run("apply --auto-approve --now 2026-12-10").status == 0
    asked = "act one sub-1 change_unit --as reseller --set billing_cycle=P1Y --set when=next_cycle"
    assert shop.run(f"subscription {asked} --now 2026-12-11").status == 0


def test_what_comes_with_a_day_is_not_missed(asking: Asking) -> None:
    """A pending unit (SUB-27) and an announced price (SUB-13) need no other document or state to make a difference."""
    waiting(asking.shop)
    for day, first, made in (
        ("2026-12-12", "", 1),
        ("2026-12-12", "", 1),
        ("2026-12-20", "prices.P1M: 2.50 -> 2.60", 2),
        ("2027-01-01", 'billing_cycle: "P1M" -> "P1Y"', 3),
    ):
        out = asking.plan(f"--verbose --now {day}").out
        assert (first in out) if first else ("0 to change" in out or "No changes" in out), out
        assert asking.made == made


def test_watch_does_what_comes_with_a_day(shop: Shop) -> None:
    waiting(shop)
    for day, told in (
        ("2026-12-12", "prices:\n  P1M: 2.50\n"),
        ("2026-12-20", "prices:\n  P1M: 2.60\n"),
        ("2026-12-31", "prices:\n  P1M: 2.60\n"),
        ("2027-01-01", "prices:\n  P1Y: 25.00\n"),
    ):
        assert shop.run(f"watch --rounds 1 --now {day}").status == 0
        assert told in exported(shop, "acme", "Subscription", "one.sub-1")
    mirror = exported(shop, "acme", "Subscription", "one.sub-1")
    assert mirror.count("action: take_effect") == 2, "in the history, and as it was applied last"


def test_without_a_cache_nothing_is_looked_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_CACHE", "off")
    with access.Access(shop.root, {}) as opened:
        found = plan_cache.look_for_plan(shop.root, opened, (), now=datetime(2026, 12, 1, tzinfo=UTC))
    found.close()
    assert (found.plan, found.recall) == (None, None)
