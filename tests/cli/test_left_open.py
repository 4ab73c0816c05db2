"""No command leaves anything open: no descriptor, no child process, no folder. So `watch` can run for ever."""

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from reconciler.cli.main import COMMANDS as COMMANDS_OF_CLICK
from reconciler.cli.main import command as command_of
from tests.cli.runner import NOW, Shop, git

HERE = str(Path(__file__).parents[2])
DESCRIPTORS = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")
COMMANDS = [
    "validate",
    "validate --ref HEAD",
    "plan",
    "plan --verify",
    "plan --ref HEAD",
    "plan --base HEAD~1",
    "plan --tenant nobody",
    "plan --ref nowhere",
    "plan --out p.plan",
    "show p.plan",
    "plan --inverse p.plan",
    "apply --auto-approve --allow-dirty",
    "apply --auto-approve --ref HEAD",
    "apply p.plan",
    "explain one plan/mail-basic#name",
    "explain one --enable plans",
    "status",
    "history",
    "plans",
    "tenant list",
    "tenant show one",
    "tenant export one",
    "tenant export one --as-catalog",
    "subscription act one nobody suspend",
    "subscription list one",
    "subscription show one nobody",
    "tenant import one --format json",
    "tenant release one plan/nothing",
    "store check",
    "store migrate",
    "schema written-schemas",
    "init another",
    "watch --rounds 1",
]


def descriptors() -> dict[str, str]:
    found = {}
    for each in DESCRIPTORS.iterdir():
        try:
            found[each.name] = str(each.readlink())
        except OSError:  # the one that listed them
            continue
    return found


def children() -> set[str]:
    """The child processes, those that ended and were not waited for included; the servers of other tests are some."""
    found = set()
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = each.read_text().rpartition(")")  # the name in parentheses may hold anything
        except OSError:  # it ended meanwhile
            continue
        if rest.split()[1] == str(os.getpid()):
            found.add(each.parent.name)
    return found


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nothing is closed by chance."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def changed(shop: Shop) -> Shop:
    """A link among the documents, a commit more, and a price that is not committed yet."""
    (shop.root / ".shared").mkdir()
    (shop.root / ".shared" / "role.txt").write_text("kind: Role\nkey: clerk\nname: Clerk\nprivileges: []\n")
    (shop.root / "acme" / "role.yaml").symlink_to("../.shared/role.txt")
    shop.commit()
    shop.reprice()
    return shop


def commands() -> set[str]:
    """Every command that there is, as it is typed."""
    found = set()
    for name in COMMANDS_OF_CLICK:
        each = command_of(name)
        found |= {f"{name} {inner}" for inner in each.commands} if isinstance(each, click.Group) else {name}
    return found


def test_every_command_is_among_those_that_are_looked_at() -> None:
    """A new one too."""
    looked_at = {each for each in commands() if any(f"{line} ".startswith(f"{each} ") for line in COMMANDS)}
    assert commands() - looked_at == set()


def test_commands_open_workspaces_so_that_they_are_closed() -> None:
    """By `opened`, which closes them, and says what git refuses; a watch does both for each round."""
    folder = Path(HERE) / "reconciler" / "cli"
    direct = {file.name for file in folder.glob("*.py") if "app.open_workspace(" in file.read_text("utf-8")}
    assert direct == {"options.py", "watching.py"}


@pytest.mark.parametrize("cache", ["off", "cache"])
def test_every_command_closes_what_it_opened(
    changed: Shop, temporary: Path, uncollected: None, tmp_path: Path, cache: str
) -> None:
    env = {"RECONCILE_CACHE": "off" if cache == "off" else str(tmp_path / "cache")}
    git(changed.root, "config", "blame.ignoreRevsFile", "/nowhere")
    for command in COMMANDS:  # what is imported and opened once stays
        changed.run(command, env=env)
    gc.collect()
    for command in COMMANDS:
        before, running = descriptors(), children()
        ran = changed.run(command, env=env)
        assert "Traceback" not in ran.err
        assert descriptors() == before, command
        assert children() <= running, command
    assert [*temporary.iterdir()] == []


def test_a_watch_of_many_rounds_keeps_nothing(changed: Shop, tmp_path: Path) -> None:
    """With forty descriptors to use, it does a hundred rounds."""
    limited = f"ulimit -n 40; exec {sys.executable} -m reconciler watch --rounds 100 --interval 0.1 --now {NOW}"
    env = {**os.environ, "PYTHONPATH": HERE, "RECONCILE_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        ["sh", "-c", limited], cwd=changed.root, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Stopped. No tenant was left partly written.\n")
