"""What only says how it is used starts at once: nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "alembic",
    "dask",
    "distributed",
    "git",
    "jsonschema",
    "orjson",
    "psycopg",
    "pydantic",
    "rich",
    "rich_click",
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
    assert {"git", "orjson", "pydantic"} <= imported("plan", "--help")
