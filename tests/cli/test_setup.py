"""`init`, `validate` and `schema`."""

import json
from pathlib import Path

from reconciler.core.schemadocs.schemas import SCHEMAS
from tests.cli.runner import Shop, run


def next_commands(*first: str) -> str:
    """What `init` says to type next."""
    lines = [*first, 'git commit -m "Start the catalog"', "reconcile validate", "reconcile plan", "reconcile apply"]
    return "".join(f"  {line}\n" for line in lines)


def test_init_makes_a_workspace_that_plans(tmp_path: Path) -> None:
    made = run("init shop --now 2026-12-01", tmp_path)
    assert (made.status, made.out) == (0, "")
    assert "  + shop/reconcile.yaml\n" in made.err
    assert run("-C shop plan", tmp_path).closing == "Plan: 16 to add, 0 to change, 0 to destroy."


def test_init_here(tmp_path: Path) -> None:
    assert run("init", tmp_path).err.endswith("\nNext:\n" + next_commands("git init", "git add ."))
    assert run("validate", tmp_path).out == "Valid: 10 documents, 2 policies.\n"
    made = run("-C there init", tmp_path)
    assert f"\nNote: there is inside the workspace {tmp_path}, which reads its documents too" in made.err
    assert made.err.endswith("\nNext:\n" + next_commands("cd there", "git init", "git add ."))


def test_init_writes_over_nothing(tmp_path: Path) -> None:
    (tmp_path / "reconcile.yaml").write_text("mine\n")
    done = run("init", tmp_path)
    assert (done.status, done.err) == (1, "Error: nothing was written: reconcile.yaml already exists\n")
    assert [path.name for path in tmp_path.iterdir()] == ["reconcile.yaml"]


def test_schema_writes_the_schemas(tmp_path: Path) -> None:
    done = run("schema", tmp_path)
    assert (done.status, done.out) == (0, "")
    assert done.err == "".join(f"  + schemas/{name}\n" for name in sorted(SCHEMAS))
    assert run("schema elsewhere --now 2026-12-01", tmp_path).status == 0
    for name in SCHEMAS:
        written = (tmp_path / "elsewhere" / name).read_bytes()
        assert json.loads(written)["$schema"]
        assert written == (tmp_path / "schemas" / name).read_bytes()


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in ("schema file", "init file", "schema file/x", "init file/x"):
        done = run(command, tmp_path)
        assert (done.status, done.out) == (1, "")
        assert done.err.startswith("Error: ")


def test_validate_says_everything_at_once_in_three_ways(shop: Shop) -> None:
    shop.edit("acme/catalog.yaml", "name: Mail\n", "naem: Mail\n")
    shop.edit("acme/resellers/one.yaml", "upstream: acme", "upstream: acne")
    text = shop.run("validate")
    assert text.status == 1
    assert "acme/catalog.yaml:9:1: error unknown-field: " in text.out
    assert "acme/resellers/one.yaml:5:11: error unknown-tenant: " in text.out
    assert text.closing == "2 errors."
    found = json.loads(shop.run("validate --format json").out)
    assert (found["valid"], len(found["problems"])) == (False, 2)
    assert {(each["file"], each["line"], each["column"]) for each in found["problems"]} == {
        ("acme/catalog.yaml", 9, 1),
        ("acme/resellers/one.yaml", 5, 11),
    }
    github = shop.run("validate --format github")
    assert (github.status, github.out.count("::error file=acme/")) == (1, 2)
    assert shop.run("validate --ref HEAD").out == "Valid: 10 documents, 2 policies.\n"


def test_valid_is_said_in_three_ways(shop: Shop) -> None:
    assert shop.run("validate").out == "Valid: 10 documents, 2 policies.\n"
    assert json.loads(shop.run("validate --format json").out) == {
        "format_version": "1.0",
        "valid": True,
        "problems": [],
    }
    assert shop.run("validate --format github").out == ""


def test_annotations_name_files_from_the_repository(fresh: Shop, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    fresh.root.rename(outer / "catalogs")
    (outer / "catalogs" / ".git").rename(outer / ".git")
    shop = Shop(outer)
    shop.edit("catalogs/acme/catalog.yaml", "name: Mail\n", "naem: Mail\n")
    assert "::error file=catalogs/acme/catalog.yaml,line=9,col=1," in shop.run("validate --format github").out


def test_outside_git_there_is_no_provenance_and_all_else_works(tmp_path: Path) -> None:
    run("init", tmp_path)
    applied = run("apply --auto-approve", tmp_path)
    assert applied.closing == "Apply complete: 16 added, 0 changed, 0 destroyed."
    assert "  no commit  " in run("history", tmp_path).out
    assert json.loads(run("plan --format json", tmp_path).out)["source"]["commit"] is None
    done = run("plan --ref HEAD", tmp_path)
    assert (done.status, done.out) == (1, "")
    assert "is not in a git repository" in done.err
