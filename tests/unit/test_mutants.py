"""That planted faults are what they say; which of them the tests notice is for `script/mutate` to tell."""

import ast
from dataclasses import replace
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

import pytest

from tools.mutants import Mutant, mutants_of
from tools.mutate import EQUIVALENT, Planted, Tried, chosen_tests, known_equivalents, modules
from tools.reach import PACKAGE, Reach, noted

MODULE = '''"""A module."""

GONE = ("cancelled", "deleted")


class Case:
    def few(self, found: list[int], limit: int | None = None) -> bool:
        """Not many."""
        return len(found) <= 5 and all(each for each in found if each > 1)
'''


@pytest.fixture
def mutants(tmp_path: Path) -> list[Mutant]:
    file = tmp_path / "a_module_of_the_tests.py"
    file.write_text(MODULE, "utf-8")
    return mutants_of(file)


def test_every_part_that_runs_is_changed_and_nothing_else(mutants: list[Mutant]) -> None:
    names = {each.name for each in mutants}
    few = "len(found) <= 5"
    every = "all((each for each in found if each > 1))"
    assert names >= {
        '(module): ("cancelled", "deleted") -> (\'cancelled\',)',
        f"Case.few: {few} -> len(found) < 5",
        "Case.few: 5 -> 6",
        "Case.few: each > 1 -> each >= 1",
        f"Case.few: {few} and all(each for each in found if each > 1) -> {few} or {every}",
        f"Case.few: {few} and all(each for each in found if each > 1) -> {every}",
    }
    assert not any("None" in name or "module." in name for name in names)


def test_each_is_one_change_that_can_be_imported(mutants: list[Mutant]) -> None:
    texts = {ast.dump(ast.parse(each.planted())) for each in mutants}
    assert len(texts) == len(mutants)
    assert ast.dump(ast.parse(MODULE)) not in texts


def test_assertions_are_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "asserting.py"
    file.write_text("assert 1 < 2\npairs = zip([], [], strict=True)\n", "utf-8")
    assert mutants_of(file) == []


def test_a_fault_is_imported_and_the_file_stays(mutants: list[Mutant], tmp_path: Path) -> None:
    gone = next(each for each in mutants if each.name.endswith("('cancelled',)"))
    spec = Planted(gone).find_spec("a_module_of_the_tests", [str(tmp_path)])
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.GONE == ("cancelled",)
    assert gone.file.read_text("utf-8") == MODULE


def test_known_equivalents_are_still_there_and_have_a_reason() -> None:
    known = known_equivalents(EQUIVALENT.read_text("utf-8"))
    names = {each.name for file in PACKAGE.rglob("*.py") for each in mutants_of(file)}
    assert sorted(known.keys() - names) == []
    assert all(known.values())


def test_each_function_notes_that_it_runs() -> None:
    """A method and what is within a function too, and after the docstring, which stays one."""
    text = 'class Case:\n    def few(self):\n        """Not many."""\n        def one():\n            return 1\n'
    text += "        return one()\n"
    ran: set[str] = set()
    here: dict[str, Any] = {"__ran__": ran}
    exec(compile(noted(text, PACKAGE / "core/case.py"), "case.py", "exec"), here)
    assert here["Case"].few.__doc__ == "Not many."
    assert ran == set()
    assert here["Case"]().few() == 1
    assert ran == {"core/case.py: Case.few", "core/case.py: Case.few.one"}


@pytest.mark.parametrize(
    ("name", "module"),
    [("judge", "core/planning/judge.py"), ("core", "core/planning/judge.py"), ("stores", "stores/sql/store.py")],
)
def test_a_module_is_asked_for_by_its_name_or_its_folder(name: str, module: str) -> None:
    assert PACKAGE / module in modules([name])


def test_what_reaches_the_fault_is_asked_first_and_within_the_time(mutants: list[Mutant]) -> None:
    file = PACKAGE / "core/case.py"
    mutant = replace(next(each for each in mutants if each.within == "Case.few"), file=file)
    here, beside, elsewhere = (
        frozenset({name}) for name in ("core/case.py: Case.few", "core/case.py: g", "core/b.py: f")
    )
    tests = {"slow": here, "beside": beside, "elsewhere": elsewhere, "quick[1]": here, "quick[2]": here}
    seconds = {"slow": 2.0, "beside": 0.5, "elsewhere": 0.1, "quick[1]": 1.0, "quick[2]": 1.1}
    reached = Reach(frozenset(), {}, tests, seconds)
    assert chosen_tests(mutant, reached, 9) == ["quick[1]", "slow", "quick[2]", "beside"]
    assert chosen_tests(mutant, reached, 2) == ["quick[1]"]


def test_what_lived_for_lack_of_time_is_told_apart(mutants: list[Mutant]) -> None:
    outcomes = [Tried(mutants[0], by, unasked).outcome for by, unasked in (("killed", 0), ("", 3), ("", 0))]
    assert outcomes == ["killed", "LIVED, 3 tests not asked", "LIVED"]


def test_a_constant_is_asked_of_the_tests_that_name_its_module(mutants: list[Mutant]) -> None:
    gone = next(each for each in mutants if each.within == "(module)")
    names = ["tests/unit/test_currencies.py::test_money", "tests/unit/test_order.py::test"]
    reached = Reach(frozenset(), {}, {name: frozenset[str]() for name in names}, dict.fromkeys(names, 0.1))
    assert chosen_tests(replace(gone, file=PACKAGE / "model/values/currencies.py"), reached, 9) == names[:1]
