"""The oracle's scales: one difference in, one verdict out, and the dependents that an applied one brings along."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.laws.oracle_inputs import SNAKE, Inputs

APPLY, WITHHELD, BLOCKED, UNMANAGED = "apply", "withheld", "blocked", "unmanaged"


@dataclass(slots=True)
class Judge:
    """Collects the verdicts of one tenant."""

    inputs: Inputs
    entries: dict[tuple[str, str], str] = field(default_factory=dict)

    def difference(
        self, at: tuple[str, str], path: str, *options: str, vetoed: bool = False, blocked: bool = False
    ) -> bool:
        """Judge one difference of the entity `at` (kind, key); True if it applies.

        The order is fixed: every option off, then a veto, then a failing precondition. No option at all: unmanaged.
        """
        if not options:
            verdict = UNMANAGED
        elif vetoed or self.inputs.enabled.isdisjoint(options):
            verdict = WITHHELD
        else:
            verdict = BLOCKED if blocked else APPLY
        kind, key = at
        self.entries[f"{SNAKE[kind]}/{key}", path] = verdict
        return verdict == APPLY

    def need(self, kind: str, keys: Iterable[str | None]) -> None:
        """Dependents of something that applies: what the tenant lacks is created with it, whatever the options say."""
        for key in keys:
            if key is not None and self.inputs.here(kind, key) is None:
                self.entries[f"{SNAKE[kind]}/{key}", ""] = APPLY

    def need_product(self, key: str) -> None:
        """A product brings its category, type and group; the tenant's own is taken over (only `adopt` leads here)."""
        if self.inputs.copy("Product", key) is not None:
            return
        self.entries[f"product/{key}", ""] = APPLY
        self.need_of_product(key)

    def need_of_product(self, key: str) -> None:
        """What a product that comes brings along."""
        product = self.inputs.catalog["Product"][key]
        self.need("ProductCategory", [product.get("category")])
        self.need("ProductType", [product.get("type")])
        self.need("ProductGroup", [product.get("group")])

    def created(self, kind: str, key: str) -> bool:
        return self.entries.get((f"{SNAKE[kind]}/{key}", "")) == APPLY

    def hidden_templates(self, schedule: str | None) -> bool:
        """CB-20: whether the schedule uses a notification template that resellers cannot see."""
        found = self.inputs.above("NotificationSchedule", schedule) if schedule is not None else None
        templates = self.inputs.catalog.get("NotificationTemplate", {})
        names = (found.get("notices") or {}).values() if found is not None else ()
        return any(not templates[name].get("visible_to_resellers", False) for name in names)
