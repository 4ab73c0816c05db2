"""Renders a round of `watch`: what was mirrored, and what is pending and why; as lines of text or a line of JSON."""

from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.values.counts import counted
from reconciler.report.envelope import enveloped_line

GIT, WORKSPACE = "git", "workspace"
"""Reasons that are about no tenant: git failed; the workspace cannot be read, or does not know a tenant."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A tenant to which a round mirrored changes."""

    tenant: str
    changes: int


@dataclass(frozen=True, slots=True)
class Pending:
    """Something that the next round tries again.

    ``reason``: why a change is deferred (`Deferred.reason`), the result of a tenant that was not written (`Result`),
    `GIT` or `WORKSPACE`. ``address``: of a deferred change. ``changes``: of a tenant that was not written.
    """

    reason: str
    detail: str
    tenant: str | None = None
    address: str | None = None
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    """What to report of a round. ``more``: how many deferred changes are not in ``pending``."""

    mirrored: tuple[Mirrored, ...] = ()
    pending: tuple[Pending, ...] = ()
    more: int = 0

    def news_since(self, before: "Round") -> "Round":
        """The round without what the one before reported as pending already."""
        said = frozenset(before.pending)
        fresh = tuple(each for each in self.pending if each not in said)
        return replace(self, pending=fresh, more=0 if self.more == before.more else self.more)


def render_round(at: str, news: Round) -> str:
    """A line for each tenant that was mirrored to and each pending change. ``at``: the time of the round."""
    lines = [f"{each.tenant}: {counted(each.changes, 'change')} mirrored" for each in news.mirrored]
    lines += map(_pending_line, news.pending)
    lines += [f"and {counted(news.more, 'more deferred change')} (listed by `reconcile plan`)"] if news.more else []
    return "".join(f"{at} {line}\n" for line in lines)


def render_round_json(at: str, news: Round) -> str:
    """One line of JSON: an object of ``schemas/watch.json``."""
    mirrored = [{"tenant": each.tenant, "changes": each.changes} for each in news.mirrored]
    pending = [_pending_to_data(each) for each in news.pending]
    return enveloped_line(round={"at": at, "mirrored": mirrored, "pending": pending, "more": news.more})


def _pending_to_data(pending: Pending) -> dict[str, Any]:
    return {
        "reason": pending.reason,
        "detail": pending.detail,
        "tenant": pending.tenant,
        "address": pending.address,
        "changes": pending.changes,
    }


def _pending_line(pending: Pending) -> str:
    if pending.address is not None:
        return f"{pending.address}: {pending.reason}: {pending.detail}"
    if pending.reason == GIT:
        return pending.detail
    about = "" if pending.tenant is None else f"{pending.tenant}: "
    if pending.changes:
        return f"{about}pending {counted(pending.changes, 'change')}: {pending.detail}"
    return f"{about}{pending.detail}; waiting"
