"""Serialised changes in a scratch file, in the form in which they are saved; shared changes are stored once.

A shared change (`Change.common`) is stored without a tenant, and its mark gives the offset at which a tenant's key is
inserted. Any other change is stored as it is saved.
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
from reconciler.model.plans.plan import Change, StoredChange
from reconciler.model.shared_values import SharedValues
from reconciler.model.values.digests import CHECKSUM_BYTES, checksum

_MARK = struct.Struct(f"<{CHECKSUM_BYTES}sQII")
_ADDRESS, _TENANT = b'{"address":"', b'"tenant":"'
"""The bytes before a tenant's key. Keys are sorted: the address comes first, the tenant nearly last."""


class Scratch(Protocol):
    """A temporary file for what does not fit in memory. It is private, and deleted with the object."""

    def write(self, data: bytes) -> int:
        """Appends data; returns its offset."""

    def read(self, start: int, size: int) -> bytes: ...


class StoredMark(NamedTuple):
    """A change in a scratch file: its likeness, its offset, and its size in bytes.

    ``tenant_offset``: in a shared change, the second offset at which the tenant's key is inserted, besides the address;
    0 in others.
    """

    content_key: bytes
    start: int
    size: int
    tenant_offset: int

    def packed(self) -> bytes:
        return _MARK.pack(*self)


SIZE = _MARK.size
BLOCK = 64
"""The number of changes that are written or read at once: it bounds the memory, whatever a tenant's number of
changes.
"""
Each = TypeVar("Each")


def marks(packed: bytes) -> Iterator[StoredMark]:
    """The inverse of `StoredMark.packed`, for any number of marks."""
    return (StoredMark(*each) for each in _MARK.iter_unpack(packed))


def in_blocks(found: Iterable[Each]) -> Iterator[list[Each]]:
    """Lists of at most `BLOCK` values, in order."""
    rest = iter(found)
    while block := list(islice(rest, BLOCK)):
        yield block


@dataclass(slots=True)
class ChangeWriter:
    """Writes changes to a scratch file. ``known``: the shared changes that are already there; those dropped from this
    cache are written again.
    """

    scratch: Scratch
    known: IdentityCache[Change, StoredMark] = field(default_factory=IdentityCache)

    def write(self, changes: Iterable[Change]) -> bytes:
        """Writes the changes of one tenant; returns their packed marks, in order."""
        return b"".join(map(self._block, in_blocks(changes)))

    def _block(self, changes: list[Change]) -> bytes:
        """Writes the tenant's own changes one after another, and each shared change once."""
        found = {id(each): self.known.of(each.common, self._common) for each in changes if each.common is not None}
        own = {id(each): _encoded(each) for each in changes if each.common is None}
        begin = self.scratch.write(b"".join([encoded for encoded, _ in own.values()])) if own else 0
        for each, (encoded, content_key) in own.items():
            found[each] = StoredMark(content_key, begin, len(encoded), 0)
            begin += len(encoded)
        return b"".join([found[id(each)].packed() for each in changes])

    def _common(self, change: Change) -> StoredMark:
        encoded, content_key = _encoded(change)
        tenant_offset = encoded.rindex(_TENANT) + len(_TENANT)
        return StoredMark(content_key, self.scratch.write(encoded), len(encoded), tenant_offset)


@dataclass(slots=True)
class ChangeReader:
    """Reads changes from a scratch file. ``known``: a cache of shared changes by offset.

    ``shared``: the texts and lists of texts that were read.
    """

    scratch: Scratch
    known: BoundedCache[int, Change] = field(default_factory=BoundedCache)
    shared: SharedValues = field(default_factory=SharedValues)

    def encoded(self, marked: Iterable[StoredMark], tenant: str) -> Iterator[bytes]:
        """Each change in its saved form."""
        return chain.from_iterable(self._block(each, tenant) for each in in_blocks(marked))

    def _block(self, marked: list[StoredMark], tenant: str) -> Iterator[bytes]:
        """The same, with one read for all of the tenant's own changes: they were written in this order, nearly
        contiguously.
        """
        own = [each for each in marked if not each.tenant_offset]
        first = own[0].start if own else 0
        data = self.scratch.read(first, own[-1].start + own[-1].size - first) if own else b""
        key = orjson.dumps(tenant)[1:-1]
        for _likeness, start, size, tenant_offset in marked:
            if tenant_offset:
                encoded = self.scratch.read(start, size)
                yield b"".join((_ADDRESS, key, encoded[len(_ADDRESS) : tenant_offset], key, encoded[tenant_offset:]))
            else:
                yield data[start - first : start - first + size]

    def stored(self, marked: Iterable[StoredMark], tenant: str) -> Iterator[StoredChange]:
        """The changes, each to be read on demand."""
        return (StoredChange(each.content_key, partial(self.change, each, tenant)) for each in marked)

    def change(self, mark: StoredMark, tenant: str) -> Change:
        """One change of a tenant."""
        if not mark.tenant_offset:
            return self._read(mark.start, mark.size)
        known = self.known.known.get(mark.start)
        return (known or self.known.keep(mark.start, self._read(mark.start, mark.size))).in_tenant(tenant)

    def _read(self, start: int, size: int) -> Change:
        return change_from_data(orjson.loads(self.scratch.read(start, size)))

    def changes(self, marked: Iterable[StoredMark], tenant: str) -> Iterator[Change]:
        """A tenant's changes."""
        for block in in_blocks(marked):
            if any(each.tenant_offset for each in block):
                yield from (self.change(each, tenant) for each in block)
            else:
                encoded = b",".join(self._block(block, tenant))
                found = orjson.loads(b"[" + encoded + b"]")
                yield from map(change_from_data, map(self.shared.of_map, found))


def _encoded(change: Change) -> tuple[bytes, bytes]:
    """The saved form of a change, and its likeness: equal for changes that differ only in the tenant."""
    data = change_to_data(change)
    needed_by = [str(each) for each in change.needed_by]
    alike: dict[str, Any] = {**data, "address": None, "tenant": None, "needed_by": needed_by}
    encoded, without_tenant = (orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in (data, alike))
    return encoded, checksum(without_tenant)
