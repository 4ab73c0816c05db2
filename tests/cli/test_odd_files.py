"""Files that are no files: each is an error with its path and exit status 1, and nothing hangs or fills the memory."""

import os
import resource
import socket
import subprocess
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.shell.repository.files import MOST_OF_DOCUMENTS, read_bounded, write_file
from tests.cli.runner import NOW, Ran, Shop, git, run

SECONDS = 60
"""A command that hangs is ended by then."""
MEMORY = 1_500_000_000
"""So much address space a command gets; it takes a third of it."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A command as a process of its own, that gets so much time and memory."""

    command: list[str]

    def __call__(self, shop: Shop, *arguments: str, stdin: int = subprocess.DEVNULL) -> Ran:
        done = subprocess.run(
            [*self.command, *arguments, "--now", NOW],
            cwd=shop.root,
            stdin=stdin,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def bounded(forked_command: list[str]) -> Bounded:
    return Bounded(forked_command)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has a hundred characters at most
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(before)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(8_000_000_000)


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


TAKES_A_FILE = ["tenant import one FILE", "show FILE", "apply FILE", "plan --inverse FILE"]
ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (_pipe, "it is a named pipe, not a file"),
    "socket": (_socket, "it is a socket, not a file"),
    "huge": (_huge, "it is larger than the limit of"),
}


@pytest.mark.parametrize(
    ("name", "command"), [("pipe", "validate"), ("pipe", "tenant list"), ("socket", "plan"), ("huge", "validate")]
)
def test_in_a_workspace(bounded: Bounded, shop: Shop, name: str, command: str) -> None:
    make, words = ODD[name]
    make(shop.root / "acme" / "odd.yaml")
    done = bounded(shop, *command.split())
    assert done.status == 1
    assert "acme/odd.yaml:1:1: error file-unreadable: cannot be read: " in done.out + done.err
    assert words in done.out + done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_pipe, "it is a named pipe, not a file"),
        (_folder, "it is a directory"),
        (_loop, "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("nowhere"), "No such file or directory"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
    ],
    ids=["pipe", "folder", "loop", "dangling", "device"],
)
def test_the_file_that_makes_a_workspace(shop: Shop, make: Callable[[Path], None], words: str) -> None:
    """It is named, and no workspace further up is used instead."""
    inner = shop.root / "inner"
    inner.mkdir()
    make(inner / "reconcile.yaml")
    for done in (run("plan", inner), run("plan -C inner", shop.root), run("-C inner tenant list", shop.root)):
        assert (done.status, done.out) == (1, "")
        assert f"inner/reconcile.yaml: {words}" in done.err


@pytest.mark.parametrize(
    ("name", "command"),
    [
        *(("pipe", command) for command in TAKES_A_FILE),
        ("socket", "show FILE"),
        ("huge", "show FILE"),
        ("huge", "tenant import one FILE"),
    ],
)
def test_as_an_argument(bounded: Bounded, shop: Shop, name: str, command: str) -> None:
    make, words = ODD[name]
    make(shop.root / "odd")
    done = bounded(shop, *command.replace("FILE", "odd").split())
    assert (done.status, done.out) == (1, "")
    assert f"odd: {words}" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", TAKES_A_FILE[:2])
def test_a_device_as_an_argument(bounded: Bounded, shop: Shop, command: str) -> None:
    done = bounded(shop, *command.replace("FILE", "/dev/zero").split())
    assert (done.status, done.out) == (1, "")
    assert "/dev/zero: it is a device, not a file" in done.err


def test_standard_input_without_an_end(bounded: Bounded, shop: Shop) -> None:
    with Path("/dev/zero").open("rb") as zero:
        done = bounded(shop, "tenant", "import", "one", "-", stdin=zero.fileno())
    assert done.status == 1
    assert f"<stdin>: it is larger than the limit of {MOST_OF_DOCUMENTS // 1_000_000} MB" in done.err


def test_pipes_of_the_shell_are_read(bounded: Bounded, shop: Shop) -> None:
    """As ``<(command)`` and ``/dev/stdin`` make them: nobody named them."""
    assert shop.run("plan --out saved.json").status == 0
    read, write = os.pipe()
    os.write(write, (shop.root / "saved.json").read_bytes())
    os.close(write)
    done = bounded(shop, "show", "/dev/stdin", stdin=read)
    os.close(read)
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("name", ODD)
def test_a_database_that_is_no_file(bounded: Bounded, shop: Shop, name: str) -> None:
    database = shop.root / ".reconcile" / "tenants.db"
    database.unlink()
    ODD[name][0](database)
    for command in ("plan", "tenant import one"):
        done = bounded(shop, *command.split())
        assert done.status == 1, command
        assert ".reconcile/tenants.db: " in done.out + done.err
        assert "Traceback" not in done.err


