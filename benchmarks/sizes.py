"""How much is generated: the sizes that can be asked for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """What one run generates. ``cold`` and ``large`` count the entities of one tenant's catalog.

    ``growth``: the smaller and the larger number of resellers that one small catalog is planned for. ``shown``: the
    tenants of a saved plan, and the changes of each, no two of them alike.
    """

    name: str
    plans: int
    resellers: int
    cold: int
    large: int
    growth: tuple[int, int]
    growth_plans: int
    subscriptions: int
    customers: int
    shown: tuple[int, int]
    rates: int = 10
    periods: int = 3

    def copies(self, resellers: int | None = None) -> int:
        """How many plan copies the resellers hold together."""
        return self.plans * (self.resellers if resellers is None else resellers)


SIZES = {
    "tiny": Size("tiny", 3, 2, 40, 60, (1, 2), 2, 6, 2, (3, 2), rates=2, periods=2),
    "S": Size("S", 50, 10, 1_000, 10_000, (10, 100), 50, 1_000, 30, (100, 50)),
    "M": Size("M", 1_000, 300, 10_000, 100_000, (100, 1_000), 50, 10_000, 300, (1_000, 200)),
    "L": Size("L", 5_000, 2_000, 10_000, 100_000, (100, 1_000), 50, 10_000, 300, (1_000, 200)),
}
"""``tiny`` shows that the harness works, and nothing of speed."""
