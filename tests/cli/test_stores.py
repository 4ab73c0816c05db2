"""The same commands on every database: what they print and plan does not depend on where the tenants are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from reconciler.stores.sql import postgresql_databases
from tests.cli.runner import NOW, git, run
from tests.postgresql import Server

ROOT = Path(__file__).parents[2]
BEFORE = ROOT / "examples" / "before" / "fabrikam.yaml"
DRIFT = """
kind: Plan
key: m365-business-basic
periods: {P1M: {fees: {recurring: 9.99}}}
---
kind: Product
key: a-product-of-ones-own
name: Ünlike any other ✓
"""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def _workspace(root: Path, store: str) -> Path:
    """The showcase, with its tenants in a store."""
    copytree(ROOT / "catalogs", root, ignore=ignore_patterns("model-market", ".reconcile"))
    file = root / "reconcile.yaml"
    text = file.read_text("utf-8")
    assert "store: sqlite:///.reconcile/tenants.db" in text
    file.write_text(text.replace("store: sqlite:///.reconcile/tenants.db", f"store: {store}"), "utf-8")
    git(root, "init", "--quiet", "--initial-branch=main")
    return root


def _done(root: Path, command: str, *, stdin: str = "") -> str:
    ran = run(f"{command} --now {NOW}", root, stdin=stdin)
    assert ran.status == 0, ran
    return ran.out


def _story(root: Path) -> dict[str, str]:
    """All that is printed and planned while tenants are filled, changed by their owners, and brought back."""
    told: dict[str, str] = {}
    _done(root, f"tenant import fabrikam {BEFORE}")
    for step in ("first", "drifted"):
        told[f"{step}: plan"] = _done(root, "plan --verbose")
        told[f"{step}: saved"] = _saved_plan(root)
        told[f"{step}: apply"] = _done(root, "apply --auto-approve --allow-dirty")
        told[f"{step}: plan again"] = _done(root, "plan")
        _done(root, "tenant import contoso -", stdin=DRIFT)
    told["list"] = _done(root, "tenant list")
    for tenant in ("contoso", "fabrikam"):
        told[f"{tenant}: state"] = _done(root, f"tenant export {tenant}")
        told[f"{tenant}: history"] = _DIGEST.sub("", _done(root, f"history {tenant} --format json"))
    return told


def _saved_plan(root: Path) -> str:
    """Without two digests, that of the workspace's documents, which name the store, and that of the plan with it."""
    _done(root, "plan --out saved.json")
    saved = (root / "saved.json").read_text("utf-8")
    (root / "saved.json").unlink()
    outer = re.findall(r'"digest": ?"(sha256:[0-9a-f]{64})"', saved)
    assert len(outer) == 2
    for each in outer:
        saved = saved.replace(each, "")
    assert "fingerprint" in saved
    assert _DIGEST.search(saved), "the fingerprints of the tenants are compared"
    return saved


def test_postgresql_gives_the_same_bytes_as_sqlite(tmp_path: Path, postgresql: Server) -> None:
    sqlite = _story(_workspace(tmp_path / "one" / "shop", "sqlite:///.reconcile/tenants.db"))
    url = postgresql.url(postgresql.new_schema())
    found = _story(_workspace(tmp_path / "two" / "shop", url))
    assert url not in found["list"]
    shown = "postgresql://***@/postgres"
    lists = [each.pop("list").replace(shown, "sqlite:///.reconcile/tenants.db").split() for each in (found, sqlite)]
    assert lists[0] == lists[1], "but for the widths of its columns"
    assert found == sqlite
    assert "will be updated in place" in sqlite["drifted: plan"]


def test_a_server_that_is_not_there_is_told_and_is_nobodys_empty_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_databases, "WAITS", ())
    root = _workspace(tmp_path / "shop", "postgresql://ann@127.0.0.1:1/tenants")
    ran = run(f"plan --now {NOW}", root)
    assert ran.status == 1
    assert "postgresql://***@127.0.0.1:1/tenants: it cannot be reached: " in ran.out
    assert "will be created" not in ran.out


def test_without_the_driver_the_command_to_install_it_is_named(tmp_path: Path) -> None:
    root = _workspace(tmp_path / "shop", "postgresql://db.example/tenants")
    program = "import sys; sys.modules['psycopg'] = None\nfrom reconciler.cli.main import main; main(sys.argv[1:])"
    ran = subprocess.run([sys.executable, "-c", program, "plan"], cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "reconcile.yaml:7:8: error bad-store: store: PostgreSQL takes a driver that is not installed" in ran.stderr
    assert 'hint: pip install "psycopg[binary]>=3.2,<4"' in ran.stderr


def test_who_does_not_use_postgresql_does_not_import_it(tmp_path: Path) -> None:
    root = _workspace(tmp_path / "shop", "sqlite:///.reconcile/tenants.db")
    program = "import sys\nfrom reconciler.cli.main import main\ntry: main(sys.argv[1:])\nfinally: print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program, "plan"], cwd=root, capture_output=True, text=True, check=False)
    modules = ran.stdout.splitlines()[-1].split()
    assert "reconciler.app" in modules
    assert not [each for each in modules if each.startswith(("psycopg", "sqlalchemy.dialects.postgresql"))]
