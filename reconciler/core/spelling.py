"""Changes written down in a scratch, as they are going to be saved; what many tenants have in common, once.

Of a change in common (`Change.common`) there stands its spelling in nobody's tenant, and where in it a tenant's key is
to be put in; of every other its own spelling. A mark says which, and where.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

import orjson

from reconciler.core.entries import change_from_data, change_to_data
from reconciler.model.memory import Memory, MemoryOfThings
from reconciler.model.plan import Change, Kept

LIKENESS = 16
_MARK = struct.Struct(f"<{LIKENESS}sQII")
_ADDRESS, _TENANT = b'{"address":"', b'"tenant":"'
"""What stands before a tenant's key. Keys are sorted: the one begins the spelling, the other is nearly its end."""


class Scratch(Protocol):
    """Where to write what is too much for memory. Nobody else sees it, and it is gone when it is forgotten."""

    def write(self, data: bytes) -> int:
        """Write at the end; where that is."""

    def read(self, start: int, size: int) -> bytes: ...


class Mark(NamedTuple):
    """A change in a scratch: its likeness, where it begins (of its tenant's own: after where these begin), its bytes.

    ``cut``: where in one in common the tenant's key belongs besides the address; 0 for a tenant's own.
    """

    likeness: bytes
    start: int
    size: int
    cut: int

    def packed(self) -> bytes:
        return _MARK.pack(*self)


SIZE = _MARK.size


def marks(packed: bytes) -> list[Mark]:
    """The inverse of `Mark.packed`, for several after each other."""
    return [Mark(*each) for each in _MARK.iter_unpack(packed)]


@dataclass(slots=True)
class Speller:
    """Writes changes to a scratch. ``known``: those in common that stand there already; what is forgotten of them is
    written down once more.
    """

    scratch: Scratch
    known: MemoryOfThings[Change, Mark] = field(default_factory=MemoryOfThings)

    def spell(self, changes: Sequence[Change], begin: int = 0) -> tuple[list[bytes], list[Mark]]:
        """The spellings of a tenant's own changes, to be written after each other, and the marks of all.

        ``begin``: what of the tenant's own is to stand before them.
        """
        own, found = [], []
        for change in changes:
            if change.common is not None:
                found.append(self.known.of(change.common, self._common))
                continue
            spelled, likeness = _spelled(change)
            found.append(Mark(likeness, begin, len(spelled), 0))
            own.append(spelled)
            begin += len(spelled)
        return own, found

    def _common(self, change: Change) -> Mark:
        spelled, likeness = _spelled(change)
        cut = spelled.rindex(_TENANT) + len(_TENANT)
        return Mark(likeness, self.scratch.write(spelled), len(spelled), cut)


@dataclass(slots=True)
class Reader:
    """Reads changes from a scratch. ``known``: those in common that were read, by where they begin."""

    scratch: Scratch
    known: Memory[int, Change] = field(default_factory=Memory)

    def spelled(self, marked: Sequence[Mark], begin: int, tenant: str) -> Iterator[bytes]:
        """Each as it is saved. ``begin``: where the tenant's own stand, one after the other."""
        size = sum(each.size for each in marked if not each.cut)
        first = next((each.start for each in marked if not each.cut), 0)
        own = self.scratch.read(begin + first, size) if size else b""
        key = orjson.dumps(tenant)[1:-1]
        for _likeness, start, size, cut in marked:
            if cut:
                spelled = self.scratch.read(start, size)
                yield b"".join((_ADDRESS, key, spelled[len(_ADDRESS) : cut], key, spelled[cut:]))
            else:
                yield own[start - first : start - first + size]

    def kept(self, marked: Sequence[Mark], begin: int, tenant: str) -> Iterator[Kept]:
        """Each to be read when it is looked at."""
        return (Kept(each.likeness, partial(self.change, each, begin, tenant)) for each in marked)

    def change(self, mark: Mark, begin: int, tenant: str) -> Change:
        """One change of a tenant."""
        if not mark.cut:
            return self._read(begin + mark.start, mark.size)
        known = self.known.known.get(mark.start)
        return (known or self.known.keep(mark.start, self._read(mark.start, mark.size))).in_tenant(tenant)

    def _read(self, start: int, size: int) -> Change:
        return change_from_data(orjson.loads(self.scratch.read(start, size)))

    def changes(self, marked: Sequence[Mark], begin: int, tenant: str) -> tuple[Change, ...]:
        """A tenant's changes."""
        if any(each.cut for each in marked):
            return tuple(self.change(each, begin, tenant) for each in marked)
        spelled = b",".join(self.spelled(marked, begin, tenant))
        return tuple(map(change_from_data, orjson.loads(b"[" + spelled + b"]")))


def _spelled(change: Change) -> tuple[bytes, bytes]:
    """As it is saved, and its likeness: equal for changes that are saved alike but for the tenant."""
    data = change_to_data(change)
    needed_by = [str(each) for each in change.needed_by]
    alike: dict[str, Any] = {**data, "address": None, "tenant": None, "needed_by": needed_by}
    spelled, told = (orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in (data, alike))
    return spelled, hashlib.blake2b(told, digest_size=LIKENESS).digest()
