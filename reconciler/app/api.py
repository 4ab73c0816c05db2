"""The Python API: sessions, and what can be asked of them, with the defaults of the command line.

The package `reconciler` exports it; the guide (docs/guide/python.md) shows it. Everything else may change in any
release.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self, TypeAlias

from reconciler.app import applying, inspecting, opening, planning
from reconciler.app.addresses import parse_address
from reconciler.app.workspaces import Workspace
from reconciler.core.inspect import Explanation
from reconciler.model.plans.plan import Plan
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.shell.connections.access import Access
from reconciler.shell.repository.finding import find_workspace
from reconciler.shell.runs.execute import Applied

Clock: TypeAlias = date | datetime | None
"""The clock of one call: an instant with a time zone, or a date, which is midnight in each provider's time zone
(DATE-01). ``None``: the real time.
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A workspace as it was when it was opened, and the stores of its tenants.

    A context manager: it closes files, connections and processes. One thread may use it. The documents are read once;
    every plan reads the states of the tenants anew.
    """

    workspace: Workspace
    access: Access
    _opened: ExitStack = field(repr=False, compare=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close everything that was opened. A second call does nothing."""
        self._opened.close()


def open(
    root: str | os.PathLike[str],
    *,
    ref: str | None = None,
    environment: Mapping[str, str] | None = None,
    incremental: bool = True,
) -> Session:
    """Read and validate a workspace, and prepare access to its stores. No store is contacted yet.

    ``root``: the folder with ``reconcile.yaml``, or the one above ``catalogs/``. ``ref``: a git revision to read
    instead of the files. ``environment``: where credentials and ``RECONCILE_ALLOWED_HOSTS`` come from; ``None``: the
    environment of this process. ``incremental``: whether plans may use the digests that stores keep, and what was
    found in other tenants; without it every state is read and compared in full, and the plans are the same.

    Raises `Invalid` with all problems of the documents, `Unknown` for a revision, and `WorkspaceError`.
    """
    folder = _workspace_at(root)
    variables = os.environ if environment is None else environment
    with ExitStack() as opened:
        workspace = opened.enter_context(opening.open_workspace(folder, ref))
        access = opened.enter_context(Access(folder, variables, incremental=incremental))
        return Session(workspace, access, opened.pop_all())


def validate(root: str | os.PathLike[str], *, ref: str | None = None) -> list[Diagnostic]:
    """Every problem of a workspace's documents, in the order of their places; empty: it is valid.

    ``severity`` is ``error`` or ``warning``; warnings make nothing invalid. Raises `Unknown` for a revision, and
    `WorkspaceError`.
    """
    _, problems = opening.check_workspace(_workspace_at(root), ref)
    return problems


def tenants(session: Session) -> list[str]:
    """The keys of every tenant, sorted: providers and resellers."""
    return session.workspace.tenants()


def plan(
    session: Session,
    *,
    tenants: Iterable[str] = (),
    allow: Iterable[str] = (),
    base: str | None = None,
    now: Clock = None,
) -> Plan:
    """What apply would do. Nothing is written to any store.

    ``tenants``: keys, or patterns such as ``con*``; none: all. ``allow``: guards to override, as ``GUARD:TENANT``
    (GUARD-01). ``base``: a git revision, with which the cause of every change is determined.

    A tenant that could not be read is in the plan, with ``status`` ``error`` and its ``problem``; `Plan.errored` says
    whether there is one. Raises `Unknown` for a name that does not exist, and `StoreError`.
    """
    workspace, access, at = session.workspace, session.access, _moment(now)
    selected = workspace.chosen(tuple(tenants))
    made = planning.make_plan(workspace, access, now=at, selected=selected, allow=allow)
    return made if base is None else planning.with_base(workspace, access, made, base, now=at)


def apply(session: Session, plan: Plan, *, by: str, now: Clock = None) -> list[Applied]:
    """Write a plan to the stores: each tenant in one transaction with its journal record, or not at all.

    ``by``: who applies, for the journal. One result per tenant, upstreams first; a tenant that was refused (its state
    changed since the plan was made) or failed is a result with its ``problem``, and raises nothing. What the plan says
    of the tenants is compared with them before anything is written, as `reconcile apply FILE` does.

    Raises `Unknown` for a tenant whose policy names another upstream than the plan, before anything is written.
    """
    done = applying.apply_plan(session.workspace, session.access, plan, now=_moment(now), by=by, saved=True)
    return list(done)


def explain(session: Session, tenant: str, address: str, *, now: Clock = None) -> Explanation:
    """Why an entity of a tenant, or one field of it, is as it is: both values, the verdict, the rule and the policy.

    ``address``: ``KIND/KEY``, or ``KIND/KEY#PATH`` for one field. Raises `Unknown` and `StoreError`.
    """
    entity, path = parse_address(session.workspace.known(tenant), address)
    subject = inspecting.Subject(tenant, entity, path)
    return inspecting.explain(session.workspace, session.access, subject, now=_moment(now))


def _workspace_at(root: str | os.PathLike[str]) -> Path:
    return find_workspace(Path.cwd(), {}, Path(root))


def _moment(now: Clock) -> datetime:
    """The clock as plans take it: a datetime without a time zone is midnight in every zone. Raises `ValueError`."""
    if now is None:
        return datetime.now(UTC)
    if not isinstance(now, datetime):
        return datetime(now.year, now.month, now.day)  # noqa: DTZ001 - a local time of every zone alike (`day_in`)
    if now.tzinfo is None:
        raise ValueError(f"{now} has no time zone: give one, or a date")
    return now
