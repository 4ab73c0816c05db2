"""`ignore:` in `reconcile.yaml`: files of other programs beside the workspace, wherever it is read from."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.runner import NOW, Shop, git, run

FOREIGN = {
    "docker-compose.yml": "x-common: &common\n  restart: always\nservices:\n  db: {<<: *common, image: postgres}\n",
    "mkdocs.yml": "site_name: x\nmarkdown_extensions:\n  - emoji: {index: !!python/name:material.twemoji}\n",
    "chart/templates/deploy.yaml": "apiVersion: v1\nkind: Role\nmetadata:\n  name: {{ .Values.name }}\n",
    "chart/values.yaml": "image:\n  tag: 1.0\n",
    "k8s.yaml": "kind: Subscription\napiVersion: v1\n---\nkind: Service\napiVersion: v1\n",
    "kustomization.yaml": "kind: Kustomization\nresources: [k8s.yaml]\n",
    "play book [1].yaml": "- hosts: all\n",
    "acme/compose #2.yml": "services: {}\nservices: {}\n",
    "two.yaml": "a: 1\n---\nb: 2\n",
    "text.yml": "nothing but text\n",
    "utf16.yaml": "a: ä\n",
}
"""Files of other programs: what they hold, by name."""
LINE = re.compile(r"add it to `ignore:` in reconcile\.yaml: (- .+?)(?:; otherwise: .*)?$", re.MULTILINE)


def add(shop: Shop, name: str, text: str = "services: {}\n") -> None:
    path = shop.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-16" if name == "utf16.yaml" else "utf-8")


def ignore(shop: Shop, *lines: str) -> None:
    file = shop.root / "reconcile.yaml"
    head = file.read_text("utf-8").partition("ignore:")[0]
    file.write_text(head + "ignore:\n" + "".join(f"  {line}\n" for line in lines), "utf-8")


def problems(shop: Shop, options: str = "") -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(shop.run(f"validate --format json {options}").out)["problems"]
    return found


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_program_is_one_error_with_the_line_that_ignores_it(fresh: Shop, name: str) -> None:
    add(fresh, name, FOREIGN[name])
    found = fresh.run("validate")
    assert found.status == 1
    assert found.out.count(": error ") == found.out.count("not a document of this product") == 1
    (line,) = LINE.findall(found.out)
    ignore(fresh, line)
    again = fresh.run("validate")
    assert (again.status, again.out) == (0, "Valid: 10 documents, 2 policies.\n"), again.out
    assert again.err == f"Ignored: 1 file ({name}), by `ignore:` in reconcile.yaml.\n"
    add(fresh, f"acme/{Path(name).name}.x.yaml")
    assert fresh.run("validate").status == 1, "the line ignores that file and no other"


def test_all_of_them_beside_the_workspace(fresh: Shop) -> None:
    for name, text in FOREIGN.items():
        add(fresh, name, text)
    listed = LINE.findall(fresh.run("validate").out)
    assert len(listed) == len(FOREIGN)
    ignore(fresh, *listed)
    assert json.loads(fresh.run("validate --format json").out) == {
        "format_version": "1.0",
        "valid": True,
        "problems": [],
        "ignored": sorted(FOREIGN),
    }
    github = fresh.run("validate --format github")
    assert (github.out, github.err[:17]) == ("", "Ignored: 11 files")
    assert fresh.run("plan").closing == "Plan: 16 to add, 0 to change, 0 to destroy."


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("kind: Plann\nkey: x\n", "unknown-kind"),
        ("kind: Customer\nkey: x\n", "unknown-kind"),
        ("kind: Role\nkey: [\n", "yaml-syntax"),
        ("kind: ServiceTerm\nkey: x\nkey: y\nname: X\n", "yaml-duplicate"),
        ("a: 1\n---\nkind: Role\nkey: x\nname: X\nprivileges: []\n", "document-shape"),
    ],
)
def test_a_document_of_ours_that_is_wrong_is_not_to_be_ignored(fresh: Shop, text: str, code: str) -> None:
    add(fresh, "acme/more.yaml", text)
    found = [each for each in problems(fresh) if each["severity"] == "error"]
    assert [(each["code"], LINE.search(each["hint"])) for each in found] == [(code, None)]


def test_the_workspaces_own_file_is_never_ignored(fresh: Shop) -> None:
    ignore(fresh, "- '*'", "- '!acme/'", "- '!acme/**'")
    assert fresh.run("validate").out == "Valid: 10 documents, 2 policies.\n"
    (fresh.root / "reconcile.yaml").write_text("version: 1\n")
    (found,) = [each for each in problems(fresh) if each["severity"] == "error"]
    assert (found["code"], LINE.search(found["hint"])) == ("document-shape", None)


def test_what_an_unfinished_workspace_file_says_of_ignored_files_holds(fresh: Shop) -> None:
    add(fresh, "docker-compose.yml")
    (fresh.root / "reconcile.yaml").write_text("kind: Workspace\nversion: 1\nstor: x\nignore: [docker-compose.yml]\n")
    assert [each["code"] for each in problems(fresh)] == ["unknown-field"]


@pytest.mark.parametrize(
    ("given", "summary"),
    [
        ("docker-compose.yml", 'ignore: expected a list of patterns, found "docker-compose.yml"'),
        ("[1]", "ignore.0: expected a string, found 1"),
        ('[a, " "]', 'ignore.1: the pattern " " names no file'),
        ('["!"]', 'ignore.0: the pattern "!" names no file'),
        ("['#x']", 'ignore.0: the pattern "#x" is a comment: a leading # is written \\#'),
        (r"['x\']", r'ignore.0: the pattern "x\" ends in a backslash that escapes nothing'),
        ('["a\\nb"]', 'ignore.0: the pattern "a\\u000ab" contains a control character'),
        ("['[[:alpha:]].yaml']", 'ignore.0: the pattern "[[:alpha:]].yaml" is not supported here'),
    ],
)
def test_a_pattern_that_can_match_nothing_is_an_error(fresh: Shop, given: str, summary: str) -> None:
    (fresh.root / "reconcile.yaml").write_text(f"kind: Workspace\nversion: 1\nignore: {given}\n")
    (found,) = problems(fresh)
    assert (f"{found['file']}:{found['line']}", found["summary"]) == ("reconcile.yaml:3", summary)


def test_hidden_files_and_patterns_without_a_file_are_silent(fresh: Shop) -> None:
    add(fresh, ".github/workflows/plan.yml")
    add(fresh, ".gitlab-ci.yml")
    ignore(fresh, "- node_modules/")
    found = fresh.run("validate")
    assert (found.out, found.err) == ("Valid: 10 documents, 2 policies.\n", "")


def test_a_commit_is_read_with_its_own_patterns(fresh: Shop) -> None:
    add(fresh, "docker-compose.yml")
    bare = fresh.commit()
    ignore(fresh, "- docker-compose.yml")
    fresh.commit()
    assert fresh.run(f"validate --ref {bare}").status == 1
    found = fresh.run("validate --ref HEAD")
    assert (found.status, found.err[:15]) == (0, "Ignored: 1 file")
    (fresh.root / "reconcile.yaml").write_text("kind: Workspace\nversion: 1\n")
    assert fresh.run("validate --ref HEAD").status == 0
    assert fresh.run("plan --ref HEAD").status == 0


def test_a_document_that_is_needed_and_ignored_is_named_with_its_file(shop: Shop) -> None:
    role = "kind: Role\nkey: clerk\nname: Clerk\nprivileges: []\n"
    add(shop, "acme/roles.yaml", role)
    shop.edit("acme/provider.yaml", "delegated_plans:", "roles: [clerk]\ndelegated_plans:")
    shop.commit()
    ignore(shop, "- roles.yaml")
    (found,) = problems(shop)
    assert (found["code"], found["hint"]) == (
        "missing-reference",
        "acme/roles.yaml has it, which `ignore:` in reconcile.yaml leaves out",
    )
    assert found["hint"] in shop.run("plan").err + shop.run("plan").out
    shop.commit()
    assert problems(shop, "--ref HEAD")[0]["hint"] == found["hint"]
    ignore(shop, "- acme/resellers/one.yaml")
    shop.edit("acme/resellers/two.yaml", "upstream: acme", "upstream: one")
    assert problems(shop)[0]["hint"].startswith("acme/resellers/one.yaml has it, ")


def test_only_the_patterns_are_uncommitted_where_they_differ(fresh: Shop) -> None:
    add(fresh, "docker-compose.yml")
    ignore(fresh, "- docker-compose.yml")
    assert fresh.run("plan").err == "Uncommitted changes: reconcile.yaml\n", "what is ignored is not compared"
    fresh.commit()
    add(fresh, "docker-compose.yml", "services: {db: {}}\n")
    assert fresh.run("plan").err == ""
    ignore(fresh, "- docker-compose.yml", "- acme/resellers/two.yaml")
    assert fresh.run("plan").err == "Uncommitted changes: reconcile.yaml\n"


def test_a_cached_plan_notices_another_pattern(shop: Shop, tmp_path: Path) -> None:
    env = {"RECONCILE_CACHE": str(tmp_path / "cache")}
    for _ in range(2):
        assert "No changes." in shop.run("plan", env=env).out
    ignore(shop, "- acme/resellers/two.yaml")
    data = json.loads(shop.run("plan --format json", env=env).out)
    assert {each["tenant"] for each in data["tenants"]} == {"one"}
    add(shop, "docker-compose.yml")
    assert shop.run("plan", env=env).status == 1
    ignore(shop, "- docker-compose.yml")
    assert "No changes." in shop.run("plan", env=env).out


def test_a_link_to_what_is_ignored_is_read_where_it_stands(fresh: Shop) -> None:
    """In a checkout and in a commit alike; an ignored link is not looked at."""
    add(fresh, "vendor/role.yaml", "kind: Role\nkey: clerk\nname: Clerk\nprivileges: []\n")
    (fresh.root / "acme" / "role.yaml").symlink_to("../vendor/role.yaml")
    (fresh.root / "old").symlink_to("/nowhere")
    (fresh.root / "old.yaml").symlink_to("/nowhere")
    assert {each["code"] for each in problems(fresh)} == {"not-checked", "link-outside"}
    ignore(fresh, "- vendor/", "- /old", "- /old.yaml")
    fresh.commit()
    for options in ("", "--ref HEAD"):
        assert fresh.run(f"validate {options}").out == "Valid: 11 documents, 2 policies.\n"
    assert fresh.run("plan").err == ""


def test_a_submodule_may_be_ignored(fresh: Shop, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    git(parts, "init", "--quiet", "--initial-branch=main")
    (parts / "compose.yaml").write_text("services: {}\n")
    git(parts, "add", "--all")
    git(parts, "commit", "--quiet", "--message", "parts")
    git(fresh.root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(parts), "parts")
    fresh.commit()
    assert fresh.run("validate").status == 1
    ignore(fresh, "- parts/compose.yaml")
    fresh.commit()
    assert [fresh.run(f"validate {ref}").status for ref in ("", "--ref HEAD")] == [0, 0]
    ignore(fresh, "- parts/")
    fresh.commit()
    git(fresh.root, "submodule", "--quiet", "deinit", "--force", "parts")
    assert [fresh.run(f"validate {ref}").status for ref in ("", "--ref HEAD")] == [0, 0]
    assert fresh.run("plan").err == ""


def test_a_sparse_checkout_may_leave_out_what_is_ignored(fresh: Shop) -> None:
    add(fresh, "deploy/compose.yaml")
    ignore(fresh, "- deploy/")
    fresh.commit()
    git(fresh.root, "sparse-checkout", "set", "--no-cone", "/*", "!/deploy/")
    assert fresh.run("validate").status == 0
    assert fresh.run("plan").err == ""


def test_a_file_that_is_written_where_it_is_ignored_needs_no_remark(fresh: Shop) -> None:
    assert "every *.yaml file is read" in fresh.run("plan --out round.yaml").err
    ignore(fresh, "- round.yaml")
    again = fresh.run("plan --out round.yaml")
    assert (again.status, "every *.yaml file is read" in again.err) == (0, False)


def test_a_workspace_below_a_repository_has_patterns_of_its_own(fresh: Shop, tmp_path: Path) -> None:
    """They are relative to the workspace, not to the repository."""
    outer = tmp_path / "outer"
    outer.mkdir()
    fresh.root.rename(outer / "catalogs")
    (outer / "catalogs" / ".git").rename(outer / ".git")
    shop = Shop(outer / "catalogs")
    add(shop, "mkdocs.yml")
    ignore(shop, "- /mkdocs.yml")
    shop.commit()
    for options in ("", "--ref HEAD"):
        assert run(f"validate {options} --now {NOW}", outer).out == "Valid: 10 documents, 2 policies.\n"
