"""`watch`: mirror subscriptions continuously."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from math import isnan
from pathlib import Path
from typing import Any

import click

from reconciler import app
from reconciler.cli.common import command, option
from reconciler.cli.options import access_to, format_option, who, with_workspace
from reconciler.cli.output import say, write_data, write_result
from reconciler.model.plans.plan import Plan
from reconciler.report.rounds import GIT, WORKSPACE, Mirrored, Pending, Round, render_round, render_round_json
from reconciler.shell.connections.access import Access
from reconciler.shell.pools.executors import ExecutorError
from reconciler.shell.repository.finding import WorkspaceError
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


@command("watch")
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
@format_option(help="Output format; JSON has one object per line and round.")
@with_workspace
def watch_command(
    root: Path, now: datetime, interval: float, tenants: tuple[str, ...], rounds: int | None, form: str
) -> None:
    """Mirror subscriptions to their distributors at every interval, and show what is pending.

    A pending change is reported once. Catalogs are not changed; use `apply` for them. SIGINT or SIGTERM stops after
    the current tenant is written. With --now, every round assumes that time.
    """
    fixed = now if click.get_current_context().params["now"] else None
    before = Round()
    with _stopping() as stop:
        done = 0
        while not stop.is_set():
            at = fixed or datetime.now(UTC)
            found = _round(root, at, tenants, stop, first=done == 0)
            _write(app.timestamp(at), found.news_since(before), form)
            before = found
            done += 1
            if done == rounds or stop.wait(interval):
                break
    say("Stopped. No tenant was left partly written.")


def _write(at: str, news: Round, form: str) -> None:
    if form == "json":
        write_data(render_round_json(at, news))
    else:
        write_result(render_round(at, news))


def _round(root: Path, now: datetime, tenants: tuple[str, ...], stop: threading.Event, *, first: bool) -> Round:
    """Run one round. Failures are reported and retried in the next round.

    Raises `Unknown` if the first round does not know a tenant that the options name.
    """
    refused: list[str] = []

    def waiting(detail: str) -> Round:
        return Round(pending=(*_of_git(refused), Pending(WORKSPACE, detail)))

    try:
        with app.open_workspace(root, remark=refused.append) as workspace, access_to(root) as access:
            plan = app.mirror_plan(workspace, access, now=now, tenants=tenants)
            done = _applied(workspace, access, plan, now, stop)
        return replace(done, pending=(*_of_git(refused), *done.pending))
    except app.Invalid as error:
        return waiting(f"the workspace is not valid: {error.problems[0]}")
    except app.Unknown as error:
        if first:
            raise
        return waiting(str(error))
    except (ExecutorError, StoreError, WorkspaceError) as error:
        return waiting(str(error))
    except OSError as error:
        where = f"{os.fspath(error.filename)}: " if isinstance(error.filename, str | os.PathLike) else ""
        return waiting(f"{where}{error.strerror or error}")


def _of_git(refused: list[str]) -> Iterator[Pending]:
    return (Pending(GIT, line) for line in refused)


def _applied(workspace: app.Workspace, access: Access, plan: Plan, now: datetime, stop: threading.Event) -> Round:
    changes = {each.tenant: each.summary.changes for each in plan.outlines}
    done, pending = [], []
    for each in app.apply_plan(workspace, access, plan, now=now, by=who()):
        if each.result is Result.APPLIED:
            done.append(Mirrored(each.tenant, changes[each.tenant]))
        elif each.result in NOT_DONE:
            pending.append(Pending(str(each.result), each.problem, each.tenant, changes=changes[each.tenant]))
        if stop.is_set():
            break
    held = _deferred(plan)
    return Round(tuple(done), (*pending, *islice(held, MOST)), sum(1 for _ in held))


def _deferred(plan: Plan) -> Iterator[Pending]:
    """Deferred changes and their reasons."""
    for tenant in plan.tenants:
        for each in tenant.deferred:
            if each.reason != "unmanaged":
                yield Pending(each.reason, each.detail, tenant.tenant, each.change.address)


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
