"""The rules of the house that no linter knows: sizes, floors, docstrings, nothing of one machine committed."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from ruamel.yaml import YAML

from reconciler import optional_libraries

ROOT = Path(__file__).parents[2]
MODULE_LINES = 400
FUNCTION_LINES = 40
REASON = re.compile(r"#\s*long:\s*\S")
PROHIBITION = re.compile(r"\b(never|nothing|nobody|none|no|not|nor|only)\b", re.IGNORECASE)

# Written with [.] and [-] so that this file does not hold what it looks for.
FOREIGN = {
    "a registry's address": re.compile(r"files[.]pythonhosted[.]org|pypi[.]org/+simple|file:/+opt"),
    "an option that gives one": re.compile(r"(?<![\w-])--(extra-)?index[-]url|--find[-]links|--trusted[-]host"),
    "a path of one machine": re.compile(r"(?<![\w.])/(root|home/\w+|Users/\w+|work/(main|shared))(/|\b)"),
}


def modules() -> list[Path]:
    return sorted(path for top in ("benchmarks", "reconciler", "tools") for path in (ROOT / top).rglob("*.py"))


def packages() -> list[Path]:
    """Every folder under reconciler/ that holds modules, reconciler/ itself included."""
    return sorted({path.parent for path in (ROOT / "reconciler").rglob("*.py")})


def committed() -> list[Path]:
    """What git has or would take with `git add --all`."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone")
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file() and not path.is_symlink()]


def functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def long_functions(source: str) -> Iterator[str]:
    lines = source.splitlines()
    for node in functions(source):
        size = (node.end_lineno or node.lineno) - node.lineno + 1
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        reasons = {node.lineno, node.lineno - 1, first - 1} - {0}
        if size > FUNCTION_LINES and not any(REASON.search(lines[number - 1]) for number in reasons):
            yield f"{node.lineno}: {node.name} has {size} lines"


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def expect_none(found: list[str]) -> None:
    assert not found, "\n".join(found)


def test_modules_are_short_or_say_why() -> None:
    found = []
    for path in modules():
        lines = path.read_text("utf-8").splitlines()
        if len(lines) > MODULE_LINES and not any(REASON.search(line) for line in lines[:5]):
            found.append(f"{relative(path)}: {len(lines)} lines")
    expect_none(found)


def test_functions_are_short_or_say_why() -> None:
    expect_none([f"{relative(path)}:{line}" for path in modules() for line in long_functions(path.read_text("utf-8"))])


def test_the_measure_of_functions_sees_what_it_should() -> None:
    body = "    x = 1\n" * FUNCTION_LINES
    assert list(long_functions(f"def f():\n{body}")) == [f"1: f has {FUNCTION_LINES + 1} lines"]
    assert list(long_functions(f"def f():\n{body.removesuffix('    x = 1' + chr(10))}")) == []
    for reason in ("def f():  # long: a table\n", "# long: a table\ndef f():\n", "# long: a table\n@g\ndef f():\n"):
        assert list(long_functions(reason + body)) == []
    assert list(long_functions(f"# long:\ndef f():\n{body}")) != []


def returns_early(source: str) -> Iterator[str]:
    """Tests of which a run may end before anything was asserted: ``return`` alone is the body of an ``if``."""
    for node in functions(source):
        if node.name.startswith("test_"):
            branches = (inner for inner in ast.walk(node) if isinstance(inner, ast.If))
            for branch in branches:
                if isinstance(branch.body[0], ast.Return):
                    yield f"{branch.lineno}: {node.name} may assert nothing; parametrise it over what applies"


def test_no_run_of_a_test_asserts_nothing() -> None:
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    expect_none([f"{relative(path)}:{line}" for path in found for line in returns_early(path.read_text("utf-8"))])


def test_the_look_for_early_returns_sees_what_it_should() -> None:
    assert len(list(returns_early("def test_x():\n    if a:\n        return\n    assert b\n"))) == 1
    assert list(returns_early("def test_x():\n    if a:\n        assert b\n        return\n    assert c\n")) == []
    assert list(returns_early("def made():\n    if a:\n        return\n")) == []


IMPORTED = re.compile(r"\bfrom (reconciler[\w.]*) import ([\w, ]+)")


def imported(source: str) -> Iterator[tuple[str, str]]:
    """Module and name of every import of ours, those in strings too: programs that a test runs in another process."""
    for module, names in IMPORTED.findall(source):
        yield from ((module, each.split()[0]) for each in names.split(",") if each.strip())


