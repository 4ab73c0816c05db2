"""A database of our own on a PostgreSQL server, made for one scenario and dropped after it."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

NAME = "reconcile_benchmark"


@dataclass(frozen=True, slots=True)
class Database:
    """An empty database on a server, as long as one is in it. What was called so before is gone.

    ``server``: the URL of a database that one may connect to, without a password (libpq finds that in its environment).
    """

    server: str

    @property
    def url(self) -> str:
        """The store's URL."""
        return urlsplit(self.server)._replace(path=f"/{NAME}").geturl()

    def missing(self) -> str:
        """Why it cannot be had; nothing where it can."""
        return "" if find_spec("psycopg") else "psycopg is not installed (pip install 'reconciler[postgresql]')"

    def __enter__(self) -> Self:
        self._run(f"DROP DATABASE IF EXISTS {NAME}", f"CREATE DATABASE {NAME}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._run(f"DROP DATABASE {NAME}")

    def _run(self, *statements: str) -> None:
        psycopg: Any = import_module("psycopg")
        with psycopg.connect(self.server, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
