"""What is kept between runs changes nothing that a command says, and nothing in the workspace."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.runner import NOW, Ran, Shop

FILE = "readings.sqlite"
COMMANDS = ("plan --format json", "plan --verbose", "validate", "plan --ref HEAD --format json", "plan --base HEAD~1")


@pytest.fixture
def repriced(shop: Shop) -> Shop:
    shop.reprice()
    shop.commit()
    return shop


def said(shop: Shop, cache: str | Path) -> list[Ran]:
    return [shop.run(command, env={"RECONCILE_CACHE": str(cache)}) for command in COMMANDS]


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if ".git" not in path.parts}


def test_commands_say_the_same_with_and_without(repriced: Shop, tmp_path: Path) -> None:
    before, expected = files(repriced.root), said(repriced, "off")
    assert [each.status for each in expected] == [0] * len(COMMANDS)
    for _ in ("cold", "warm"):
        assert said(repriced, tmp_path / "cache") == expected
    (tmp_path / "cache" / FILE).write_bytes(b"kind: Plan\n" * 999)
    assert said(repriced, tmp_path / "cache") == expected
    assert files(repriced.root) == before


def test_what_is_wrong_is_told_the_same(repriced: Shop, tmp_path: Path) -> None:
    said(repriced, tmp_path / "cache")
    repriced.edit("acme/catalog.yaml", "product: mail", "product: male")
    repriced.edit("acme/resellers/two.yaml", "upstream: acme", "upstream: acne")
    expected = said(repriced, "off")
    assert expected[0].status == 1
    assert expected[0].err.count("error") > 1
    for _ in ("cold", "warm"):
        assert said(repriced, tmp_path / "cache") == expected


def test_a_cache_that_cannot_be_written_is_no_error(repriced: Shop) -> None:
    expected = said(repriced, "off")
    assert said(repriced, repriced.root / "reconcile.yaml" / "cache") == expected


def test_many_at_once(repriced: Shop, tmp_path: Path, forked_command: list[str]) -> None:
    expected = repriced.run("plan --format json", env={"RECONCILE_CACHE": "off"}).out
    command = [*forked_command, "plan", "--format", "json", "--now", NOW]
    environment = {**os.environ, "RECONCILE_CACHE": str(tmp_path)}
    started = [
        subprocess.Popen(command, cwd=repriced.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in started:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out.decode(), err) == (0, expected, b"")
    assert [each.name for each in tmp_path.iterdir() if each.name != "shop"] == [FILE]