@pytest.mark.parametrize("name", ["loop.yaml", "loop"])
def test_a_link_in_a_circle(shop: Shop, name: str) -> None:
    _loop(shop.root / "acme" / name)
    told = shop.run("validate")
    assert told.status == 1
    assert f"acme/{name}:1:1: error link-dangling: this link is part of a cycle: {name}" in told.out
    git(shop.root, "add", "--all")
    committed = shop.commit()
    if name.endswith(".yaml"):
        assert f"acme/{name}:1:1: error link-dangling: " in shop.run(f"validate --ref {committed}").out


@pytest.mark.parametrize("command", ["tenant import one loop", "show loop", "apply loop", "plan --out loop"])
def test_a_link_in_a_circle_as_an_argument(shop: Shop, command: str) -> None:
    _loop(shop.root / "loop")
    done = shop.run(command)
    assert done.status == 1
    assert "loop" in done.err


@pytest.mark.parametrize("target", [b"\xff\xfe.yaml", b"plans/\xe9.yaml", b"a\nb.yaml"])
def test_a_link_with_a_target_that_is_no_text(shop: Shop, target: bytes) -> None:
    (shop.root / "acme" / "link.yaml").symlink_to(os.fsdecode(target))
    committed = shop.commit()
    for command in ("validate", f"validate --ref {committed}", f"plan --ref {committed}", "plan"):
        for form in (" --format json", ""):
            done = shop.run(command + form)
            assert done.status == 1
            assert "acme/link.yaml" in done.out + done.err


@pytest.fixture
def nested(shop: Shop) -> Iterator[Callable[[int], None]]:
    """Makes so many nested folders with a document in the innermost; they are removed, which pytest could not do."""
    folder = shop.root / "acme" / "nested"

    def nest(depth: int) -> None:
        before = Path.cwd()
        folder.mkdir()
        os.chdir(folder)
        for _ in range(depth):
            os.mkdir("d")  # noqa: PTH102 - here
            os.chdir("d")
        Path("deep.yaml").write_text("kind: Role\nkey: deep\nname: Deep\nprivileges: []\n", "utf-8")
        os.chdir(before)

    yield nest
    subprocess.run(["rm", "-rf", folder], check=True)


def test_folders_nested_deeper_than_calls_may_be(shop: Shop, nested: Callable[[int], None]) -> None:
    documents = int(shop.run("validate").out.split()[1])
    nested(1_500)
    assert shop.run("validate").out == f"Valid: {documents + 1} documents, 2 policies.\n"
    assert shop.run("plan").status == 0
    committed = shop.commit()
    assert shop.run(f"validate --ref {committed}").status == 0


def test_folders_nested_deeper_than_paths_may_be(shop: Shop, nested: Callable[[int], None]) -> None:
    nested(2_500)
    told = shop.run("validate")
    assert (told.status, told.out.count("error file-unreadable: cannot be read: File name too long")) == (1, 1)
    assert shop.run("plan").status == 1


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    _pipe(tmp_path / "pipe")
    yield tmp_path / "pipe"


def test_a_pipe_that_nobody_reads_is_not_waited_for(bounded: Bounded, shop: Shop, pipe: Path) -> None:
    done = bounded(shop, "plan", "--out", str(pipe))
    assert done.status == 1
    assert f"the plan was not saved: {pipe}: no process reads from this pipe" in done.err
    done = bounded(shop, "tenant", "export", "one", str(pipe))
    assert (done.status, done.err) == (1, f"Error: {pipe}: no process reads from this pipe\n")


def test_what_stands_beside_a_file_is_not_written_to(shop: Shop) -> None:
    other = shop.root / "other"
    other.write_text("mine", "utf-8")
    (shop.root / "saved.json.partial").symlink_to("other")
    assert shop.run("plan --out saved.json").status == 0
    assert other.read_text("utf-8") == "mine"


def test_a_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than was asked for is read of it, and one byte."""
    file = tmp_path / "grows"
    file.write_bytes(b"0123456789")
    read, asked = os.read, list[int]()

    def growing(handle: int, size: int) -> bytes:
        asked.append(size)
        with file.open("ab") as more:
            more.write(b"x" * 50)
        return read(handle, size)

    monkeypatch.setattr(os, "read", growing)
    with pytest.raises(OSError, match="it is larger than"):
        read_bounded(file, 100)
    assert sum(asked) <= 3 * 101


def test_reading_a_small_file_allocates_little(tmp_path: Path) -> None:
    """A workspace may have very many: a buffer of a megabyte for each cost more than reading it."""
    file = tmp_path / "small"
    file.write_bytes(b"0123456789")
    tracemalloc.start()
    try:
        assert read_bounded(file) == b"0123456789"
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()


def test_a_file_is_written_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"before")
    file.chmod(0o640)
    link.symlink_to("file")
    write_file(link, [b"af", b"ter"])
    assert (file.read_bytes(), file.stat().st_mode & 0o777, link.is_symlink()) == (b"after", 0o640, True)

    def failing() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_file(file, failing())
    assert (file.read_bytes(), sorted(tmp_path.iterdir())) == (b"after", [file, link])
