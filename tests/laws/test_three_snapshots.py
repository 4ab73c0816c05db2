"""Three dated price lists as three commits of one repository: what a plan does is what the lists say.

The converter makes each list a commit. A reseller with every option on, to whom every plan is delegated, follows commit
by commit, and is then sent back to the first one with ``--ref``. What each plan does is held against
`tests.model_prices_independent`, which reads the price lists themselves and shares nothing with the reconciler or the
converter; plans and rates go by the names of the lists, never by keys.

One rule of ours stands between two lists and a plan (CB-08, CB-09): a model that left the list is not deleted. Its plan
is disabled, keeps the rates it had, which nobody compares as long as it is off the list, and is put back on sale when
the model returns: an update and no creation, and its rates then go from those it kept to those of the new list. So what
a reseller holds is more than the list before, and what to expect is told twice:

- of everything the reseller holds, off sale or not (`Ledger`), by the yardstick's own comparison;
- of the list before and the list now alone: here a model that returns counts as created, as it does for the yardstick.

The suite follows the models of `SOME_VENDORS`, a tenth of the lists, among which everything that can happen to a model
happens (the test asserts it). ``--hypothesis-profile=long`` follows all vendors.
"""

import gc
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconciler import app
from reconciler.core.savedplan.codec import decode
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import FieldChange, Plan
from reconciler.shell.connections.access import Access, place_of
from reconciler.shell.runs.execute import Result
from reconciler.stores.base import Snapshot
from tests.laws.profiles import is_long
from tests.model_prices_independent import Movement, Rates, compare, movement, read
from tools.model_prices import main as convert

DATA = Path(__file__).parents[1] / "data" / "model-prices"
LISTS = [DATA / f"{day}.json.xz" for day in ("2025-11-21", "2026-05-21", "2026-11-21")]
SOME_VENDORS = ("anthropic", "gemini", "groq", "mistral", "openai")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RESELLER = "contoso"
POLICY = """\
kind: SyncPolicy
reseller: contoso
name: Contoso Telecom
upstream: model-market
delegate: {plans: {match: {market: public}}}
options: all
guards: {max_deletes: false, max_price_change: false, max_changes: false, currency_change: false, price_to_zero: false}
"""
FOLLOWED = {"plan_category", "sales_categories"}
"""What else may move in a plan: a model's mode. (Its vendor may too, and is `unmanaged`.)"""


@dataclass
class Ledger:
    """What the reseller should hold, kept from the lists alone: each model's rates when it was last listed."""

    rates: Rates = field(default_factory=dict)
    off: set[str] = field(default_factory=set)

    def follow(self, listed: Rates) -> "Expected":
        """The moves to a list, which the ledger then has made."""
        moved = compare(self.rates, listed)
        expected = Expected(moved, taken_off=moved.taken_off - self.off, returned=self.off & set(listed))
        self.rates |= listed
        self.off = set(self.rates) - set(listed)
        return expected


@dataclass(frozen=True)
class Expected:
    """``moved`` is from all that is held: what is off sale already is not taken off again."""

    moved: Movement
    taken_off: set[str]
    returned: set[str]


@dataclass
class Names:
    """The names of the lists by our keys, from the documents of every commit; a key never changes hands."""

    plans: dict[str, str] = field(default_factory=dict)
    rates: dict[str, str] = field(default_factory=dict)

    def learn(self, workspace: app.Workspace) -> None:
        for id, document in workspace.catalog.providers["model-market"].documents.items():
            table = {"Plan": self.plans, "Resource": self.rates}.get(id.kind)
            if table is not None:
                name = document.entity.body["name"]
                assert table.setdefault(id.key, name) == name
        for table in (self.plans, self.rates):
            assert len(set(table.values())) == len(table)


@dataclass
class Moves:
    """What a plan does, by the names of the lists."""

    created: set[str] = field(default_factory=set)
    taken_off: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)
    repriced: set[str] = field(default_factory=set)
    rates: set[tuple[str, str]] = field(default_factory=set)
    other: set[str] = field(default_factory=set)

    def of_field(self, plan: str, each: FieldChange, names: Names) -> None:
        match each.path, each.before, each.after:
            case ("status",), "active", "disabled_by_provider":
                self.taken_off.add(plan)
            case ("status",), "disabled_by_provider", "active":
                self.returned.add(plan)
            case ("resources", key, *_), before, after:
                assert (plan, names.rates[key]) not in self.rates
                self.rates.add((plan, names.rates[key]))
                if before is not None and after is not None:
                    self.repriced.add(plan)
            case path, _, _:
                self.other.add(".".join(path))


