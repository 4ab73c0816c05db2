"""Stamps of files, which show without opening a file whether it changed."""

import os
import time
from itertools import chain, takewhile
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import NamedTuple

from reconciler.stores.base import StoreError
from reconciler.stores.failures import of_system

SETTLED_NS = 2_000_000_000
"""Nanoseconds within which a file may change again without another stamp: the clock of a file system ticks every few
milliseconds, on some every two seconds.
"""


class Stamp(NamedTuple):
    """The identity and times of a file. Writing, replacing or locking it changes the stamp."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    def is_same_file(self, other: "Stamp") -> bool:
        return self[:2] == other[:2]


def stamp(path: Path) -> Stamp | None:
    """The stamp of a file, following links; ``None`` if there is none. A dangling link, or a file that cannot be
    examined, is an error and never counts as "no state yet".
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        above = takewhile(lambda each: not each.exists(), path.parents)  # above what exists, nothing dangles
        missing = chain((path,), above)
        if dangling := next((each for each in missing if each.is_symlink()), None):
            raise StoreError(f"{path}: {dangling} is a link to what is not there") from None
        return None
    except OSError as error:
        raise StoreError(f"{path}: it cannot be opened ({error.strerror})", of_system(error)) from error
    refuse_other_than_files(path, found.st_mode)
    return _stamp_of(found)


def refuse_other_than_files(path: Path | str, mode: int) -> None:
    """Raise `StoreError` unless the mode is that of a file."""
    if not S_ISREG(mode):  # to open a pipe hangs
        what = "a folder" if S_ISDIR(mode) else "a pipe, a socket or a device, not a file"
        raise StoreError(f"{path}: it cannot be opened (it is {what})")


def stamp_if_any(path: Path) -> Stamp | None:
    """Like `stamp`, but ``None`` instead of an error."""
    try:
        return _stamp_of(path.stat())
    except OSError:
        return None


def _stamp_of(found: os.stat_result) -> Stamp:
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def settled_stamp(path: Path) -> Stamp | None:
    """The stamp of a SQLite file, if a later write to it has to give another one; ``None`` if that is not sure.

    It is not where there is no file, where it changed just now (`SETTLED_NS`) or in the future, and where a journal
    stands beside it: then the file is not all there is. Raises `StoreError` as `stamp`.
    """
    found = stamp(path)
    if found is None or any(path.with_name(f"{path.name}{end}").exists() for end in ("-journal", "-wal")):
        return None
    return found if max(found.modified, found.changed) + SETTLED_NS < time.time_ns() else None
