"""Runs the scenarios: folders with a story, a small workspace, the tenants' state before, and what is to come of it.

A folder is `<ID>-<slug>` or, where it shows several rules, `<ID>-<ID>-<slug>`. In it:

- `story.md`: Given, When, Then, in the words of the business;
- `catalogs/`: a workspace;
- `before.yaml`: the tenant's state; with several tenants, or of a provider, `before/<tenant>.yaml`; absent: empty;
- `acts`: what happens before that plan, a line each (`acting.py`), and what it printed in `expected-acts.txt`;
- `expected-plan.txt`: the verbose text of the plan, or what is wrong with the workspace;
- `expected-rules.txt`: a line for every change, dependent and changed field of the plan: its address, its rule, the
  options that allow it, and for a dependent what needs it; absent: nothing changes;
- `expected-after.yaml`: the state once the plan is applied; as before, `expected-after/<tenant>.yaml`;
  absent: unchanged;
- `now`: the day, or the moment, from which it starts, if it matters; a day alone is each provider's own midnight, a
  moment is in UTC (DATE-01);
- `allow`: the guards to override, a line each (`max_deletes:contoso`);
- `tenants`: those that are selected, if not all; `unreadable`: those whose store cannot be reached;
- `base/`: the workspace of the revision that causes are told from (`--base`), and in `journal.yaml` or
  `journal/<tenant>.yaml` what was applied last, as documents;
- `since.yaml` or `since/<tenant>.yaml`: what the tenants wrote themselves once the plan was applied, as `tenant import`
  takes it; what `plan --inverse` then shows is in `expected-inverse.txt`;
- `explain`: what to ask `reconcile explain`, a line each (`contoso/plan/web-basic#published`), and the answers in
  `expected-explain.txt`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache, cached_property
from pathlib import Path

from reconciler.app import timestamp
from reconciler.core.inspect.causes import LastAppliedChange, with_causes
from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.reading.merge_patch import patched
from reconciler.core.reading.state_documents import StatePatch, read_state
from reconciler.core.records.change_records import change_to_data
from reconciler.core.records.origins import disputed_origins, index_changes
from reconciler.core.schema.rule_book import RuleBook, rule_book
from reconciler.core.tree.levels import Observe, Unreadable
from reconciler.core.tree.schedule import scheduled
from reconciler.core.tree.tree_planner import ObserveProvider, TreePlanner
from reconciler.core.workspace.load import load
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.plans.origins import RecordedOrigins
from reconciler.model.plans.plan import Plan, Source, TenantPlan
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.model.values.entity import State, entity, state_fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.report.documents import render_documents
from reconciler.report.plans.listing import render_plan
from reconciler.report.problems import render_problems
from reconciler.shell.days import days_of
from tests.scenarios.acting import Acts, Played, merges, moment, play
from tests.scenarios.asking import answer
from tests.scenarios.permissions import permissions
from tests.scenarios.undoing import inverse_of

HERE = Path(__file__).parent
RULES = rule_book(frozenset(PRECONDITIONS))
DAY = date(2026, 12, 1)
ONE_OF_EACH = 2
"""Tenants of a workspace with one provider and one reseller."""
PLAN, AFTER, EXPLAIN = "expected-plan.txt", "expected-after", "expected-explain.txt"
INVERSE, ACTS, RULED = "expected-inverse.txt", "expected-acts.txt", "expected-rules.txt"

_IDS = re.compile(r"(?:(?:[A-Z]+-\d\d|FIELDS|LAW)-)+(?=[a-z])")
_ID = re.compile(r"[A-Z]+-\d\d|[A-Z]+")

States = Mapping[str, State]


@dataclass(frozen=True, slots=True)
class Given:
    """What a scenario starts from: its files, or what is wrong with them, and the tenants' states.

    ``acts``: what happens before. ``now``: the moment of the plan that comes last.
    ``base``: the catalog that causes are told from, and ``journal``, what was applied last. ``since``: by tenant, what
    it wrote after the plan was applied; ``None``: the plan is not to be undone. ``lineages``: what came down to the
    tenants, by their journals.
    """

    catalog: Catalog | None
    problems: str
    states: States
    now: datetime
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    selected: frozenset[str] | None = None
    unreadable: frozenset[str] = frozenset()
    base: Catalog | None = None
    journal: States = field(default_factory=dict)
    since: Mapping[str, list[StatePatch]] | None = None
    acts: Acts | None = None
    lineages: Mapping[str, RecordedOrigins] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a scenario: the plan's text, the states that changed, what was explained, the inverse's text, and
    what the acts before printed. ``lineages``: what came down by then, once the plan is applied. ``rules``: by which
    rule and options each change is made; not compared, since an outcome is to differ in more than that.
    """

    text: str
    after: States
    explained: str = ""
    inverse: str = ""
    acts: str = ""
    lineages: Mapping[str, RecordedOrigins] = field(default_factory=dict, compare=False)
    rules: str = field(default="", compare=False)


