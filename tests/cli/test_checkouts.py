"""A document that is tracked but not in the checkout is an error with its path, never taken off the list."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

import pytest

from tests.cli.runner import FEES, Ran, Shop, git

PARTS = "acme/parts"
FILE = f"{PARTS}/role.yaml"
ROLE = "kind: Role\nkey: clerk\nname: Clerk\nprivileges: []\n"
ALLOWED = ("-c", "protocol.file.allow=always")


def commit_all(folder: Path, message: str = "change") -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A repository with a document that others use as a submodule."""
    folder = tmp_path / "parts"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "role.yaml").write_text(ROLE)
    commit_all(folder)
    return folder


@pytest.fixture
def split(shop: Shop, parts: Path) -> Shop:
    """A shop with a document in a submodule, checked out and committed."""
    git(shop.root, *ALLOWED, "submodule", "--quiet", "add", str(parts), PARTS)
    shop.commit()
    return shop


def cloned(shop: Shop, *options: str) -> Shop:
    """A clone of a shop, of its documents only: its tenants stay where they are."""
    root = shop.root.with_name("clone")
    git(shop.root.parent, *ALLOWED, "clone", "--quiet", *options, shop.root.as_uri(), str(root))
    return Shop(root)


def is_refused(ran: Ran, path: str) -> bool:
    return (ran.status, ran.out) == (1, "") and f"{path}:1" in ran.err


COMMANDS = ["plan", "plan --verify", "apply --auto-approve --allow-dirty", "status", "plans", "tenant list", "history"]


def sparse(shop: Shop) -> str:
    (shop.root / "acme" / "more").mkdir()
    (shop.root / "acme" / "more" / "role.yaml").write_text(ROLE)
    shop.commit()
    git(shop.root, "sparse-checkout", "set", "--no-cone", "/*", "!/acme/more/")
    assert not (shop.root / "acme" / "more").exists()
    return "acme/more/role.yaml"


def sparse_index(shop: Shop) -> str:
    """Of a folder that is left out, the index has one entry, a tree."""
    sparse(shop)
    git(shop.root, "sparse-checkout", "set", "--cone", "--sparse-index", "acme/resellers")
    listed = git(shop.root, "ls-files", "--sparse", "--stage")
    assert "040000" in listed
    assert not (shop.root / "acme" / "more").exists()
    return "acme/more/role.yaml"


def skip_worktree(shop: Shop) -> str:
    git(shop.root, "update-index", "--skip-worktree", "acme/catalog.yaml")
    shop.catalog.unlink()
    return "acme/catalog.yaml"


def added_and_skipped(shop: Shop) -> str:
    """It is tracked, though no commit has it."""
    file = shop.root / "acme" / "role.yaml"
    file.write_text(ROLE)
    git(shop.root, "add", "acme/role.yaml")
    git(shop.root, "update-index", "--skip-worktree", "acme/role.yaml")
    file.unlink()
    return "acme/role.yaml"


LEFT_OUT = [sparse, sparse_index, skip_worktree, added_and_skipped]


@pytest.mark.parametrize("left_out", LEFT_OUT)
def test_what_a_sparse_checkout_left_out_is_an_error(shop: Shop, left_out: Callable[[Shop], str]) -> None:
    path = left_out(shop)
    assert all(is_refused(shop.run(command), path) for command in COMMANDS)
    found = json.loads(shop.run("validate --format json").out)
    problem = next(each for each in _problems(found) if each["code"] == "left-out")
    assert path in json.dumps(problem)
    assert "sparse" in json.dumps(problem)


def _problems(found: object) -> list[dict[str, object]]:
    listed = found["problems"] if isinstance(found, dict) else found
    assert isinstance(listed, list)
    return listed


def test_what_is_skipped_but_there_is_read(shop: Shop) -> None:
    git(shop.root, "update-index", "--skip-worktree", "acme/catalog.yaml")
    assert shop.run("plan").status == 0


