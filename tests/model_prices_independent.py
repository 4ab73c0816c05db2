"""What moved between two snapshots of the price list, straight from the JSON.

This is the yardstick for everything that goes from snapshot to plan: it uses nothing of `tools` and nothing of the
reconciler, so a mistake there can't hide here. Models and fields go by the names that the list itself uses.

What counts, decided here and not looked up there:

- A model is a top-level entry that is an object and has a non-empty string `litellm_provider`; `sample_spec` is none.
- A rate is a JSON number that is not negative, and that lies either under a path one of whose parts contains `cost`
  (a price) or under a name that itself begins with `max_` (a limit). Its field is the path, joined with dots; positions
  in lists count from 0. Booleans, strings and nulls are no rates.
- Where a name stands twice in an object, the last one counts; where two paths read alike, the first in the file.
- Values are compared as exact decimals: 1e-06 is 0.000001, and 0 is 0.0.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

Rates = dict[str, dict[str, Decimal]]
"""Model → field → value; a model without rates has an empty map."""


@dataclass(frozen=True, slots=True)
class Movement:
    """The difference between two snapshots.

    `repriced` are the models of both with a field whose value differs. `rates` are the (model, field) pairs, of models
    of both, whose value differs or which only one of the two has. So a model that merely gained or lost a field is in
    `rates` and not in `repriced`.
    """

    created: set[str]
    taken_off: set[str]
    repriced: set[str]
    rates: set[tuple[str, str]]


def movement(before: Path, after: Path, vendors: Collection[str] | None = None) -> Movement:
    """Compare two files; with `vendors`, as if the entries of all other vendors were not there."""
    return compare(read(before, vendors), read(after, vendors))


def compare(old: Rates, new: Rates) -> Movement:
    repriced: set[str] = set()
    rates: set[tuple[str, str]] = set()
    for model in old.keys() & new.keys():
        for field in old[model].keys() | new[model].keys():
            was, is_now = old[model].get(field), new[model].get(field)
            if was == is_now:
                continue
            rates.add((model, field))
            if was is not None and is_now is not None:
                repriced.add(model)
    return Movement(set(new) - set(old), set(old) - set(new), repriced, rates)


def read(snapshot: Path, vendors: Collection[str] | None = None) -> Rates:
    """The models and rates of a `.json.xz` file."""
    with lzma.open(snapshot, "rt", encoding="utf-8") as file:
        return rates_of(json.load(file, parse_float=Decimal, parse_int=Decimal, parse_constant=str), vendors)


def rates_of(listing: dict[str, object], vendors: Collection[str] | None = None) -> Rates:
    """The same from parsed JSON whose numbers are Decimals."""
    found: Rates = {}
    for name, entry in listing.items():
        if name == "sample_spec" or not isinstance(entry, dict):
            continue
        vendor = entry.get("litellm_provider")
        if not isinstance(vendor, str) or not vendor:
            continue
        if vendors is None or vendor in vendors:
            found[name] = dict(reversed(list(_rates("", entry, priced=False))))
    return found


def _rates(path: str, value: object, *, priced: bool, limited: bool = False) -> Iterator[tuple[str, Decimal]]:
    if isinstance(value, Decimal):
        if (priced or limited) and value >= 0:
            yield path, value
        return
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = [(str(position), item) for position, item in enumerate(value)]
    else:
        return
    for part, item in parts:
        below = f"{path}.{part}" if path else part
        yield from _rates(below, item, priced=priced or "cost" in part, limited=part.startswith("max_"))
