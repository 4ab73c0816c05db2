"""Read a snapshot of the public model price list, exactly, and say what of it is left out.

What is read: each entry with a vendor is a model. A number under a path with `cost` in one of its parts is a price; a
number whose own name starts with `max_` is a limit. Left out, each with a remark: the list's own `sample_spec`, entries
that are no map or have no vendor (general rules that the list also holds), prices and limits that are no number or are
negative, a second value under the same path, and every field that is neither price nor limit.
"""

from __future__ import annotations

import json
import lzma
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

UNSPECIFIED = "unspecified"
"""The mode of a model whose entry names none: a plan must have a category (AP-01)."""

_STRUCTURE = frozenset({"litellm_provider", "mode"})
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number as its own text: `1.9e-08`. A float would already have rounded it."""

    text: str


@dataclass(frozen=True, slots=True)
class Rate:
    """One price or limit of a model: the path of its field, and its value in plain digits."""

    field: str
    amount: str
    is_limit: bool


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the list; the rates are sorted by field."""

    name: str
    vendor: str
    mode: str
    deprecated: str | None
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """Something of the list that has no place in the catalog, or not the place that one would expect."""

    reason: str
    subject: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The models, sorted by name, and what was noticed while reading."""

    models: tuple[Model, ...]
    remarks: tuple[Remark, ...]


def read_snapshot(path: Path, vendors: Collection[str] = ()) -> Snapshot:
    """Read a `.json` or `.json.xz` file; no `vendors` means all. Raises OSError, LZMAError or ValueError (not JSON)."""
    raw = path.read_bytes()
    text = (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode("utf-8")
    return parse_snapshot(text, vendors)


def parse_snapshot(text: str, vendors: Collection[str] = ()) -> Snapshot:
    """The same from the JSON text. A name that stands twice has its last value, as with every JSON reader."""
    remarks: list[Remark] = []

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        counts = Counter(name for name, _ in items)
        remarks.extend(Remark("name written twice, the last one counts", name) for name, n in counts.items() if n > 1)
        return dict(items)

    entries = json.loads(text, parse_float=Number, parse_int=Number, parse_constant=str, object_pairs_hook=pairs)
    if not isinstance(entries, dict):
        raise ValueError("a price list is a JSON object: model name → entry")
    models = [model for name in sorted(entries) if (model := _model(name, entries[name], vendors, remarks))]
    remarks.extend(
        Remark("vendor without models in this snapshot", v) for v in sorted(set(vendors) - {m.vendor for m in models})
    )
    return Snapshot(tuple(models), tuple(remarks))


def amount_text(number: str) -> str:
    """Plain digits without exponent, sign or trailing zeros: `1.9e-08` → `0.000000019`, `2e6` → `2000000`, `0.0` → `0`.

    Formatted, never computed with: decimal arithmetic (`normalize` too) would round to the context's 28 digits.
    """
    digits = format(Decimal(number).copy_abs(), "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _model(name: str, entry: object, vendors: Collection[str], remarks: list[Remark]) -> Model | None:
    match entry:
        case _ if name == "sample_spec":
            reason = "the list's own sample"
        case dict() if isinstance(vendor := entry.get("litellm_provider"), str) and vendor:
            return _model_of(name, vendor, entry, remarks) if not vendors or vendor in vendors else None
        case dict():
            reason = "no vendor"
        case _:
            reason = "no map"
    remarks.append(Remark(f"entry skipped: {reason}", name))
    return None


def _model_of(name: str, vendor: str, entry: Mapping[str, object], remarks: list[Remark]) -> Model:
    return Model(
        name=name,
        vendor=vendor,
        mode=_mode(name, entry, remarks),
        deprecated=_deprecated(name, entry, remarks),
        rates=_rates(name, entry, remarks),
    )


def _mode(name: str, entry: Mapping[str, object], remarks: list[Remark]) -> str:
    mode = entry.get("mode")
    if isinstance(mode, str) and mode:
        return mode
    remarks.append(Remark(f"model without mode, now {UNSPECIFIED!r}", name))
    return UNSPECIFIED


def _deprecated(name: str, entry: Mapping[str, object], remarks: list[Remark]) -> str | None:
    date = entry.get("deprecation_date")
    if isinstance(date, str) and _DATE.fullmatch(date):
        return date
    if date is not None:
        remarks.append(Remark("deprecation date skipped: no date", name))
    return None


def _rates(name: str, entry: Mapping[str, object], remarks: list[Remark]) -> tuple[Rate, ...]:
    rates: dict[str, Rate] = {}
    for path, value in _leaves(entry):
        field = ".".join(path)
        is_price, is_limit = any("cost" in part for part in path), path[-1].startswith("max_")
        if not (is_price or is_limit):
            remarks.extend(_unused(path, value))
        elif not isinstance(value, Number):
            remarks.append(Remark("rate skipped: not a number", f"{name}: {field}"))
        elif Decimal(value.text) < 0:
            remarks.append(Remark("rate skipped: negative", f"{name}: {field}"))
        elif field in rates:
            remarks.append(Remark("rate skipped: second value under one path", f"{name}: {field}"))
        else:
            rates[field] = Rate(field, amount_text(value.text), is_limit=not is_price)
    return tuple(rates[field] for field in sorted(rates))


def _unused(path: tuple[str, ...], value: object) -> Iterator[Remark]:
    if path[0] in _STRUCTURE or path == ("deprecation_date",):
        return
    field = re.sub(r"\.\d+\b", ".N", ".".join(path))
    kind = "number" if isinstance(value, Number) else "other field"
    yield Remark(f"{kind} that is neither price nor limit", field)


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value that is no map and no list, with the names and list positions that lead to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, str(index)))
    else:
        yield path, value