def test_what_the_workspace_ignores_may_be_left_out(shop: Shop, parts: Path) -> None:
    (shop.root / ".parts").mkdir()
    (shop.root / ".parts" / "role.yaml").write_text(ROLE)
    (shop.root / "notes.txt").write_text("to do")
    git(shop.root, *ALLOWED, "submodule", "--quiet", "add", str(parts), ".modules/parts")
    shop.commit()
    git(shop.root, "submodule", "--quiet", "deinit", "--force", ".modules/parts")
    for path in (".parts/role.yaml", "notes.txt"):
        git(shop.root, "update-index", "--skip-worktree", path)
        (shop.root / path).unlink()
    for command in ("plan", "plan --ref HEAD", "apply --auto-approve"):
        ran = shop.run(command)
        assert (ran.status, ran.err) == (0, "")


def test_a_document_that_was_deleted_is_gone_and_dirty(shop: Shop) -> None:
    shop.edit("acme/provider.yaml", "[mail-basic]", "[]")
    text = shop.catalog.read_text()
    start = text.rindex("---\nkind: Plan")
    (shop.root / "acme" / "plan.yaml").write_text(text[start + 4 :])
    shop.catalog.write_text(text[:start])
    shop.edit("acme/provider.yaml", "[]", "[mail-basic]")
    shop.commit()
    (shop.root / "acme" / "plan.yaml").unlink()
    shop.edit("acme/provider.yaml", "[mail-basic]", "[]")
    planned = shop.run("plan --format json")
    assert json.loads(planned.out)["source"]["dirty"]
    assert "Uncommitted changes: acme/plan.yaml (deleted), acme/provider.yaml\n" in planned.err


def test_a_submodule_that_is_checked_out_is_read_and_compared_with_the_commit_that_is_named(split: Shop) -> None:
    planned = split.run("plan")
    assert (planned.status, planned.err) == (0, "")
    assert split.run("apply --auto-approve").status == 0
    file = split.root / FILE
    file.write_text(ROLE + "labels: {a: b}\n")
    assert split.run("plan").err == f"Uncommitted changes: {FILE}\n"
    committed = commit_all(split.root / PARTS)
    assert split.run("plan").err == f"Uncommitted changes: {FILE}\n", "the commit above names another commit of it"
    split.commit(f"parts {committed}")
    assert split.run("plan").err == ""
    git(split.root / PARTS, "update-index", "--assume-unchanged", "role.yaml")
    file.write_text(ROLE + "labels: {a: c}\n")
    assert split.run("plan").err == f"Uncommitted changes: {FILE}\n"


def test_a_submodule_within_a_submodule_is_compared_too(split: Shop, parts: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "--quiet", "--initial-branch=main")
    (inner / "other.yaml").write_text(ROLE.replace("clerk", "chief"))
    commit_all(inner)
    git(split.root / PARTS, *ALLOWED, "submodule", "--quiet", "add", str(inner), "inner")
    commit_all(split.root / PARTS)
    split.commit()
    assert split.run("plan").err == ""
    (split.root / PARTS / "inner" / "other.yaml").write_text(ROLE.replace("clerk", "boss"))
    assert split.run("plan").err == f"Uncommitted changes: {PARTS}/inner/other.yaml\n"
    git(split.root / PARTS, "submodule", "--quiet", "deinit", "--force", "inner")
    assert is_refused(split.run("plan"), f"{PARTS}/inner")


def test_what_a_sparse_submodule_left_out_is_an_error(split: Shop) -> None:
    git(split.root / PARTS, "update-index", "--skip-worktree", "role.yaml")
    (split.root / FILE).unlink()
    assert is_refused(split.run("plan"), FILE)


def test_a_submodule_that_was_not_fetched_is_an_error(split: Shop) -> None:
    clone = cloned(split)
    assert (clone.root / PARTS).is_dir()
    for command in COMMANDS:
        ran = clone.run(command)
        assert is_refused(ran, PARTS)
        assert "git submodule update --init" in ran.err
    git(clone.root, *ALLOWED, "submodule", "--quiet", "update", "--init")
    assert clone.run("plan").status == 0


