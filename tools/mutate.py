"""`script/mutate`: plants faults, one at a time, and tells which of them no test notices.

Each mutant is tried in a process of its own, forked before the package is imported, in which one module is read with
the fault in it. First every scenario runs that reaches the function of the fault, then the tests that name its module.
No file is changed. What runs the command in another process does not see the fault, so the figure is a lower bound.
"""

import argparse
import multiprocessing
import os
import random
import resource
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from tools.mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "reconciler"
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.txt")
TESTS = ("unit", "contract", "cli")
"""The folders of tests of which those are run that name the module of the fault."""
SCENARIOS, REST = "scenarios", "rest"
IMPORT = ""
"""Beside the scenarios' names: what runs when they are imported."""
FEW = 10

Reached = Mapping[str, frozenset[tuple[str, int]]]
"""By scenario, the functions that it ran: file and first line."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A mutant and what noticed it; ``by`` is empty where nothing did."""

    mutant: Mutant
    by: str


class Planted(MetaPathFinder):
    """Imports one module with the fault in it."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin != str(self.mutant.file):
            return None
        return spec_from_file_location(name, spec.origin, loader=_Text(name, spec.origin, self.mutant.planted()))


class _Text(SourceFileLoader):
    """Reads a module from a text instead of its file, and keeps no bytecode of it."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def get_data(self, path: str) -> bytes:
        return self.text.encode() if path == self.path else super().get_data(path)

    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError(f"{path} is not read")


def main(arguments: Sequence[str] | None = None) -> int:
    """Try mutants and print what became of them. Exit status: 1 where one lived that is not known to be equivalent."""
    options = _options(arguments)
    equivalent = known_equivalents(EQUIVALENT.read_text("utf-8"))
    found = [each for file in _modules(options.modules) for each in mutants_of(file)]
    chosen = sorted(random.Random(options.seed).sample(found, min(options.sample or len(found), len(found))))
    left = [each for each in chosen if each.name not in equivalent]
    reached: Reached | str = _in_child(_map_reached, options.seconds * 10)
    if isinstance(reached, str):
        raise SystemExit(f"script/mutate: the tests fail as they are: {reached}")
    tried: list[Tried] = []
    for number, mutant in enumerate(left, 1):
        tried.append(_tried(mutant, reached, options.seconds))
        place = f"{mutant.file.relative_to(ROOT)}:{mutant.line}"
        print(f"{number}/{len(left)} {tried[-1].by or 'LIVED'}: {place} {mutant.name}", flush=True)
    lived = [each for each in tried if not each.by]
    share = 100 * (len(tried) - len(lived)) / len(tried) if tried else 100.0
    print(f"{len(found)} mutants, {len(chosen)} tried with seed {options.seed}:", end=" ")
    print(
        f"{len(tried) - len(lived)} killed, {len(lived)} lived, {len(chosen) - len(left)} equivalent ({share:.1f} %)."
    )
    return int(bool(lived))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="names or ends of paths: judge, core/judge.py")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="so many of all (default: every one)")
    parser.add_argument("--seed", type=int, default=1, help="which ones a sample has (default: 1)")
    parser.add_argument("--seconds", type=int, default=60, help="of processor time for each half (default: 60)")
    return parser.parse_args(arguments)


def known_equivalents(text: str) -> Mapping[str, str]:
    """Mutants that change nothing anybody can see, by name, each with its reason in the comment lines before it."""
    found, reason = {}, ""
    for line in text.splitlines():
        if line.startswith("#"):
            reason = line.removeprefix("#").strip()
        elif line.strip():
            found[line.strip()] = reason
    return found


def _modules(names: Sequence[str]) -> list[Path]:
    """The modules that are asked for, or all; migrations are as they were when they were released."""
    every = [each for each in sorted(PACKAGE.rglob("*.py")) if "migrations" not in each.parts]
    if not names:
        return every
    found = [each for each in every if any(_is_called(each, name) for name in names)]
    missing = [name for name in names if not any(_is_called(each, name) for each in every)]
    if missing:
        raise SystemExit(f"script/mutate: no module is called {', '.join(missing)}")
    return found


