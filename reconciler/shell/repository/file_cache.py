"""A cache of parsed files between runs, keyed by their contents. Entries are checked, and the cache is optional.

One SQLite file in the user's cache directory. An entry is keyed by the blob id of a file's bytes and the version of the
reader, and holds the result of `core.reading.index` for a file without problems. An entry that is unreadable, has a
wrong checksum or may have been written by another user is ignored; a file whose entry cannot be written is parsed
again next time.
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
"""Entries unused for this long are deleted."""
BATCH = 4_000_000
"""Bytes of new entries to hold in memory before saving them."""
BUSY_SECONDS = 1.0
"""How long to wait for another process's lock before parsing the files instead."""

_SCHEMA = """CREATE TABLE IF NOT EXISTS readings (name BLOB PRIMARY KEY, used INTEGER NOT NULL,
    extract BLOB NOT NULL, extract_sum BLOB NOT NULL, rest BLOB NOT NULL, rest_sum BLOB NOT NULL)"""
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY})
"""SQLite errors (low byte of the code) that do not mean damage; after any other the file is recreated."""

_DAMAGED = (sqlite3.Error, UnicodeDecodeError)
"""Errors from reading a damaged file; SQLite's message may contain bytes that are not text."""


@contextmanager
def cached_reader(
    environment: Mapping[str, str], opened: ExitStack | None = None
) -> Iterator[Callable[[SourceFile], Reading]]:
    """A caching `read_file`, which saves new entries at the end.

    ``RECONCILE_CACHE`` is the directory, or ``off``; the default is ``reconcile`` in the user's cache directory. Cached
    readings load the rest of their contents on demand: the cache file is closed with ``opened``, or at the end.
    """
    folder, version = cache_folder(environment), reader_version()
    if folder is None or version is None:
        yield read_file
        return
    with ExitStack() as stack:
        kept = FileCache(folder / FILE, version)
        (opened or stack).callback(kept.close)
        yield kept.read
        kept.save()


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """The cache directory; ``None`` if there is no cache."""
    chosen = environment.get("RECONCILE_CACHE")
    if chosen:
        return None if chosen == "off" else Path(chosen)
    for variable, below in (("XDG_CACHE_HOME", "."), ("LOCALAPPDATA", "."), ("HOME", ".cache")):
        if environment.get(variable):
            return Path(environment[variable]) / below / "reconcile"
    return None


def reader_version() -> bytes | None:
    """A digest of the code that parses, so that any change of it invalidates entries. ``None`` if it is unknown."""
    reader = f"{FORMAT} {sys.version} libyaml {_ruamel_yaml.get_version_string()}".encode()
    sources = [path for package in (core, model) for path in sorted(Path(package.__path__[0]).rglob("*.py"))]
    try:
        version = content_digest((reader, *map(Path.read_bytes, sources)))
    except OSError:
        return None
    return version if sources else None


def name_of(data: bytes, algorithm: str = "sha1") -> str:
    """The git blob id of a file's bytes, the same for a checked-out file and one in a commit.

    ``algorithm``: the repository's object format, ``sha1`` or ``sha256``.
    """
    made = (hashlib.sha256 if algorithm == "sha256" else hashlib.sha1)(b"blob %d\0" % len(data), usedforsecurity=False)
    made.update(data)
    return made.hexdigest()


class FileCache:
    """The cached readings of one version of the reader, in one file."""

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
        """As `read_file`; a cached reading loads the rest of its contents on demand."""
        name = self._name(file)
        found = self._lookup("SELECT extract, extract_sum, used FROM readings WHERE name = ?", name)
        if found is None:
            return read_file(file, partial(self._keep, name, file))
        if found[1] != self._today:
            self._used_before.append(name)
        extract = decode_extract(found[0])
        return from_extract(file, extract, lambda: self._rest(name, file))

    def _keep(self, name: bytes, file: SourceFile, extract: Extract, rest: bytes) -> Callable[[], bytes]:
        """Hold a new entry in memory until it is saved; later it is looked up in the file."""
        self._new[name] = (encode_extract(extract), rest)
        self._unsaved += len(rest)
        if self._unsaved >= BATCH:
            self.save()
        return lambda: self._rest(name, file)

    def save(self) -> None:
        """Save new entries and delete old ones. Errors are ignored: the cache is optional."""
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
        """Close the file. Later lookups parse the documents again."""
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
        if found is None:  # deleted since, or damaged
            extracted = extract_file(file.data, file.path)
            assert extracted is not None
            return extracted.rest
        return found[0]

    def _lookup(self, query: str, name: bytes) -> tuple[bytes, Any] | None:
        """The entry's content and the other selected column, if the entry exists and its checksum is right."""
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
        """Delete a damaged file completely; the next save creates a new one."""
        self.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _sum(name: bytes, content: bytes) -> bytes:
    """A checksum that includes the entry's name, so that an entry cannot be mistaken for another's."""
    return checksum(content, key=name)


def is_ours(path: Path) -> bool:
    """Whether no other user can have written the file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & S_IWOTH)
