"""Classifies errors of databases and of the operating system: a table from driver codes to kinds and messages.

Errors are recognised by their attributes, so that no driver is imported needlessly.
"""

import errno
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Failure(StrEnum):
    """The kind of a failure. The names, prefixed with ``store_``, are part of ``apply --format json``."""

    BUSY = "busy"
    """Another process is using the store: run the same command again."""
    UNREACHABLE = "unreachable"
    """The server does not respond, or the connection was lost."""
    DISK = "disk"
    """The disk or file system reported an I/O error. The contents may be intact."""
    FULL = "full"
    READ_ONLY = "read_only"
    FORBIDDEN = "forbidden"
    """The user lacks a permission."""
    DAMAGED = "damaged"
    """The contents are damaged."""
    NOT_A_DATABASE = "not_a_database"
    ERROR = "error"
    """Anything else."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The meaning of an error: its kind, a message, and a hint if there is one."""

    failure: Failure = Failure.ERROR
    words: str = ""
    hint: str = ""

    def said(self, detail: str, consequence: str = "") -> str:
        """The message. ``detail``: the driver's message; ``consequence``: begins with its own punctuation."""
        what = f"{self.words} ({detail})" if self.words else detail
        return f"{what}{consequence}{f'. {self.hint}' if self.hint else ''}"


class NotText(sqlite3.DatabaseError):
    """A column holds bytes (BLOB), or text that is not UTF-8: whoever wrote them damaged the file."""


LOST = Finding(Failure.UNREACHABLE, "the connection was lost")
UNREACHABLE = Finding(Failure.UNREACHABLE, "it cannot be reached")
BUSY = Finding(Failure.BUSY, "another process is using it, and did not finish in time")
DISK = Finding(
    Failure.DISK,
    "the disk failed",
    "That is an I/O error, and does not say that the contents are damaged: look at the system's log, and at the disk",
)
FLEETING = Finding(
    Failure.DISK,
    "the disk failed while it was read, and the file is whole now",
    "Run the same again; if that comes back, look at the system's log, and at the disk",
)
DAMAGED = Finding(Failure.DAMAGED, "it is damaged")
_CLASHED = Finding(Failure.BUSY, "somebody else wrote the same at the same moment; run it again")
_CROWDED = Finding(Failure.BUSY, "it has no room for that at the moment")
_FULL = Finding(Failure.FULL, "there is no room left to write")
_READ_ONLY = Finding(Failure.READ_ONLY, "it may not be written to")
_FORBIDDEN = Finding(Failure.FORBIDDEN, "access to it is denied")
_CANNOT_OPEN = Finding(Failure.ERROR, "it cannot be opened")
_NOT_A_DATABASE = Finding(Failure.NOT_A_DATABASE, "it is not a database")
_MEMORY = Finding(Failure.ERROR, "there is not enough memory")
_TOO_LARGE = Finding(Failure.ERROR, "a value is larger than the database takes")
_ENCODING = Finding(Failure.ERROR, "its encoding cannot hold this text; make the database with ENCODING 'UTF8'")

_IOERR_CORRUPTFS = sqlite3.SQLITE_IOERR | 33 << 8  # SQLite's name for EIO since 3.34; Python's module lacks it

SQLITE: Mapping[int, Finding] = {
    sqlite3.SQLITE_AUTH: _FORBIDDEN,
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_CANTOPEN: _CANNOT_OPEN,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: DISK,
    _IOERR_CORRUPTFS: DISK,
    sqlite3.SQLITE_IOERR_NOMEM: _MEMORY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_NOMEM: _MEMORY,
    sqlite3.SQLITE_FORMAT: _NOT_A_DATABASE,
    sqlite3.SQLITE_NOTADB: _NOT_A_DATABASE,
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_PROTOCOL: BUSY,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_READONLY_ROLLBACK: Finding(
        Failure.READ_ONLY, "an interrupted write has to be undone first, by someone who may write to it"
    ),
    sqlite3.SQLITE_TOOBIG: _TOO_LARGE,
}
"""By SQLite's extended code, or by its low byte, the primary code."""

SQLSTATES: Mapping[str, Finding] = {
    "08": LOST,
    "22021": _ENCODING,
    "22P05": _ENCODING,
    "23505": _CLASHED,
    "25006": Finding(Failure.READ_ONLY, "it may not be written to: it is a standby, or was set to be read only"),
    "25P03": LOST,
    "28": Finding(Failure.FORBIDDEN, "it does not let its user in"),
    "3F000": Finding(Failure.ERROR, "there is no schema to make the tables in (search_path)"),
    "40": _CLASHED,
    "42501": Finding(Failure.FORBIDDEN, "its user may not do that"),
    "53": _CROWDED,
    "53100": _FULL,
    "53200": _MEMORY,
    "54": _TOO_LARGE,
    "55P03": BUSY,
    "57014": Finding(Failure.BUSY, "it took longer than the server allows"),
    "57P": LOST,
    "58": DISK,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
"""By PostgreSQL's SQLSTATE, or by a prefix of it."""

ERRNOS: Mapping[int, Failure] = {
    errno.EACCES: Failure.FORBIDDEN,
    errno.EDQUOT: Failure.FULL,
    errno.EIO: Failure.DISK,
    errno.ENOSPC: Failure.FULL,
    errno.EPERM: Failure.FORBIDDEN,
    errno.EROFS: Failure.READ_ONLY,
    errno.ESTALE: Failure.DISK,
}
"""By the operating system's error number."""


def of_sqlite(error: BaseException | None) -> Finding:
    """The meaning of an error of ``sqlite3``."""
    if isinstance(error, NotText):
        return DAMAGED
    code = getattr(error, "sqlite_errorcode", 0)
    return SQLITE.get(code) or SQLITE.get(code & 0xFF) or Finding()


def as_not_text(error: BaseException) -> BaseException:
    """Of text that is not UTF-8, an error that does not repeat it, as that of ``sqlite3`` does; others as they are."""
    if found := _NOT_UTF_8.match(str(error)):
        return NotText(f"{found[1]} holds text that is not UTF-8")
    return error


_NOT_UTF_8 = re.compile(r"Could not decode to UTF-8 column '([^']*)'")


def of_sqlstate(state: str | None) -> Finding:
    """The meaning of a SQLSTATE."""
    found = (SQLSTATES.get((state or "")[:length]) for length in (5, 3, 2))
    return next((each for each in found if each), Finding())


def of_system(error: OSError) -> Failure:
    """The kind of an error of the operating system."""
    return ERRNOS.get(error.errno or 0, Failure.ERROR)
