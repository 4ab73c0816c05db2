"""Renders the output of `explain --enable` and `--disable`."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from reconciler.core.inspect import Supposition
from reconciler.report.values import clean


def render_supposition(supposition: Supposition) -> str:
    """The differences that would be released and withheld, one per line."""
    return "\n".join(clean(line) for line in _lines(supposition)) + "\n"


def _lines(supposition: Supposition) -> Iterator[str]:
    asked = [f"{id} on" for id in supposition.enable] + [f"{id} off" for id in supposition.disable]
    yield f"{supposition.tenant} with {', '.join(asked)}:"
    for verb, found in (("released", supposition.released), ("held", supposition.held)):
        yield f"  {len(found)} would be {verb}" + (":" if found else "")
        yield from (f"    {each}" for each in found)
    for detail in supposition.guards:
        yield "  a guard would block the whole plan:"
        yield from (f"    {part}" for part in detail.split("; "))


def supposition_to_data(supposition: Supposition) -> dict[str, Any]:
    """As `render_supposition`, as data: differences as ``kind/key#path``; ``guards``: messages of guards that trip."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(supposition).items()}
