"""Gathers what a reader need not tell apart: tenants with one outcome, entries with one fate, lines of one file."""

from collections.abc import Iterable, Mapping, Sequence

from reconciler.report.plans.sayings import held_back, tally
from reconciler.report.plans.view import Entry, PlanView, TenantOutcome, TenantState

WORST_FIRST = tuple(TenantState)


def outcomes(view: PlanView) -> list[list[TenantOutcome]]:
    """The tenants with something to say of, those with the same outcome together: the worst first, then the most.

    At which tenant above something is decided makes no difference.
    """
    found: dict[tuple[object, ...], list[TenantOutcome]] = {}
    for each in view.tenants.values():
        if each.state is not TenantState.SYNC:
            holds = frozenset((reason, bool(above), number) for (reason, above), number in each.holds.items())
            found.setdefault((each.state, each.content, holds, each.problem), []).append(each)
    return sorted(found.values(), key=lambda same: (WORST_FIRST.index(same[0].state), -len(same)))


def outcome_words(same: Sequence[TenantOutcome]) -> list[str]:
    """What tenants with one outcome get, and what they do not; a tenant above that decides is not named."""
    first = same[0]
    if first.problem:
        return ["cannot be planned"]
    held = [f"{said} (decided above)" if above else said for _, said, above in held_back(first)]
    return [said for said in (tally(first), *dict.fromkeys(held)) if said]


def alike_entries(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Entries that come or go: those of a kind with the same fate, price and tenants together."""
    found: dict[tuple[object, ...], list[Entry]] = {}
    for each in entries:
        reach = each.reach
        who = tuple(reach.applied), tuple(reach.withheld), tuple(reach.blocked)
        found.setdefault((each.entity.kind, each.what, each.prices, who), []).append(each)
    return list(found.values())


def declared_in(view: PlanView) -> Mapping[str, Sequence[int]]:
    """The lines that declare what changes, by file; the file with most of them first."""
    found: dict[str, set[int]] = {}
    for row in view.rows:
        for file, line in row.reach.places:
            found.setdefault(file, set()).add(line)
    return {file: sorted(lines) for file, lines in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))}
