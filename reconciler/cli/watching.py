"""`watch`: the continuous mode."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from math import isnan
from pathlib import Path
from typing import Any

import rich_click as click

from reconciler import app
from reconciler.cli.common import option
from reconciler.cli.options import access_to, counted, who, with_workspace
from reconciler.cli.output import say, write_result
from reconciler.model.plans.plan import Plan
from reconciler.shell.connections.access import Access
from reconciler.shell.pools.executors import ExecutorError
from reconciler.shell.repository.worktree import WorkspaceError
from reconciler.shell.runs.execute import NOT_DONE, Result
from reconciler.stores.base import StoreError

LONGEST_INTERVAL = 31 * 24 * 3600
"""Seconds from one round to the next at most; what waits takes no number at will."""
MOST = 10
"""So many pending mirrors of a round are named."""


class Seconds(click.FloatRange):
    """A range that "not a number", which compares with nothing, is outside of."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        return self.fail(f"{value} is not a number.", param, ctx) if isnan(number) else number


@click.command("watch")
@option(
    "--interval",
    type=Seconds(min=0.1, max=LONGEST_INTERVAL),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="From the end of a round to the next.",
)
@option("--tenant", "tenants", multiple=True, metavar="T", help="Only to this tenant; repeatable, globs.")
@option("--rounds", type=click.IntRange(min=1), metavar="N", help="Stop after N rounds; without it, never.")
@with_workspace
def watch_command(root: Path, now: datetime, interval: float, tenants: tuple[str, ...], rounds: int | None) -> None:
    """Mirror subscriptions to their distributors every interval, and show what is pending.

    What stays pending is said once. Catalogs are left as they are: `apply` is for them. SIGINT or SIGTERM stops it
    once the tenant that is being written is done. With --now, the clock stands still.
    """
    context = click.get_current_context(silent=False)
    fixed = now if context and context.params["now"] else None
    said: frozenset[str] = frozenset()
    with _stopping() as stop:
        done = 0
        while not stop.is_set():
            at = fixed or datetime.now(UTC)
            news = _round(root, at, tenants, stop, first=done == 0)
            for line in (*news.done, *(each for each in news.pending if each not in said)):
                write_result(f"{app.timestamp(at)} {line}\n")
            said = frozenset(news.pending)
            done += 1
            if done == rounds or stop.wait(interval):
                break
    say("Stopped. Nothing was left half-written.")


@dataclass(frozen=True, slots=True)
class News:
    """What came of a round, in words: what was mirrored, and what is pending and why."""

    done: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


def _round(root: Path, now: datetime, tenants: tuple[str, ...], stop: threading.Event, *, first: bool) -> News:
    """One round. What fails is said, and tried again in the next.

    But a tenant that is not known in the first round is a wrong usage. Raises `Unknown`.
    """
    refused: list[str] = []
    try:
        with app.open_workspace(root, remark=refused.append) as workspace, access_to(root) as access:
            plan = app.mirror_plan(workspace, access, now=now, tenants=tenants)
            news = _applied(workspace, access, plan, now, stop)
        return News(news.done, (*refused, *news.pending))
    except app.Invalid as error:
        return News(pending=(*refused, f"the workspace is not valid: {error.problems[0]}; waiting"))
    except app.Unknown as error:
        if first:
            raise
        return News(pending=(*refused, f"{error}; waiting"))
    except (ExecutorError, StoreError, WorkspaceError) as error:
        return News(pending=(*refused, f"{error}; waiting"))
    except OSError as error:
        where = f"{os.fspath(error.filename)}: " if isinstance(error.filename, str | os.PathLike) else ""
        return News(pending=(*refused, f"{where}{error.strerror or error}; waiting"))


def _applied(workspace: app.Workspace, access: Access, plan: Plan, now: datetime, stop: threading.Event) -> News:
    changes = {each.tenant: each.summary.changes for each in plan.outlines}
    done, pending = [], []
    for each in app.apply_plan(workspace, access, plan, now=now, by=who()):
        if each.result is Result.APPLIED:
            done.append(f"{each.tenant}: {counted(changes[each.tenant], 'change')} mirrored")
        elif each.result in NOT_DONE and not changes[each.tenant]:
            pending.append(f"{each.tenant}: {each.problem}; waiting")
        elif each.result in NOT_DONE:
            pending.append(f"{each.tenant}: pending {counted(changes[each.tenant], 'change')}: {each.problem}")
        if stop.is_set():
            break
    return News(tuple(done), (*pending, *_pending(plan)))


def _pending(plan: Plan) -> Iterator[str]:
    """What is held back, and why; of very many the first."""
    held = (each for tenant in plan.tenants for each in tenant.deferred if each.reason != "unmanaged")
    for each in islice(held, MOST):
        yield f"{each.change.address}: {each.reason}: {each.detail}"
    if more := sum(1 for _ in held):
        yield f"and {more} more that are held back (`reconcile plan` lists them)"


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; the handlers that were there come back."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
