"""What only says how it is used starts at once: nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.shell.repository.git import open_repository

HEAVY = {
    "alembic",
    "dask",
    "distributed",
    "git",
    "jsonschema",
    "orjson",
    "pathspec",
    "psycopg",
    "pydantic",
    "rich",
    "ruamel",
    "sqlalchemy",
    "sqlite3",
}
IMPORTED = """
import sys
from reconciler.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def imported(*arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, check=False)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("-h",), ()])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    found = imported(*arguments)
    assert "click" in found
    assert found & HEAVY == set()


def test_the_test_sees_what_is_imported() -> None:
    assert {"orjson", "pydantic"} <= imported("plan", "--help")


def test_git_is_looked_for_where_there_may_be_a_repository(tmp_path: Path) -> None:
    inside = tmp_path / "shop" / "catalogs"
    inside.mkdir(parents=True)
    (inside / "reconcile.yaml").write_text("kind: Workspace\nversion: 1\nstore: sqlite:///tenants.db\n")
    assert "git" not in imported("plan", "-C", str(inside))
    assert open_repository(inside) is None
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "shop")], check=True)
    assert "git" in imported("plan", "-C", str(inside))
    found = open_repository(inside)
    assert found is not None
    assert found.prefix == "catalogs/"


def test_importing_the_package_imports_no_module_of_it_but_the_two_it_needs() -> None:
    """Its names are imported when they are used."""
    program = "import sys, reconciler; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()
    ours = {name for name in modules if name.startswith("reconciler")}
    assert ours == {"reconciler", "reconciler.lazy_exports", "reconciler.version"}
