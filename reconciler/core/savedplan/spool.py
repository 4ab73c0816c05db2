"""Holds tenants' plans as they are made: in memory while there are few changes, then in a file in saved form.

At most one plan is in memory at a time then, besides the outlines of the others and their offsets.
"""

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import overload

import orjson

from reconciler.core.records import in_saved_order, reason_from_data, reason_to_data
from reconciler.core.savedplan.change_file import (
    SIZE,
    ChangeReader,
    ChangeWriter,
    Scratch,
    StoredMark,
    in_blocks,
    marks,
)
from reconciler.model.plans.plan import (
    Change,
    Deferred,
    Outline,
    StoredChange,
    StoredDeferred,
    StoredTenants,
    TenantPlan,
    outline,
)

IN_MEMORY = 100
"""The number of changes, applied and deferred, kept in memory: one or two megabytes for plans with many rates."""


@dataclass(frozen=True, slots=True)
class SpooledTenant:
    """A tenant's plan in the file: its outline, and the offset ``start`` of its parts, which follow each other.

    ``changes`` and ``deferred``: the number of marks of each, which locate the changes. ``order``: the size in bytes of
    the order of deferred changes, if it is not the saved order. ``reasons_size``: the size in bytes of the reasons of
    deferred changes.
    """

    outline: Outline
    start: int
    changes: int
    deferred: int
    order: int
    reasons_size: int

    @property
    def tenant(self) -> str:
        return self.outline.tenant


@dataclass(slots=True)
class Spool(MutableMapping[str, TenantPlan]):
    """Tenants' plans by tenant; setting one again replaces it.

    ``prepare``: applied to each plan that is set. ``most``: the number of changes kept in memory. ``scratch`` opens the
    file for the rest; if it returns ``None``, everything stays in memory.
    """

    scratch: Callable[[], Scratch | None]
    prepare: Callable[[TenantPlan], TenantPlan] = field(default=lambda plan: plan)
    most: int = IN_MEMORY
    _held: dict[str, TenantPlan] = field(default_factory=dict)
    _written: dict[str, SpooledTenant] = field(default_factory=dict)
    _to: ChangeWriter | None = None
    _room: int = 0

    def __post_init__(self) -> None:
        self._room = self.most

    def __setitem__(self, tenant: str, plan: TenantPlan) -> None:
        plan = self.prepare(plan)
        if tenant in self._held:
            self._room += _size(self._held.pop(tenant))
        self._room -= _size(plan)
        self._held[tenant] = plan
        if self._room < 0 and (self._to or self._opened()):
            for each, one in self._held.items():
                self._write(each, one)
            self._held.clear()

    def _opened(self) -> bool:
        scratch = self.scratch()
        self._to = ChangeWriter(scratch) if scratch else None
        return self._to is not None

    def _write(self, tenant: str, plan: TenantPlan) -> None:
        assert self._to is not None
        self._written[tenant] = _written(plan, self._to)

    def __getitem__(self, tenant: str) -> TenantPlan:
        if tenant in self._held:
            return self._held[tenant]
        entry = self._written[tenant]
        assert self._to is not None
        return _Entries(ChangeReader(self._to.scratch)).read(entry)

    def __delitem__(self, tenant: str) -> None:
        self._held.pop(tenant, None)
        self._written.pop(tenant, None)

    def __contains__(self, tenant: object) -> bool:
        return tenant in self._held or tenant in self._written

    def __iter__(self) -> Iterator[str]:
        return iter({**self._written, **self._held})

    def __len__(self) -> int:
        return len({*self._written, *self._held})

    def tenants(self, order: Iterable[str]) -> Sequence[TenantPlan]:
        """The plans of these tenants, in this order; in memory if there are few."""
        if self._to is None:
            return tuple(self._held[each] for each in order)
        for each, plan in self._held.items():
            self._write(each, plan)
        self._held.clear()
        return SpooledTenants(_Entries(ChangeReader(self._to.scratch)), tuple(self._written[each] for each in order))


