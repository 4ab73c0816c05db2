"""Where git refuses, every command says git's own first line, and nothing is applied unasked."""

import json
import os
import re
import shlex
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from reconciler.shell.repository.git_mends import mend_of
from tests.cli.runner import FEES, Shop, git

COMMANDS = [
    "validate",
    "plan",
    "status",
    "history",
    "plans",
    "tenant list",
    "tenant show one",
    "explain one plan/mail-basic",
    "subscription list one",
    "watch --rounds 1",
]
OWNER = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
DUBIOUS = "fatal: detected dubious ownership in repository at "


def another_owner(shop: Shop) -> tuple[str, Mapping[str, str]]:
    return f"{DUBIOUS}'{shop.root}'", OWNER


def no_program(shop: Shop) -> tuple[str, Mapping[str, str]]:
    return "this is a git repository, but the program `git` cannot be run", {"PATH": str(shop.root / "nowhere")}


def no_head(shop: Shop) -> tuple[str, Mapping[str, str]]:
    (shop.root / ".git" / "HEAD").unlink()
    return "fatal: not a git repository (or any of the parent directories): .git", {}


def a_spoilt_file(shop: Shop) -> tuple[str, Mapping[str, str]]:
    (shop.root / ".git").rename(shop.root / ".away")
    (shop.root / ".git").write_text("gitdir: somewhere/else\n")
    return f"fatal: not a git repository: {shop.root}/somewhere/else", {}


def an_empty_reference(shop: Shop) -> tuple[str, Mapping[str, str]]:
    """As a loss of power leaves it. It is not a branch without a commit."""
    (shop.root / ".git" / "refs" / "heads" / "main").write_text("")
    return "fatal: your current branch appears to be broken", {}


def a_missing_commit(shop: Shop) -> tuple[str, Mapping[str, str]]:
    lose(shop.root, git(shop.root, "rev-parse", "HEAD"))
    return "fatal: bad object HEAD", {}


def a_missing_tree(shop: Shop) -> tuple[str, Mapping[str, str]]:
    lose(shop.root, git(shop.root, "rev-parse", "HEAD:acme"))
    return "error: Could not read ", {}


def a_spoilt_index(shop: Shop) -> tuple[str, Mapping[str, str]]:
    (shop.root / ".git" / "index").write_bytes(b"DIRC of another kind, long enough to be looked at")
    return "error: bad index version ", {}


def a_spoilt_configuration(shop: Shop) -> tuple[str, Mapping[str, str]]:
    (shop.root / ".git" / "config").write_text("[core\n")
    return "fatal: bad config line 1 in file ", {}


def an_unknown_format(shop: Shop) -> tuple[str, Mapping[str, str]]:
    git(shop.root, "config", "core.repositoryFormatVersion", "99")
    return "fatal: Expected git repo version <= 1, found 99", {}


REFUSALS = [
    another_owner,
    no_program,
    no_head,
    a_spoilt_file,
    an_empty_reference,
    a_missing_commit,
    a_missing_tree,
    a_spoilt_index,
    a_spoilt_configuration,
    an_unknown_format,
]
Refusal = Callable[[Shop], tuple[str, Mapping[str, str]]]


MENDED: dict[Refusal, str] = {
    another_owner: "git config --global --add safe.directory",
    no_program: "Install git",
    no_head: "clone the repository again",
    a_spoilt_file: "clone again, or `git worktree repair`",
    an_empty_reference: "git update-ref HEAD COMMIT",
    a_missing_commit: "`git fsck` lists them",
    a_missing_tree: "`git fsck` lists them",
    a_spoilt_index: "rm .git/index && git reset",
    a_spoilt_configuration: "git config --edit",
    an_unknown_format: "Install a newer git",
}


def lose(root: Path, id: str) -> None:
    """As if an object's file were lost."""
    (root / ".git" / "objects" / id[:2] / id[2:]).unlink()


@pytest.mark.parametrize("refusal", REFUSALS)
def test_every_command_says_gits_own_first_line(shop: Shop, refusal: Refusal) -> None:
    line, env = refusal(shop)
    silent = () if refusal is not a_missing_tree else COMMANDS  # found out where documents are compared
    for command in COMMANDS:
        if command not in silent:
            ran = shop.run(command, env=env)
            assert (ran.status, line in f"{ran.err}{ran.out}") == (0, True), (command, ran)
    planned = shop.run("plan", env=env)
    assert (planned.status, planned.err.count(line)) == (0, 1)
    assert MENDED[refusal] in planned.err


