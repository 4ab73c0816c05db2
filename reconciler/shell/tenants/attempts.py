"""Retries an operation whose input state was written to meanwhile."""

import random
import time
from collections.abc import Iterator

from reconciler.stores.base import StoreError

SECONDS = 30.0
"""How long to retry, as long as for a lock: every failed attempt means that another process wrote."""
PAUSE = 0.02
LONGEST_PAUSE = 0.5


def attempts(tenant: str, seconds: float = SECONDS) -> Iterator[int]:
    """Attempt numbers, with growing random pauses between them, so that writers do not keep colliding.

    Raises `StoreError` when the time is up; nothing was written.
    """
    deadline = time.monotonic() + seconds
    number = 0
    while number == 0 or time.monotonic() < deadline:
        yield number
        time.sleep(random.uniform(0, min(PAUSE * 2**number, LONGEST_PAUSE)))
        number += 1
    raise StoreError(f"{tenant}: other processes keep writing to it; nothing was written, try again")
