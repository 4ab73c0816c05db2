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
            try:
                self._file.seek(start)
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                where = f"{tempfile.gettempdir()}: {error.strerror}"
                raise StoreError(f"the plan is too large for {where}; set TMPDIR to another directory") from error
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
    try:
        folder = Path(tempfile.gettempdir()).resolve()
        if folder.is_relative_to(root.resolve()):
            return None
        return ScratchFile(tempfile.TemporaryFile(prefix="reconcile-", dir=folder))
    except OSError:
        return None
