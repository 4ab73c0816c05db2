"""The tenants that a change is meant for, and why: what every row of a report counts."""

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

    def add(self, reason: str, tenant: str, cause: str = "", place: Place | None = None) -> None:
        """Note a tenant; ``reason``: ``applied``, ``withheld`` or ``blocked``."""
        match getattr(self, reason):
            case list() as known:
                known.append(tenant)
            case known:
                setattr(self, reason, [*known, tenant] if known else (tenant,))
        if cause and cause not in self.causes:
            self.causes = _shared(self.causes | {cause})
        if place and place not in self.places:
            self.places = (*self.places, place)

    def join(self, other: "Reach") -> None:
        """Note the tenants of another reach too."""
        self.applied = [*self.applied, *other.applied]
        self.withheld = [*self.withheld, *other.withheld]
        self.blocked = [*self.blocked, *other.blocked]
        self.causes |= other.causes
        self.places = (*self.places, *(each for each in other.places if each not in self.places))

    def same_as(self, other: "Reach") -> bool:
        return self.everybody == other.everybody and self.gets == other.gets


@cache
def _shared(causes: frozenset[str]) -> frozenset[str]:
    """The same causes as one object: there are few different ones."""
    return causes