@pytest.mark.parametrize("refusal", REFUSALS)
def test_nothing_is_applied_unasked(shop: Shop, refusal: Refusal) -> None:
    shop.edit("acme/catalog.yaml", FEES, FEES.replace("2.00", "2.20"))
    shop.commit()
    line, env = refusal(shop)
    saved = shop.run("plan --out p.plan --format json", env=env)
    source = json.loads(saved.out)["source"]
    assert source["dirty"], "what git does not say is not taken for committed"
    state = shop.state
    for command in ("apply --auto-approve", "apply p.plan --auto-approve"):
        refused = shop.run(command, env=env)
        assert (refused.status, refused.out) == (1, "")
        assert "git could not report" in refused.err or "uncommitted" in refused.err
        assert line in refused.err or command.startswith("apply p.plan")
        assert "--allow-dirty" in refused.err
    assert shop.state == state
    done = shop.run("apply --auto-approve --allow-dirty", env=env)
    assert (done.status, done.closing) == (0, "Apply complete: 0 added, 1 changed, 0 destroyed.")


@pytest.mark.parametrize("refusal", [another_owner, no_program, no_head, a_spoilt_configuration, an_unknown_format])
@pytest.mark.parametrize("command", ["plan --ref HEAD", "plan --base HEAD", "validate --ref HEAD"])
def test_what_needs_git_fails_with_that_line(shop: Shop, refusal: Refusal, command: str) -> None:
    line, env = refusal(shop)
    ran = shop.run(command, env=env)
    assert (ran.status, ran.out) == (1, "")
    assert line in ran.err
    assert "no commit" not in ran.err


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives files away")
def test_another_owner_in_earnest(shop: Shop, tmp_path: Path) -> None:
    for path in (shop.root, *shop.root.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    ran = shop.run("plan", env={"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"})
    assert (ran.status, ran.err.splitlines()[0]) == (0, f"{DUBIOUS}'{shop.root}'")


def test_a_lost_document_is_named(shop: Shop) -> None:
    first = git(shop.root, "rev-parse", "HEAD")
    lost = git(shop.root, "rev-parse", "HEAD:acme/catalog.yaml")
    shop.catalog.write_text(shop.catalog.read_text() + "\n")
    shop.commit()
    lose(shop.root, lost)
    ran = shop.run("plan --ref HEAD~1", env={"RECONCILE_CACHE": "off"})
    assert (ran.status, ran.out) == (1, "")
    assert f"acme/catalog.yaml of commit {first} cannot be read" in ran.err
    assert lost in ran.err


def test_a_spoilt_object_is_named(shop: Shop) -> None:
    id = git(shop.root, "rev-parse", "HEAD:acme/catalog.yaml")
    file = shop.root / ".git" / "objects" / id[:2] / id[2:]
    file.chmod(0o644)
    file.write_bytes(zlib.compress(b"blob 3\0xyz") + b"garbage")
    ran = shop.run("plan --ref HEAD", env={"RECONCILE_CACHE": "off"})
    assert (ran.status, ran.out) == (1, "")
    assert "Traceback" not in ran.err


def test_history_that_is_lost_takes_provenance_and_says_so(shop: Shop) -> None:
    """What is planned is HEAD's; only who set it is not known."""
    lost = git(shop.root, "rev-parse", "HEAD")
    shop.edit("acme/catalog.yaml", FEES, FEES.replace("2.00", "2.20"))
    shop.commit()
    shop.edit("acme/catalog.yaml", FEES.replace("2.00", "2.20"), FEES.replace("2.00", "2.30"))
    shop.commit()
    lose(shop.root, lost)
    planned = shop.run("plan --format json")
    assert planned.status == 0
    assert any(line.startswith(("fatal:", "error:")) for line in planned.err.splitlines())
    assert lost in planned.err
    refused = shop.run("apply --auto-approve")
    assert (refused.status, "git could not report" in refused.err) == (1, True)


@pytest.fixture
def partial(shop: Shop) -> Shop:
    """A clone whose older documents were not fetched; its origin is there, and would be asked for them."""
    shop.edit("acme/catalog.yaml", FEES, FEES.replace("2.00", "2.20"))
    shop.commit()
    git(shop.root, "config", "uploadpack.allowFilter", "true")
    clone = shop.root.with_name("clone")
    options = ("--quiet", "--filter=blob:none", "-c", "protocol.file.allow=always")
    git(shop.root.parent, "clone", *options, shop.root.as_uri(), str(clone))
    return Shop(clone)


def missing(shop: Shop) -> list[str]:
    listed = git(shop.root, "rev-list", "--objects", "--all", "--missing=print")
    return [line for line in listed.splitlines() if line.startswith("?")]


@pytest.mark.parametrize("option", ["--ref", "--base"])
def test_a_partial_clone_fetches_nothing_and_names_what_it_lacks(partial: Shop, option: str) -> None:
    before = missing(partial)
    assert before
    ran = partial.run(f"plan {option} HEAD~1", env={"RECONCILE_CACHE": "off"})
    assert (ran.status, ran.out) == (1, "")
    assert f"acme/catalog.yaml of commit {git(partial.root, 'rev-parse', 'HEAD~1')} cannot be read" in ran.err
    assert missing(partial) == before


def test_a_partial_clone_is_planned_as_it_is_checked_out(partial: Shop) -> None:
    before = missing(partial)
    planned = partial.run("plan --format json")
    source = json.loads(planned.out)["source"]
    assert (planned.status, source["commit"]) == (0, git(partial.root, "rev-parse", "HEAD"))
    assert partial.run("apply").status == 1, "it asks"
    assert missing(partial) == before


def test_a_repository_of_sha256_works(_fresh: Shop, tmp_path: Path) -> None:
    copytree(_fresh.root, tmp_path / "shop")
    rmtree(tmp_path / "shop" / ".git")
    shop = Shop(tmp_path / "shop")
    git(shop.root, "init", "--quiet", "--object-format=sha256")
    head = shop.commit()
    assert len(head) == 64
    found = [json.loads(shop.run(f"plan --format json{ref}").out) for ref in ("", " --ref HEAD", " --base HEAD")]
    for data in found:
        assert (data["source"]["commit"], data["source"]["dirty"]) == (head, False)
        assert data["resource_changes"][0]["declared_at"]["commit"] == head
        assert {each["address"] for each in data["resource_changes"]} == {
            each["address"] for each in found[0]["resource_changes"]
        }
    assert shop.run("apply --auto-approve").status == 0
    assert f"commit {head[:10]}" in shop.run("history one").out
    assert f"commit {head[:10]}, Ann" in shop.run("explain one plan/mail-basic#name").out
    shop.reprice()
    assert shop.run("plan").err == "Uncommitted changes: acme/catalog.yaml\n"


def configured_ignored(shop: Shop, scope: str, value: str) -> Mapping[str, str]:
    home = shop.root.with_name("home")
    home.mkdir()
    env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    where = ["--file", str(home / ".gitconfig")] if scope == "global" else ["--local"]
    git(shop.root, "config", *where, "blame.ignoreRevsFile", value)
    return env


@pytest.mark.parametrize("scope", ["global", "local"])
@pytest.mark.parametrize("content", [None, "all", "nonsense\n"], ids=["missing", "ignored", "spoilt"])
def test_blame_goes_by_no_configuration(
    shop: Shop, scope: str, content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    shop.reprice()
    head = shop.commit()
    if content is not None:
        (shop.root.with_name("revisions")).write_text(f"{head}\n" if content == "all" else content)
    env = configured_ignored(shop, scope, str(shop.root.with_name("revisions")))
    git(shop.root, "config", "blame.showRoot", "false")
    git(shop.root, "config", "color.ui", "always")
    git(shop.root, "config", "log.showSignature", "true")
    git(shop.root, "config", "core.quotePath", "true")
    planned = shop.run("plan --format json", env=env)
    field = json.loads(planned.out)["resource_changes"][0]["fields"][0]
    assert field["declared_at"]["commit"] == head
    assert planned.err == ""
    first = git(shop.root, "rev-parse", "HEAD~1")
    assert f"commit {first[:10]}, Ann" in shop.run("explain one plan/mail-basic#name", env=env).out
    assert [*(tmp_path / "temporary").iterdir()] == [], "nothing is left behind"


def test_a_trace_is_not_taken_for_an_answer(shop: Shop) -> None:
    planned = shop.run("plan", env={"GIT_TRACE": "1", **OWNER})
    assert planned.err.splitlines()[0].startswith(DUBIOUS)


def test_a_repository_without_a_working_tree_is_none(_fresh: Shop, tmp_path: Path) -> None:
    """Documents below a bare repository are outside git."""
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "bare")], check=True)
    copytree(_fresh.root / "acme", tmp_path / "bare" / "acme")
    (tmp_path / "bare" / "reconcile.yaml").write_bytes((_fresh.root / "reconcile.yaml").read_bytes())
    planned = Shop(tmp_path / "bare").run("plan")
    assert (planned.status, planned.err) == (0, "")