def moves_of(plan: Plan, names: Names) -> Moves:
    """Everything that a plan does to plans; nothing is withheld, blocked or removed on the way."""
    (ours,) = plan.tenants
    assert {each.reason for each in ours.deferred} <= {"unmanaged"}
    moves = Moves()
    for change in ours.changes:
        assert change.action is not Action.DELETE
        if change.entity.kind == "Plan":
            name = names.plans[change.entity.key]
            if change.action is Action.CREATE:
                moves.created.add(name)
            for each in change.fields:
                moves.of_field(name, each, names)
    return moves


def check(moves: Moves, expected: Expected, lists: Movement | None) -> None:
    """Against what is held, and against the two lists alone (``None``: there is no list before)."""
    assert moves.created == expected.moved.created
    assert moves.taken_off == expected.taken_off
    assert moves.returned == expected.returned
    assert moves.repriced == expected.moved.repriced
    assert moves.rates == expected.moved.rates
    assert moves.other <= FOLLOWED
    if lists is not None:
        assert moves.created | moves.returned == lists.created
        assert moves.taken_off == lists.taken_off
        assert moves.repriced - moves.returned == lists.repriced
        assert {rate for rate in moves.rates if rate[0] not in moves.returned} == lists.rates


def check_state(state: Snapshot, ledger: Ledger, names: Names) -> None:
    """The reseller's plans as they are in the store: on sale or not, with exactly the rates of the ledger."""
    plans = {names.plans[id.key]: each.body for id, each in state.entities.items() if id.kind == "Plan"}
    assert {name for name, body in plans.items() if body["status"] != "active"} == ledger.off
    held = {
        name: {names.rates[key]: _amount(rate) for key, rate in body.get("resources", {}).items()}
        for name, body in plans.items()
    }
    assert held == ledger.rates


def _amount(rate: Any) -> Decimal:
    """The one amount that the converter gives a rate: a price or a limit."""
    amounts = [*rate.get("prices", {}).values(), *rate.get("limits", {}).values()]
    assert len(amounts) == 1
    return Decimal(amounts[0])


