"""What is planned is compared with what HEAD holds, byte for byte; where it differs it is said, recorded, guarded."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from tests.cli.runner import FEES, Shop, git

DEARER = FEES.replace("2.00", "2.20")
CATALOG = "acme/catalog.yaml"
MORE = "kind: Role\nkey: clerk\nname: Clerk\nprivileges: []\n"


def dearer(shop: Shop) -> None:
    shop.edit(CATALOG, FEES, DEARER)


def is_dirty(shop: Shop, options: str = "") -> bool:
    found = json.loads(shop.run(f"plan --format json {options}").out)["source"]["dirty"]
    assert isinstance(found, bool)
    return found


def assumed_unchanged(shop: Shop) -> str:
    git(shop.root, "update-index", "--assume-unchanged", CATALOG)
    dearer(shop)
    return CATALOG


def skipped(shop: Shop) -> str:
    git(shop.root, "update-index", "--skip-worktree", CATALOG)
    dearer(shop)
    return CATALOG


def staged(shop: Shop) -> str:
    dearer(shop)
    git(shop.root, "add", "--all")
    return CATALOG


def staged_and_taken_back(shop: Shop) -> str:
    """The index has another content, and the file what HEAD has but for a blank line."""
    dearer(shop)
    git(shop.root, "add", "--all")
    shop.edit(CATALOG, DEARER, FEES)
    shop.catalog.write_text(shop.catalog.read_text() + "\n")
    return CATALOG


def same_size_and_time(shop: Shop) -> str:
    """`git status` goes by the time and size of a file once the index has them."""
    before = shop.catalog.stat()
    os.utime(shop.catalog, (before.st_atime, before.st_mtime - 1000))
    git(shop.root, "config", "core.checkStat", "minimal")
    git(shop.root, "config", "core.trustctime", "false")
    git(shop.root, "update-index", "--refresh")
    at = shop.catalog.stat()
    dearer(shop)
    os.utime(shop.catalog, ns=(at.st_atime_ns, at.st_mtime_ns))
    return CATALOG


def watched_by_a_monitor(shop: Shop) -> str:
    """A filesystem monitor that says nothing ever changes."""
    monitor = shop.root / ".monitor"
    monitor.write_text("#!/bin/sh\nprintf 'token\\0'\n")
    monitor.chmod(0o755)
    git(shop.root, "config", "core.fsmonitor", str(monitor))
    git(shop.root, "status")
    dearer(shop)
    return CATALOG


def ignored(shop: Shop) -> str:
    (shop.root / ".git" / "info" / "exclude").write_text("local.yaml\n")
    (shop.root / "acme" / "local.yaml").write_text(MORE)
    return "acme/local.yaml (new)"


def untracked(shop: Shop) -> str:
    (shop.root / "acme" / "new.yml").write_text(MORE)
    return "acme/new.yml (new)"


def a_nested_repository(shop: Shop) -> str:
    folder = shop.root / "acme" / "nested"
    folder.mkdir()
    (folder / "role.yaml").write_text(MORE)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "nested")
    return "acme/nested/role.yaml (new)"


def deleted(shop: Shop) -> str:
    (shop.root / "acme" / "role.yaml").write_text(MORE)
    shop.commit()
    (shop.root / "acme" / "role.yaml").unlink()
    return "acme/role.yaml (deleted)"


def through_a_link(shop: Shop) -> str:
    (shop.root / ".shared").mkdir()
    (shop.root / ".shared" / "role.txt").write_text(MORE)
    (shop.root / "acme" / "role.yaml").symlink_to("../.shared/role.txt")
    shop.commit()
    assert not is_dirty(shop)
    (shop.root / ".shared" / "role.txt").write_text(MORE + "labels: {a: b}\n")
    return "acme/role.yaml"


def only_line_endings(shop: Shop) -> str:
    """No conversion is configured that would make them the same."""
    shop.catalog.write_bytes(shop.catalog.read_bytes().replace(b"\n", b"\r\n"))
    return CATALOG


DIFFERENT = [
    dearer,
    assumed_unchanged,
    skipped,
    staged,
    staged_and_taken_back,
    same_size_and_time,
    watched_by_a_monitor,
    ignored,
    untracked,
    a_nested_repository,
    deleted,
    through_a_link,
    only_line_endings,
]


@pytest.mark.parametrize("change", DIFFERENT)
def test_whatever_is_not_the_commits_is_uncommitted(shop: Shop, change: Callable[[Shop], str | None]) -> None:
    assert not is_dirty(shop)
    named = change(shop) or CATALOG
    planned = shop.run("plan --format json")
    assert json.loads(planned.out)["source"]["dirty"]
    assert f"Uncommitted changes: {named}\n" in planned.err
    state = shop.state
    assert shop.run("plan --allow-dirty").err == planned.err, "it is for apply"
    refused = shop.run("apply --auto-approve")
    assert (refused.status, refused.out) == (1, "")
    assert f"Error: uncommitted changes: {named}; nothing was applied" in refused.err
    assert "--allow-dirty" in refused.err
    assert shop.state == state
    assert shop.run("apply --auto-approve --allow-dirty").status == 0


def converted_at_checkout(shop: Shop) -> None:
    git(shop.root, "config", "core.autocrlf", "true")
    shop.catalog.write_bytes(shop.catalog.read_bytes().replace(b"\n", b"\r\n"))


def converted_by_attributes(shop: Shop) -> None:
    (shop.root / ".gitattributes").write_text("*.yaml text eol=crlf\n")
    shop.commit()
    shop.catalog.write_bytes(shop.catalog.read_bytes().replace(b"\n", b"\r\n"))


def filtered(shop: Shop) -> None:
    """As a filter for large files, or for secrets, has it: what is committed is not what is checked out."""
    (shop.root / ".gitattributes").write_text("catalog.yaml filter=price\n")
    git(shop.root, "config", "filter.price.clean", "sed s/2.20/2.00/")
    git(shop.root, "config", "filter.price.smudge", "sed s/2.00/2.20/")
    dearer(shop)
    shop.commit()
    assert "2.00" in git(shop.root, "show", f"HEAD:{CATALOG}")


def under_an_odd_name(shop: Shop) -> None:
    for name in ("two words.yaml", 'quo"te.yaml', "umläut.yaml", "-dash.yaml", ":(top)x.yaml", "line\nbreak.yaml"):
        (shop.root / "acme" / name).write_text(MORE.replace("clerk", f"clerk-{len(name)}-{ord(name[0])}"))
    (shop.root / "acme" / os.fsdecode(b"latin-\xe4.yaml")).write_text(MORE)
    (shop.root / ".gitattributes").write_text("*.yaml text\n")
    shop.commit()
    for file in (shop.root / "acme").glob("*.yaml"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


def listed_otherwise(shop: Shop) -> None:
    """Another content in the index only; the file is HEAD's."""
    dearer(shop)
    git(shop.root, "add", "--all")
    shop.edit(CATALOG, DEARER, FEES)


