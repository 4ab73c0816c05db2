"""Measuring whole processes: wall, CPU and peak memory of each, interleaved A B A B, the medians of all."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median
from typing import TypeAlias

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took: seconds by the clock, seconds of CPU, bytes at its peak."""

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to measure. ``prepare`` is called before each run, untimed; what it prints must match ``told``."""

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] | None = None
    told: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """All runs of a subject."""

    runs: tuple[Usage, ...]

    def median(self) -> Usage:
        return Usage(
            median(run.wall for run in self.runs),
            median(run.cpu for run in self.runs),
            int(median(run.peak for run in self.runs)),
        )

    def less(self, part: "Measured") -> "Measured":
        """What each run took beyond the run of a part in the same round; its peak stays."""
        pairs = zip(self.runs, part.runs, strict=True)
        return Measured(tuple(Usage(own.wall - its.wall, own.cpu - its.cpu, own.peak) for own, its in pairs))


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """Why there is no figure. ``failed``: there should be one."""

    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at rather than measured, and whether it is as it should be."""

    good: bool
    what: str


Finding: TypeAlias = Measured | NotMeasured | Seen


@dataclass(frozen=True, slots=True)
class Bench:
    """How things are measured: how many rounds, how many seconds a process gets, where its output goes."""

    runs: int
    limit: float
    folder: Path
    environment: Mapping[str, str]
    say: Callable[[str], None] = field(default=lambda _: None)

    def rounds(self, subjects: Sequence[Subject]) -> dict[str, Finding]:
        """Every subject once a round, in order, so that whatever else the machine does hits all alike.

        After one that fails or takes too long the others of its round still run, and no further round does: what it
        left behind is not what the next would have to start from.
        """
        runs: dict[str, list[Usage]] = {subject.name: [] for subject in subjects}
        failed: dict[str, NotMeasured] = {}
        for number in range(1, 1 + self.runs):
            for subject in subjects:
                self.say(f"  {number}/{self.runs} {subject.name}")
                if subject.prepare:
                    subject.prepare()
                found = self.once(subject)
                if isinstance(found, Usage):
                    runs[subject.name].append(found)
                else:
                    failed[subject.name] = found
            if failed:
                break
        return {name: failed.get(name) or Measured(tuple(taken)) for name, taken in runs.items()}

    def once(self, subject: Subject) -> Usage | NotMeasured:
        """Run a subject, its standard output and error in files that are kept until the next run of the same name."""
        result = self.folder / f"{subject.name}.json"
        out, err = self.folder / f"{subject.name}.out", self.folder / f"{subject.name}.err"
        result.unlink(missing_ok=True)
        launch = [sys.executable, "-I", "-S", str(LAUNCHER), str(result), str(self.limit), *subject.command]
        with out.open("wb") as to_out, err.open("wb") as to_err:
            _wait(subprocess.Popen(launch, env=dict(self.environment), stdout=to_out, stderr=to_err))
        if not result.exists():
            return NotMeasured(f"{subject.name} could not be started: {_last_line(err)}", failed=True)
        taken = json.loads(result.read_text("utf-8"))
        if taken["overdue"]:
            return NotMeasured(f"{subject.name} was ended after {self.limit:.0f} s", failed=True)
        if taken["status"]:
            return NotMeasured(f"{subject.name} ended with status {taken['status']}: {_last_line(err)}", failed=True)
        if subject.told and not any(re.search(subject.told, line) for line in chain(_lines(out), _lines(err))):
            return NotMeasured(f'{subject.name} did not say "{subject.told}"', failed=True)
        return Usage(taken["wall"], taken["cpu"], taken["peak"])


def _wait(launcher: subprocess.Popen[bytes]) -> None:
    """Until it ends; if we are told to end before, what it runs ends too."""
    try:
        launcher.wait()
    finally:
        if launcher.poll() is None:
            launcher.terminate()
            launcher.wait()


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from file


def _last_line(path: Path) -> str:
    *_, last = ["it said nothing", *(line.strip() for line in _lines(path) if line.strip())]
    return last
