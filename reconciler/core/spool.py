"""Tenants' plans as they are made: in memory while they are few, then written down, each as it is going to be saved.

However many tenants there are, one plan is in memory at a time; of the others their outlines, and where they stand.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from typing import Protocol, overload

import orjson

from reconciler.core.codec import (
    change_from_data,
    change_to_data,
    deferred_from_data,
    deferred_to_data,
    in_saved_order,
)
from reconciler.model.plan import Change, Deferred, Kept, KeptTenants, Outline, TenantPlan, outline

IN_MEMORY = 100
"""So many changes, made and deferred, are kept in memory: a megabyte or two, of plans with many rates."""
LIKENESS = 16
_MARK = struct.Struct(f"<{LIKENESS}sI")
"""Of a change: its likeness, and how many bytes it takes."""


class Scratch(Protocol):
    """Where to write what is too much for memory. Nobody else sees it, and it is gone when it is forgotten."""

    def write(self, data: bytes) -> int:
        """Write at the end; where that is."""

    def read(self, start: int, size: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A tenant's plan that was written down: its outline, and where its parts stand, each after the one before.

    ``marks``: of the changes, which begin at ``start``. ``order``: that of what is deferred, if it is not as saved.
    """

    outline: Outline
    start: int
    changes: int
    marks: int
    order: int
    deferred: int


@dataclass(slots=True)
class Spool(MutableMapping[str, TenantPlan]):
    """Tenants' plans by tenant; one that is put again takes the place of the one before.

    ``prepare``: what is still to be done to a plan that is put. ``most``: how much is kept in memory. ``scratch`` opens
    what the rest is written to; where it gives ``None``, all stays in memory.
    """

    scratch: Callable[[], Scratch | None]
    prepare: Callable[[TenantPlan], TenantPlan] = field(default=lambda plan: plan)
    most: int = IN_MEMORY
    _held: dict[str, TenantPlan] = field(default_factory=dict)
    _written: dict[str, Entry] = field(default_factory=dict)
    _to: Scratch | None = None
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
        self._to = self.scratch()
        return self._to is not None

    def _write(self, tenant: str, plan: TenantPlan) -> None:
        assert self._to is not None
        self._written[tenant] = _written(plan, self._to)

    def __getitem__(self, tenant: str) -> TenantPlan:
        if tenant in self._held:
            return self._held[tenant]
        entry = self._written[tenant]
        assert self._to is not None
        return _read(entry, self._to)

    def __delitem__(self, tenant: str) -> None:
        self._held.pop(tenant, None)
        self._written.pop(tenant, None)

    def __iter__(self) -> Iterator[str]:
        return iter({**self._written, **self._held})

    def __len__(self) -> int:
        return len({*self._written, *self._held})

    def tenants(self, order: Iterable[str]) -> Sequence[TenantPlan]:
        """The plans of these tenants, in this order; in memory, if they are few."""
        if self._to is None:
            return tuple(self._held[each] for each in order)
        for each, plan in self._held.items():
            self._write(each, plan)
        self._held.clear()
        return SpooledTenants(self._to, tuple(self._written[each] for each in order))


class SpooledTenants(KeptTenants):
    """Tenants' plans that stand in a scratch file."""

    __slots__ = ("_entries", "_scratch")

    def __init__(self, scratch: Scratch, entries: tuple[Entry, ...]) -> None:
        self._scratch = scratch
        self._entries = entries

    @property
    def outlines(self) -> Sequence[Outline]:
        return tuple(each.outline for each in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[TenantPlan]:
        return (_read(each, self._scratch) for each in self._entries)

    @overload
    def __getitem__(self, number: int) -> TenantPlan: ...
    @overload
    def __getitem__(self, number: slice) -> "SpooledTenants": ...
    def __getitem__(self, number: int | slice) -> "TenantPlan | SpooledTenants":
        if isinstance(number, slice):
            return SpooledTenants(self._scratch, self._entries[number])
        return _read(self._entries[number], self._scratch)

    def changes_of(self, number: int) -> Iterator[Kept]:
        entry = self._entries[number]
        marks = list(_MARK.iter_unpack(self._scratch.read(entry.start + entry.changes, entry.marks)))
        starts = accumulate((size + 1 for _, size in marks), initial=entry.start)
        for (likeness, size), start in zip(marks, starts, strict=False):
            yield Kept(likeness, partial(_change, self._scratch, start, size))

    def deferred_of(self, number: int) -> tuple[Deferred, ...]:
        return _deferred(self._entries[number], self._scratch)

    def spelled_changes(self) -> Iterator[bytes]:
        return (self._scratch.read(each.start, each.changes) for each in self._entries if each.changes)

    def spelled_deferred(self) -> Iterator[bytes]:
        return (self._scratch.read(_after_order(each), each.deferred) for each in self._entries if each.deferred)


def _size(plan: TenantPlan) -> int:
    return len(plan.changes) + len(plan.deferred)


def _written(plan: TenantPlan, scratch: Scratch) -> Entry:
    changes, marks = [], []
    for change in plan.changes:
        data = change_to_data(change)
        spelled = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
        changes.append(spelled)
        marks.append(_MARK.pack(_likeness(change, data), len(spelled)))
    saved = in_saved_order(plan.deferred)
    order = b"" if tuple(saved) == plan.deferred else _order(plan.deferred, saved)
    deferred = (orjson.dumps(deferred_to_data(each), option=orjson.OPT_SORT_KEYS) for each in saved)
    parts = b",".join(changes), b"".join(marks), order, b",".join(deferred)
    start = scratch.write(b"".join(parts)) if any(parts) else 0
    return Entry(outline(plan), start, *map(len, parts))


def _likeness(change: Change, data: dict[str, object]) -> bytes:
    """Equal for changes that are saved alike but for the tenant."""
    alike = {**data, "address": None, "tenant": None, "needed_by": [str(each) for each in change.needed_by]}
    return hashlib.blake2b(orjson.dumps(alike, option=orjson.OPT_SORT_KEYS), digest_size=LIKENESS).digest()


def _order(deferred: Sequence[Deferred], saved: Sequence[Deferred]) -> bytes:
    """Where in the order in which it is saved each stands."""
    places = {id(each): place for place, each in enumerate(saved)}
    return orjson.dumps([places[id(each)] for each in deferred])


def _read(entry: Entry, scratch: Scratch) -> TenantPlan:
    changes = orjson.loads(b"[" + scratch.read(entry.start, entry.changes) + b"]") if entry.changes else []
    return replace(
        entry.outline.bare, changes=tuple(map(change_from_data, changes)), deferred=_deferred(entry, scratch)
    )


def _change(scratch: Scratch, start: int, size: int) -> Change:
    return change_from_data(orjson.loads(scratch.read(start, size)))


def _deferred(entry: Entry, scratch: Scratch) -> tuple[Deferred, ...]:
    if not entry.deferred:
        return ()
    found = orjson.loads(b"[" + scratch.read(_after_order(entry), entry.deferred) + b"]")
    deferred = tuple(map(deferred_from_data, found))
    if not entry.order:
        return deferred
    places = orjson.loads(scratch.read(_after_order(entry) - entry.order, entry.order))
    return tuple(deferred[place] for place in places)


def _after_order(entry: Entry) -> int:
    return entry.start + entry.changes + entry.marks + entry.order
