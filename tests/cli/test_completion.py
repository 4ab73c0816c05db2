"""Completion in the shell, by click's own protocol: what is offered, and that nothing else happens."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.usage import parameters
from tests.cli.runner import Shop, run
from tests.cli.test_start import HEAVY, IMPORTED


def offered(line: str, folder: Path, shell: str = "bash") -> list[str]:
    """What a shell would offer at the end of a command line: the protocol is in environment variables."""
    typed = line.rpartition(" ")[2]
    number = typed if shell == "fish" else str(len(line.split(" ")) - 1)
    env = {"_RECONCILE_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": number}
    done = run("", folder, env=env)
    assert (done.status, done.err) == (0, ""), line
    return _values(done.out, shell)


def _values(text: str, shell: str) -> list[str]:
    lines = text.splitlines()
    if shell == "zsh":  # a type, a value and a help text, each on a line
        return lines[1::3]
    return [each.partition(",")[2].partition("\t")[0] for each in lines if each]


OFFERED = {
    "reconcile pla": ["plan", "plans"],
    "reconcile tenant rel": ["release"],
    "reconcile help tenant ex": ["export"],
    "reconcile plan --ten": ["--tenant"],
    "reconcile tenant export --as": ["--as-catalog"],
    "reconcile plan --format ht": ["html"],
    "reconcile plan -o mark": ["markdown"],
    "reconcile plan ": ["acme", "one", "two"],
    "reconcile plan one t": ["two"],
    "reconcile plan --tenant o": ["one"],
    "reconcile tenant show a": ["acme"],
    "reconcile -C . history tw": ["two"],
    "reconcile history -C . tw": ["two"],
    "reconcile explain one plan": ["plan/mail-basic", "plan_category/mail"],
    "reconcile explain one one/pr": ["one/product/mail", "one/product_category/productivity"],
    "reconcile explain one ten": ["tenant/one"],
    "reconcile explain nobody ": [],
    "reconcile explain one plan/mail-basic#periods.P1M": [
        "plan/mail-basic#periods.P1M",
        "plan/mail-basic#periods.P1M.fees",
        "plan/mail-basic#periods.P1M.fees.recurring",
    ],
    "reconcile explain one one/plan/mail-basic#periods.P1M.fees.": ["one/plan/mail-basic#periods.P1M.fees.recurring"],
    "reconcile explain one plan/nothing#": [],
    "reconcile tenant release two product/": ["product/mail"],
    "reconcile explain one --enable resources.r": ["resources.remove_obsolete"],
    "reconcile plan --allow max_d": ["max_deletes:*"],
    "reconcile plan --allow max_deletes:t": ["max_deletes:two"],
    "reconcile subscription act one sub-1 change": ["change_add_on", "change_quantity", "change_unit"],
    "reconcile completion ": ["bash", "zsh", "fish"],
    "reconcile plan --now ": [],
}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_offered(fresh: Shop, shell: str) -> None:
    for line, expected in OFFERED.items():
        assert offered(line, fresh.root, shell) == expected, line
    for line in ("reconcile show ", "reconcile plan --out "):
        assert run_types(line, fresh.root) == ["file"]
    assert run_types("reconcile init ", fresh.root) == ["dir"]


def run_types(line: str, folder: Path) -> list[str]:
    """What kind of names the shell itself is asked to complete."""
    env = {"_RECONCILE_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    return [each.partition(",")[0] for each in run("", folder, env=env).out.splitlines()]


def test_every_option_of_every_command_is_offered(tmp_path: Path) -> None:
    for name, found in parameters.described()["commands"].items():
        flags = {flag for each in found["parameters"] for flag in each["names"] if flag.startswith("--")}
        assert set(offered(f"reconcile {name} --", tmp_path)) == flags | {"--help"}


def test_the_parameters_are_those_of_the_commands() -> None:
    kept = Path(parameters.__file__).with_name(parameters.FILE).read_text("utf-8")
    assert kept == parameters.text(), "run: make docs"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_clicks(tmp_path: Path, shell: str) -> None:
    done = run(f"completion {shell}", tmp_path)
    assert (done.status, done.err) == (0, "")
    assert f"_RECONCILE_COMPLETE={shell}_complete" in done.out
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=done.out, text=True, check=True).returncode == 0


def test_it_writes_nothing_and_imports_nothing_heavy(fresh: Shop, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    before = sorted(fresh.root.rglob("*"))
    env = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "home" / "cache"),
        "_RECONCILE_COMPLETE": "bash_complete",
        "COMP_WORDS": "reconcile explain one plan/",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=fresh.root, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "plain,plan/mail-basic\n"
    assert set(done.stderr.split()) & HEAVY == set()
    assert sorted(fresh.root.rglob("*")) == before
    assert list((tmp_path / "home").iterdir()) == []


def test_a_workspace_that_cannot_be_read_offers_what_it_can(fresh: Shop, tmp_path: Path) -> None:
    broken = fresh.root / "acme" / "broken"
    broken.mkdir()
    (broken / "a.yaml").write_text("kind: [\n  *x: {{{\n\tkey: y", "utf-8")
    (broken / "b.yaml").write_bytes(b"\xff\xfe\x00kind: Plan\nkey: x")
    (broken / "c.yaml").mkdir()
    (broken / "d.yaml").symlink_to("nowhere")
    (broken / "e.yaml").write_text("kind: SyncPolicy\nreseller: three\nupstream: [\n", "utf-8")
    os.mkfifo(broken / "f.yaml")
    assert offered("reconcile plan ", fresh.root) == ["acme", "one", "three", "two"]
    assert offered("reconcile explain one plan/mail-basic#na", fresh.root) == ["plan/mail-basic#name"]
    assert offered("reconcile plan ", tmp_path) == []
    assert offered("reconcile -C nowhere plan ", fresh.root) == []
    (fresh.root / "reconcile.yaml").write_text("\0", "utf-8")
    assert "one" in offered("reconcile plan ", fresh.root)


@pytest.mark.parametrize("instruction", ["", "bash", "bash_nothing", "tcsh_complete", "_", "\udcff"])
def test_an_instruction_that_is_none_says_nothing(tmp_path: Path, instruction: str) -> None:
    done = run("--version", tmp_path, env={"_RECONCILE_COMPLETE": instruction})
    assert done.err == ""
    assert done.out == ("reconcile, version 0.1.0\n" if instruction == "" else "")


def test_a_thousand_tenants_are_offered(fresh: Shop) -> None:
    policies = (f"kind: SyncPolicy\nreseller: r-{number:04}\nupstream: acme\n" for number in range(1000))
    (fresh.root / "acme" / "many.yaml").write_text("---\n".join(policies), "utf-8")
    assert len(offered("reconcile plan r-", fresh.root)) == 1000
    assert offered("reconcile explain r-0999 plan/", fresh.root) == ["plan/mail-basic"]
