"""The forests that laws are tried on: as many as a profile has examples (`--hypothesis-profile=long` for thousands)."""

from collections.abc import Iterator
from functools import lru_cache

import pytest
from hypothesis import settings

from tests.laws.forests import forest
from tests.laws.grown import Grown, grown
from tests.laws.renamed import Renamed, renamed


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "here" in metafunc.fixturenames:
        metafunc.parametrize("here", range(settings().max_examples), indirect=True, scope="session")
    if "renaming" in metafunc.fixturenames:
        metafunc.parametrize("renaming", range(settings().max_examples // 2), indirect=True, scope="session")


@pytest.fixture(scope="session")
def here(request: pytest.FixtureRequest) -> Iterator[Grown]:
    """The forest of a seed. All laws of one are tried before the next is grown."""
    yield _grown(request.param)


@pytest.fixture(scope="session")
def renaming(request: pytest.FixtureRequest) -> Iterator[Renamed]:
    """The clean forest of a seed, before and after a rename."""
    yield _renamed(request.param)


@lru_cache(maxsize=1)  # the laws in tests/incremental/ have fixtures of their own, and the same forest in turn
def _grown(seed: int) -> Grown:
    return grown(forest(seed))


@lru_cache(maxsize=1)
def _renamed(seed: int) -> Renamed:
    return renamed(seed)
