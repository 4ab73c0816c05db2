"""Reads a saved plan in canonical form one tenant at a time, so a large plan never is in memory as a whole.

This reader only confirms: it returns a plan if every byte of the file is what `encode` writes for it, and nothing in it
contradicts itself. For any other file it returns ``None``; then `codec.decode` reads the file as a whole, and says what
is wrong with it, or that it was only reformatted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any, NamedTuple, Protocol, TypeAlias

import orjson

from reconciler.core.records import change_from_data, deferred_from_data
from reconciler.core.savedplan.check import SourceCheck, head_faults, tenant_faults
from reconciler.core.savedplan.plan_data import (
    Data,
    Lists,
    encoded_changes,
    encoded_deferred,
    head_to_data,
    lists_of,
    plan_chunks,
    plan_digest,
    plan_from_head,
    tenants_from_data,
)
from reconciler.core.savedplan.plan_schema import LATER, part_fits, plan_keys
from reconciler.core.savedplan.spool import Spool
from reconciler.model.plans.plan import Plan, TenantPlan

CHANGES, DEFERRED = "resource_changes", "deferred_changes"
_MOST_ENDS = 8
"""The maximum number of places that are tried as the end of one value. Usually it is the first."""


class _NotCanonicalError(Exception):
    """The file has another form; this reader says nothing about it."""


class _Item(NamedTuple):
    """An entry of a list: its value, and where its text begins and ends in the file."""

    value: Data
    start: int
    end: int


class SavedText(Protocol):
    """The text of a saved plan, for instance ``bytes``. It does not change while it is read."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...

    def find(self, wanted: bytes, start: int, end: int | None = None, /) -> int:
        """The offset of the first occurrence from ``start`` on that ends by ``end``; -1 if there is none."""
        ...


_Extent: TypeAlias = tuple[int, int]
_Groups: TypeAlias = "Iterator[tuple[str, Iterator[_Item]]]"


def read_canonical(saved: SavedText, spool: Spool) -> Plan | None:
    """The plan in a file in canonical form, without faults; else ``None``. ``spool`` gets the plans of its tenants."""
    for keys in (plan_keys(), plan_keys() - LATER):
        try:
            return _read(saved, spool, sorted(keys))
        except _NotCanonicalError:
            continue
        except (KeyError, TypeError, ValueError, RecursionError):  # orjson's errors are ValueError and TypeError
            return None
    return None


def _read(saved: SavedText, spool: Spool, keys: list[str]) -> Plan | None:
    head, extents = _parts(saved, keys)
    if not all(part_fits(key, value) for key, value in head.items()):
        return None
    bare, sources = tenants_from_data(head), SourceCheck()
    above = {each["tenant"]: each["upstream"] or "" for each in (*head["read"], *head["tenants"])}
    for tenant in _tenants(saved, extents, bare.values()):
        if any(tenant_faults(tenant, above, head["timestamp"])):
            return None
        sources.add(tenant)
        spool[tenant.tenant] = tenant
    plan = plan_from_head(head, spool.tenants(bare))
    if any(head_faults(plan)) or any(sources.faults(lambda tenant: spool[tenant].changes, bare)):
        return None
    return plan if _is_text_of(plan, head["digest"], saved, extents) else None


def _parts(saved: SavedText, keys: list[str]) -> tuple[Data, Mapping[str, _Extent]]:
    """The values of the plan's keys, and the extents of its two lists of changes, which are not read here."""
    head: Data = {}
    extents: dict[str, _Extent] = {}
    position, opening = 0, b"{"
    for key, following in zip(keys, [*keys[1:], ""], strict=True):
        before = opening + b'"' + key.encode() + b'":'
        if saved[position : position + len(before)] != before:
            raise _NotCanonicalError
        position += len(before)
        after = b',"' + following.encode() + b'":' if following else b"}\n"
        if key in (CHANGES, DEFERRED):
            extents[key] = position + 1, _found(saved, b"]" + after, position + 1)
            position = extents[key][1] + 1
        else:
            head[key], position = _value(saved, position, after)
        opening = b","
    return head, extents


