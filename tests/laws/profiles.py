"""Whether a law is tried in its short form, which is part of the suite, or in its long one."""

from hypothesis import settings

LONG = 2_000
"""How many examples a law has in the profile ``long``; `tests/conftest.py` registers it."""


def is_long() -> bool:
    """Whether ``--hypothesis-profile=long`` was asked for. Known once pytest is configured, so before collection."""
    return settings().max_examples >= LONG
