"""`watch`: mirror subscriptions continuously."""

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
"""Most seconds between rounds; `threading.Event.wait` rejects very large numbers."""
MOST = 10
"""Number of pending mirrors to name per round."""


class Seconds(click.FloatRange):
    """A number range that rejects NaN, which passes every comparison of `click.FloatRange`."""

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
    help="Seconds between the end of a round and the next.",
)
@option("--tenant", "tenants", multiple=True, metavar="T", help="Mirror only to this tenant; repeatable, globs.")
@option("--rounds", type=click.IntRange(min=1), metavar="N", help="Stop after N rounds. Default: never.")
@with_workspace
def watch_command(root: Path, now: datetime, interval: float, tenants: tuple[str, ...], rounds: int | None) -> None:
    """Mirror subscriptions to their distributors at every interval, and show what is pending.

    A pending change is reported once. Catalogs are not changed; use `apply` for them. SIGINT or SIGTERM stops after
    the current tenant is written. With --now, every round assumes that time.
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
    say("Stopped. No tenant was left partly written.")


@dataclass(frozen=True, slots=True)
class RoundReport:
    """The lines to print for a round: what was mirrored, and what is pending and why."""

    done: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


def _round(root: Path, now: datetime, tenants: tuple[str, ...], stop: threading.Event, *, first: bool) -> RoundReport:
    """Run one round. Failures are reported and retried in the next round.

    Raises `Unknown` if the first round does not know a tenant that the options name.
    """
    refused: list[str] = []
    try:
        with app.open_workspace(root, remark=refused.append) as workspace, access_to(root) as access:
            plan = app.mirror_plan(workspace, access, now=now, tenants=tenants)
            news = _applied(workspace, access, plan, now, stop)
        return RoundReport(news.done, (*refused, *news.pending))
    except app.Invalid as error:
        return RoundReport(pending=(*refused, f"the workspace is not valid: {error.problems[0]}; waiting"))
    except app.Unknown as error:
        if first:
            raise
        return RoundReport(pending=(*refused, f"{error}; waiting"))
    except (ExecutorError, StoreError, WorkspaceError) as error:
        return RoundReport(pending=(*refused, f"{error}; waiting"))
    except OSError as error:
        where = f"{os.fspath(error.filename)}: " if isinstance(error.filename, str | os.PathLike) else ""
        return RoundReport(pending=(*refused, f"{where}{error.strerror or error}; waiting"))


def _applied(workspace: app.Workspace, access: Access, plan: Plan, now: datetime, stop: threading.Event) -> RoundReport:
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
    return RoundReport(tuple(done), (*pending, *_pending(plan)))


def _pending(plan: Plan) -> Iterator[str]:
    """Deferred changes and their reasons, at most `MOST` of them."""
    held = (each for tenant in plan.tenants for each in tenant.deferred if each.reason != "unmanaged")
    for each in islice(held, MOST):
        yield f"{each.change.address}: {each.reason}: {each.detail}"
    if more := sum(1 for _ in held):
        yield f"and {more} more deferred changes (listed by `reconcile plan`)"


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; the previous handlers are restored at the end."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