def exists(module: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), name) or bool(importlib.import_module(f"{module}.{name}"))
    except ModuleNotFoundError:
        return False


def test_programs_in_texts_import_what_there_is() -> None:
    """No type checker reads them."""
    found = {each for path in (ROOT / "tests").rglob("*.py") for each in imported(path.read_text("utf-8"))}
    missing = sorted(each for each in found if "nosuch" not in ".".join(each) and not exists(*each))
    expect_none([f"from {module} import {name}" for module, name in missing])


def test_the_look_for_imports_sees_what_it_should() -> None:
    program = "PROGRAM = 'import sys; from reconciler.stores import nosuch, base'"
    assert list(imported(program)) == [("reconciler.stores", "nosuch"), ("reconciler.stores", "base")]
    assert exists("reconciler.stores", "base")
    assert exists("reconciler.stores.base", "TenantStore")
    assert not exists("reconciler.stores", "nosuch")
    assert not exists("reconciler.nosuch", "base")


MODULES_OF_A_FOLDER = 14


def test_no_folder_has_more_modules_than_one_can_keep_in_mind() -> None:
    """The face of a package is not counted."""
    counts = {each: len([path for path in each.glob("*.py") if path.name != "__init__.py"]) for each in packages()}
    found = [f"{relative(each)}: {count} modules" for each, count in counts.items() if count > MODULES_OF_A_FOLDER]
    expect_none(found)


