"""Changes of fields, folded: each different change of a field once, and the rows of amounts that reports show."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias, overload

import orjson

from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Path, Value
from reconciler.report.plans.reach import Reach
from reconciler.report.plans.view import MANY_VARIANTS, Row, rows_by_entity
from reconciler.report.words import number_of

Plain: TypeAlias = str | bytes | None
"""A value as a key: a text as it is, any other value as JSON."""


@dataclass(slots=True)
class FieldChanges:
    """A field of one entity: each different change of it, by the values before and after, and whom it reaches."""

    entity: EntityId
    title: str
    path: Path
    label: str
    money: bool
    currency: str
    changes: dict[tuple[Plain, Plain], Reach] = field(default_factory=dict)

    @property
    def rows(self) -> "Rows":
        return Rows(self, tuple(self.changes))

    def row(self, change: tuple[Plain, Plain]) -> Row:
        before, after = map(_value, change)
        made = Row(self.entity, self.title, self.path, self.label, self.money, self.currency, before, after)
        made.reach = self.changes[change]
        return made


@dataclass(frozen=True, slots=True)
class Rows(Sequence[Row]):
    """Changes of one field, each made a row when it is asked for: there may be one for each tenant."""

    field: FieldChanges
    changes: tuple[tuple[Plain, Plain], ...]

    def __len__(self) -> int:
        return len(self.changes)

    @overload
    def __getitem__(self, number: int) -> Row: ...
    @overload
    def __getitem__(self, number: slice) -> "Rows": ...
    def __getitem__(self, number: int | slice) -> "Row | Rows":
        if isinstance(number, slice):
            return Rows(self.field, self.changes[number])
        return self.field.row(self.changes[number])


def plain(value: Value) -> Plain:
    """A value as a key; `_value` is the inverse."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def price_rows(fields: Mapping[tuple[object, ...], FieldChanges]) -> list[Row]:
    """The rows of all amounts: the entity with the furthest change first, its rows by path."""
    return _ordered(_unordered(fields))


def _unordered(fields: Mapping[tuple[object, ...], FieldChanges]) -> Iterator[Row]:
    """The rows of amounts: of an amount that changes in more than `MANY_VARIANTS` ways, one.

    Renewal fees that change like their recurring fee, in the same tenants, have no row: those of the fee say so.
    """
    renewed: dict[int, set[tuple[Plain, Plain]]] = {}
    for each in fields.values():
        if each.money and each.path[-2:] == ("fees", "renewal"):
            fee = fields.get((each.entity, each.title, (*each.path[:-1], "recurring"), each.currency))
            if fee is not None:
                renewed[id(fee)] = same = {one for one in each.changes if _alike(one, each, fee)}
                each.changes = {change: reach for change, reach in each.changes.items() if change not in same}
    for each in fields.values():
        if not each.money:
            continue
        if len(each.changes) > MANY_VARIANTS:
            yield _span(each)
            continue
        for change in each.changes:
            row = each.row(change)
            row.renewal_too = change in renewed.get(id(each), ())
            yield row


def _alike(change: tuple[Plain, Plain], one: FieldChanges, two: FieldChanges) -> bool:
    return change in two.changes and two.changes[change].same_as(one.changes[change])


def _span(field: FieldChanges) -> Row:
    """One row for all changes of a field, from the lowest amounts to the highest."""
    before, after = (_ends(_value(each) for each in values) for values in zip(*field.changes, strict=True))
    span = Row(field.entity, field.title, field.path, field.label, field.money, field.currency, before, after)
    for reach in field.changes.values():
        span.reach.join(reach)
    span.variants = Rows(field, tuple(sorted(field.changes, key=lambda each: -field.changes[each].total)))
    return span


def _value(plain: Plain) -> Value:
    return orjson.loads(plain) if isinstance(plain, bytes) else plain


def _ends(values: Iterable[Value]) -> Value:
    """``5.00 … 7.00``; one value where all are equal."""
    known = sorted(
        {str(value) for value in values if value is not None}, key=lambda each: (number_of(each) or Decimal(0), each)
    )
    if len(known) < 2:
        return known[0] if known else None
    return f"{known[0]} … {known[-1]}"


def _ordered(found: Iterable[Row]) -> list[Row]:
    rows = sorted(found, key=lambda row: (row.entity, row.title, row.currency, row.path, -row.reach.total))
    groups = [found for _, found in rows_by_entity(rows)]

    def weight(found: list[Row]) -> tuple[float, int]:
        furthest = max(abs(row.percent) if row.percent is not None else 1000.0 for row in found)
        return -furthest, -max(row.reach.total for row in found)

    return [row for found in sorted(groups, key=weight) for row in found]
