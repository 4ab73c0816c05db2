"""Opens saved plans: a small one in memory, a large one as a private copy on disk, of which little is in memory."""

import mmap
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from reconciler.core.savedplan import SavedText
from reconciler.shell.repository.files import MOST_OF_A_PLAN, read_pieces
from reconciler.shell.scratch import scratch_folder, write_scratch

IN_MEMORY = 16_000_000
"""The size in bytes up to which a plan is in memory. It also bounds the memory that a larger one takes."""


def open_saved_plan(path: Path, root: Path, in_memory: int = IN_MEMORY) -> SavedText:
    """The text of a saved plan. ``root``: no scratch file is made below it. ``in_memory``: `IN_MEMORY`.

    Nobody else can change the text any more: a large plan is copied, not read where it is. Raises `OSError` for a file
    that cannot be read, and `StoreError` if there is no space for a copy.
    """
    pieces = read_pieces(path, MOST_OF_A_PLAN)
    first = list(_first(pieces, in_memory))
    folder = scratch_folder(root) if sum(map(len, first)) > in_memory else None
    if folder is None:
        return b"".join([*first, *pieces])
    with tempfile.TemporaryFile(prefix="reconcile-", dir=folder) as copy:
        for piece in chain(first, pieces):
            write_scratch(copy, piece)
        return MappedText(copy, in_memory)


def _first(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    """The pieces up to the one with which there are more than ``most`` bytes."""
    size = 0
    while size <= most and (piece := next(pieces, None)):
        size += len(piece)
        yield piece


class MappedText:
    """The text of a private file, mapped into memory; a `SavedText`.

    ``most``: about how many bytes are resident. The file may be closed afterwards: the mapping has its own descriptor.
    """

    __slots__ = ("_map", "_most", "_resident")

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._most = most
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._resident = 0

    def __len__(self) -> int:
        return len(self._map)

    def __getitem__(self, part: slice, /) -> bytes:
        found = self._map[part]
        self._touched(len(found))
        return found

    def find(self, wanted: bytes, start: int, end: int | None = None, /) -> int:
        """The offset of the first occurrence from ``start`` on that ends by ``end``; -1 if there is none."""
        last = len(self._map) if end is None else end
        while start < last:
            stop = min(last, start + max(self._most, 2 * len(wanted)))
            found = self._map.find(wanted, start, stop)
            self._touched((stop if found < 0 else found) - start)
            if found >= 0:
                return found
            if stop == last:
                break
            start = stop - len(wanted) + 1
        return -1

    def _touched(self, size: int) -> None:
        """Let the pages go after so many bytes; they are read again when they are needed again."""
        self._resident += size
        if self._resident > self._most and hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._resident = 0
