"""Workspaces to run commands in: made once, copied for each test."""

from pathlib import Path
from shutil import copytree

import pytest

from tests.cli.runner import NOW, Shop, git, run


@pytest.fixture(scope="session")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("fresh") / "shop"
    assert run(f"init {root} --now {NOW}", root.parent).status == 0
    git(root, "init", "--quiet", "--initial-branch=main")
    shop = Shop(root)
    shop.commit("the starter")
    return shop


@pytest.fixture(scope="session")
def _applied(_fresh: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("applied") / "shop"
    copytree(_fresh.root, root)
    shop = Shop(root)
    assert shop.run("apply --auto-approve").status == 0
    return shop


@pytest.fixture
def fresh(_fresh: Shop, tmp_path: Path) -> Shop:
    """A shop that was never applied."""
    copytree(_fresh.root, tmp_path / "shop")
    return Shop(tmp_path / "shop")


@pytest.fixture
def shop(_applied: Shop, tmp_path: Path) -> Shop:
    """A shop whose tenants match its catalog."""
    copytree(_applied.root, tmp_path / "shop")
    return Shop(tmp_path / "shop")