def modules_imported(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a module names in an import, with its line. ``from a import b`` names ``a.b`` if that is a
    module and ``a`` does not export the name. Imports in functions and under ``TYPE_CHECKING`` too.
    """
    package = [*path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            named = ".".join(filter(None, (above, node.module)))
            inner = [f"{named}.{each.name}" for each in node.names if is_module(named, each.name)]
            yield from ((node.lineno, each) for each in inner or [named])


def is_module(package: str, name: str) -> bool:
    """Whether a package has a module of this name, and exports nothing else by it."""
    folder = ROOT.joinpath(*package.split("."))
    if not ((folder / f"{name}.py").is_file() or (folder / name).is_dir()):
        return False
    face = (folder / "__init__.py").read_text("utf-8") if (folder / "__init__.py").is_file() else ""
    exports = (node for node in ast.parse(face).body if isinstance(node, ast.Assign))
    return not any(
        name in ast.literal_eval(node.value) for node in exports if ast.unparse(node.targets[0]) == "__all__"
    )


def past_a_face(path: Path) -> Iterator[str]:
    """Imports of a package of core that do not go through its face, or, within that package, do."""
    here = path.relative_to(ROOT).parts
    own = ".".join(here[:3]) if here[:2] == ("reconciler", "core") and len(here) > 3 else None
    for line, name in modules_imported(path):
        package = ".".join(name.split(".")[:3])
        if not name.startswith("reconciler.core.") or not ROOT.joinpath(*package.split(".")).is_dir():
            continue
        if package != own and name != package:
            yield f"{relative(path)}:{line}: {name} is inside {package}: import it from there, and add it to __all__"
        elif package == own and name == package and path.name != "__init__.py":
            yield f"{relative(path)}:{line}: a module of {package} imports its siblings, not the package"


def test_packages_of_core_are_imported_through_their_faces() -> None:
    expect_none([line for path in sorted((ROOT / "reconciler").rglob("*.py")) for line in past_a_face(path)])


@pytest.mark.parametrize(
    "source",
    [
        "from reconciler.core.planning.diff import differences",
        "from reconciler.core.planning import diff",
        "import reconciler.core.planning.diff",
        "def f():\n    from reconciler.core.planning.diff import differences",
        "from reconciler.core.tree import TreePlanner",
        "from . import TreePlanner",
    ],
)
def test_the_look_at_faces_sees_what_it_should(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "reconciler/core"
    for name in ("planning/diff", "planning/__init__", "tree/tree_planner", "tree/__init__", "tree/one"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text("")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    one = folder / "tree/one.py"
    one.write_text(source)
    assert len(list(past_a_face(one))) == 1
    (folder / "planning/__init__.py").write_text('__all__ = ["compare", "judge"]')
    (folder / "planning/judge.py").write_text("")
    one.write_text(
        "from reconciler.core.planning import compare, judge\n"
        "from reconciler.core.tree.tree_planner import TreePlanner\n"
    )
    assert list(past_a_face(one)) == []


NAMED_PATH = re.compile(r"`([\w.-]+/(?:[\w.-]+/)*[\w.-]*)(?:: (\w+))?`")
"""A path with a folder, and by chance a name in it: ``core/planning/judge.py: judge``."""
DOCUMENTS = (
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "docs/reliability.md",
    *sorted(f"docs/decisions/{each.name}" for each in (ROOT / "docs/decisions").glob("*.md")),
)


def named_in_vain(text: str) -> Iterator[str]:
    """Paths, from the root or from reconciler/, that do not exist, and names that nothing in them defines."""
    for path, name in NAMED_PATH.findall(text):
        found = next((top / path for top in (ROOT, ROOT / "reconciler") if (top / path).exists()), None)
        if found is None:
            yield path
        elif name and not re.search(rf"^(?:def|class) {name}\b|^{name}\b.*=", found.read_text("utf-8"), re.MULTILINE):
            yield f"{path}: {name}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_that_is_named_exists(name: str) -> None:
    expect_none(sorted(set(named_in_vain((ROOT / name).read_text("utf-8")))))


def test_the_look_for_paths_sees_what_it_should() -> None:
    wrong = ("core/nosuch.py", "core/planning/judge.py: nosuch", "tests/nosuch/", "reconciler/core/nosuch/")
    right = ("core/planning/judge.py: judge", "tests/unit/", "reconciler/core/", "docs/guide/python.md")
    assert list(named_in_vain("".join(f"`{each}` " for each in (*right, *wrong)))) == list(wrong)


def test_imports_run_downwards_only() -> None:
    call = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", call, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("what", FOREIGN)
def test_nothing_committed_belongs_to_one_machine(what: str) -> None:
    found = []
    for path in committed():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        lines = content.decode("utf-8", "replace").splitlines()
        found += [f"{relative(path)}:{n}: {line}" for n, line in enumerate(lines, 1) if FOREIGN[what].search(line)]
    expect_none(found)


def test_every_package_says_what_may_never_happen_in_it() -> None:
    silent = []
    for package in packages():
        initial = package / "__init__.py"
        docstring = ast.get_docstring(ast.parse(initial.read_text("utf-8"))) if initial.is_file() else None
        if not PROHIBITION.search(docstring or ""):
            silent.append(relative(initial))
    expect_none(silent)


def test_scripts_run_in_a_clone() -> None:
    scripts = [ROOT / ".ci/run", *(ROOT / "script").iterdir()]
    assert {relative(path) for path in scripts} >= {
        ".ci/run",
        "script/setup",
        "script/test",
        "script/test-browser",
        "script/test-plain",
        "script/demo",
        "script/docs",
    }
    expect_none([relative(path) for path in scripts if not os.access(path, os.X_OK)])
    assert re.search(r"^exec \./script/test\b", (ROOT / ".ci/run").read_text("utf-8"), re.MULTILINE)


def pins(file: str = "requirements.txt") -> dict[str, str]:
    """Each requirement of a file by its name, with the lines that belong to it."""
    blocks = re.split(r"\n(?=[a-z])", "\n" + (ROOT / file).read_text("utf-8"))
    return {block.partition("==")[0]: block for block in blocks if "==" in block.partition("\n")[0]}


def test_every_dependency_is_pinned_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", line)[0]).lower() for line in wanted}
    expect_none(sorted(names - set(pins())))
    expect_none([name for name, block in pins().items() if "--hash=sha256:" not in block])
    expect_none([name for name, block in pins("requirements-docs.txt").items() if "--hash=sha256:" not in block])
    assert "zensical" in pins("requirements-docs.txt")


def runtime_dependencies() -> set[str]:
    """The names in pyproject.toml of what the package needs, extras for users included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [line for name, lines in project["optional-dependencies"].items() if name != "dev" for line in lines]
    return {re.split(r"[^\w.-]", line)[0] for line in [*project["dependencies"], *extras]}


def test_every_dependency_has_its_reason() -> None:
    """In the table of docs/decisions/070-dependencies.md."""
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/decisions/070-dependencies.md").read_text("utf-8"), re.MULTILINE)
    named = {each for row in rows for each in re.findall(r"[\w.-]+", row)}
    expect_none(sorted(runtime_dependencies() - named))


def test_what_is_imported_is_declared() -> None:
    """Not only there because another package needs it."""
    of_module = packages_distributions()
    paths = sorted((ROOT / "reconciler").rglob("*.py"))
    named = {name.split(".")[0]: path for path in paths for _, name in modules_imported(path)}
    foreign = named.keys() - sys.stdlib_module_names - {"reconciler"}
    declared = {_normal(each) for each in runtime_dependencies()} | {
        "pydantic-core"
    }  # pinned and documented by pydantic
    found = {name: {_normal(each) for each in of_module.get(name, (name,))} for name in foreign}
    expect_none([f"{relative(named[name])}: {name}" for name in sorted(foreign) if not found[name] & declared])


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_the_version_stands_everywhere_alike() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f'__version__ = "{project["version"]}"' in (ROOT / "reconciler/version.py").read_text("utf-8")
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def workflows() -> list[Path]:
    return sorted([*(ROOT / ".github/workflows").glob("*.yml"), *(ROOT / "examples/github").glob("*.yml")])


COMMENTING = [path for path in workflows() if path.stem.endswith("comment")]


@pytest.mark.parametrize("path", [path for path in workflows() if path not in COMMENTING], ids=relative)
def test_workflows_can_read_only_and_are_safe_for_forks(path: Path) -> None:
    workflow: dict[str, Any] = YAML(typ="safe").load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow["on"]
    if "pull_request" in workflow["on"]:
        assert not re.search(r"\bsecrets(\.\w|\[|:)", path.read_text("utf-8"))
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(checkouts)


@pytest.mark.parametrize("path", COMMENTING, ids=relative)
def test_what_comments_on_a_pull_request_runs_nothing_of_it(path: Path) -> None:
    """It may write, so it takes no code, and no text of the pull request into a script."""
    workflow: dict[str, Any] = YAML(typ="safe").load(path)
    assert workflow["permissions"] == {"actions": "read", "pull-requests": "write"}
    assert set(workflow["on"]) == {"workflow_run"}
    (plan,) = workflow["on"]["workflow_run"]["workflows"]
    assert plan in {YAML(typ="safe").load(each)["name"] for each in path.parent.glob("*plan.yml")}
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    assert [step["uses"].split("@")[0] for step in job["steps"] if "uses" in step] == ["actions/download-artifact"]
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert not [script for script in scripts if "${{" in script or "pip" in script or "secrets" in script]


@pytest.mark.parametrize("path", workflows(), ids=relative)
def test_scripts_of_workflows_are_shell(path: Path) -> None:
    for job in YAML(typ="safe").load(path)["jobs"].values():
        for script in (step["run"] for step in job["steps"] if "run" in step):
            done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", [path for path in workflows() if "apply" in path.name], ids=relative)
def test_one_apply_at_a_time_and_none_cut_off(path: Path) -> None:
    workflow: dict[str, Any] = YAML(typ="safe").load(path)
    assert workflow["concurrency"] == {"group": "reconcile-apply", "cancel-in-progress": False}
    assert workflow["jobs"]["apply"]["environment"]


def test_nobody_is_told_to_install_this_project_by_its_name() -> None:
    """Its name is not registered on the package index, and its import name is somebody else's project there. So it is
    installed from a checkout (`.`, `.[dask]`), or from an address behind `@`.
    """
    name = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
    told = re.compile(
        rf"pip install [^\n`]*?(?<![\w-])(?:{name}|reconciler)(?![\w/-]|.*? @ )"
        rf"|(?<![\w-])(?:{name}|reconciler)\[(?:postgresql|dask)[\w,]*\](?! @ )"
    )
    found = [
        f"{relative(path)}: {match[0]}"
        for path in committed()
        if path.suffix in (".md", ".py", ".yml", ".toml") and path != Path(__file__)
        for match in told.finditer(path.read_text("utf-8"))
    ]
    expect_none(found)


def test_the_libraries_that_messages_advise_are_those_of_the_extras() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for advice, extra in ((optional_libraries.POSTGRESQL, "postgresql"), (optional_libraries.DASK, "dask")):
        assert [advice] == [f'pip install "{each}"' for each in extras[extra]]


def test_the_project_names_no_address_that_it_does_not_have() -> None:
    """Readers of the package's metadata follow these links."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    expect_none([each for each in project.get("urls", {}).values() if "example." in each])


@pytest.mark.parametrize("profile", ["short", "long", "few"])
def test_no_example_fails_because_the_machine_is_busy(profile: str) -> None:
    assert settings.get_profile(profile).deadline is None
