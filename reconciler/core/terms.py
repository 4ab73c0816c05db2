"""How a subscription stands: its status and the end of its billing cycle, each side by its own billing day.

The end of the cycle is kept with the subscription, the source's with the source and the mirror's with the mirror; it
moves on as the reseller renews (SUB-09, SUB-28 to SUB-30).
"""

from dataclasses import dataclass
from datetime import date

import orjson

from reconciler.core.cycles import Cycles
from reconciler.model.entity import sha256
from reconciler.model.values import Body, Value

ACTIVE, INACTIVE = "active", "inactive"
DIGEST_LENGTH = 16
UNSAID = frozenset({"history", "name", "labels", "moved_from", "cycle_end"})
"""What of a source does not reach its mirror as a change of the source."""


@dataclass(frozen=True, slots=True)
class Terms:
    """A mirror's status, and the day on which its cycle ends (``None``: it has no cycle).

    ``expired``: it is inactive because its cycle ended and was not renewed (SUB-28).
    """

    status: str
    cycle_end: date | None
    expired: bool = False


def terms(said: Body, have: Body | None, *, billing_day: int | None, on: date) -> Terms:
    """The terms of the mirror of what the reseller said; ``have``: the mirror as it is, if it is there."""
    start = day_of(said, "start_date") or day_of(said, "activation_date")
    status = said.get("status", ACTIVE)
    end = _cycle_end(said, have, start, billing_day, on)
    if status not in (ACTIVE, INACTIVE):
        return Terms(status, end)
    if start is not None and start > on:
        return Terms(INACTIVE, end)
    renews = said.get("renew_automatically", False)
    if not renews and end is not None and on >= end:
        return Terms(INACTIVE, end, expired=True)
    # The reseller's cycle ended first: the mirror goes on until its own does (SUB-29).
    awaits = status == INACTIVE and not renews and have is not None and end is not None
    return Terms(ACTIVE if awaits else status, end)


def day_of(body: Body, field: str) -> date | None:
    """A date field's day."""
    text = body.get(field)
    return date.fromisoformat(text) if text else None


def _cycle_end(said: Body, have: Body | None, start: date | None, billing_day: int | None, on: date) -> date | None:
    period = said.get("billing_cycle")
    if start is None or period is None:
        return None
    cycles = Cycles(start, period, billing_day)
    kept = day_of(have, "cycle_end") if have else None
    later = said.get("unit_change") == "next_cycle"
    if said.get("status", ACTIVE) not in (ACTIVE, INACTIVE) and kept:
        return kept
    if said.get("renew_automatically", False):
        return kept if later and kept and kept > on else cycles.first(on, after=True)
    same = have is not None and _same_cycles(said, have, later=later)
    known = kept if same and have and not _lets_anew(said, have) else None
    end = known or _first_known(said, have, cycles, on)
    return _renewed(said, cycles, end)


def _same_cycles(said: Body, have: Body, *, later: bool) -> bool:
    same_start = all(said.get(name) == have.get(name) for name in ("start_date", "activation_date"))
    return same_start and (later or said.get("billing_cycle") == have.get("billing_cycle"))


def _lets_anew(said: Body, have: Body) -> bool:
    """Whether the reseller only now let it run out, or took up again what had run out."""
    back = have.get("source_status", ACTIVE) != ACTIVE and said.get("status", ACTIVE) == ACTIVE
    return bool(have.get("renew_automatically", False) or back)


def _first_known(said: Body, have: Body | None, cycles: Cycles, on: date) -> date | None:
    """The end of the cycle that runs, or, of one that is seen for the first time when it is over, that of its last."""
    over = have is None and said.get("status", ACTIVE) == INACTIVE and cycles.start <= on
    if over:
        return cycles.last(on) or on
    since = _let_run_out(said, have) or on
    ran_out = bool(have and have.get("cycle_end") and not have.get("renew_automatically", False))
    return cycles.first(max(since, cycles.start), after=ran_out)


def _let_run_out(said: Body, have: Body | None) -> date | None:
    """The day on which renewing was switched off, where the source's history tells."""
    known = (have or {}).get("last_applied", {}).get("records", 0)
    days = [each["at"][:10] for each in said.get("history", [])[known:] if each["action"] == "set_renew_automatically"]
    return date.fromisoformat(days[-1]) if days and have else None


def _renewed(said: Body, cycles: Cycles, end: date | None) -> date | None:
    """Not before the end of what was renewed by hand."""
    days = (cycles.following(date.fromisoformat(each["date"])) for each in said.get("renewals", []))
    return max((day for day in (end, *days) if day is not None), default=None)


def own_terms(before: Body, after: Body, *, billing_day: int | None, on: date) -> Terms:
    """The terms of a reseller's own subscription as it becomes; ``billing_day``: its customer's.

    A cycle of which its system said nothing yet ends as it would have without the change (SUB-27).
    """
    runs = before.get("cycle_end") or _text(terms(before, None, billing_day=billing_day, on=on).cycle_end)
    have = {**before, "source_status": before.get("status", ACTIVE), "cycle_end": runs}
    return terms(after, have, billing_day=billing_day, on=on)


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def source_digest(said: Body) -> str:
    """Of all that a source says which concerns its mirror: to tell its changes from drift (SUB-40)."""
    told: dict[str, Value] = {name: value for name, value in said.items() if name not in UNSAID}
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS))[:DIGEST_LENGTH]
