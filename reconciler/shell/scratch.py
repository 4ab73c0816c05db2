"""Scratch files: readable by their owner only and without a name, so they vanish however the process ends."""

import tempfile
from pathlib import Path
from threading import Lock
from typing import IO
from weakref import finalize

from reconciler.stores.base import StoreError


class ScratchFile:
    """An append-only file that several threads may read at any position. Closed when garbage-collected, with the plan
    that it holds.
    """

    __slots__ = ("__weakref__", "_end", "_file", "_lock")

    def __init__(self, file: IO[bytes]) -> None:
        finalize(self, file.close)
        self._file = file
        self._end = 0
        self._lock = Lock()

    def write(self, data: bytes) -> int:
        """Append the data and return its offset. Raises `StoreError` if there is no space left."""
        with self._lock:
            start = self._end
            self._file.seek(start)
            write_scratch(self._file, data)
            self._end += len(data)
        return start

    def read(self, start: int, size: int) -> bytes:
        with self._lock:
            self._file.seek(start)
            data = self._file.read(size)
        assert len(data) == size, "what was written is there"
        return data


def scratch_outside(root: Path) -> ScratchFile | None:
    """A scratch file in the system's temporary directory; ``None`` if that is missing or inside ``root``."""
    folder = scratch_folder(root)
    return ScratchFile(tempfile.TemporaryFile(prefix="reconcile-", dir=folder)) if folder else None


def scratch_folder(root: Path) -> Path | None:
    """The system's temporary directory; ``None`` if it is inside ``root``, or no file can be made in it."""
    try:
        folder = Path(tempfile.gettempdir()).resolve()
        if folder.is_relative_to(root.resolve()):
            return None
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return folder


def write_scratch(file: IO[bytes], data: bytes) -> None:
    """Append the data. Raises `StoreError` if there is no space left."""
    try:
        file.write(data)
        file.flush()
    except OSError as error:
        where = f"{tempfile.gettempdir()}: {error.strerror}"
        raise StoreError(f"the plan is too large for {where}; set TMPDIR to another directory") from error
