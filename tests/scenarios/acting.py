"""What happens in a scenario before the last plan: the file `acts`, a line each, in order.

- ``contoso sub-1001 change_quantity --as reseller --set quantity=30``: an action (`subscription act`);
- ``import contoso later.yaml``: the outside world writes the documents of that file of the folder (`tenant import`,
  also with ``--replace``);
- ``merge later``: the workspace changes: the files of that folder replace those of the same names in `catalogs/`;
- ``apply``: plan, and apply; ``apply until contoso``: the same, cut off once that tenant was applied; ``apply again``:
  the plan that was applied last, once more (TREE-05);
- ``release contoso product/web``: `tenant release`, also with ``--undo``;
- ``now 2026-12-15``: the day, or the moment, from here on;
- ``# …``: what a reader should know; it stands in the transcript too.

All of it goes the way that it goes for a user: through the stores, and the guard in them. What each printed is the
transcript, ``expected-acts.txt``.
"""

import shlex
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from reconciler.app import timestamp
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.reading.state_documents import read_state
from reconciler.core.records.change_records import entity_of
from reconciler.core.savedplan.plan_data import plan_digest
from reconciler.core.schema.rule_book import RuleBook
from reconciler.core.subscriptions.action_parameters import BadSetting
from reconciler.core.subscriptions.actions import CannotAct
from reconciler.core.tree.levels import Unreadable
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog
from reconciler.model.documents.subscriptions import ACTORS
from reconciler.model.plans.change import Action, Verdict
from reconciler.model.plans.origins import RecordedOrigins
from reconciler.model.plans.plan import Plan, Source, TenantPlan
from reconciler.model.values.entity import State
from reconciler.model.values.plain_values import render_path
from reconciler.report.values import shown
from reconciler.shell.connections.access import Access, place_of
from reconciler.shell.days import days_of
from reconciler.shell.runs.execute import Applied, ApplyContext, execute
from reconciler.shell.tenants.actions import ActionRequest, NoSubscription, PerformedAction, perform
from reconciler.shell.tenants.releasing import CannotRelease, ReleaseRequest, release
from reconciler.shell.tenants.states import write_state
from reconciler.stores.base import EntityWrite, TenantStore
from reconciler.stores.memory import MemoryStore

NOW, APPLY, IMPORT, MERGE, RELEASE, COMMENT = "now", "apply", "import", "merge", "release", "#"
WHO = "ana"
MARKS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-"}
States = Mapping[str, State]


def moment(text: str) -> datetime:
    """As ``--now`` reads it: a day alone is each provider's own midnight (DATE-01), a moment is in UTC."""
    text = text.strip()
    found = datetime.fromisoformat(text)
    return found if len(text) == len("2026-12-01") else found.replace(tzinfo=UTC)


def merges(lines: tuple[str, ...]) -> list[str]:
    """The folders that are merged."""
    return [line.split()[1] for line in lines if line.startswith(f"{MERGE} ")]


@dataclass(frozen=True, slots=True)
class Acts:
    """What happens, a line each, from the moment ``begins`` on.

    ``files``: what can be imported, by name. ``catalogs``: what the workspace becomes, by the folder that is merged.
    """

    lines: tuple[str, ...]
    begins: datetime
    files: Mapping[str, str] = field(default_factory=dict)
    catalogs: Mapping[str, Catalog] = field(default_factory=dict)

    def last(self, catalog: Catalog) -> Catalog:
        """The workspace once all is merged."""
        return [catalog, *(self.catalogs[folder] for folder in merges(self.lines))][-1]

    @property
    def ends(self) -> datetime:
        """The moment of the plan that comes last."""
        later = [moment(line.removeprefix(NOW)) for line in self.lines if line.startswith(f"{NOW} ")]
        return [self.begins, *later][-1]


@dataclass(frozen=True, slots=True)
class Played:
    """What the acts came to: every tenant's state, what was printed, and what came down by its journal."""

    states: States
    transcript: str
    lineages: Mapping[str, RecordedOrigins] = field(default_factory=dict)


