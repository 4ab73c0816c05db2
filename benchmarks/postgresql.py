"""A database of our own on a PostgreSQL server, made for one scenario and dropped after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from benchmarks.measure import NotMeasured
from reconciler import optional_libraries

NAME = "reconcile_benchmark"
OWN = "own"
"""In place of a server's URL: one that is started for the scenario, as the tests start theirs."""


@contextmanager
def server(asked: str | None) -> Iterator[str | NotMeasured]:
    """The URL of the server that was asked for, or why there is none."""
    if asked is None:
        yield NotMeasured("no server given (--postgresql URL, or own)")
    elif not find_spec("psycopg"):
        yield NotMeasured(f"psycopg is not installed ({optional_libraries.POSTGRESQL})")
    elif asked != OWN:
        yield asked
    elif not find_spec("tests.postgresql"):
        yield NotMeasured("the tests have no server of their own to start")
    else:
        with import_module("tests.postgresql").a_server() as started:
            yield started.url()


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
