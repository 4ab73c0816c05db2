"""The guide to the Python API is one program: it prints what the page says, and type checkers outside accept it."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

import reconciler
from reconciler.shell.scaffold import scaffold

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide" / "python.md"
_BLOCK = re.compile(r"(```python\n)(.*?)(^```\n\n```text\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)
NAIVE = datetime(2026, 12, 1)  # noqa: DTZ001 - what is refused
VERBS = ("apply", "explain", "open", "plan", "tenants", "validate")


@pytest.fixture
def _beside_the_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder of a reader who gave `reconcile init shop`."""
    scaffold(tmp_path / "shop")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_beside_the_shop")
def test_the_guide_prints_what_it_says(request: pytest.FixtureRequest) -> None:
    names: dict[str, object] = {"__name__": "guide"}

    def follow(block: re.Match[str]) -> str:
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(block[2], str(GUIDE), "exec"), names)
        return f"{block[1]}{block[2]}{block[3]}{printed.getvalue()}{block[5]}"

    text = GUIDE.read_text("utf-8")
    told = _BLOCK.sub(follow, text)
    if request.config.getoption("--update-golden"):
        GUIDE.write_text(told, "utf-8")
    assert told == GUIDE.read_text("utf-8")
    assert text.count("```python") == len(_BLOCK.findall(text))
    assert not [verb for verb in VERBS if f"reconciler.{verb}(" not in text]


def test_type_checkers_accept_the_guide_from_outside(tmp_path: Path) -> None:
    """As a reader's own project has it: without this repository's settings, every name exported and typed.

    It takes seconds the first time: what is seen from outside is another analysis than `mypy`'s of the repository.
    """
    program = "".join(block[2] for block in _BLOCK.finditer(GUIDE.read_text("utf-8")))
    (tmp_path / "guide.py").write_text(program, "utf-8")
    wrong = "import reconciler\n\nreconciler.plans\nreconciler.plan('shop')\n"
    (tmp_path / "wrong.py").write_text(wrong, "utf-8")
    cache = f"--cache-dir={ROOT / '.mypy_cache' / 'outside'}"
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", cache, "guide.py", "wrong.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.findall(r"^(\S+): error: .*\[(\S+)\]$", done.stdout, re.MULTILINE) == [
        ("wrong.py:3", "attr-defined"),
        ("wrong.py:4", "arg-type"),
    ], done.stdout + done.stderr


def test_a_clock_without_a_time_zone_is_refused(tmp_path: Path) -> None:
    scaffold(tmp_path)
    with reconciler.open(tmp_path) as session, pytest.raises(ValueError, match="has no time zone: give one, or a date"):
        reconciler.plan(session, now=NAIVE)


def test_an_invalid_workspace_cannot_be_opened_and_says_why(tmp_path: Path) -> None:
    scaffold(tmp_path)
    (tmp_path / "acme" / "more.yaml").write_text("kind: Wish\n", "utf-8")
    problems = reconciler.validate(tmp_path)
    with pytest.raises(reconciler.Invalid) as refused:
        reconciler.open(tmp_path)
    assert [(each.severity, each.code) for each in problems] == [("error", "unknown-kind")]
    assert refused.value.problems == problems


def test_a_tenant_that_changed_since_is_a_result_and_raises_nothing(tmp_path: Path) -> None:
    scaffold(tmp_path)
    catalog = tmp_path / "acme" / "catalog.yaml"
    with reconciler.open(tmp_path) as before:
        stale = reconciler.plan(before, tenants=["one"])
    catalog.write_text(catalog.read_text("utf-8").replace("recurring: 2.00}", "recurring: 2.20}"), "utf-8")
    with reconciler.open(tmp_path) as session:
        plan = reconciler.plan(session)
        assert [each.result for each in reconciler.apply(session, plan, by="ann")] == ["applied", "applied"]
        assert not reconciler.plan(session).applyable
        (refused,) = reconciler.apply(session, stale, by="ann")
    assert (refused.result, refused.code) == (reconciler.Result.REFUSED, "stale")


def test_what_a_plan_says_of_tenants_is_compared_before_anything_is_written(tmp_path: Path) -> None:
    scaffold(tmp_path)
    with reconciler.open(tmp_path) as session:
        plan = reconciler.plan(session)
        tenants = [replace(each, upstream="two") if each.tenant == "one" else each for each in plan.tenants]
        with pytest.raises(reconciler.Unknown, match='the upstream of one is "two", its policy "acme"'):
            reconciler.apply(session, replace(plan, tenants=tenants), by="ann")
        assert [each.status for each in reconciler.plan(session).tenants] == [reconciler.TenantStatus.CHANGES] * 2
