"""`script/mutate`: plants faults, one at a time, and tells which of them no test notices.

Each mutant is tried in a process of its own, forked before the package is imported, in which one module is read with
the fault in it. First every scenario runs that reaches the function of the fault, then the tests that reach it, those
that take least first (`tools/reach.py`). No file is changed. What runs the command in another process does not see the
fault, so the figure is a lower bound.
"""

import argparse
import multiprocessing
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from tools import reach
from tools.mutants import MODULE, Mutant, mutants_of
from tools.reach import PACKAGE, ROOT, Reach

EQUIVALENT = Path(__file__).with_name("equivalent_mutants.txt")
SCENARIOS, REST = "scenarios", "rest"
SLOW_TO_IMPORT = ("click", "hypothesis", "pydantic", "sqlalchemy", "yaml")
"""Libraries that do not depend on the package: imported once, before the processes are forked."""
FEW = 10
SLOWER = 4
"""So many times as long as without a fault may tests take, which may be on a machine that does something else."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A mutant and what noticed it; ``by`` is empty where nothing did.

    ``unasked``: the number of tests that reach the fault and were not run for lack of time.
    """

    mutant: Mutant
    by: str
    unasked: int = 0

    @property
    def outcome(self) -> str:
        """What became of it, for people."""
        return self.by or (f"LIVED, {self.unasked} tests not asked" if self.unasked else "LIVED")


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
    found = [each for file in modules(options.modules) for each in mutants_of(file)]
    chosen = random.Random(options.seed).sample(found, min(options.sample or len(found), len(found)))
    left = [each for each in chosen if each.name not in equivalent]
    reached = _reached(options.reach)
    for library in SLOW_TO_IMPORT:
        import_module(library)
    tried: list[Tried] = []
    for number, mutant in enumerate(left, 1):
        tried.append(_tried(mutant, reached, options.seconds))
        place = f"{mutant.file.relative_to(ROOT)}:{mutant.line}"
        print(f"{number}/{len(left)} {tried[-1].outcome}: {place} {mutant.name}", flush=True)
    lived = [each for each in tried if not each.by]
    cut_off = sum(1 for each in lived if each.unasked)
    share = 100 * (len(tried) - len(lived)) / len(tried) if tried else 100.0
    print(f"{len(found)} mutants, {len(chosen)} tried with seed {options.seed}:", end=" ")
    print(f"{len(tried) - len(lived)} killed, {len(lived)} lived ({cut_off} cut off),", end=" ")
    print(f"{len(chosen) - len(left)} equivalent ({share:.1f} %).")
    return int(bool(lived))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="names or ends of paths: judge, core/planning/judge.py"
    )
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="so many of all (default: every one)")
    parser.add_argument("--seed", type=int, default=1, help="which ones a sample has (default: 1)")
    parser.add_argument("--seconds", type=int, default=20, help="of tests for each, as they take without (default: 20)")
    parser.add_argument(
        "--reach", type=Path, metavar="FILE", help="keep there what each test runs, or take it from there"
    )
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


def modules(names: Sequence[str]) -> list[Path]:
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
    return path.endswith(f"/{asked}") or f"/{asked}/" in f"/{path}/"


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


def _reached(kept: Path | None) -> Reach:
    """What each scenario and test runs, which is measured once."""
    if kept is not None and kept.exists():
        return Reach.read(kept)
    found: Reach | str = _in_child(lambda _: reach.measured(), resource.RLIM_INFINITY)
    if not isinstance(found, Reach):
        raise SystemExit(f"script/mutate: the tests fail as they are: {found}")
    if kept is not None:
        found.write(kept)
    return found


def _tried(mutant: Mutant, reached: Reach, seconds: int) -> Tried:
    tests = chosen_tests(mutant, reached, seconds)
    limit = seconds + SLOWER * int(sum(reached.seconds[each] for each in tests))
    said = _in_child(_noticed, 3 * seconds, mutant, _worth_running(mutant, reached, reached.scenarios), tests, limit)
    by = "killed by crash or time" if said in (SCENARIOS, REST) else said
    return Tried(mutant, by, 0 if by else len(_reaching(mutant, reached) - set(tests)))


def _reaching(mutant: Mutant, reached: Reach) -> set[str]:
    """The tests that run the function of the fault; of a fault outside functions, those whose file names its module."""
    within = reach.named(mutant.file, mutant.within)
    if mutant.within != MODULE:
        return {name for name, ran in reached.tests.items() if within in ran}
    module = ".".join(mutant.file.relative_to(ROOT).with_suffix("").parts)
    files = {file for file in {name.partition("::")[0] for name in reached.tests} if module in _text_of(file)}
    return {name for name in reached.tests if name.partition("::")[0] in files}


@cache
def _text_of(file: str) -> str:
    path = ROOT / file
    return path.read_text("utf-8") if path.exists() else ""


def _worth_running(mutant: Mutant, reached: Reach, every: Mapping[str, frozenset[str]]) -> list[str]:
    """Those that reach the fault, first; then the others of its module, where what a function gave may have been kept.

    What few run may have run for all: once, for the first that asked.
    """
    here = reach.named(mutant.file, "")
    functions = {each for ran in (reached.imported, *every.values()) for each in ran if each.startswith(here)}
    within = reach.named(mutant.file, mutant.within)
    if within in reached.imported or within not in functions:
        return [name for name, ran in every.items() if not functions.isdisjoint(ran)]
    first = [name for name, ran in every.items() if within in ran]
    if len(first) >= FEW:
        return first
    return [*first, *(name for name, ran in every.items() if within not in ran and not functions.isdisjoint(ran))]


def chosen_tests(mutant: Mutant, reached: Reach, seconds: int) -> list[str]:
    """The tests that reach the fault, as many as take so long: those first that take least.

    Of a parametrised test one case after another, in turns with the other tests: cases notice much the same.
    """
    reaching, turns = _reaching(mutant, reached), Counter[str]()

    def rank(name: str) -> tuple[bool, int, float]:
        test = name.partition("[")[0]
        turns[test] += 1
        return name not in reaching, turns[test], reached.seconds[name]

    worth = sorted(
        reaching.union(_worth_running(mutant, reached, reached.tests)), key=lambda name: (reached.seconds[name], name)
    )
    chosen, left = [], float(seconds)
    for name in sorted(worth, key=rank):
        left -= reached.seconds[name]
        if left < 0:
            break
        chosen.append(name)
    return chosen


def _noticed(there: Connection, mutant: Mutant, names: Sequence[str], tests: Sequence[str], limit: int) -> str:
    """What notices the fault: a scenario, or a test; nothing: an empty text."""
    sys.meta_path.insert(0, Planted(mutant))
    try:
        from tests.scenarios import runner  # noqa: PLC0415 - after the fault is planted

        scenarios = {each.name: each for each in runner.scenarios()}
        for name in names:
            if reach.fails(scenarios[name]):
                return f"killed by {name}"
    except Exception as error:  # whatever it is, the fault shows
        return f"killed by {type(error).__name__}"
    there.send(REST)
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + limit, resource.RLIM_INFINITY))
    files = sorted({str(ROOT / each.partition("::")[0]) for each in tests})
    return "killed by a test" if files and reach.run(files, reach.Only(tests), "-x") not in (0, 5) else ""


if __name__ == "__main__":
    sys.exit(main())
