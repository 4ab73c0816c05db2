"""Changes written down in a scratch, as they are going to be saved; what many tenants have in common, once.

Of a change in common (`Change.common`) there stands its spelling in nobody's tenant, and where in it a tenant's key is
to be put in; of every other its own spelling. A mark says which, and where.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson

from reconciler.core.records import change_from_data, change_to_data
from reconciler.model.bounded_cache import BoundedCache, IdentityCache
from reconciler.model.plans.plan import Change, StoredOutline
from reconciler.model.values.digests import CHECKSUM_BYTES, checksum

_MARK = struct.Struct(f"<{CHECKSUM_BYTES}sQII")
_ADDRESS, _TENANT = b'{"address":"', b'"tenant":"'
"""What stands before a tenant's key. Keys are sorted: the one begins the spelling, the other is nearly its end."""


class Scratch(Protocol):
    """Where to write what is too much for memory. Nobody else sees it, and it is gone when it is forgotten."""

    def write(self, data: bytes) -> int:
        """Write at the end; where that is."""

    def read(self, start: int, size: int) -> bytes: ...


class FileMark(NamedTuple):
    """A change in a scratch: its likeness, the offset at which it begins, its size in bytes.

    ``cut``: where in one in common the tenant's key belongs besides the address; 0 for a tenant's own.
    """

    likeness: bytes
    start: int
    size: int
    cut: int

    def packed(self) -> bytes:
        return _MARK.pack(*self)


SIZE = _MARK.size
BLOCK = 64
"""The number of changes that are written or read at once: memory is bounded by this, not by a tenant's changes."""
Each = TypeVar("Each")


def marks(packed: bytes) -> Iterator[FileMark]:
    """The inverse of `FileMark.packed`, for several after each other."""
    return (FileMark(*each) for each in _MARK.iter_unpack(packed))


def in_blocks(found: Iterable[Each]) -> Iterator[list[Each]]:
    """Lists of at most `BLOCK` values, in order."""
    rest = iter(found)
    while block := list(islice(rest, BLOCK)):
        yield block


@dataclass(slots=True)
class Speller:
    """Writes changes to a scratch. ``known``: those in common that stand there already; what is forgotten of them is
    written down once more.
    """

    scratch: Scratch
    known: IdentityCache[Change, FileMark] = field(default_factory=IdentityCache)

    def spell(self, changes: Iterable[Change]) -> bytes:
        """Write the changes of one tenant; returns their packed marks, in order."""
        return b"".join(map(self._block, in_blocks(changes)))

    def _block(self, changes: list[Change]) -> bytes:
        """Write a tenant's own changes among these after each other, and those in common once."""
        found = {id(each): self.known.of(each.common, self._common) for each in changes if each.common is not None}
        own = {id(each): _spelled(each) for each in changes if each.common is None}
        begin = self.scratch.write(b"".join([spelled for spelled, _ in own.values()])) if own else 0
        for each, (spelled, likeness) in own.items():
            found[each] = FileMark(likeness, begin, len(spelled), 0)
            begin += len(spelled)
        return b"".join([found[id(each)].packed() for each in changes])

    def _common(self, change: Change) -> FileMark:
        spelled, likeness = _spelled(change)
        cut = spelled.rindex(_TENANT) + len(_TENANT)
        return FileMark(likeness, self.scratch.write(spelled), len(spelled), cut)


@dataclass(slots=True)
class SharedValues:
    """Lets JSON-like data hold equal texts, and equal lists of texts, once: the bodies of a kind have many of these."""

    texts: BoundedCache[str, str] = field(default_factory=BoundedCache)
    lists: BoundedCache[tuple[str, ...], list[str]] = field(default_factory=BoundedCache)

    def of_map(self, data: dict[str, Any]) -> dict[str, Any]:
        """The same map, its values replaced by equal ones."""
        texts = self.texts.known
        for key, value in data.items():
            kind = type(value)
            if kind is str:
                data[key] = texts.get(value) or self.texts.keep(value, value)
            elif kind is dict:
                self.of_map(value)
            elif kind is list and value:
                data[key] = self._of_list(value)
        return data

    def _of_list(self, values: list[Any]) -> list[Any]:
        if all(type(each) is str for each in values):
            key = tuple(values)
            return self.lists.known.get(key) or self.lists.keep(key, values)
        for each in values:
            if type(each) is dict:
                self.of_map(each)
        return values


@dataclass(slots=True)
class Reader:
    """Reads changes from a scratch. ``known``: those in common that were read, by where they begin.

    ``shared``: the texts and lists of texts in what was read.
    """

    scratch: Scratch
    known: BoundedCache[int, Change] = field(default_factory=BoundedCache)
    shared: SharedValues = field(default_factory=SharedValues)

    def spelled(self, marked: Iterable[FileMark], tenant: str) -> Iterator[bytes]:
        """Each change as it is saved."""
        return chain.from_iterable(self._block(each, tenant) for each in in_blocks(marked))

    def _block(self, marked: list[FileMark], tenant: str) -> Iterator[bytes]:
        """The same, with one read for all of a tenant's own: they were written in this order, nearly side by side."""
        own = [each for each in marked if not each.cut]
        first = own[0].start if own else 0
        data = self.scratch.read(first, own[-1].start + own[-1].size - first) if own else b""
        key = orjson.dumps(tenant)[1:-1]
        for _likeness, start, size, cut in marked:
            if cut:
                spelled = self.scratch.read(start, size)
                yield b"".join((_ADDRESS, key, spelled[len(_ADDRESS) : cut], key, spelled[cut:]))
            else:
                yield data[start - first : start - first + size]

    def kept(self, marked: Iterable[FileMark], tenant: str) -> Iterator[StoredOutline]:
        """Each to be read when it is looked at."""
        return (StoredOutline(each.likeness, partial(self.change, each, tenant)) for each in marked)

    def change(self, mark: FileMark, tenant: str) -> Change:
        """One change of a tenant."""
        if not mark.cut:
            return self._read(mark.start, mark.size)
        known = self.known.known.get(mark.start)
        return (known or self.known.keep(mark.start, self._read(mark.start, mark.size))).in_tenant(tenant)

    def _read(self, start: int, size: int) -> Change:
        return change_from_data(orjson.loads(self.scratch.read(start, size)))

    def changes(self, marked: Iterable[FileMark], tenant: str) -> Iterator[Change]:
        """A tenant's changes."""
        for block in in_blocks(marked):
            if any(each.cut for each in block):
                yield from (self.change(each, tenant) for each in block)
            else:
                spelled = b",".join(self._block(block, tenant))
                found = orjson.loads(b"[" + spelled + b"]")
                yield from map(change_from_data, map(self.shared.of_map, found))


def _spelled(change: Change) -> tuple[bytes, bytes]:
    """As it is saved, and its likeness: equal for changes that are saved alike but for the tenant."""
    data = change_to_data(change)
    needed_by = [str(each) for each in change.needed_by]
    alike: dict[str, Any] = {**data, "address": None, "tenant": None, "needed_by": needed_by}
    spelled, told = (orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in (data, alike))
    return spelled, checksum(told)