@dataclass(frozen=True)
class Scenario:
    """One folder."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def ids(self) -> tuple[str, ...]:
        """The rules that it shows."""
        match = _IDS.match(self.name)
        return tuple(_ID.findall(match[0])) if match else ()

    @cached_property
    def given(self) -> Given:
        """Read once."""
        return self.chosen(given(files_of(self.folder / "catalogs"), self.befores(), self.now))

    def chosen(self, start: Given) -> Given:
        """With the tenants that are selected, those that cannot be read, the guards that are overridden, and what was
        before and came after.
        """
        return replace(
            start,
            selected=frozenset(_text(self.folder / "tenants").split()) or None,
            unreadable=self.unreadable,
            allowed=self.allowed,
            base=self._base(),
            journal={tenant: state_of(text, "journal") for tenant, text in self._texts("journal", start).items()},
            since={tenant: _patches(text, "since") for tenant, text in self._texts("since", start).items()} or None,
            acts=self.acts,
        )

    def _base(self) -> Catalog | None:
        files = files_of(self.folder / "base")
        return given(files, {}, self.now).catalog if files else None

    def _texts(self, name: str, start: Given) -> dict[str, str]:
        tenants = _tenants(start.catalog)
        return {_tenant(key, tenants): file.read_text("utf-8") for key, file in _by_tenant(self.folder, name)}

    @property
    def acts(self) -> Acts:
        """What happens before the plan, from the day or moment of the file `now` on."""
        lines = tuple(line for line in _text(self.folder / "acts").splitlines() if line)
        files = {file.name: file.read_text("utf-8") for file in sorted(self.folder.glob("*.yaml"))}
        catalogs = {folder: self._merged(folder) for folder in merges(lines)}
        return Acts(lines, moment(_text(self.folder / "now") or DAY.isoformat()), files, catalogs)

    def _merged(self, folder: str) -> Catalog:
        files = {**files_of(self.folder / "catalogs"), **files_of(self.folder / folder)}
        then = given(files, {}, DAY)
        assert then.catalog is not None, then.problems
        return then.catalog

    @property
    def unreadable(self) -> frozenset[str]:
        """The tenants whose stores cannot be reached."""
        return frozenset(_text(self.folder / "unreadable").split())

    @property
    def now(self) -> datetime:
        """The moment of the plan that comes last."""
        return self.acts.ends

    @property
    def allowed(self) -> Mapping[str, frozenset[str]]:
        """The guards that are overridden, by tenant."""
        found: dict[str, frozenset[str]] = {}
        for line in _text(self.folder / "allow").split():
            guard, _, tenant = line.partition(":")
            found[tenant] = found.get(tenant, frozenset()) | {guard}
        return found

    @property
    def questions(self) -> tuple[str, ...]:
        file = self.folder / "explain"
        return tuple(file.read_text("utf-8").split()) if file.exists() else ()

    def befores(self) -> Mapping[str, str]:
        """The texts of the states before, by tenant; under the empty key where there is one tenant."""
        return {tenant: file.read_text("utf-8") for tenant, file in _by_tenant(self.folder, "before")}

    @cached_property
    def expected(self) -> Outcome:
        """The goldens."""
        tenants = _tenants(self.given.catalog)
        texts = {tenant: file.read_text("utf-8") for tenant, file in after_files(self)}
        return Outcome(
            _text(self.folder / PLAN),
            {_tenant(key, tenants): state_of(text, AFTER) for key, text in texts.items()},
            _text(self.folder / EXPLAIN),
            _text(self.folder / INVERSE),
            _text(self.folder / ACTS),
            rules=_text(self.folder / RULED),
        )

    @cached_property
    def actual(self) -> Outcome:
        """What comes of it by all the rules."""
        return run(self.given, RULES, self.questions)


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Every folder beside this file that holds a story, by name. The same objects each time: they read and run once."""
    return tuple(Scenario(file.parent) for file in sorted(HERE.glob("*/story.md")))