def _is_called(file: Path, name: str) -> bool:
    asked = name.removesuffix(".py").replace(".", "/")
    path = file.relative_to(ROOT).with_suffix("").as_posix()
    return path == asked or path.endswith(f"/{asked}") or path.startswith(f"{asked}/")


def _in_child(work: Callable[..., Any], seconds: int, *arguments: Any) -> Any:
    """What a forked process sends last; `SCENARIOS` or `REST` where it ran out of time, or died, in that half."""
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        _be_child(work, seconds, there, arguments)
    there.close()
    said: Any = SCENARIOS
    try:
        while True:
            said = here.recv()
    except EOFError:
        pass
    os.waitpid(child, 0)
    return said


def _be_child(work: Callable[..., Any], seconds: int, there: Connection, arguments: Iterable[Any]) -> None:
    """Quietly: what tests print is of no interest, and neither is a crash, which tells of the fault."""
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        there.send(work(there, *arguments))
        status = 0
    finally:
        os._exit(status)


def _tried(mutant: Mutant, reached: Reached, seconds: int) -> Tried:
    said = _in_child(_noticed, seconds, mutant, _worth_running(mutant, reached), seconds)
    if said == SCENARIOS:
        return Tried(mutant, "killed by crash or time")
    return Tried(mutant, "" if said == REST else said)


def _worth_running(mutant: Mutant, reached: Reached) -> list[str]:
    """The scenarios that reach the fault, first; then the others, where what a function gave may have been kept.

    What few scenarios run may have run for all: once, for the first that asked.
    """
    function = {(str(mutant.file), line) for line in mutant.first_lines[:1]}
    every = [name for name in reached if name != IMPORT]
    if not function or function & reached[IMPORT]:
        return every
    reach = [name for name in every if function & reached[name]]
    return [*reach, *(name for name in every if name not in reach)] if 0 < len(reach) < FEW else reach


def _noticed(there: Connection, mutant: Mutant, names: Sequence[str], seconds: int) -> str:
    """What notices the fault: a scenario, or a test. `REST`: nothing."""
    sys.meta_path.insert(0, Planted(mutant))
    try:
        from tests.scenarios import runner  # noqa: PLC0415 - after the fault is planted

        scenarios = {each.name: each for each in runner.scenarios()}
        for name in names:
            if _fails(scenarios[name]):
                return f"killed by {name}"
    except Exception as error:  # whatever it is, the fault shows
        return f"killed by {type(error).__name__}"
    there.send(REST)
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, resource.RLIM_INFINITY))
    files = _tests_of(mutant.file)
    return "killed by a test that names the module" if files and _red(files) else REST


def _fails(scenario: Any) -> bool:
    actual, expected = scenario.actual, scenario.expected
    return bool(actual != expected or actual.rules != expected.rules)


def _tests_of(file: Path) -> list[str]:
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    found = (each for folder in TESTS for each in sorted((ROOT / "tests" / folder).glob("test_*.py")))
    return [str(each) for each in found if name in each.read_text("utf-8")]


def _red(files: Sequence[str]) -> bool:
    import pytest  # noqa: PLC0415 - in the process that needs it

    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-k", "not postgresql", *files]) not in (0, 5)


def _map_reached(_there: Connection) -> Reached | str:
    """What each scenario runs; or the name of one that fails without any fault."""
    reached: dict[str, frozenset[tuple[str, int]]] = {}
    with _noting(reached, IMPORT):
        from tests.scenarios import runner  # noqa: PLC0415 - not in the process that forks
    for each in runner.scenarios():
        with _noting(reached, each.name):
            if _fails(each):
                return each.name
    return reached


@contextmanager
def _noting(reached: dict[str, frozenset[tuple[str, int]]], name: str) -> Iterator[None]:
    """Note which functions run within."""
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call":
            seen.add(frame.f_code)

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
    reached[name] = frozenset((each.co_filename, each.co_firstlineno) for each in seen)


if __name__ == "__main__":
    sys.exit(main())
