"""What was read of files, kept from run to run: found by their contents, never believed unchecked, never needed.

One SQLite file in the user's cache folder. An entry is named by git's name for a file's bytes and the version of the
reader, and holds what `core.reading.index` makes of a file without a fault. What cannot be read, has a wrong checksum
or may have been written by somebody else counts as not there; and what cannot be written is read again the next time.
"""

import hashlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from stat import S_IWOTH
from time import time
from typing import Any

import _ruamel_yaml

from reconciler import core, model
from reconciler.core.reading import (
    Extract,
    Reading,
    decode_extract,
    encode_extract,
    extract_file,
    from_extract,
    read_file,
)
from reconciler.model.documents.source import SourceFile
from reconciler.model.values.digests import checksum, content_digest

FILE = "readings.sqlite"
FORMAT = 1
KEPT_DAYS = 30
"""An entry that was not used for so long goes."""
BATCH = 4_000_000
"""So many bytes are kept in memory before they are saved."""
BUSY_SECONDS = 1.0
"""How long one waits for another process before one reads the files oneself."""

_SCHEMA = """CREATE TABLE IF NOT EXISTS readings (name BLOB PRIMARY KEY, used INTEGER NOT NULL,
    extract BLOB NOT NULL, extract_sum BLOB NOT NULL, rest BLOB NOT NULL, rest_sum BLOB NOT NULL)"""
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY})
"""By the low byte of its code, an error that says nothing against the file; after any other it is made anew."""

_DAMAGED = (sqlite3.Error, UnicodeDecodeError)
"""What reading a spoilt file comes to: SQLite's own message of it may hold bytes that are no text."""


@contextmanager
def remembering(
    environment: Mapping[str, str], opened: ExitStack | None = None
) -> Iterator[Callable[[SourceFile], Reading]]:
    """A `read_file` that remembers, and keeps at the end what was new to it.

    ``RECONCILE_CACHE`` is the folder, or ``off``; the default is ``reconcile`` in the user's cache folder. What was
    read looks up the rest of it there: the file is closed with ``opened``; without it, at the end.
    """
    folder, version = cache_folder(environment), reader_version()
    if folder is None or version is None:
        yield read_file
        return
    with ExitStack() as stack:
        kept = Readings(folder / FILE, version)
        (opened or stack).callback(kept.close)
        yield kept.read
        kept.save()


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """Where readings are kept; ``None`` where they are not."""
    chosen = environment.get("RECONCILE_CACHE")
    if chosen:
        return None if chosen == "off" else Path(chosen)
    for variable, below in (("XDG_CACHE_HOME", "."), ("LOCALAPPDATA", "."), ("HOME", ".cache")):
        if environment.get(variable):
            return Path(environment[variable]) / below / "reconcile"
    return None


def reader_version() -> bytes | None:
    """Of the code that reads: it changes with every change of a reader or a model. ``None`` where it cannot be told."""
    reader = f"{FORMAT} {sys.version} libyaml {_ruamel_yaml.get_version_string()}".encode()
    sources = [path for package in (core, model) for path in sorted(Path(package.__path__[0]).rglob("*.py"))]
    try:
        version = content_digest((reader, *map(Path.read_bytes, sources)))
    except OSError:
        return None
    return version if sources else None


