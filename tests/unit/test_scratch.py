"""Where large plans stand until they are done with: nobody else's to read, and nothing is left of it."""

import gc
import tempfile
from pathlib import Path

import pytest

from reconciler import app
from reconciler.core.savedplan.codec import decode, encode
from reconciler.core.savedplan.spool import Spool
from reconciler.model.plans.plan import Plan, StoredTenants
from reconciler.shell.connections.access import Access
from reconciler.shell.saved_plans import MappedText, open_saved_plan
from reconciler.shell.scratch import ScratchFile, scratch_outside
from reconciler.stores.base import StoreError
from tests.unit.test_causes import NOW, Workspace

FULL = Path("/dev/full")


@pytest.fixture
def scratches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for scratch files, empty."""
    folder = tmp_path / "scratches"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "shop"
    root.mkdir()
    made = Workspace(root)
    made.commit(setup="1.00", recurring="2.00", renewal="3.00")
    return made


def planned(workspace: Workspace, base: str | None = None, in_memory: int = 0) -> Plan:
    opened = app.open_workspace(workspace.root)
    with Access(workspace.root, {}, in_memory=in_memory) as access:
        plan = app.make_plan(opened, access, now=NOW)
        return app.with_base(opened, access, plan, base, now=NOW) if base else plan


def open_in(folder: Path) -> list[Path]:
    """What this process has open there, with a name or without."""
    return [each for each in Path("/proc/self/fd").iterdir() if _target(each).startswith(str(folder))]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # the one that listed the folder
        return ""


def test_a_plan_of_a_workspace_is_the_same_large_and_small(scratches: Path, workspace: Workspace) -> None:
    for base in (None, "HEAD"):
        large, small = planned(workspace, base), planned(workspace, base, in_memory=1000)
        assert isinstance(large.tenants, StoredTenants)
        assert isinstance(small.tenants, tuple)
        assert large == small
        assert encode(large) == encode(small)


def test_a_large_plan_is_applied_and_undone(scratches: Path, workspace: Workspace) -> None:
    plan = planned(workspace)
    with Access(workspace.root, {}, in_memory=0) as access:
        opened = app.open_workspace(workspace.root)
        done = list(app.apply_plan(opened, access, plan, now=NOW, by="ann"))
        assert [each.result for each in done] == ["applied", "applied"]
        assert not planned(workspace).applyable
        back = app.inverse_plan(opened, access, plan, now=NOW)
        assert isinstance(back.tenants, StoredTenants)
        assert back.summary().delete == plan.summary().create


def test_nothing_of_it_is_seen_and_nothing_is_left(scratches: Path, workspace: Workspace) -> None:
    plan = planned(workspace)
    assert plan.applyable
    assert len(open_in(scratches)) == 1
    assert not any(scratches.iterdir())
    del plan
    gc.collect()
    assert open_in(scratches) == []


@pytest.mark.parametrize("error", [StoreError("gone"), KeyboardInterrupt()])
def test_nothing_is_left_of_a_plan_that_was_not_finished(
    scratches: Path, workspace: Workspace, error: BaseException
) -> None:
    def stop(tenant: str) -> None:
        if tenant == "litware":
            assert len(open_in(scratches)) == 1
            raise error

    with pytest.raises(type(error)), Access(workspace.root, {}, in_memory=0) as access:
        app.make_plan(app.open_workspace(workspace.root), access, now=NOW, progress=stop)
    error.__traceback__ = None
    gc.collect()
    assert open_in(scratches) == []
    assert not any(scratches.iterdir())


TEXT = b"".join(b"%d," % number for number in range(3_000))


@pytest.mark.parametrize("most", [1, 7, 100, len(TEXT) - 1])
def test_a_large_text_on_disk_reads_like_one_in_memory(scratches: Path, tmp_path: Path, most: int) -> None:
    """Whatever is wanted, wherever a window of it ends, and with nobody else's writes in it."""
    file = tmp_path / "round.plan"
    file.write_bytes(TEXT)
    text = open_saved_plan(file, tmp_path / "shop", most)
    file.write_bytes(b"another")
    assert isinstance(text, MappedText)
    assert open_in(scratches) != []
    assert text[0 : len(text)] == TEXT
    for wanted in (b"0,", b"1,2,3", b"2999,", b"1234,1235,1236,", b"x", TEXT[:400], TEXT[-400:]):
        for start, end in ((0, None), (3, None), (5_000, None), (0, 6_000), (9, 12), (0, len(TEXT)), (len(TEXT), None)):
            assert text.find(wanted, start, end) == TEXT.find(wanted, start, end), (wanted, start, end)
    del text
    gc.collect()
    assert open_in(scratches) == []


def test_a_small_text_and_one_without_a_folder_for_it_are_in_memory(scratches: Path, tmp_path: Path) -> None:
    file = tmp_path / "round.plan"
    file.write_bytes(TEXT)
    assert open_saved_plan(file, tmp_path / "shop") == TEXT
    assert open_saved_plan(file, tmp_path, 10) == TEXT
    assert open_in(scratches) == []


def test_a_large_saved_plan_is_never_in_memory_as_a_whole(scratches: Path, workspace: Workspace) -> None:
    plan, file = planned(workspace), workspace.root.parent / "round.plan"
    file.write_bytes(encode(plan))
    text = open_saved_plan(file, workspace.root, 100)
    read = decode(text, Spool(lambda: scratch_outside(workspace.root), most=0))
    assert isinstance(read.tenants, StoredTenants)
    assert read == plan


def test_it_is_for_its_owner_only(scratches: Path, tmp_path: Path) -> None:
    scratch = scratch_outside(tmp_path / "elsewhere")
    assert scratch is not None
    assert [scratch.write(b"one"), scratch.write(b"three")] == [0, 3]
    assert [scratch.read(3, 5), scratch.read(0, 3)] == [b"three", b"one"]
    (link,) = open_in(scratches)
    assert link.stat().st_mode & 0o777 == 0o600
    assert not any(scratches.iterdir())


def test_never_in_the_workspace(scratches: Path, tmp_path: Path) -> None:
    assert scratch_outside(tmp_path) is None
    assert scratch_outside(scratches) is None


def test_where_there_is_no_folder_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert scratch_outside(tmp_path / "elsewhere") is None


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
def test_where_there_is_no_room() -> None:
    with FULL.open("r+b", buffering=0) as file, pytest.raises(StoreError, match="No space left on device; set TMPDIR"):
        ScratchFile(file).write(b"one")