@pytest.mark.parametrize("how", ["deinit", "gone"])
def test_a_submodule_whose_files_went_is_an_error(split: Shop, how: str) -> None:
    if how == "deinit":
        git(split.root, "submodule", "--quiet", "deinit", "--force", PARTS)
    else:
        rmtree(split.root / PARTS)
    assert is_refused(split.run("plan"), PARTS)


def test_a_submodule_that_was_removed_is_gone_and_dirty(split: Shop) -> None:
    git(split.root, "rm", "--quiet", "--cached", PARTS)
    rmtree(split.root / PARTS)
    assert split.run("plan").status == 0


def test_a_submodule_under_ref_is_an_error(split: Shop) -> None:
    head = git(split.root, "rev-parse", "HEAD")
    for command in ("plan --ref HEAD", f"apply --auto-approve --ref {head}", "plan --base HEAD"):
        ran = split.run(command)
        assert (ran.status, ran.out) == (1, "")
        assert FILE in ran.err
        assert "submodule" in ran.err
    assert FILE in split.run("validate --ref HEAD").out
    clone = cloned(split)
    assert is_refused(clone.run("plan --ref HEAD"), PARTS)


def test_a_submodule_without_documents_is_nobodys_business_under_ref(shop: Shop, parts: Path) -> None:
    (parts / "role.yaml").rename(parts / "README.md")
    commit_all(parts)
    git(shop.root, *ALLOWED, "submodule", "--quiet", "add", str(parts), "tools")
    shop.commit()
    for command in ("plan", "plan --ref HEAD"):
        ran = shop.run(command)
        assert (ran.status, ran.err) == (0, "")


def test_links_mean_the_same_in_a_commit_and_in_a_checkout(shop: Shop) -> None:
    """Two names of one file, and a way through a folder that is a link."""
    (shop.root / ".shared").mkdir()
    (shop.root / ".shared" / "role.txt").write_text(ROLE)
    (shop.root / "acme" / "shared").symlink_to("../.shared")
    (shop.root / "acme" / "a").mkdir()
    (shop.root / "acme" / "a" / "role.yaml").symlink_to("../../.shared/role.txt")
    (shop.root / "acme" / "a.yaml").symlink_to("shared/role.txt")
    shop.commit()
    here, there = (json.loads(shop.run(f"plan --format json{ref}").out) for ref in ("", " --ref HEAD"))
    assert here["source"] == there["source"]
    assert not here["source"]["dirty"]


@pytest.mark.parametrize("option", ["--ref", "--base"])
def test_a_shallow_clone_says_how_to_fetch_more(shop: Shop, option: str) -> None:
    before = git(shop.root, "rev-parse", "HEAD")
    shop.edit("acme/catalog.yaml", FEES, FEES.replace("2.00", "2.20"))
    shop.commit()
    clone = cloned(shop, "--depth", "1")
    for revision in (before, "HEAD~1"):
        ran = clone.run(f"plan {option} {revision}")
        assert (ran.status, ran.out) == (1, "")
        assert f"no commit '{revision}'" in ran.err
        assert "fetch-depth: 0" in ran.err
        assert "git fetch --unshallow" in ran.err
        assert "GIT_DEPTH: 0" in ran.err


def test_a_shallow_clone_names_nobody_for_lines_that_it_does_not_know_of(shop: Shop) -> None:
    """Git gives them all to the first commit that it has."""
    first = git(shop.root, "rev-parse", "HEAD")
    for name in ("b", "c"):
        shop.catalog.write_text(f"{shop.catalog.read_text()}---\nkind: Role\nkey: {name}\nname: N\nprivileges: []\n")
        last = shop.commit()
    whole = {each["declared_at"]["commit"] for each in _changes(cloned(shop))}
    assert whole == {first}
    rmtree(shop.root.with_name("clone"))
    clone = cloned(shop, "--depth", "2")
    assert {each["declared_at"]["commit"] for each in _changes(clone)} == {None}
    assert json.loads(clone.run("plan --format json").out)["source"]["commit"] == last


def _changes(shop: Shop) -> list[dict[str, dict[str, str | None]]]:
    found: list[dict[str, dict[str, str | None]]] = json.loads(shop.run("plan --format json").out)["resource_changes"]
    assert found
    return found