def _value(saved: SavedText, start: int, after: bytes, end: int | None = None) -> tuple[Any, int]:
    """The value that begins at ``start`` and is followed by these bytes (or ends at ``end``), and its end.

    A text that is a whole value up to there is exactly that value: no JSON object or list is the beginning of another.
    """
    at = start
    for _ in range(_MOST_ENDS):
        at = saved.find(after, at + 1, end)
        if at < 0 and end is None:
            break
        at = end if at < 0 and end is not None else at
        try:
            return orjson.loads(saved[start:at]), at
        except orjson.JSONDecodeError:
            if at == end:
                break
    raise _NotCanonicalError


def _found(saved: SavedText, wanted: bytes, start: int) -> int:
    at = saved.find(wanted, start)
    if at < 0:
        raise _NotCanonicalError
    return at


def _items(saved: SavedText, extent: _Extent) -> Iterator[_Item]:
    """The entries of a list. Each begins with the same key, because keys are sorted."""
    start, end = extent
    if start == end:
        return
    first_key = saved[start : _found(saved, b":", start) + 1]
    separator = b"," + first_key
    while start < end:
        value, stop = _value(saved, start, separator, end)
        yield _Item(value, start, stop)
        start = stop + 1


def _tenants(saved: SavedText, extents: Mapping[str, _Extent], bare: Iterable[TenantPlan]) -> Iterator[TenantPlan]:
    """The plan of each tenant, whole. Both lists must have the tenants in the plan's order."""
    all_changes, all_deferred = _by_tenant(saved, extents, CHANGES), _by_tenant(saved, extents, DEFERRED)
    next_changes, next_deferred = next(all_changes, None), next(all_deferred, None)
    for tenant in bare:
        found = tenant
        if next_changes and next_changes[0] == tenant.tenant:
            items = _fitting(CHANGES, next_changes[1])
            found = replace(found, changes=tuple(change_from_data(each.value) for each in items))
            _check_text(encoded_changes(found), saved, items)
            next_changes = next(all_changes, None)
        if next_deferred and next_deferred[0] == tenant.tenant:
            items = _fitting(DEFERRED, next_deferred[1])
            found = replace(found, deferred=tuple(deferred_from_data(each.value) for each in items))
            _check_text(encoded_deferred(found), saved, items)
            next_deferred = next(all_deferred, None)
        yield found
    if next_changes or next_deferred:
        raise _NotCanonicalError


def _by_tenant(saved: SavedText, extents: Mapping[str, _Extent], key: str) -> _Groups:
    def tenant_of(item: _Item) -> str:
        change = item.value if key == CHANGES else item.value["resource_change"]
        tenant: str = change["tenant"]
        return tenant

    return groupby(_items(saved, extents[key]), key=tenant_of)


def _fitting(key: str, items: Iterator[_Item]) -> list[_Item]:
    """The entries of one tenant, if they fit the schema."""
    found = list(items)
    if not part_fits(key, [each.value for each in found]):
        raise _NotCanonicalError
    return found


def _check_text(due: bytes, saved: SavedText, items: list[_Item]) -> None:
    """One tenant's entries must be byte for byte what is written for them: no key twice, nothing lost in reading."""
    if saved[items[0].start : items[-1].end] != due:
        raise _NotCanonicalError


def _is_text_of(plan: Plan, digest: str, saved: SavedText, extents: Mapping[str, _Extent]) -> bool:
    """Whether the file is the text of the plan, and its digest that of the rest.

    The lists were compared tenant by tenant (`_check_text`), so they are not compared again.
    """
    without_changes: Lists = {**lists_of(plan), **dict.fromkeys(extents, ())}
    due = b"".join(plan_chunks({**head_to_data(plan), "digest": digest}, without_changes)) + b"\n"
    if _without(saved, sorted(extents.values())) != due:
        return False
    return plan_digest(plan) == digest


def _without(saved: SavedText, extents: list[_Extent]) -> bytes:
    """The text without these parts of it."""
    (one, one_end), (two, two_end) = extents
    return saved[0:one] + saved[one_end:two] + saved[two_end : len(saved)]
