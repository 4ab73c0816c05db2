"""No command leaves anything open: no descriptor, no child process, no folder. So `watch` can run for ever."""

import gc
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from reconciler.cli.main import COMMANDS as COMMANDS_OF_CLICK
from reconciler.cli.main import command as command_of
from tests.cli.runner import NOW, Shop, git
from tests.laws.profiles import is_long
from tests.postgresql import Server

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
    "completion bash",
    "explain-kind Plan",
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


def test_a_watch_of_many_rounds_keeps_nothing(changed: Shop, tmp_path: Path, forked_command: list[str]) -> None:
    """With forty descriptors to use, it does a hundred rounds."""
    command = shlex.join([*forked_command, "watch", "--rounds", "100", "--interval", "0.1", "--now", NOW])
    limited = f"ulimit -n 40; exec {command}"
    env = {**os.environ, "RECONCILE_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        ["sh", "-c", limited], cwd=changed.root, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Stopped. No tenant was left partly written.\n")


ON_A_SERVER = (
    "plan",
    "plan --verify",
    "apply --auto-approve --allow-dirty",
    "status",
    "watch --rounds 2 --interval 0.1",
)


def test_commands_on_a_server_leave_nothing_open_there_or_here(
    changed: Shop, uncollected: None, postgresql: Server
) -> None:
    """Descriptors and children of this process, and the server's connections, are as many after every round."""
    store = f"store: {postgresql.url(postgresql.new_schema())}"
    changed.edit("reconcile.yaml", "store: sqlite:///.reconcile/tenants.db", store)
    for command in ON_A_SERVER:  # what is imported and opened once stays
        assert changed.run(command).status == 0, command
    gc.collect()
    before, running, connections = descriptors(), children(), connected(postgresql)
    for number in range(100 if is_long() else 2):
        changed.edit("acme/catalog.yaml", f"recurring: 2.{20 + number}", f"recurring: 2.{21 + number}")
        for command in ON_A_SERVER:
            assert changed.run(command).status == 0, command
            assert descriptors() == before, command
            assert children() <= running, command
        assert connected(postgresql) == connections


def connected(server: Server) -> int:
    """How many connections a server has, once those that were closed are gone from its list."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    found: int = server.execute(asked)[0][0]
    end = time.monotonic() + 10
    while found and time.monotonic() < end:
        time.sleep(0.02)
        found = server.execute(asked)[0][0]
    return found
