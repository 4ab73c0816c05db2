"""Scratch files: for their owner only, without a name, so that nothing is left of them however the process ends."""

import tempfile
from pathlib import Path
from threading import Lock
from typing import IO
from weakref import finalize

from reconciler.stores.base import StoreError


class ScratchFile:
    """A file to write at the end of and to read anywhere in, by several threads at once. It is closed when it is
    forgotten: with the plan that stands in it.
    """

    __slots__ = ("__weakref__", "_end", "_file", "_lock")

    def __init__(self, file: IO[bytes]) -> None:
        finalize(self, file.close)
        self._file = file
        self._end = 0
        self._lock = Lock()

    def write(self, data: bytes) -> int:
        """Where it begins. Raises `StoreError` where there is no room left."""
        with self._lock:
            start = self._end
            try:
                self._file.seek(start)
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                where = f"{tempfile.gettempdir()}: {error.strerror}"
                raise StoreError(f"the plan is too large for {where}; TMPDIR can name another folder") from error
            self._end += len(data)
        return start

    def read(self, start: int, size: int) -> bytes:
        with self._lock:
            self._file.seek(start)
            data = self._file.read(size)
        assert len(data) == size, "what was written is there"
        return data


def scratch_outside(root: Path) -> ScratchFile | None:
    """A scratch file in the system's folder for them; none where there is no such folder outside ``root``."""
    try:
        folder = Path(tempfile.gettempdir()).resolve()
        if folder.is_relative_to(root.resolve()):
            return None
        return ScratchFile(tempfile.TemporaryFile(prefix="reconcile-", dir=folder))
    except OSError:
        return None
