"""Schemas of the PostgreSQL server, one for each test."""

import pytest

from tests.faults.postgresql_states import fill
from tests.postgresql import Server


@pytest.fixture
def empty(postgresql: Server) -> str:
    """A schema without tables."""
    return postgresql.new_schema()


@pytest.fixture
def filled(postgresql: Server, empty: str) -> str:
    """A schema with some tenants."""
    return fill(postgresql, empty)