def in_other_files(shop: Shop) -> None:
    (shop.root / "notes.txt").write_text("to do\n")
    (shop.root / ".hidden").mkdir()
    (shop.root / ".hidden" / "role.yaml").write_text(MORE)


SAME = [converted_at_checkout, converted_by_attributes, filtered, under_an_odd_name, listed_otherwise, in_other_files]


@pytest.mark.parametrize("change", SAME)
def test_what_git_would_commit_the_same_is_committed(shop: Shop, change: Callable[[Shop], None]) -> None:
    change(shop)
    planned = shop.run("plan --format json")
    assert (planned.status, planned.err) == (0, "")
    assert not json.loads(planned.out)["source"]["dirty"]
    assert shop.run("apply --auto-approve").status == 0


@pytest.mark.parametrize("name", [":(top)x", "-x", ":!x", "*", "a b", os.fsdecode(b"\xff")])
@pytest.mark.parametrize("below", [True, False], ids=["below", "whole"])
def test_a_workspace_of_any_name(_fresh: Shop, tmp_path: Path, name: str, below: bool) -> None:
    """A folder of the repository, and the repository itself."""
    root = tmp_path / name
    copytree(_fresh.root, root)
    if below:
        (root / ".git").rename(tmp_path / ".git")
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "--message", "moved")
    shop = Shop(root)
    assert not is_dirty(shop)
    data = json.loads(shop.run("plan --format json").out)
    assert data == {**json.loads(shop.run("plan --ref HEAD --format json").out), "timestamp": data["timestamp"]}
    declared = data["resource_changes"][0]["declared_at"]
    assert declared["commit"] == git(root, "rev-list", "--max-parents=0", "HEAD")
    dearer(shop)
    assert is_dirty(shop)
    assert not is_dirty(shop, "--ref HEAD")


def test_what_is_applied_all_the_same_is_recorded_as_dirty(shop: Shop) -> None:
    dearer(shop)
    head = git(shop.root, "rev-parse", "HEAD")
    applied = shop.run("apply --auto-approve --allow-dirty")
    assert (applied.status, f"Uncommitted changes: {CATALOG}\n" in applied.err) == (0, True)
    assert f"by ann  commit {head[:10]}+dirty  plan" in shop.run("history one").out
    recorded = shop.run("history one --format json").out
    assert f'"commit": "{head}+dirty"' in recorded
    line = next(each for each in shop.run("status").out.splitlines() if each.startswith("one "))
    assert f"{head[:10]}+dirty" in line
    page = shop.run("plan --format html").out
    assert f"<code>{head}</code> <b>with changes that are not committed</b>" in page


