"""Usage: misspellings, where the workspace is found, the options that every command has, and exit statuses."""

from pathlib import Path

import pytest

from tests.cli.runner import Shop, run
from tests.cli.test_documented import LEAVES

EVERY = (
    "validate",
    "plan",
    "apply",
    "status",
    "history",
    "plans",
    "tenant list",
    "tenant show one",
    "tenant export one",
    "explain one plan/mail-basic",
)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("valdate", 'Unknown command "valdate". Did you mean "validate"?'),
        ("frobnicate", 'Unknown command "frobnicate".'),
        ("tenant shw", 'Unknown command "shw". Did you mean "show"?'),
        ("plan --tennant one", "Did you mean '--tenant'?"),
        ("plan --format jsn", "is not one of 'text', 'json', 'markdown', 'html', 'csv'. Did you mean 'json'?"),
        ("completion bsh", "Did you mean 'bash'?"),
        ("subscription list one --status actve", "Did you mean 'active'?"),
        ("explain one two/plan/mail-basic", '"two/plan/mail-basic" is an address of two, not of one: give two as'),
        ("plan --format xml", "'xml' is not one of 'text', 'json', 'markdown', 'html'"),
        ("plan --now tomorrow", "is not a date or time in ISO 8601, such as 2026-12-01"),
        ("plan --now 0001-01-01T00:00:00+14:00", "is not a date or time in ISO 8601"),
        ("history one two", "Got unexpected extra argument (two)"),
        ("apply one", "no plan file one, but a tenant has this name: did you mean --tenant one?"),
        ("apply 'on*'", "no plan file on*, but a tenant has this name: did you mean --tenant on*?"),
        ("plan --out .", "is a directory"),
        ("explain one", "give an address, or --enable and --disable"),
        ("show", "Missing argument 'PLAN'"),
        ("tenant import", "Missing argument 'TENANT'"),
    ],
)
def test_a_wrong_usage_is_an_error_like_any_other(fresh: Shop, command: str, message: str) -> None:
    done = run(command, fresh.root)
    assert (done.status, done.out) == (1, "")
    assert message in done.err
    assert done.err.startswith("Error: ")
    assert "\nUsage: reconcile" in done.err
    assert done.err.endswith("--help'.\n")


@pytest.mark.parametrize("command", ["", "tenant"])
def test_no_command_shows_the_help_and_fails(fresh: Shop, command: str) -> None:
    done = run(command, fresh.root)
    assert (done.status, done.out) == (1, "")
    assert "Usage: reconcile" in done.err


@pytest.mark.parametrize("columns", [40, 59, 60, 100])
def test_help_fits_a_narrow_terminal(tmp_path: Path, columns: int) -> None:
    for name in ("", *LEAVES):
        text = run(f"{name} --help", tmp_path, env={"COLUMNS": str(columns)}).out
        prose = text.partition("\nExamples:")[0].splitlines()[1:]
        named = ("  -", "Usage: ")  # an option and what it takes is not broken
        assert [line for line in prose if len(line) > columns and not line.startswith(named)] == [], name
        assert "Examples:" in text


def test_a_misspelt_group_of_options_names_the_nearest(fresh: Shop) -> None:
    done = fresh.run("explain one --enable plan")
    assert done.err == 'Error: there is no option "plan": did you mean "plans"?\n'


@pytest.mark.parametrize("command", ["--help", "-h", "plan --help", "tenant --help", "tenant import -h"])
def test_help_is_a_result(fresh: Shop, command: str) -> None:
    done = run(command, fresh.root)
    assert (done.status, done.err) == (0, "")
    assert "Usage: reconcile" in done.out
    assert "\x1b" not in done.out


def test_version(tmp_path: Path) -> None:
    assert run("--version", tmp_path).out.startswith("reconcile, version ")