@dataclass
class Ground:
    """The repository, which is the workspace, with its store; and how long everything took."""

    root: Path
    vendors: tuple[str, ...] = ()
    """Whose models; ``()``: all."""
    names: Names = field(default_factory=Names)
    told: list[str] = field(default_factory=list)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.told.append(f"{what} {time.perf_counter() - start:.1f} s")

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{role}_{what}": "ann@northwind.example" for role in ("AUTHOR", "COMMITTER") for what in _WHO}
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-C", str(self.root), *arguments]
        done = subprocess.run(command, env=os.environ | who | alone, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, snapshot: Path) -> str:
        """The workspace of a list as a commit, with our reseller in place of the converter's."""
        chosen = [word for vendor in self.vendors for word in ("--vendor", vendor)]
        assert convert([str(snapshot), str(self.root), *chosen]) == 0
        resellers = self.root / "model-market" / "resellers"
        shutil.rmtree(resellers)
        resellers.mkdir()
        (resellers / "contoso.yaml").write_text(POLICY, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Prices of {snapshot.name.partition('.')[0]}")
        return self.git("rev-parse", "HEAD")

    def listed(self, snapshot: Path) -> Rates:
        """What a list says of these vendors' models."""
        return read(snapshot, self.vendors or None)

    def moved(self, before: Path, after: Path) -> Movement:
        """What moved between two lists, of these vendors' models."""
        return movement(before, after, self.vendors or None)

    def reconcile(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The real command, in a process of its own."""
        command = [str(Path(sys.executable).with_name("reconcile")), *arguments, "-C", str(self.root)]
        command += ["--now", NOW.isoformat()]
        with self.timed(f"reconcile {arguments[0]}"):
            return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def state(self, workspace: app.Workspace) -> Snapshot:
        with Access(self.root, {}) as access:
            return access.reader(place_of(workspace.catalog, RESELLER)).observe(RESELLER)

    def tell(self, moves: Moves, expected: Expected) -> None:
        print(
            f"  {len(moves.created)} created, {len(moves.taken_off)} taken off, {len(moves.returned)} back on sale, "
            f"{len(moves.repriced)} repriced, {len(moves.rates)} rates changed\n  " + ", ".join(self.told)
        )
        self.told.clear()


_WHO = ("NAME", "EMAIL")


def planned(ground: Ground, workspace: app.Workspace) -> Plan:
    with Access(ground.root, {}) as access, ground.timed("plan"):
        return app.make_plan(workspace, access, now=NOW)


def applied(ground: Ground, workspace: app.Workspace, plan: Plan) -> None:
    with Access(ground.root, {}) as access, ground.timed("apply"):
        (done,) = app.apply_plan(workspace, access, plan, now=NOW, by="ann")
    assert done.result is Result.APPLIED, done.problem


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Millions of small values and no cycles among them: looking for some again and again takes a third of the time."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector")
def test_three_commits_are_followed_one_by_one_and_the_first_is_returned_to(tmp_path: Path) -> None:
    vendors = () if is_long() else SOME_VENDORS
    ground, ledger = Ground(tmp_path.resolve(), vendors), Ledger()
    ground.git("init", "--quiet")
    commits, happened = [], []
    for position, snapshot in enumerate(LISTS):
        before = LISTS[position - 1] if position else None
        commit, expected = _forward(ground, ledger, snapshot, before)
        commits.append(commit)
        happened.append(expected)
    for expected in happened[1:]:
        assert expected.moved.created
        assert expected.moved.repriced
    assert [bool(expected.taken_off) for expected in happened] == [False, True, True]
    assert [bool(expected.returned) for expected in happened] == [False, False, True]
    _back(ground, ledger, commits)


def _forward(ground: Ground, ledger: Ledger, snapshot: Path, before: Path | None) -> tuple[str, Expected]:
    """Commit a list and follow it: the plan is what the lists say, and the second plan is empty.

    Returns the commit and what moved.
    """
    commit = ground.commit(snapshot)
    with ground.timed("load"):
        workspace = app.open_workspace(ground.root)
    ground.names.learn(workspace)
    plan = planned(ground, workspace)
    assert (plan.source.commit, plan.source.dirty) == (commit, False)
    listed = ground.listed(snapshot)
    moves, expected = moves_of(plan, ground.names), ledger.follow(listed)
    check(moves, expected, ground.moved(before, snapshot) if before else None)
    check_places(ground, plan)
    applied(ground, workspace, plan)
    assert planned(ground, workspace).tenants[0].changes == ()
    check_state(ground.state(workspace), ledger, ground.names)
    print(f"\n{snapshot.name}: {len(listed)} plans, {sum(map(len, listed.values()))} rates")
    ground.tell(moves, expected)
    return commit, expected


def check_places(ground: Ground, plan: Plan) -> None:
    """Every amount that moved stands on the line that the plan names, and stood in that file in the commit it names."""
    (ours,) = plan.tenants
    files: dict[tuple[str, str], list[str]] = {}

    def lines(commit: str, file: str) -> list[str]:
        if (commit, file) not in files:
            files[commit, file] = ground.git("show", f"{commit}:{file}").split("\n")
        return files[commit, file]

    for each in (each for change in ours.changes for each in change.fields):
        if each.path[0] == "resources" and isinstance(each.after, str):
            at = each.declared_at
            assert at is not None and at.commit is not None and plan.source.commit is not None
            line = lines(plan.source.commit, at.file)[at.line - 1]
            assert each.after in line and line in lines(at.commit, at.file)


def _back(ground: Ground, ledger: Ledger, commits: list[str]) -> None:
    """From the last list to the first by the real command, with ``--ref``: nothing is checked out."""
    first, here = commits[0], ground.git("rev-parse", "HEAD")
    saved = ground.root / ".reconcile" / "way-back.json"
    arguments = ("--ref", first, "--detailed-exitcode")
    done = ground.reconcile("plan", *arguments, "--out", str(saved))
    assert done.returncode == 2, done.stderr
    plan = decode(saved.read_bytes())
    assert plan.source.commit == first
    moves, expected = moves_of(plan, ground.names), ledger.follow(ground.listed(LISTS[0]))
    assert expected.moved.created == set()
    check(moves, expected, ground.moved(LISTS[-1], LISTS[0]))

    done = ground.reconcile("apply", "--ref", first, "--auto-approve")
    assert done.returncode == 0, done.stderr
    done = ground.reconcile("plan", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No changes. Your tenants match the catalog.\n" in done.stdout
    assert (ground.git("rev-parse", "HEAD"), ground.git("status", "--porcelain")) == (here, "")

    workspace = app.open_workspace(ground.root, first)
    check_state(ground.state(workspace), ledger, ground.names)
    with Access(ground.root, {}) as access:
        assert [record.commit for record in app.history(workspace, access, RESELLER)] == [*commits, first]
    print("\nback to the first")
    ground.tell(moves, expected)
