"""The saved plans of the real history are what the engine makes of it today."""

from pathlib import Path

import orjson
import pytest

from reconciler.core.savedplan import decode
from tests.laws.profiles import is_long
from tests.reports.history import SIZES, History, history_plan, keep, saved_plan

SMALLEST = 10


@pytest.mark.parametrize("tenants", [SMALLEST, *([] if not is_long() else SIZES[1:])])
def test_the_saved_plan_is_made_again(tenants: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Of 10 tenants; with ``--hypothesis-profile=long`` the others too, which takes minutes."""
    history = History(tmp_path.resolve(), tenants)
    history.grow()
    made = history.saved.read_bytes()
    if request.config.getoption("--update-golden"):
        keep(tenants, made)
    assert orjson.loads(made) == orjson.loads(saved_plan(tenants))
    assert made == saved_plan(tenants)
    assert decode(made) == history_plan(tenants)
