"""COMMITs that fail on demand: before they are made, or after."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MADE, LOST = "made", "lost"
Between = Callable[[], object]


@dataclass
class Breaks:
    """What becomes of the next COMMIT: it is ``made`` or ``lost``, something happens in ``between``, and it fails.

    ``afterwards``: whether nothing works after that either.
    """

    fate: str = ""
    between: Between = lambda: None
    afterwards: bool = False
    down: bool = field(default=False, init=False)

    def next(self, fate: str, between: Between = lambda: None, *, afterwards: bool = False) -> None:
        self.fate, self.between, self.afterwards = fate, between, afterwards

    def taken(self) -> str:
        fate, self.fate = self.fate, ""
        self.down = bool(fate) and self.afterwards
        return fate

    def heal(self) -> None:
        self.down = False


def disk_error(code: int = sqlite3.SQLITE_IOERR_DIR_FSYNC) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


def failing_connection(breaks: Breaks) -> type[sqlite3.Connection]:
    """Of the driver: as one whose disk fails while it commits."""

    class Failing(sqlite3.Connection):
        def __init__(self, database: Any, *arguments: Any, **settings: Any) -> None:
            super().__init__(database, *arguments, **settings)
            self.writes = "mode=rw" in str(database)

        def commit(self) -> None:
            fate = breaks.taken() if self.writes and self.in_transaction else ""
            if not fate:
                super().commit()
                return
            if fate == MADE:
                super().commit()
            else:
                super().rollback()
            breaks.between()
            raise disk_error()

        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            if breaks.down:
                raise disk_error(sqlite3.SQLITE_IOERR_READ)
            return super().execute(*arguments)

    return Failing