def name_of(data: bytes, algorithm: str = "sha1") -> str:
    """Git's name for a file's bytes: the same for a file that is checked out and for one in a commit.

    ``algorithm``: of the repository's object ids, ``sha1`` or ``sha256``.
    """
    return hashlib.new(algorithm, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class Readings:
    """The readings of one version of the reader, in one file."""

    def __init__(self, path: Path, version: bytes) -> None:
        self._path = path
        self._version = version
        self._today = int(time()) // 86_400
        self._new: dict[bytes, tuple[bytes, bytes]] = {}
        self._unsaved = 0
        self._used_before: list[bytes] = []
        self._connection: sqlite3.Connection | None = None
        if is_ours(path.parent) and is_ours(path) and path.is_file():
            self._open()

    def read(self, file: SourceFile) -> Reading:
        """As `read_file`; the rest of what is remembered is looked up when one is needed."""
        name = self._name(file)
        found = self._lookup("SELECT extract, extract_sum, used FROM readings WHERE name = ?", name)
        if found is None:
            return read_file(file, partial(self._keep, name, file))
        if found[1] != self._today:
            self._used_before.append(name)
        extract = decode_extract(found[0])
        return from_extract(file, extract, lambda: self._rest(name, file))

    def _keep(self, name: bytes, file: SourceFile, extract: Extract, rest: bytes) -> Callable[[], bytes]:
        """Until it is saved it is here; from then on it is looked up like everything else."""
        self._new[name] = (encode_extract(extract), rest)
        self._unsaved += len(rest)
        if self._unsaved >= BATCH:
            self.save()
        return lambda: self._rest(name, file)

    def save(self) -> None:
        """Keep what is new, and forget what was not used for long. What fails is let be: it is a cache."""
        self._unsaved = 0
        if not self._new and not self._used_before:
            return
        with suppress(OSError, sqlite3.Error):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_ours(self._path.parent) and is_ours(self._path):
                self._write()
                self._new.clear()
                self._used_before.clear()
                if self._connection is None:
                    self._open()

    def close(self) -> None:
        """Let go of the file. What is looked up from then on is read again from the documents."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _write(self) -> None:
        with closing(sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            new = (
                (name, self._today, extract, _sum(name, extract), rest, _sum(name, rest))
                for name, (extract, rest) in self._new.items()
            )
            connection.executemany("INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?, ?, ?)", new)
            used = ((self._today, name) for name in self._used_before)
            connection.executemany("UPDATE readings SET used = ? WHERE name = ?", used)
            connection.execute("DELETE FROM readings WHERE used < ?", (self._today - KEPT_DAYS,))
            connection.execute("COMMIT")

    def _name(self, file: SourceFile) -> bytes:
        name = file.name or name_of(file.data)
        return content_digest((name.encode(),), key=self._version)

    def _rest(self, name: bytes, file: SourceFile) -> bytes:
        if name in self._new:
            return self._new[name][1]
        found = self._lookup("SELECT rest, rest_sum FROM readings WHERE name = ?", name)
        if found is None:  # gone since, or spoilt
            extracted = extract_file(file.data, file.path)
            assert extracted is not None
            return extracted.rest
        return found[0]

    def _lookup(self, query: str, name: bytes) -> tuple[bytes, Any] | None:
        """What is kept, and what else was asked for, if it is there and has the checksum that follows it."""
        if self._connection is None:
            return None
        try:
            row = self._connection.execute(query, (name,)).fetchone()
        except _DAMAGED as error:
            self._give_up(error)
            return None
        if row is None:
            return None
        content, checksum, *rest = row
        if not isinstance(content, bytes) or _sum(name, content) != checksum:
            self._discard()
            return None
        return content, rest[0] if rest else None

    def _open(self) -> None:
        where = f"{self._path.absolute().as_uri()}?mode=rw"
        try:
            self._connection = sqlite3.connect(where, BUSY_SECONDS, uri=True, check_same_thread=False)
            (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        except _DAMAGED as error:
            self._give_up(error)
            return
        if found != FORMAT:
            self._discard()

    def _give_up(self, error: Exception) -> None:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING:
            self.close()
        else:
            self._discard()

    def _discard(self) -> None:
        """A file in which anything is spoilt goes whole; the next that is saved is new."""
        self.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _sum(name: bytes, content: bytes) -> bytes:
    """Under a name: what is kept for one file is not taken for another's."""
    return checksum(content, key=name)


def is_ours(path: Path) -> bool:
    """Whether nobody else can have put there what is there, if anything is."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & S_IWOTH)
