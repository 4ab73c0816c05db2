"""The tenants that a change is meant for, and why: what every row of a report counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

Names: TypeAlias = "list[str] | tuple[str, ...]"
Place: TypeAlias = tuple[str, int]
"""A line of the workspace: its file and its number."""


@dataclass(slots=True)
class Reach:
    """The tenants that a change is meant for: those that get it, and those in which it is withheld or blocked.

    ``causes``: why, in any of them; empty without a base. ``places``: the lines that declare it. A large plan has a
    million of these, most with one tenant: a list of tenants is made for the second one only.
    """

    applied: Names = ()
    withheld: Names = ()
    blocked: Names = ()
    causes: frozenset[str] = frozenset()
    places: tuple[Place, ...] = ()

    @property
    def gets(self) -> int:
        return len(self.applied)

    @property
    def total(self) -> int:
        return len(self.applied) + len(self.withheld) + len(self.blocked)

    @property
    def everybody(self) -> tuple[str, ...]:
        return (*self.applied, *self.withheld, *self.blocked)

    def add(self, reason: str, tenant: str) -> None:
        """Note a tenant; ``reason``: ``applied``, ``withheld`` or ``blocked``."""
        match getattr(self, reason):
            case list() as known:
                known.append(tenant)
            case known:
                setattr(self, reason, [*known, tenant] if known else (tenant,))

    def explain(self, cause: str, place: Place | None) -> None:
        """Note a cause (empty if it is unknown) and a line."""
        if cause and cause not in self.causes:
            self.causes = _shared(self.causes | {cause})
        if place and place not in self.places:
            self.places = (*self.places, place)

    def frozen(self) -> "Reach":
        """The same tenants in tuples, which several may share; without causes and lines."""
        return Reach(tuple(self.applied), tuple(self.withheld), tuple(self.blocked))

    def join(self, other: "Reach") -> None:
        """Note the tenants, causes and lines of another one too, whose tenants must not change any more."""
        self.applied = _joined(self.applied, other.applied)
        self.withheld = _joined(self.withheld, other.withheld)
        self.blocked = _joined(self.blocked, other.blocked)
        for cause in other.causes:
            self.explain(cause, None)
        for place in other.places:
            self.explain("", place)

    def sort(self, order: Mapping[str, int]) -> None:
        """Put the tenants in this order."""
        self.applied = sorted(self.applied, key=order.__getitem__)
        self.withheld = sorted(self.withheld, key=order.__getitem__)
        self.blocked = sorted(self.blocked, key=order.__getitem__)

    def same_as(self, other: "Reach") -> bool:
        return self.everybody == other.everybody and self.gets == other.gets


def _joined(one: Names, two: Names) -> Names:
    if one and two:
        return [*one, *two]
    return one or two


@cache
def _shared(causes: frozenset[str]) -> frozenset[str]:
    """The same causes as one object: there are few different ones."""
    return causes