def test_somebody_who_is_asked_may_approve_it(shop: Shop) -> None:
    dearer(shop)
    asked = shop.run("apply", stdin="yes\n")
    assert (asked.status, asked.closing) == (0, "Apply complete: 0 added, 1 changed, 0 destroyed.")
    assert asked.err.index("Uncommitted changes: ") < asked.err.index("Only `yes` is accepted")
    assert "+dirty" in shop.run("history one").out


def test_a_saved_plan_stays_dirty(shop: Shop) -> None:
    dearer(shop)
    head = git(shop.root, "rev-parse", "HEAD")
    shop.run("plan --out p.plan")
    shop.commit()
    words = f"Uncommitted changes: the plan was made from documents that are not in commit {head[:10]}\n"
    assert words in shop.run("show p.plan").err
    refused = shop.run("apply p.plan --auto-approve")
    assert (refused.status, refused.out) == (1, "")
    assert "the plan was made from uncommitted changes" in refused.err
    applied = shop.run("apply p.plan --auto-approve --allow-dirty")
    assert (applied.status, words in applied.err) == (0, True)
    assert f"commit {head[:10]}+dirty" in shop.run("history one").out


def test_a_saved_plan_of_a_commit_is_not_made_dirty_by_what_came_after(shop: Shop) -> None:
    dearer(shop)
    head = shop.commit()
    shop.run("plan --out p.plan")
    shop.edit(CATALOG, DEARER, FEES)
    assert shop.run("apply p.plan --auto-approve").status == 0
    assert f"commit {head[:10]}  plan" in shop.run("history one").out


def test_without_a_commit_all_is_uncommitted(fresh: Shop) -> None:
    git(fresh.root, "update-ref", "-d", "HEAD")
    planned = fresh.run("plan --format json")
    source = json.loads(planned.out)["source"]
    assert (source["commit"], source["dirty"]) == (None, True)
    assert planned.err == (
        "Uncommitted changes: acme/catalog.yaml (new), acme/provider.yaml (new), acme/resellers/one.yaml (new), "
        "acme/resellers/two.yaml (new), reconcile.yaml (new)\n"
    )
    assert fresh.run("apply --auto-approve").status == 1
    assert fresh.run("apply --auto-approve --allow-dirty").status == 0
    assert "no commit" in fresh.run("history one").out


def test_outside_git_nothing_is_said_or_refused(_fresh: Shop, tmp_path: Path) -> None:
    copytree(_fresh.root, tmp_path / "shop")
    (tmp_path / "shop" / ".git").rename(tmp_path / "away")
    shop = Shop(tmp_path / "shop")
    planned = shop.run("plan --format json")
    assert (json.loads(planned.out)["source"]["dirty"], planned.err) == (False, "")
    applied = shop.run("apply --auto-approve")
    assert (applied.status, applied.err) == (0, "")


def test_of_many_files_the_first_are_named(shop: Shop) -> None:
    for number in range(9):
        (shop.root / "acme" / f"role-{number}.yaml").write_text(MORE.replace("clerk", f"clerk-{number}"))
    assert "acme/role-4.yaml (new), and 4 more\n" in shop.run("plan").err


def test_a_plan_that_is_known_is_compared_too(shop: Shop) -> None:
    """The documents say the same, so that the plan without changes could be found again."""
    assert not is_dirty(shop)
    shop.catalog.write_text(shop.catalog.read_text() + "\n")
    for _ in range(2):
        planned = shop.run("plan --format json")
        assert json.loads(planned.out)["source"]["dirty"]
        assert planned.err == f"Uncommitted changes: {CATALOG}\n"
    shop.commit()
    assert not is_dirty(shop)


def test_a_hooks_environment_is_not_followed(shop: Shop, tmp_path: Path) -> None:
    """In a hook, git says by variables which repository it is in: that is another one's."""
    git(tmp_path, "init", "--quiet", "other")
    (tmp_path / "other" / "x").write_text("x")
    git(tmp_path / "other", "add", "x")
    git(tmp_path / "other", "commit", "--quiet", "--message", "x")
    other = str(tmp_path / "other" / ".git")
    planned = shop.run("plan --format json", env={"GIT_DIR": other, "GIT_INDEX_FILE": f"{other}/index"})
    source = json.loads(planned.out)["source"]
    assert (source["commit"], source["dirty"]) == (git(shop.root, "rev-parse", "HEAD"), False)


def test_a_replaced_commit_is_not_what_its_id_stands_for(shop: Shop) -> None:
    before = git(shop.root, "rev-parse", "HEAD")
    dearer(shop)
    after = shop.commit()
    git(shop.root, "reset", "--quiet", "--soft", before)
    git(shop.root, "replace", before, after)
    assert git(shop.root, "status", "--porcelain") == "", "git itself takes the one for the other"
    assert is_dirty(shop)
