"""`init` where there is something already: a repository, files of other programs, a workspace, a pipeline."""

import json
import re
import shlex
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.cli.runner import git, run

MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def written(err: str) -> list[str]:
    return re.findall(r"^  \+ (.+)$", err, re.MULTILINE)


def test_every_document_names_the_schema_beside_it_and_fits_it(tmp_path: Path) -> None:
    run("init shop", tmp_path)
    documents = sorted((tmp_path / "shop").rglob("*.yaml"))
    assert len(documents) == 5
    for path in documents:
        first = path.read_text("utf-8").partition("\n")[0]
        named = MODELINE.fullmatch(first)
        assert named, first
        schema = json.loads((path.parent / named[1]).read_text("utf-8"))
        for document in YAML(typ="safe").load_all(path.read_text("utf-8")):
            Draft202012Validator(schema).validate(json.loads(json.dumps(document, default=str)))


def test_what_it_says_to_type_works_in_that_order(tmp_path: Path) -> None:
    said = run("init 'a shop'", tmp_path).err.partition("\nNext:\n")[2]
    commands = [line.strip() for line in said.splitlines()]
    assert commands[0] == "cd 'a shop'"
    shop = tmp_path / "a shop"
    for command in commands[1:4]:
        git(shop, *shlex.split(command.removeprefix("git ")))
    for command in commands[4:]:
        assert run(command.removeprefix("reconcile "), shop, stdin="yes\n").status == 0
    assert "No changes." in run("plan", shop).out
    assert git(shop, "status", "--porcelain") == ""


@pytest.mark.parametrize("ci", ["", "--ci github", "--ci gitlab"])
def test_whatever_exists_is_listed_and_nothing_is_written(tmp_path: Path, ci: str) -> None:
    probe = tmp_path / "probe"
    probe.mkdir()
    names = written(run(f"init {ci}", probe).err)
    assert len(names) >= 7
    shared = {name for name in names if name.rpartition("/")[2] in (".gitignore", ".gitlab-ci.yml", "CODEOWNERS")}
    for number, name in enumerate(names):
        folder = tmp_path / str(number)
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("mine\n")
        done = run(f"init {ci}", folder)
        if name in shared:
            assert (done.status, f"\n{name} stays as it is; add to it:\n" in done.err) == (0, True)
        else:
            assert (done.status, done.err) == (1, f"Error: nothing was written: {name} already exists\n")
            assert contents(folder) == {name: b"mine\n"}
        assert (folder / name).read_text() == "mine\n"


def test_at_the_root_of_a_repository_with_files_of_others(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    before = {
        ".gitignore": "*.pyc\n.reconcile/\n",
        ".github/workflows/test.yml": "on: push\n",
        "CODEOWNERS": "* @others\n",
        "docker-compose.yml": "services: {}\n",
        "charts/app/values.yaml": "a: 1\n",
        "my [site].yml": "a: 1\n",
        "src/main.py": "",
    }
    for name, text in before.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    done = run("init --ci github", tmp_path)
    assert done.status == 0
    assert ".gitignore stays as it is; add to it:\n  *.plan\n" in done.err
    assert "CODEOWNERS stays as it is; add to it:\n  *   @your-org/catalog-managers\n" in done.err
    assert "  git add .github .gitignore CODEOWNERS acme reconcile.yaml schemas\n" in done.err
    assert not (tmp_path / ".github" / "CODEOWNERS").exists(), "it would hide the other one"
    assert {name: (tmp_path / name).read_text() for name in before} == before
    valid = run("validate", tmp_path)
    assert (valid.status, valid.out) == (0, "Valid: 10 documents, 2 policies.\n")
    assert valid.err.startswith("Ignored: 3 files (charts/app/values.yaml, docker-compose.yml, my [site].yml)")


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_below_a_repository_the_pipeline_is_at_its_root(tmp_path: Path, ci: str) -> None:
    git(tmp_path, "init", "--quiet")
    done = run(f"init 'our catalogs' --ci {ci}", tmp_path)
    names = written(done.err)
    assert {name for name in names if not name.startswith("our catalogs/")} == {
        name for name in names if name.startswith((f".{ci}/", f".{ci}-ci.yml"))
    }
    assert "  cd 'our catalogs'\n  git add " in done.err
    owners = (tmp_path / f".{ci}" / "CODEOWNERS").read_text()
    assert "\n/our\\ catalogs/   @your-org/" in owners
    texts = [(tmp_path / name).read_text() for name in names if name.startswith(".") and name.endswith("yml")]
    assert sum('RECONCILE_WORKSPACE: "our catalogs"' in text for text in texts) == (2 if ci == "github" else 1)
    assert not [text for text in (*texts, owners) if "@WORKSPACE@" in text or "@BELOW@" in text or "@CATALOG@" in text]
    assert run("validate", tmp_path / "our catalogs").status == 0


def test_json_says_what_was_written(tmp_path: Path) -> None:
    result = json.loads(run("init --ci gitlab --format json", tmp_path).out)["result"]
    assert sorted(result["written"]) == sorted(contents(tmp_path))