def test_the_folder_that_is_named_is_quoted() -> None:
    said = "fatal: detected dubious ownership in repository at '/srv/a b; rm'"
    assert mend_of(said).endswith("git config --global --add safe.directory '/srv/a b; rm'")
    assert mend_of("fatal: something new") == ""


def test_a_spoilt_index_is_mended_by_what_is_said(shop: Shop) -> None:
    a_spoilt_index(shop)
    subprocess.run("rm .git/index && git reset --quiet", shell=True, cwd=shop.root, check=True)
    assert shop.run("plan").err == ""


@pytest.fixture(scope="module")
def _branches(_fresh: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A repository with the branches ``main`` and ``feature/x``, two commits, and a clone of ``main`` alone."""
    root = tmp_path_factory.mktemp("branches") / "shop"
    copytree(_fresh.root, root)
    shop = Shop(root)
    shop.edit("acme/catalog.yaml", FEES, FEES.replace("2.00", "2.20"))
    shop.commit()
    git(root, "branch", "feature/x")
    return shop


CLONES = {
    "a remote branch": (
        "--single-branch",
        "origin/feature/x",
        "this clone has no branch origin/feature/x; if it is one, this fetches it: "
        "git fetch origin feature/x:refs/remotes/origin/feature/x",
    ),
    "a branch by its name": (
        "--single-branch",
        "feature/x",
        "if it is a branch of origin, this fetches it: "
        "git fetch origin feature/x:refs/remotes/origin/feature/x, then use origin/feature/x",
    ),
    "a remote branch of a shallow clone": (
        "--depth 1",
        "origin/feature/x",
        "git fetch origin feature/x:refs/remotes/origin/feature/x. This clone is shallow: `git fetch --unshallow`",
    ),
    "a commit of a shallow clone": ("--depth 1", "HEAD~1", "this clone is shallow: `git fetch --unshallow`"),
    "a local name with a remote branch": ("", "feature/x", "did you mean origin/feature/x?"),
    "a misspelt name": ("", "mian", 'did you mean "main"?'),
    "a commit of another clone": ("", "0123456789abcdef", "git fetch origin 0123456789abcdef"),
    "a range": ("", "origin/main...HEAD", "its merge base is: git merge-base origin/main HEAD"),
    "an option": ("", "-x", ""),
}


MENDED_BY_FETCHING = {
    "a remote branch": "origin/feature/x",
    "a branch by its name": "origin/feature/x",
    "a remote branch of a shallow clone": "origin/feature/x",
    "a commit of a shallow clone": "HEAD~1",
}
"""The revision that is there after the commands that are said."""


def cloned(shop: Shop, root: Path, options: str) -> Shop:
    git(root.parent, "clone", "--quiet", *options.split(), shop.root.as_uri(), str(root))
    git(root, "checkout", "--quiet", "--detach")
    return Shop(root)


def said(clone: Shop, case: str) -> str:
    _, revision, expected = CLONES[case]
    done = clone.run(f"validate --ref={revision}")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"Error: no commit '{revision}' in ")
    assert expected in done.err
    return done.err


@pytest.mark.parametrize("case", MENDED_BY_FETCHING)
def test_a_revision_that_was_not_fetched_says_what_fetches_it(_branches: Shop, tmp_path: Path, case: str) -> None:
    clone = cloned(_branches, tmp_path / "clone", CLONES[case][0])
    for command in re.findall(r"git fetch (?:origin \S+:\S+?|--unshallow)(?=[,.`\n]|$)", said(clone, case)):
        subprocess.run(shlex.split(command), cwd=clone.root, check=True, capture_output=True)
    assert clone.run(f"validate --ref {MENDED_BY_FETCHING[case]}").status == 0


def test_a_revision_that_is_none_says_what_may_be_meant(_branches: Shop, tmp_path: Path) -> None:
    clone = cloned(_branches, tmp_path / "clone", "")
    for case in CLONES.keys() - MENDED_BY_FETCHING.keys():
        said(clone, case)


def test_a_repository_without_a_commit_says_so(fresh: Shop) -> None:
    rmtree(fresh.root / ".git")
    git(fresh.root, "init", "--quiet")
    done = fresh.run("plan --base HEAD")
    assert "the repository has no commit yet: git add --all && git commit" in done.err