@cache
def plannable() -> tuple[Scenario, ...]:
    """Those whose workspace is valid, so that there is a plan."""
    return tuple(each for each in scenarios() if each.given.catalog is not None)


def run(start: Given, rules: RuleBook, questions: tuple[str, ...] = ()) -> Outcome:
    """Do what happens before, plan, and apply: every change leaves its entity as the plan says."""
    if start.catalog is None:
        return Outcome(start.problems, {})
    played = played_out(start, rules)
    acted = {tenant: state for tenant, state in played.states.items() if state != start.states.get(tenant, {})}
    then = applied(start, played.states, played.lineages)
    plan = made(then, rules)
    answers = "\n".join(answer(tree_planner(then, rules), question) for question in questions)
    states = {**acted, **after(plan.tenants, then.states)}
    undone = "" if start.since is None else plan_text(inverse_of(plan, {**then.states, **states}, start.since))
    lineages = lineages_after(plan.tenants, then.lineages)
    return Outcome(plan_text(plan), states, answers, undone, played.transcript, lineages, permissions(plan))


def played_out(start: Given, rules: RuleBook) -> Played:
    """What comes of the acts."""
    assert start.catalog is not None
    if start.acts is None or not start.acts.lines:
        return Played(start.states, "")
    return play(start.acts, start.catalog, rules, start.states)


def planned(start: Given, rules: RuleBook) -> Sequence[TenantPlan]:
    """The plans of all tenants."""
    return made(start, rules).tenants


def made(start: Given, rules: RuleBook) -> Plan:
    """The whole plan."""
    assert start.catalog is not None
    planner = tree_planner(start, rules)
    plans = tuple(planner.plans(start.selected))
    coming = scheduled(planner, (each.tenant for each in plans if each.tenant in start.catalog.policies))
    source = Source(commit=None, base=None, dirty=False, digest=start.catalog.digest)
    return Plan(timestamp(start.now), source, _caused(plans, start, rules), scheduled=coming)


def tree_planner(start: Given, rules: RuleBook) -> TreePlanner:
    """The walk down and up the tree, not begun yet."""
    assert start.catalog is not None
    observe, provider = _observing(start), _of_provider(start)
    days, at = days_of(start.catalog, start.now), timestamp(start.now)
    return TreePlanner(start.catalog, observe, rules, days, start.allowed, provider, at)


def _of_provider(start: Given) -> ObserveProvider:
    gone = Unreadable("its store cannot be reached")
    return lambda provider: gone if provider in start.unreadable else _observed(start, provider)


def _caused(plans: tuple[TenantPlan, ...], start: Given, rules: RuleBook) -> tuple[TenantPlan, ...]:
    """The plans with the cause of every change, where there is a base to tell it from."""
    if start.base is None:
        return plans
    planner = TreePlanner(start.base, _observing(start), rules, days_of(start.base, start.now))
    earlier = {plan.tenant: plan for plan in planner.plans(None)}
    return tuple(with_causes(plan, earlier.get(plan.tenant), _journal(start, plan.tenant)) for plan in plans)


def _journal(start: Given, tenant: str) -> Mapping[EntityId, LastAppliedChange]:
    """As if each entity had been written whole."""
    written = start.journal.get(tenant, {})
    return {id: LastAppliedChange().then((), {**each.body, "origin": each.origin}) for id, each in written.items()}


def _observing(start: Given) -> Observe:
    gone = Unreadable("its store cannot be reached")
    return lambda policy: gone if policy.reseller in start.unreadable else _observed(start, policy.reseller)


def after(plans: Sequence[TenantPlan], states: States) -> dict[str, State]:
    """The states of the tenants that the plans change."""
    return {plan.tenant: _applied(plan, states.get(plan.tenant, {})) for plan in plans if plan.changes}


def _applied(plan: TenantPlan, state: State) -> State:
    result = dict(state)
    for change in plan.changes:
        if change.before is not None:
            del result[entity(change.before).id]
    for change in plan.changes:
        if change.after is None:
            assert change.entity not in result
        else:
            result[change.entity] = entity(change.after)
    return result


def lineages_after(
    plans: Sequence[TenantPlan], lineages: Mapping[str, RecordedOrigins]
) -> Mapping[str, RecordedOrigins]:
    """What came down by the journals, once the plans are applied."""
    found = dict(lineages)
    for plan in plans:
        known = found.get(plan.tenant, {})
        then = {**known, **index_changes(known, map(change_to_data, plan.changes), {})}
        found[plan.tenant] = {id: each for id, each in then.items() if each is not None}
    return found


