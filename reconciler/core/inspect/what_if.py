"""What if: what other options would apply in a tenant, and what they would defer."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.core.inspect.explaining import applied
from reconciler.core.planning import Comparison, decide
from reconciler.model.documents.options import GROUPS, OPTIONS
from reconciler.model.documents.settings import Policy


@dataclass(frozen=True, slots=True)
class Supposition:
    """The effect of turning options on and off: differences as ``entity#path``.

    ``guards``: the texts of guards that would trip, and block everything.
    """

    tenant: str
    enable: tuple[str, ...]
    disable: tuple[str, ...]
    released: tuple[str, ...]
    held: tuple[str, ...]
    guards: tuple[str, ...] = ()

    def beside(self, other: "Supposition", *, at: str) -> "Supposition":
        """The effect including that on the distributor, by its address there."""
        return replace(
            self,
            released=(*self.released, *(f"{at}/{each}" for each in other.released)),
            held=(*self.held, *(f"{at}/{each}" for each in other.held)),
            guards=tuple(sorted({*self.guards, *other.guards})),
        )


def options_named(names: Iterable[str]) -> tuple[str, ...]:
    """Ids of options, or of whole groups (``plans``), as option ids. Raises ``KeyError`` with an unknown name."""
    found: set[str] = set()
    for name in names:
        if name not in OPTIONS and name not in GROUPS:
            raise KeyError(name)
        found |= {name} if name in OPTIONS else {f"{name}.{each}" for each in GROUPS[name]}
    return tuple(sorted(found))


def suppose(comparison: Comparison, policy: Policy, enable: tuple[str, ...], disable: tuple[str, ...]) -> Supposition:
    """What a plan would additionally apply, and no longer apply, with these option ids on and off."""
    options = dict(policy.options)
    for id in (*enable, *disable):
        options[id] = replace(options[id], value=id in enable)
    before = decide(policy, comparison)
    after = decide(replace(policy, options=options), comparison)
    tripped = {each.detail for one in after.judged for each in one.obstacles if each.rule == "GUARD-01"}
    now, then = applied(before), applied(after)
    return Supposition(
        policy.reseller, enable, disable, tuple(sorted(then - now)), tuple(sorted(now - then)), tuple(sorted(tripped))
    )