@dataclass(frozen=True, slots=True)
class _Entries:
    """Reads the parts of entries."""

    reader: ChangeReader

    def read(self, entry: SpooledTenant) -> TenantPlan:
        """A tenant's whole plan."""
        changes = tuple(self.read_changes(entry))
        deferred = tuple(why.of(stored.read()) for why, stored in self.deferred(entry))
        return replace(entry.outline.bare, changes=changes, deferred=deferred)

    def read_changes(self, entry: SpooledTenant) -> Iterator[Change]:
        """Its changes, with a block of them in memory."""
        return self.reader.changes(self.marks(entry), entry.tenant)

    def marks(self, entry: SpooledTenant) -> Iterator[StoredMark]:
        """The marks of the changes."""
        return marks(self._part(entry, 0, entry.changes * SIZE))

    def changes(self, entry: SpooledTenant) -> Iterator[StoredChange]:
        return self.reader.stored(self.marks(entry), entry.tenant)

    def encoded_changes(self, entry: SpooledTenant) -> Iterator[bytes]:
        return map(b",".join, in_blocks(self.reader.encoded(self.marks(entry), entry.tenant)))

    def deferred(self, entry: SpooledTenant) -> Iterator[StoredDeferred]:
        """The deferred changes, in the plan's order."""
        stored = self.reader.stored(self._deferred_marks(entry), entry.tenant)
        why = map(reason_from_data, map(orjson.loads, self._words(entry)))
        found = map(StoredDeferred, why, stored)
        if not entry.order:
            return found
        saved = list(found)
        return (saved[place] for place in orjson.loads(self._part(entry, _marks(entry), entry.order)))

    def encoded_deferred(self, entry: SpooledTenant) -> Iterator[bytes]:
        encoded = self.reader.encoded(self._deferred_marks(entry), entry.tenant)
        found = zip(self._words(entry), encoded, strict=True)
        return map(b",".join, in_blocks(reason.replace(_NO_CHANGE, _CHANGE + each, 1) for reason, each in found))

    def _deferred_marks(self, entry: SpooledTenant) -> Iterator[StoredMark]:
        return marks(self._part(entry, entry.changes * SIZE, entry.deferred * SIZE))

    def _words(self, entry: SpooledTenant) -> list[bytes]:
        return self._part(entry, _marks(entry) + entry.order, entry.reasons_size).splitlines()

    def _part(self, entry: SpooledTenant, after: int, size: int) -> bytes:
        """``after``: the offset from the beginning of the entry."""
        return self.reader.scratch.read(entry.start + after, size) if size else b""


_CHANGE = b'"resource_change":'
_NO_CHANGE = _CHANGE + b"null"
"""No text contains these bytes: its quotes would be escaped."""


class SpooledTenants(StoredTenants):
    """Tenants' plans in a scratch file."""

    __slots__ = ("_entries", "_from")

    def __init__(self, source: _Entries, entries: tuple[SpooledTenant, ...]) -> None:
        self._from = source
        self._entries = entries

    @property
    def outlines(self) -> Sequence[Outline]:
        return tuple(each.outline for each in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[TenantPlan]:
        return map(self._from.read, self._entries)

    @overload
    def __getitem__(self, number: int) -> TenantPlan: ...
    @overload
    def __getitem__(self, number: slice) -> "SpooledTenants": ...
    def __getitem__(self, number: int | slice) -> "TenantPlan | SpooledTenants":
        if isinstance(number, slice):
            return SpooledTenants(self._from, self._entries[number])
        return self._from.read(self._entries[number])

    def read_changes(self, number: int) -> Iterator[Change]:
        return self._from.read_changes(self._entries[number])

    def changes_of(self, number: int) -> Iterator[StoredChange]:
        return self._from.changes(self._entries[number])

    def deferred_of(self, number: int) -> Iterator[StoredDeferred]:
        return self._from.deferred(self._entries[number])

    def encoded_changes(self) -> Iterator[bytes]:
        return chain.from_iterable(map(self._from.encoded_changes, self._entries))

    def encoded_deferred(self) -> Iterator[bytes]:
        return chain.from_iterable(map(self._from.encoded_deferred, self._entries))


def _size(plan: TenantPlan) -> int:
    return len(plan.changes) + len(plan.deferred)


def _written(plan: TenantPlan, to: ChangeWriter) -> SpooledTenant:
    saved = in_saved_order(plan.deferred)
    order = b"" if tuple(saved) == plan.deferred else _order(plan.deferred, saved)
    made, held = to.write(plan.changes), to.write(each.change for each in saved)
    reasons = b"\n".join(orjson.dumps(reason_to_data(each.why), option=orjson.OPT_SORT_KEYS) for each in saved)
    parts = made, held, order, reasons
    start = to.scratch.write(b"".join(parts)) if any(parts) else 0
    return SpooledTenant(outline(plan), start, len(made) // SIZE, len(held) // SIZE, len(order), len(reasons))


def _marks(entry: SpooledTenant) -> int:
    return (entry.changes + entry.deferred) * SIZE


def _order(deferred: Sequence[Deferred], saved: Sequence[Deferred]) -> bytes:
    """The index of each deferred change in the saved order."""
    places = {id(each): place for place, each in enumerate(saved)}
    return orjson.dumps([places[id(each)] for each in deferred])
