"""What is kept of files between runs: the same as if it had been read, or not used at all."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.reading.read import read_file
from reconciler.core.workspace.load import load
from reconciler.model.documents.source import Catalog, SourceDocument, SourceFile
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.shell.repository.file_cache import (
    BATCH,
    FILE,
    KEPT_DAYS,
    FileCache,
    cache_folder,
    cached_reader,
    name_of,
)
from reconciler.shell.repository.worktree import read_worktree

ROOT = Path(__file__).parents[2]
ONE, OTHER = b"1" * 20, b"2" * 20
ROLE = b"kind: Role\nkey: clerk\nprivileges: [b, a]\n---\nkind: Role\nkey: chief\nmoved_from: boss\n"


def told(document: SourceDocument) -> Any:
    """All that can be asked of a document."""
    inside = (document.contents.marks(document.number), document.model, document.entity.body)
    return document.id, document.place, document.dated, list(document.entity.body), *inside


def known(catalog: Catalog | None, problems: Iterable[Diagnostic]) -> Any:
    """All that can be asked of a workspace that was read."""
    if catalog is None:
        return list(problems)
    trees = [
        (tree.key, told(tree.provider), dict(tree.renames), [told(each) for each in tree.documents.values()])
        for tree in catalog.providers.values()
    ]
    policies = [(key, told(each), catalog.provider_of[key]) for key, each in catalog.policies.items()]
    return catalog.digest, catalog.store, trees, policies, list(problems)


def remembered(path: Path, files: Iterable[SourceFile], version: bytes = ONE) -> Any:
    """What is known of files that are read with what was kept at a path, which is kept again."""
    kept = FileCache(path, version)
    catalog, problems = load(files, read=kept.read)
    kept.save()
    return known(catalog, problems)


def bundled() -> list[SourceFile]:
    files, problems = read_worktree(ROOT / "catalogs")
    assert problems == []
    return [file for file in files if not file.path.startswith("model-market/")]


@pytest.fixture(scope="module")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Any]:
    """What is kept of the bundled catalogs, and what is known of them."""
    path = tmp_path_factory.mktemp("kept") / FILE
    expected = known(*load(bundled()))
    assert remembered(path, bundled()) == expected
    return path.read_bytes(), expected


@pytest.fixture
def filled(_filled: tuple[bytes, Any], tmp_path: Path) -> Path:
    path = tmp_path / "cache" / FILE
    path.parent.mkdir()
    path.write_bytes(_filled[0])
    return path


@pytest.fixture
def expected(_filled: tuple[bytes, Any]) -> Any:
    return _filled[1]


def unread(file: SourceFile) -> SourceFile:
    """The same file, known by its name; to read it is an error."""

    def read() -> bytes:
        raise AssertionError(f"{file.path} was read")

    return SourceFile(file.path, read, name_of(file.data))


def test_what_is_kept_is_not_read_again(filled: Path) -> None:
    kept = FileCache(filled, ONE)
    for file in bundled():
        for mine, theirs in zip(kept.read(unread(file)).documents, read_file(file).documents, strict=True):
            assert (mine.id, mine.place, mine.entity) == (theirs.id, theirs.place, theirs.entity)


def test_all_of_a_workspace_is_the_same(filled: Path, expected: Any) -> None:
    assert remembered(filled, bundled()) == expected


def large(key: str) -> SourceFile:
    """A file of which a few make a batch."""
    roles = "---\n".join(f"kind: Role\nkey: {key}-{number}\nname: {'x' * 10_000}\n" for number in range(100))
    return SourceFile(f"{key}.yaml", roles.encode())


def test_much_is_saved_as_it_is_read_and_is_read_from_there(tmp_path: Path) -> None:
    files = [large(key) for key in "abcdef"]
    assert BATCH < sum(len(file.data) for file in files) < 2 * BATCH
    kept = FileCache(tmp_path / FILE, ONE)
    readings = [kept.read(file) for file in files]
    again = kept.read(unread(files[0])).documents  # saved, while the last file is still to be saved
    assert [each.entity for each in again] == [each.entity for each in readings[0].documents]
    with pytest.raises(AssertionError, match="was read"):
        kept.read(unread(files[-1]))
    kept.save()
    for mine, file in zip(readings, files, strict=True):
        for each in mine.documents:
            each.forget()
        assert [told(each) for each in mine.documents] == [told(each) for each in read_file(file).documents]


def test_a_path_is_not_kept(filled: Path, expected: Any) -> None:
    elsewhere = [SourceFile(f"more/{file.path}" if "/" in file.path else file.path, file.data) for file in bundled()]
    before = filled.read_bytes()
    assert remembered(filled, elsewhere) == known(*load(elsewhere)) != expected
    assert filled.read_bytes() == before


def test_another_version_of_the_reader_reads_anew(filled: Path, expected: Any) -> None:
    kept = FileCache(filled, OTHER)
    with pytest.raises(AssertionError, match="was read"):
        kept.read(unread(bundled()[0]))
    assert remembered(filled, bundled(), OTHER) == expected
    assert [FileCache(filled, each).read(unread(bundled()[0])).problems for each in (ONE, OTHER)] == [(), ()]


READERS = (
    "core/reading/fast/plain.py",
    "core/reading/yaml.py",
    "core/reading/fast/compiled.py",
    "model/values/field_types.py",
    "model/documents/catalog.py",
    "model/documents/declarations.py",
)
VERSION = """
import sys
sys.path.insert(0, sys.argv[1])
from reconciler.shell.repository.file_cache import reader_version
print(reader_version())
"""


def test_the_version_changes_with_all_that_reads(tmp_path: Path) -> None:
    copytree(ROOT / "reconciler", tmp_path / "reconciler", ignore=ignore_patterns("__pycache__"))
    versions = []
    for changed_module in ("core/__init__.py", *READERS):
        with (tmp_path / "reconciler" / changed_module).open("a") as source:
            source.write("# changed\n")
        done = subprocess.run([sys.executable, "-c", VERSION, tmp_path], capture_output=True, check=True, cwd=tmp_path)
        versions.append(done.stdout)
    assert len({*versions, b"None\n"}) == len(versions) + 1


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "a text": lambda data: b"kind: Plan\n" * 1000,
    "the first page only": lambda data: data[:4096],
    "cut in the middle": lambda data: data[: len(data) // 2],
    "the last byte gone": lambda data: data[:-1],
    "zeros": lambda data: bytes(len(data)),
    "zeros at the end": lambda data: data[: len(data) // 3] + bytes(len(data) - len(data) // 3),
    "another program's": lambda data: data[:60] + b"\0\0\0\x09" + data[64:],
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_file_is_made_anew(filled: Path, expected: Any, how: str) -> None:
    filled.write_bytes(SPOILT[how](filled.read_bytes()))
    assert remembered(filled, bundled()) == expected
    assert remembered(filled, bundled()) == expected
    kept = FileCache(filled, ONE)
    assert [kept.read(unread(file)).problems for file in bundled()] == [()] * len(bundled())


@settings(max_examples=40)
@given(data=st.data())
def test_no_damage_is_believed(
    _filled: tuple[bytes, Any], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole, expected = _filled
    path = tmp_path_factory.mktemp("damaged") / FILE
    begin = data.draw(st.integers(0, len(whole) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=64) | st.just(bytes(5000)))
    path.write_bytes((whole[:begin] + damage + whole[begin + len(damage) :])[: len(whole)])
    assert remembered(path, bundled()) == expected
    assert remembered(path, bundled()) == expected


def changed(path: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount


def test_one_files_entry_is_not_anothers(filled: Path, expected: Any) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        found = connection.execute("SELECT name, extract, extract_sum, rest, rest_sum FROM readings LIMIT 2")
        (_, *entry), (name, *_) = found.fetchall()
    update = "UPDATE readings SET extract = ?, extract_sum = ?, rest = ?, rest_sum = ? WHERE name = ?"
    changed(filled, update, *entry, name)
    assert remembered(filled, bundled()) == expected


@pytest.mark.parametrize("column", ["extract", "rest"])
@pytest.mark.parametrize("value", [b"[]", b"", "text", 5, None])
def test_a_forged_entry_is_not_believed(filled: Path, expected: Any, column: str, value: Any) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("CREATE TABLE forged AS SELECT * FROM readings")
        connection.execute("DROP TABLE readings")
        connection.execute("ALTER TABLE forged RENAME TO readings")
        connection.execute(f"UPDATE readings SET {column} = ?", (value,))
        connection.commit()
    assert remembered(filled, bundled()) == expected


def test_tables_of_another_shape(filled: Path, expected: Any) -> None:
    changed(filled, "ALTER TABLE readings RENAME COLUMN rest TO other")
    assert remembered(filled, bundled()) == expected
    assert remembered(filled, bundled()) == expected


def test_what_goes_while_it_is_used_is_read(filled: Path, expected: Any) -> None:
    kept = FileCache(filled, ONE)
    catalog, problems = load(bundled(), read=kept.read)
    changed(filled, "DELETE FROM readings")
    assert known(catalog, problems) == expected
    kept = FileCache(filled, ONE)
    catalog, problems = load(bundled(), read=kept.read)
    filled.unlink()
    assert known(catalog, problems) == expected


def test_a_faulty_file_is_not_kept(tmp_path: Path) -> None:
    faulty = SourceFile("x.yaml", b"kind: Role\nkey: A\n")
    kept = FileCache(tmp_path / FILE, ONE)
    assert kept.read(faulty).problems == read_file(faulty).problems != ()
    kept.save()
    assert not (tmp_path / FILE).exists()


def test_what_was_not_used_for_long_goes(tmp_path: Path) -> None:
    path = tmp_path / FILE
    old, used, new = (SourceFile("x.yaml", ROLE + comment) for comment in (b"# old\n", b"# used\n", b"# new\n"))
    remembered(path, [old, used])
    changed(path, "UPDATE readings SET used = used - ?", KEPT_DAYS + 1)
    remembered(path, [used, new])
    kept = FileCache(path, ONE)
    assert [kept.read(unread(file)).problems for file in (used, new)] == [(), ()]
    with pytest.raises(AssertionError, match="was read"):
        kept.read(unread(old))


def test_another_that_writes_is_not_waited_for_long(filled: Path, expected: Any) -> None:
    more = SourceFile("more.yaml", b"# nothing\n")
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert remembered(filled, [*bundled(), more]) == expected
        other.execute("ROLLBACK")
    kept = FileCache(filled, ONE)
    assert [kept.read(unread(file)).problems for file in bundled()] == [()] * len(bundled())


def test_where_nothing_can_be_written(tmp_path: Path, expected: Any) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert remembered(tmp_path / "file" / FILE, bundled()) == expected
    (tmp_path / FILE).mkdir()
    assert remembered(tmp_path / FILE, bundled()) == expected


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owners here")
def test_what_others_may_write_is_not_used(filled: Path, expected: Any) -> None:
    filled.parent.chmod(0o777)
    changed(filled, "UPDATE readings SET used = 1")
    assert remembered(filled, bundled()) == expected
    with closing(sqlite3.connect(filled)) as connection:
        assert {used for (used,) in connection.execute("SELECT used FROM readings")} == {1}
    filled.parent.chmod(0o755)
    filled.chmod(0o666)
    assert remembered(filled, bundled()) == expected


PLACES: list[tuple[Mapping[str, str], str | None]] = [
    ({"RECONCILE_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
    ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/reconcile"),
    ({"HOME": "/c", "XDG_CACHE_HOME": ""}, "/c/.cache/reconcile"),
    ({"RECONCILE_CACHE": "off", "HOME": "/c"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("environment", "folder"), PLACES)
def test_where_it_is(environment: Mapping[str, str], folder: str | None) -> None:
    assert cache_folder(environment) == (Path(folder) if folder else None)


def test_it_can_be_switched_off() -> None:
    with cached_reader({"RECONCILE_CACHE": "off"}) as read:
        assert read is read_file


def test_the_folder_is_the_users_alone(tmp_path: Path) -> None:
    with cached_reader({"RECONCILE_CACHE": str(tmp_path / "a" / "b")}) as read:
        read(SourceFile("x.yaml", ROLE))
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert [each.name for each in (tmp_path / "a" / "b").iterdir()] == [FILE]


def test_names_are_gits(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(ROLE)
    done = subprocess.run(["git", "hash-object", "--no-filters", tmp_path / "x"], capture_output=True, check=True)
    assert name_of(ROLE) == done.stdout.decode().strip()


FIELDS = st.sampled_from(
    [
        *("name: x", "name: 5", "name: [", "privileges: [a, b]", "privileges:\n- b\n- a", "privileges: [a, a]"),
        *("labels: {x: 'y'}", "labels: {x: 1}", "moved_from: old", "moved_from: clerk", "nmae: x", "# nothing", "\t"),
    ]
)
DOCUMENTS = st.tuples(
    st.sampled_from(["Role", "Role", "Role", "Rule", "OrderFlow"]),
    st.sampled_from(["clerk", "chief", "c.1", "Big"]),
    st.lists(FIELDS, max_size=3),
).map(lambda each: f"kind: {each[0]}\nkey: {each[1]}\n" + "".join(f"{field}\n" for field in each[2]))
TEXTS = st.lists(DOCUMENTS, max_size=3).map("---\n".join)
HEAD = [
    SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n"),
    SourceFile("n/provider.yaml", b"kind: Provider\nkey: n\ncurrency: EUR\n"),
]


@settings(max_examples=150)
@given(st.lists(st.lists(TEXTS, max_size=3), min_size=2, max_size=3))
def test_whatever_is_written_is_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, versions: list[list[str]]
) -> None:
    """Workspaces that follow each other, each read with what the ones before left, and again."""
    path = tmp_path_factory.mktemp("kept") / FILE
    for texts in versions:
        files = [*HEAD, *(SourceFile(f"n/{index}.yaml", text.encode()) for index, text in enumerate(texts))]
        expected = known(*load(files))
        assert remembered(path, files) == expected
        assert remembered(path, files) == expected
