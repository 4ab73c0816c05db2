"""That the benchmarks measure and tell; how long anything takes is nothing to test."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.measure import Bench, Measured, NotMeasured, Seen, Subject, Usage
from benchmarks.report import Run, document, table
from benchmarks.scenarios import SCENARIOS, Findings
from benchmarks.sizes import SIZES
from benchmarks.targets import TARGETS, Beside, Target, Verdict, judged

FAST, SLOW = Measured((Usage(1.0, 0.5, 10),)), Measured((Usage(3.0, 4.0, 40),))


def bench(folder: Path, runs: int = 1, limit: float = 60) -> Bench:
    return Bench(runs, limit, folder, {})


def python(name: str, code: str, told: str = "") -> Subject:
    return Subject(name, [sys.executable, "-I", "-S", "-c", code], told=told)


PARTS = [["cold", "large", "help", "subscriptions"], ["tenants", "verify", "postgresql"], ["growth", "reports"]]


def test_the_parts_are_all_scenarios() -> None:
    assert sorted(each for part in PARTS for each in part) == sorted(SCENARIOS)
    assert {target.scenario for target in TARGETS} == set(SCENARIOS)


@pytest.mark.parametrize("only", PARTS, ids=" ".join)
def test_every_row_of_every_scenario_is_printed(
    only: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "run.json"
    assert main(["--size", "tiny", "--runs", "1", "--json", str(told), "--only", *only]) == 0
    printed = capsys.readouterr().out
    rows = [target for target in TARGETS if target.scenario in only]
    lines = [line for line in printed.splitlines() if line.startswith("| ")][1:]
    assert [line.split(" ")[1] for line in lines] == [row.scenario for row in rows]
    data = json.loads(told.read_text("utf-8"))
    assert [(row["scenario"], row["of"]) for row in data["rows"]] == [(row.scenario, row.of) for row in rows]
    reasons = {row["note"] for row in data["rows"] if row["verdict"] == "not measured"}
    expected = ("--peers", "--verify", "--postgresql", "the noise")
    assert all(any(each in reason for each in expected) for reason in reasons), reasons


@pytest.mark.parametrize(
    ("target", "verdict", "by_cpu", "ratio"),
    [
        (Target("s", "w", "slow", ("fast",), 3), Verdict.OK, Verdict.MISSED, 3.0),
        (Target("s", "w", "slow", ("fast", "fast"), 1.4), Verdict.MISSED, Verdict.MISSED, 1.5),
        (Target("s", "w", "slow", ("fast",), 2, less="fast"), Verdict.OK, Verdict.MISSED, 2.0),
        (Target("s", "w", "fast", ("slow",), 3, Beside.PEER), Verdict.OK, Verdict.OK, 3.0),
        (Target("s", "w", "fast", ("slow",), 4, Beside.PEER), Verdict.MISSED, Verdict.OK, 3.0),
        (Target("s", "w", "slow", ("fast",), 3.9, memory=True), Verdict.MISSED, None, 4.0),
        (Target("s", "w", "fast", (), 400, memory=True), Verdict.OK, None, 10 / 1024 / 1024),
        (Target("s", "w", "slow", ("fast",)), Verdict.TOLD, Verdict.TOLD, 3.0),
    ],
)
def test_a_figure_is_judged(target: Target, verdict: Verdict, by_cpu: Verdict | None, ratio: float) -> None:
    row = judged(target, {"fast": FAST, "slow": SLOW})
    assert (row.verdict, row.cpu_verdict) == (verdict, by_cpu)
    assert row.ratio == pytest.approx(ratio)


def test_a_difference_is_taken_within_rounds_and_what_is_lost_in_noise_is_no_figure() -> None:
    whole = Measured((Usage(5.0, 2.0, 10), Usage(9.0, 2.0, 10), Usage(7.0, 2.0, 10)))
    part = Measured((Usage(4.0, 2.5, 10), Usage(7.0, 2.5, 10), Usage(1.0, 2.5, 10)))
    findings: Findings = {"whole": whole, "part": part, "floor": FAST}
    row = judged(Target("s", "w", "whole", ("floor",), 3, less="part"), findings)
    assert (row.verdict, row.ratio, row.cpu_ratio, row.cpu_verdict) == (Verdict.OK, 2.0, None, None)
    lost = judged(Target("s", "w", "part", ("floor",), 3, less="whole"), findings)
    assert (lost.verdict, lost.figure) == (Verdict.NOT_MEASURED, None)
    assert "noise" in lost.note


def test_what_was_missed_or_not_measured_stands_in_the_table() -> None:
    targets = [
        Target("a", "late", "slow", ("fast",), 2),
        Target("b", "gone", "gone", ("fast",), 2),
        Target("c", "seen", "seen"),
    ]
    findings: Findings = {
        "fast": FAST,
        "slow": SLOW,
        "gone": NotMeasured("it is not there"),
        "seen": Seen(False, "it imports git"),
    }
    run = Run(SIZES["tiny"], 1, [judged(target, findings) for target in targets], {"a": findings}, ["half of it"])
    printed = table(run)
    assert "MISSED" in printed
    assert "not measured: it is not there" in printed
    assert "MISSED (it imports git)" in printed
    assert "0 ok, 2 missed, 1 not measured." in printed
    assert "Left out: half of it." in printed
    assert [row["verdict"] for row in json.loads(document(run))["rows"]] == ["MISSED", "not measured", "MISSED"]


def test_a_process_is_measured_whole(tmp_path: Path) -> None:
    used = bench(tmp_path).once(python("held", "held = b'x' * 50_000_000; print('done')", told="^done$"))
    less = bench(tmp_path).once(python("bare", ""))
    assert isinstance(used, Usage)
    assert isinstance(less, Usage)
    assert used.peak - less.peak > 40_000_000
    assert used.wall > 0 < used.cpu


@pytest.mark.parametrize(
    ("code", "told", "reason"),
    [
        ("raise SystemExit('no room')", "", "x ended with status 1: no room"),
        ("print('3 changes')", "No changes", 'x did not say "No changes"'),
        ("while True: pass", "", "x was ended after 1 s"),
    ],
)
def test_a_wrong_result_is_no_figure(code: str, told: str, reason: str, tmp_path: Path) -> None:
    assert bench(tmp_path, limit=1).once(python("x", code, told)) == NotMeasured(reason, failed=True)


def test_subjects_take_turns_and_stop_after_a_failed_round(tmp_path: Path) -> None:
    turns: list[str] = []
    one = Subject("one", [sys.executable, "-c", ""], lambda: turns.append("one"))
    two = Subject("two", [sys.executable, "-c", ""], lambda: turns.append("two"))
    found = bench(tmp_path, runs=2).rounds([one, two])
    assert turns == ["one", "two", "one", "two"]
    assert [len(each.runs) for each in found.values() if isinstance(each, Measured)] == [2, 2]
    again = bench(tmp_path, runs=2).rounds([python("bad", "raise SystemExit(3)"), two])
    assert turns[4:] == ["two"]
    assert isinstance(again["bad"], NotMeasured)
    assert isinstance(again["two"], Measured)
