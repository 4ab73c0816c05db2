"""The pipelines of `init --ci`: their steps run as they are, in a repository with a branch, a request and a merge.

`reconcile` is the real command. Only what a runner has is a stand-in: `pip`, the `gh` command, and GitLab's API.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.runner import NOW, Shop, git, run

ROOT = Path(__file__).parents[2]
MARK = "<!-- reconcile:plan -->"
PYTHON = """#!/bin/sh
[ "$1" = -m ] || exec {0} "$@"
printf '%s\\n' "$*" >> "$STANDINS/pip"
"""
GH = """#!/bin/sh
case "$*" in
*/pulls\\ *) printf 'abc\\t7\\n' ;;
*--paginate*) if [ -f "$STANDINS/comment" ]; then printf '12\\t{0}\\n'; fi ;;
*) printf '%s\\n' "$*" >> "$STANDINS/calls"; cp body.md "$STANDINS/comment" ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Runner:
    """A repository with a workspace whose store outlives it, and the environment of a runner."""

    shop: Shop
    env: Mapping[str, str]

    def read(self, name: str) -> str:
        return (Path(self.env["STANDINS"]) / name).read_text("utf-8")

    def shell(self, *lines: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run lines as a step does."""
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", "\n".join(lines)],
            cwd=self.shop.root,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def price(self, amount: str) -> None:
        self.shop.edit("acme/catalog.yaml", "P1M: {fees: {recurring: 2.00}}", f"P1M: {{fees: {{recurring: {amount}}}}}")
        self.shop.commit(f"Mail costs {amount}")


@pytest.fixture
def runner(request: pytest.FixtureRequest, tmp_path: Path, forked_command: list[str]) -> Runner:
    """``request.param``: the code host."""
    root, standins = tmp_path / "repository", tmp_path / "standins"
    standins.mkdir()
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / ".git" / "info" / "exclude").write_text("plan.*\n*.md\n")  # every job of a runner has a clone of its own
    assert run(f"init . --ci {request.param}", root).status == 0
    shop = Shop(root)
    shop.edit("reconcile.yaml", "sqlite:///.reconcile/tenants.db", f"sqlite:///{tmp_path}/tenants.db")
    shop.commit("Start the catalog")
    assert run(f"apply --auto-approve --now {NOW}", root).status == 0
    scripts = {
        "reconcile": f'#!/bin/sh\nexec {shlex.join(forked_command)} "$@" --now {NOW}\n',
        "python3": PYTHON.format(sys.executable),
        "gh": GH.format(MARK),
    }
    for name, text in scripts.items():
        (standins / name).write_text(text)
        (standins / name).chmod(0o755)
    env = {
        "PATH": f"{standins}:{os.environ['PATH']}",
        "STANDINS": str(standins),
        "RECONCILER": "git+https://x/r.git@v1",
    }
    env |= {"RECONCILE_USER": "ci", "RECONCILE_CACHE": "off", "HOME": str(tmp_path), "RECONCILE_WORKSPACE": "."}
    return Runner(shop, env)


def steps(runner: Runner, name: str, job: str) -> Iterator[tuple[str, str]]:
    """The shell steps of a job of a GitHub workflow: their names and scripts."""
    path = runner.shop.root / ".github" / "workflows" / f"reconcile-{name}.yml"
    for step in YAML(typ="safe").load(path)["jobs"][job]["steps"]:
        if "run" in step:
            yield step["name"], step["run"]


def run_job(runner: Runner, name: str, job: str, **env: str) -> tuple[str, str]:
    """Run the steps of a job to the first that fails: its name, or nothing, and what all printed."""
    standins = runner.env["STANDINS"]
    files = {"GITHUB_OUTPUT": f"{standins}/output", "GITHUB_STEP_SUMMARY": f"{standins}/summary"}
    printed = ""
    for title, script in steps(runner, name, job):
        done = runner.shell(script, **files, **env)
        printed += done.stdout + done.stderr
        if done.returncode:
            return title, printed
    return "", printed


@pytest.mark.parametrize("runner", ["github"], indirect=True)
def test_github_plans_a_pull_request_comments_once_and_applies_the_plan(runner: Runner) -> None:
    root = runner.shop.root
    comment = {"REPOSITORY": "our/catalog", "BRANCH": "our:round", "COMMIT": "abc"}
    git(root, "switch", "--quiet", "--create", "round")
    runner.price("2.20")
    git(root, "switch", "--quiet", "--detach", "main")
    git(root, "merge", "--quiet", "--no-ff", "round", "--message", "what merging would give")
    assert run_job(runner, "plan", "plan")[0] == ""
    text = (root / "comment.md").read_bytes()
    assert text.startswith(MARK.encode())
    assert len(text) <= 60_000
    assert json.loads((root / "plan.json").read_text())["resource_changes"][0]["fields"][0]["cause"] == "pr"
    for method in ("POST", "PATCH"):
        assert run_job(runner, "comment", "comment", **comment)[0] == ""
        assert method in runner.read("calls").splitlines()[-1]
        assert runner.read("comment") == text.decode()
    assert runner.read("pip") == "-m pip install catalog-reconciler[postgresql] @ git+https://x/r.git@v1\n"
    git(root, "switch", "--quiet", "main")
    git(root, "merge", "--quiet", "round")
    assert run_job(runner, "apply", "plan")[0] == ""
    assert runner.read("output") == "changes=true\n"
    assert run_job(runner, "apply", "apply")[0] == ""
    assert "one  " in runner.read("summary")
    assert "Plan: 0 to add, 0 to change" not in runner.read("summary")
    assert run_job(runner, "apply", "plan")[0] == ""
    assert runner.read("output") == "changes=true\nchanges=false\n"


@pytest.mark.parametrize("runner", ["github"], indirect=True)
def test_github_stops_where_it_should(runner: Runner) -> None:
    install = dict(steps(runner, "plan", "plan"))["Install"]
    missing = runner.shell(install, RECONCILER="")
    assert (missing.returncode, missing.stdout[:36]) == (1, "::error::Set the variable RECONCILER")
    runner.shop.edit("reconcile.yaml", f"sqlite:///{runner.shop.root.parent}/", "sqlite:///.reconcile/")
    failed, printed = run_job(runner, "apply", "plan")
    assert failed == "The store outlives this runner"
    assert "::error::The store is a file of this runner" in printed
    runner.shop.edit("acme/catalog.yaml", "name: Mail\n", "naem: Mail\n")
    failed, printed = run_job(runner, "plan", "plan")
    assert (failed, "::error file=acme/catalog.yaml,line=9," in printed) == ("Validate", True)


class Notes(BaseHTTPRequestHandler):
    """The notes of a merge request, on pages of one."""

    kept: list[dict[str, Any]]

    def do_GET(self) -> None:
        page = int(self.path.rpartition("page=")[2])
        self._answer(self.kept[page - 1 : page], page + 1 if page < len(self.kept) else "")

    def do_POST(self) -> None:
        self.kept.append({"id": len(self.kept) + 1, "body": self._body()})
        self._answer({}, "")

    def do_PUT(self) -> None:
        self.kept[int(self.path.rpartition("/")[2]) - 1]["body"] = self._body()
        self._answer({}, "")

    def _body(self) -> str:
        assert self.headers["PRIVATE-TOKEN"] == "t"
        text: str = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        return text

    def _answer(self, data: object, following: object) -> None:
        self.send_response(200)
        self.send_header("X-Next-Page", str(following))
        self.end_headers()
        self.wfile.write(json.dumps(data).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def notes() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of an API with a note of somebody else, and its notes."""
    kept = [{"id": 1, "body": "Looks good"}]
    handler = type("Kept", (Notes,), {"kept": kept})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api", kept
        server.shutdown()
        thread.join()


def gitlab_job(runner: Runner, name: str, **env: str) -> "subprocess.CompletedProcess[str]":
    jobs = YAML(typ="safe").load(runner.shop.root / ".gitlab" / "reconcile.yml")
    job = {**jobs[".reconcile"], **jobs[name]}
    return runner.shell(*job["before_script"], *job["script"], **env)


@pytest.mark.parametrize("runner", ["gitlab"], indirect=True)
def test_gitlab_plans_a_merge_request_comments_once_and_applies_the_plan(
    runner: Runner, notes: tuple[str, list[dict[str, Any]]]
) -> None:
    root = runner.shop.root
    address, kept = notes
    request = {
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(root, "rev-parse", "HEAD"),
        "CI_API_V4_URL": address,
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "7",
        "RECONCILE_COMMENT_TOKEN": "t",
    }
    git(root, "switch", "--quiet", "--create", "round")
    runner.price("2.20")
    planned = gitlab_job(runner, "reconcile-plan", **request)
    assert planned.returncode == 0, planned.stderr
    text = (root / "comment.md").read_bytes()
    assert len(text) <= 60_000
    for _ in range(2):
        commented = gitlab_job(runner, "reconcile-comment", **request)
        assert commented.returncode == 0, commented.stderr
        assert [each["body"] for each in kept] == ["Looks good", text.decode()]
    git(root, "switch", "--quiet", "main")
    git(root, "merge", "--quiet", "round")
    assert gitlab_job(runner, "reconcile-plan-merged").returncode == 0
    applied = gitlab_job(runner, "reconcile-apply")
    assert (applied.returncode, "Apply complete: 0 added, 1 changed" in applied.stdout) == (0, True), applied.stderr
    assert gitlab_job(runner, "reconcile-plan-merged", RECONCILER="").returncode == 1
    runner.shop.edit("reconcile.yaml", f"sqlite:///{root.parent}/", "sqlite:///.reconcile/")
    assert "The store is a file of this runner" in gitlab_job(runner, "reconcile-plan-merged").stdout


def test_the_examples_are_what_init_writes(tmp_path: Path) -> None:
    run("init --ci github", tmp_path)
    for name in ("apply", "comment", "plan"):
        made = (tmp_path / ".github" / "workflows" / f"reconcile-{name}.yml").read_text("utf-8")
        assert (ROOT / "examples" / "github" / f"{name}.yml").read_text("utf-8") == made


def test_actions_are_pinned_to_commits() -> None:
    for path in (ROOT / "examples" / "github").glob("*.yml"):
        lines = [line for line in path.read_text("utf-8").splitlines() if "uses:" in line]
        assert lines
        assert not [line for line in lines if len(line.partition("@")[2].partition(" ")[0]) != 40]
