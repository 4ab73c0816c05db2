"""Packages that import their modules on use export the same names to programs and to type checkers."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAZY = [
    path for path in sorted((ROOT / "reconciler").rglob("__init__.py")) if "lazy_exports(" in path.read_text("utf-8")
]


def package_of(path: Path) -> str:
    return ".".join(path.parent.relative_to(ROOT).parts)


def for_type_checkers(path: Path) -> dict[str, str]:
    """The names imported under ``TYPE_CHECKING``, each with its module."""
    (branch,) = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.If)]
    assert ast.unparse(branch.test) == "TYPE_CHECKING"
    imports = [node for node in branch.body if isinstance(node, ast.ImportFrom)]
    assert len(imports) == len(branch.body)
    assert all(name.asname in (None, name.name) for node in imports for name in node.names)
    return {name.name: str(node.module) for node in imports for name in node.names}


def for_programs(path: Path) -> dict[str, str]:
    """The names that the package looks up, each with its module."""
    (call,) = [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "lazy_exports"
    ]
    table: dict[str, tuple[str, ...]] = ast.literal_eval(call.args[1])
    return {name: module for module, names in table.items() for name in names}


def test_there_are_lazy_packages() -> None:
    assert "reconciler.app" in map(package_of, LAZY)


@pytest.mark.parametrize("path", LAZY, ids=package_of)
def test_type_checkers_see_what_programs_get(path: Path) -> None:
    package = import_module(package_of(path))
    exported = for_programs(path)
    assert for_type_checkers(path) == exported
    assert {*package.__all__} - {"__version__"} == {*exported}
    for name, module in exported.items():
        assert getattr(package, name) is getattr(import_module(module), name)
    with pytest.raises(AttributeError, match=rf"module '{package.__name__}' has no attribute 'nothing'"):
        _ = package.nothing