def applied(start: Given, states: States, lineages: Mapping[str, RecordedOrigins] | None = None) -> Given:
    """The same with these states in place of those before, and the workspace as it became.

    ``lineages``: what came down by then (``None``: as before).
    """
    catalog = start.acts.last(start.catalog) if start.acts and start.catalog else start.catalog
    known = start.lineages if lineages is None else lineages
    return replace(start, catalog=catalog, states={**start.states, **states}, lineages=known)


def _observed(start: Given, tenant: str) -> Observed:
    state = start.states.get(tenant, {})
    return Observed(state, state_fingerprint(state), 0, disputed_origins(start.lineages.get(tenant, {}), state))


def plan_text(plan: Plan) -> str:
    """As `reconcile plan --verbose` prints it."""
    return render_plan(plan, verbose=True)


def given(files: Mapping[str, str], befores: Mapping[str, str], now: date) -> Given:
    """From the texts of a workspace's files by path, and of states by tenant. ``now``: a day, or a moment."""
    now = now if isinstance(now, datetime) else moment(now.isoformat())
    catalog, problems = _loaded(files)
    if catalog is None:
        return Given(None, render_problems(problems), {}, now)
    tenants = _tenants(catalog)
    states = {_tenant(key, tenants): state_of(text, "before") for key, text in befores.items()}
    return Given(catalog, "", states, now)


def _loaded(files: Mapping[str, str]) -> tuple[Catalog | None, list[Diagnostic]]:
    return load(SourceFile(path, text.encode()) for path, text in files.items())


def state_of(text: str, file: str) -> State:
    """A state from its documents."""
    return {id: found for id, found in patched({}, _patches(text, file), replace=True) if found is not None}


def _patches(text: str, file: str) -> list[StatePatch]:
    patches, problems = read_state(text, file)
    assert not problems, "\n".join(map(str, problems))
    return patches


def after_files(scenario: Scenario) -> Iterator[tuple[str, Path]]:
    """The goldens of states, by tenant."""
    return _by_tenant(scenario.folder, AFTER)


def documents(state: State) -> str:
    """A state as its documents, by kind and key."""
    return render_documents(state.values())


def files_of(root: Path) -> dict[str, str]:
    """The texts of the documents' files below a folder, by path."""
    found = sorted(path for path in root.rglob("*") if path.suffix in (".yaml", ".yml"))
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in found}


def _by_tenant(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Where a state stands: `<name>.yaml` for the one tenant, or `<name>/<tenant>.yaml`."""
    if (folder / f"{name}.yaml").exists():
        yield "", folder / f"{name}.yaml"
    yield from ((file.stem, file) for file in sorted((folder / name).glob("*.yaml")))


def _tenants(catalog: Catalog | None) -> tuple[str, ...]:
    """Every tenant, resellers first."""
    return (*catalog.policies, *catalog.providers) if catalog else ()


def _tenant(key: str, tenants: tuple[str, ...]) -> str:
    """The tenant that a state is of; without a key, the one reseller of the one provider."""
    if key:
        assert key in tenants, f"there is no tenant {key}"
        return key
    assert len(tenants) == ONE_OF_EACH, "with several tenants, each has a file of its own"
    return tenants[0]


def _text(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""


def update(scenario: Scenario) -> None:
    """Write the goldens as they are now."""
    outcome = scenario.actual
    catalog = scenario.given.catalog
    single = (
        len(_tenants(catalog)) == ONE_OF_EACH
        and catalog is not None
        and tuple(catalog.policies) == tuple(outcome.after)
    )
    for _, file in list(after_files(scenario)):
        file.unlink()
    for tenant, state in outcome.after.items():
        file = scenario.folder / (f"{AFTER}.yaml" if single else f"{AFTER}/{tenant}.yaml")
        file.parent.mkdir(exist_ok=True)
        file.write_text(documents(state), "utf-8")
    (scenario.folder / PLAN).write_text(outcome.text, "utf-8")
    if outcome.rules:
        (scenario.folder / RULED).write_text(outcome.rules, "utf-8")
    else:
        (scenario.folder / RULED).unlink(missing_ok=True)
    if outcome.acts:
        (scenario.folder / ACTS).write_text(outcome.acts, "utf-8")
    if scenario.questions:
        (scenario.folder / EXPLAIN).write_text(outcome.explained, "utf-8")
    if scenario.given.since is not None:
        (scenario.folder / INVERSE).write_text(outcome.inverse, "utf-8")