@pytest.mark.parametrize("command", EVERY)
def test_the_workspace_is_named_before_or_after_the_command_or_in_the_environment(shop: Shop, command: str) -> None:
    away = shop.root.parent
    here = shop.run(command)
    name, _, rest = command.partition(" ")
    now = "--now 2026-12-01T08:00:00Z"
    assert run(f"-C shop {command} {now}", away) == here
    assert run(f"{command} -C shop {now}", away) == here
    assert run(f"{command} {now}", away, env={"RECONCILE_WORKSPACE": "shop"}) == here
    assert run(f"{command} {now}", shop.root / "acme" / "resellers") == here
    if name == "tenant":
        assert run(f"{name} -C shop {rest} {now}", away) == here
    assert here.status == 0


def test_the_workspace_of_a_repository_is_its_catalogs_folder(fresh: Shop, tmp_path: Path) -> None:
    (tmp_path / "repo" / "docs").mkdir(parents=True)
    fresh.root.rename(tmp_path / "repo" / "catalogs")
    for folder in ("repo", "repo/docs", "repo/catalogs/acme"):
        assert run("validate", tmp_path / folder).out == "Valid: 10 documents, 2 policies.\n"
    assert run("-C repo validate", tmp_path).status == 0


@pytest.mark.parametrize("command", EVERY)
def test_without_a_workspace_every_command_says_so(tmp_path: Path, command: str) -> None:
    done = run(command, tmp_path)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("Error: no reconcile.yaml or catalogs/reconcile.yaml here or above")
    named = run(f"{command} -C nowhere", tmp_path)
    assert named.err.startswith("Error: nowhere is not a workspace: the directory does not exist")
    told = run(command, tmp_path, env={"RECONCILE_WORKSPACE": "nowhere"})
    assert told.err.startswith("Error: nowhere (from RECONCILE_WORKSPACE) is not a workspace")


@pytest.mark.parametrize(
    ("store", "code"),
    [
        ("sqlite://two.db", "bad-store"),
        ("foo://x", "bad-store"),
        ("postgresql://ann:secret@db/x", "bad-store"),
        ("https://bss.example/api", "bad-store"),
        ("http://bss.example/api", "bad-store"),
        ("sqlite:///two.db?mode=ro", "bad-store"),
        ("sqlite:///two.db?", "bad-store"),
        ("'sqlite:///two.db#old'", "bad-store"),
        ("''", "bad-store"),
    ],
)
def test_a_store_that_cannot_be_is_a_problem_of_its_line(shop: Shop, store: str, code: str) -> None:
    with (shop.root / "acme/resellers/two.yaml").open("a", encoding="utf-8") as file:
        file.write(f"store: {store}\n")
    for command, stream in (("validate", "out"), ("plan", "err"), ("tenant list", "err")):
        done = shop.run(command)
        assert done.status == 1
        text: str = getattr(done, stream)
        assert text.startswith(f"acme/resellers/two.yaml:9:8: error {code}: ")


@pytest.mark.parametrize("command", ["plan", "status"])
def test_tenants_are_chosen_by_arguments_as_by_the_option(shop: Shop, command: str) -> None:
    shop.reprice()
    for chosen in ("one", "'o*'", "one two"):
        options = " ".join(f"--tenant {each}" for each in chosen.split())
        assert shop.run(f"{command} {chosen}") == shop.run(f"{command} {options}")
    assert (
        shop.run(f"{command} one --tenant two")
        == shop.run(f"{command} two one")
        == shop.run(f"{command} --tenant '*o*'")
    )
    misspelt = shop.run(f"{command} onee")
    assert (misspelt.status, misspelt.out) == (1, "")
    assert misspelt.err.splitlines()[-1] == 'Error: no tenant is called "onee": did you mean "one"?'


def test_apply_takes_a_plan_file_only(shop: Shop) -> None:
    """Whatever it is called; and what is neither a file nor a tenant is a file that is not there."""
    shop.reprice()
    assert shop.run("apply nothing").err == "Error: nothing: No such file or directory\n"
    assert shop.run("plan one --out one").status == 0
    assert shop.run("apply one").out == "Apply complete: 0 added, 1 changed, 0 destroyed.\n"