@dataclass(slots=True)
class Stage:
    """The workspace and the tenants' stores while things happen."""

    catalog: Catalog
    rules: RuleBook
    acts: Acts
    now: datetime
    access: Access = field(default_factory=lambda: Access(Path(), {}))
    plan: Plan | None = None
    """The one that was applied last."""

    def set(self, states: States) -> None:
        """Fill the stores: those of the workspace, each for the tenants that it has."""
        for tenant in self.tenants():
            place = place_of(self.catalog, tenant)
            store = self.access.writers.setdefault(place, MemoryStore(rules=self.rules))
            self.access.readers[place] = store
            writes = [EntityWrite(id, None, each) for id, each in states.get(tenant, {}).items()]
            if writes:
                store.overwrite(tenant, writes, actor="tenant", at="")

    def tenants(self) -> list[str]:
        return [*sorted(self.catalog.providers), *sorted(self.catalog.policies)]

    def states(self) -> States:
        """Of every tenant that has one."""
        found = {tenant: self._store(tenant).observe(tenant).entities for tenant in self.tenants()}
        return {tenant: state for tenant, state in found.items() if state}

    def lineages(self) -> Mapping[str, RecordedOrigins]:
        """Of every tenant that has one."""
        found = {tenant: self._store(tenant).recorded_origins(tenant) for tenant in self.tenants()}
        return {tenant: each for tenant, each in found.items() if each}

    def perform(self, line: str) -> str:
        """Do what one line says. What it printed."""
        word, _, rest = line.partition(" ")
        if word == NOW:
            self.now = moment(rest)
            return ""
        if word == MERGE:
            self.catalog = self.acts.catalogs[rest.strip()]
        if word in (COMMENT, MERGE):
            return ""
        if word == APPLY:
            return self._apply_again() if rest == "again" else self._apply(until=rest.removeprefix("until "))
        if word == RELEASE:
            return self._release(*rest.split())
        return self._import(*rest.split()) if word == IMPORT else self._act(line)

    def _act(self, line: str) -> str:
        asked = _command().parse_args(shlex.split(line))
        order = ActionRequest(
            asked.tenant, asked.subscription, asked.action, self.now, WHO, tuple(asked.set), getattr(asked, "as")
        )
        try:
            return _told(order, perform(order, self._fold(), self.access))
        except (BadSetting, CannotAct, NoSubscription) as error:
            return f"Error: {error}\n"

    def _import(self, tenant: str, file: str, replace: str = "") -> str:
        patches, problems = read_state(self.acts.files[file], file)
        assert not problems, "\n".join(map(str, problems))
        done = write_state(self._store(tenant), tenant, patches, replace=bool(replace), at=timestamp(self.now))
        released = f"; released: {', '.join(done.released)}" if done.released else ""
        return f"{tenant}: {done.added} added, {done.changed} changed, {done.removed} removed{released}.\n"

    def _release(self, tenant: str, address: str, undo: str = "") -> str:
        type_, _, key = address.partition("/")
        wish = ReleaseRequest(tenant, entity_of(type_, key), bool(undo), WHO, timestamp(self.now))
        try:
            return f"{wish.address}: {release(wish, self._store(tenant))}\n"
        except CannotRelease as error:
            return f"Error: {error}\n"

    def _apply(self, until: str) -> str:
        plans = tuple(self._fold().plans(None))
        self.plan = Plan(timestamp(self.now), Source(None, None, False, self.catalog.digest), plans)
        lines = [line for tenant in plans for line in summary(tenant)]
        for each in self._executed(self.plan):
            lines += [f"{each.tenant}: {each.problem}"] if each.problem else []
            if each.tenant == until:
                return "\n".join([*lines, f"cut off after {until}"])
        return "\n".join(lines or ["nothing to do"])

    def _apply_again(self) -> str:
        assert self.plan is not None, "nothing was applied yet"
        done = self._executed(self.plan)
        return "\n".join(f"{each.tenant}: {each.result}{': ' * bool(each.problem)}{each.problem}" for each in done)

    def _executed(self, plan: Plan) -> Iterator[Applied]:
        return execute(plan, ApplyContext(plan_digest(plan), timestamp(self.now), WHO, None), self._store)

    def _fold(self) -> TreePlanner:
        def observe(policy: Policy) -> Observed | Unreadable:
            return self._observe(policy.reseller)

        days, at = days_of(self.catalog, self.now), timestamp(self.now)
        return TreePlanner(self.catalog, observe, self.rules, days, {}, self._observe, at)

    def _observe(self, tenant: str) -> Observed | Unreadable:
        return self.access.observe(tenant, place_of(self.catalog, tenant))

    def _store(self, tenant: str) -> TenantStore:
        return self.access.writer(place_of(self.catalog, tenant))


def _command() -> ArgumentParser:
    parser = ArgumentParser(exit_on_error=False)
    for name in ("tenant", "subscription", "action"):
        parser.add_argument(name)
    parser.add_argument("--as", choices=ACTORS)
    parser.add_argument("--set", action="append", default=[])
    return parser


def _told(order: ActionRequest, acted: PerformedAction) -> str:
    """As the command says it."""
    if acted.denied:
        return f"Denied by {acted.denied.rule}: {acted.denied.detail}\n"
    if not acted.changed:
        return f"{order.tenant}: {order.action}: nothing to do.\n"
    mirrored = f"; mirrored: {', '.join(acted.mirrored)}" if acted.mirrored else ""
    done = f"{order.tenant}: {order.action} done: {', '.join(acted.changed)}{mirrored}.\n"
    return done + "".join(f"Pending: {each}\n" for each in acted.pending)


def summary(plan: TenantPlan) -> Iterator[str]:
    """A tenant's plan, a line for each field that changes; of a history, what is new in it."""
    for each in plan.changes:
        yield f"{MARKS[each.action]} {each.address}"
        for change in each.fields:
            path = render_path(change.path)
            if path == "history":
                new = change.after[len(change.before or []) :]
                yield from (f"    history: {_recorded(record)}" for record in new)
            else:
                yield f"    {path}: {shown(change.before)} -> {shown(change.after)}"
    for held in plan.deferred:
        if held.reason != Verdict.UNMANAGED:
            yield f"! {held.change.address}: {held.reason}: {held.detail}"


def _recorded(record: Mapping[str, str]) -> str:
    return " ".join(record[name] for name in ("at", "action", "detail") if name in record)


def play(acts: Acts, catalog: Catalog, rules: RuleBook, states: States) -> Played:
    """Do all that the lines say, from these states on."""
    stage = Stage(catalog, rules, acts, acts.begins)
    stage.set(states)
    transcript = "".join(_entry(line, stage.perform(line)) for line in acts.lines)
    return Played(stage.states(), transcript, stage.lineages())


def _entry(line: str, printed: str) -> str:
    if line.startswith((COMMENT, f"{NOW} ")):
        return f"\n{line}\n"
    return f"$ {line}\n" + "".join(f"  {each}".rstrip() + "\n" for each in printed.splitlines())
