"""The entries of a large journal record, kept as compressed text: as objects, they take eight times the memory."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import overload

import orjson

from reconciler.model.values.plain_values import Body

BLOCK = 64
"""The number of entries that are decoded at once."""


class JournalEntries(Sequence[Body]):
    """Changes as data, equal to any sequence of the same ones. Each pass decodes them block by block.

    Raises `TypeError` when made of a value that is not JSON.
    """

    __slots__ = ("_blocks", "_length")
    __hash__ = None  # type: ignore[assignment]  # neither have the maps in it

    def __init__(self, changes: Iterable[Body]) -> None:
        rest = iter(changes)
        self._blocks: list[bytes] = []
        self._length = 0
        while block := list(islice(rest, BLOCK)):
            self._blocks.append(zlib.compress(orjson.dumps(block), level=1))
            self._length += len(block)

    def pieces(self) -> Iterator[bytes]:
        """The JSON text of the list of all entries, as orjson writes it, in pieces."""
        for number, block in enumerate(map(zlib.decompress, self._blocks)):
            yield (b"," if number else b"[") + block[1:-1]
        yield b"]" if self._blocks else b"[]"

    def __iter__(self) -> Iterator[Body]:
        return chain.from_iterable(orjson.loads(zlib.decompress(block)) for block in self._blocks)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, number: int) -> Body: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[Body, ...]: ...
    def __getitem__(self, number: int | slice) -> Body | tuple[Body, ...]:
        return tuple(self)[number]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))
