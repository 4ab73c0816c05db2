"""Options of the whole suite."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import forked
from tests.laws.profiles import LONG
from tests.postgresql import Server, a_server

BROWSER = Path(__file__).parent / "browser"

# no deadlines: on a machine that does something else, an example may take any time
settings.register_profile("short", max_examples=60, deadline=None)
settings.register_profile("long", max_examples=LONG, deadline=None)  # pytest tests/laws --hypothesis-profile=long
settings.register_profile("few", max_examples=6, deadline=None, derandomize=True, database=None)  # for script/mutate
settings.load_profile("short")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the scenarios' expectations as they are now; the difference is to be reviewed (not in CI)",
    )
    parser.addoption(
        "--chromium", metavar="PATH", help="the browser that tests/browser runs in; see script/test-browser"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without a browser that somebody named, the suite does not know of its tests; with one, none is skipped."""
    return True if collection_path == BROWSER and not config.getoption("--chromium") else None


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-golden") and os.environ.get("CI"):
        raise pytest.UsageError("--update-golden is refused in CI: expectations change in a review, not in a build")


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECONCILE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server for all tests of this process, started when the first asks for it; a schema of it is for one test."""
    with a_server(fsync="off", full_page_writes="off") as server:
        yield server


@pytest.fixture(scope="session")
def forked_command() -> Iterator[list[str]]:
    """The command line of ``reconcile`` as a process that is forked and not started: `tests/forked.py`."""
    with forked.server() as client:
        yield client
