"""Which scenario and which test run which function: what `script/mutate` asks, so that it runs only what may notice.

The package is imported with a first statement in every function that notes that it runs. What runs in another process
is not seen.
"""

import ast
import builtins
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "reconciler"
TESTS = (
    "tests/contract",
    "tests/scenarios/test_forged_plans.py",
    "tests/incremental/test_short_way.py",
    "tests/incremental/test_recurring.py",
    "tests/faults/test_apply_faults.py",
    "tests/faults/test_commits_in_doubt.py",
    "tests/faults/test_sql_faults.py",
    "tests/faults/test_sqlite_files.py",
    "tests/faults/test_written_while_read.py",
    "tests/cli/test_inspecting.py",
    "tests/cli/test_listing_subscriptions.py",
    "tests/cli/test_recall.py",
    "tests/unit",
)
"""The tests that are asked: what runs in the process itself, and the laws that compare the short way with the long."""
NOT_ASKED = ("test_house.py", "test_readme.py", "test_benchmarks.py", "test_mutants.py", "test_executors.py")
"""Files of tests that look at texts, or start processes."""
_RAN = "__ran__"


@dataclass(frozen=True)
class Reach:
    """By scenario, and by test, the functions that it runs (`core/planning/judge.py: judge`); of tests, their processor
    seconds.

    ``imported``: what runs when the package and the scenarios are imported.
    """

    imported: frozenset[str]
    scenarios: Mapping[str, frozenset[str]]
    tests: Mapping[str, frozenset[str]]
    seconds: Mapping[str, float]

    def write(self, file: Path) -> None:
        """Keep it for another time."""
        file.write_text(json.dumps(asdict(self), default=sorted), "utf-8")

    @classmethod
    def read(cls, file: Path) -> "Reach":
        """What was kept."""
        data = json.loads(file.read_text("utf-8"))
        ran = {part: {name: frozenset(each) for name, each in data[part].items()} for part in ("scenarios", "tests")}
        return cls(frozenset(data["imported"]), ran["scenarios"], ran["tests"], data["seconds"])


class Noting(MetaPathFinder):
    """Imports the package's modules so that each function notes that it runs; ``ran`` are those that did."""

    def __init__(self) -> None:
        self.ran: set[str] = set()
        setattr(builtins, _RAN, self.ran)

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or not (spec.origin or "").startswith(f"{PACKAGE}/"):
            return None
        assert spec.origin is not None
        return spec_from_file_location(name, spec.origin, loader=_Noted(name, spec.origin))

    def taken(self) -> frozenset[str]:
        """What ran since this was asked last."""
        ran = frozenset(self.ran)
        self.ran.clear()
        return ran


class _Noted(SourceFileLoader):
    """Reads a module with the notes in it, and neither reads nor keeps bytecode of it."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - as loaders are asked
        code: CodeType = compile(noted(self.get_data(self.path), Path(self.path)), self.path, "exec", dont_inherit=True)
        return code


def named(file: Path, within: str) -> str:
    """A function, by its module and its name."""
    return f"{file.relative_to(PACKAGE).as_posix()}: {within}"


def noted(data: str | bytes, file: Path) -> ast.Module:
    """A module with a note at the head of each function."""
    tree = ast.parse(data)
    for function, within in _functions(tree, ()):
        note = ast.parse(f"{_RAN}.add({named(file, within)!r})").body[0]
        function.body.insert(int(ast.get_docstring(function, clean=False) is not None), note)
    return ast.fix_missing_locations(tree)


def _functions(node: ast.AST, scope: tuple[str, ...]) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    for child in ast.iter_child_nodes(node):
        here = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            here = (*scope, child.name)
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child, ".".join(here)
        yield from _functions(child, here)


@dataclass(eq=False)
class Recorder:
    """A plugin of pytest that notes what each test runs, and what it takes; ``failed``: those that fail as they are."""

    noting: Noting
    tests: dict[str, frozenset[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.noting.taken()
        before = time.process_time()
        result = yield
        self.seconds[item.nodeid] = round(time.process_time() - before, 4)
        self.tests[item.nodeid] = self.noting.taken()
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)


@dataclass(frozen=True, eq=False)
class Only:
    """A plugin of pytest: these tests alone, in this order."""

    names: Sequence[str]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        place = {name: number for number, name in enumerate(self.names)}
        items[:] = sorted((each for each in items if each.nodeid in place), key=lambda each: place[each.nodeid])


def run(paths: Sequence[str], plugin: Recorder | Only, *options: str) -> int:
    """pytest, in this process; 5 is that nothing was collected."""
    quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=few", "-k", "not postgresql")
    return int(pytest.main([*quiet, *options, *paths], plugins=[plugin]))


def measured() -> Reach | str:
    """What every scenario and test runs; or the name of a scenario that fails as it is. Takes minutes."""
    noting = Noting()
    sys.meta_path.insert(0, noting)
    from tests.scenarios import runner  # noqa: PLC0415 - not in the process that forks

    imported = noting.taken()
    scenarios: dict[str, frozenset[str]] = {}
    for each in runner.scenarios():
        if fails(each):
            return each.name
        scenarios[each.name] = noting.taken()
    recorder = Recorder(noting)
    run([str(ROOT / each) for each in TESTS], recorder, *(f"--ignore-glob=*/{each}" for each in NOT_ASKED))
    tests = {name: ran for name, ran in recorder.tests.items() if name not in recorder.failed}
    return Reach(imported, scenarios, tests, {name: recorder.seconds[name] for name in tests})


def fails(scenario: Any) -> bool:
    """Whether a scenario comes out otherwise than its folder says."""
    actual, expected = scenario.actual, scenario.expected
    return bool(actual != expected or actual.rules != expected.rules)
