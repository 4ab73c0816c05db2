"""Trying again what was computed from states that others wrote to meanwhile."""

import random
import time
from collections.abc import Iterator

from reconciler.stores.base import StoreError

SECONDS = 30.0
"""How long one tries, as long as one waits for a lock: each attempt that fails is a write that another one made."""
PAUSE = 0.02
LONGEST_PAUSE = 0.5


def attempts(tenant: str, seconds: float = SECONDS) -> Iterator[int]:
    """Attempts by their number, with growing random pauses, so that writers do not meet again and again.

    Raises `StoreError` when the time is up: nothing was written.
    """
    deadline = time.monotonic() + seconds
    number = 0
    while number == 0 or time.monotonic() < deadline:
        yield number
        time.sleep(random.uniform(0, min(PAUSE * 2**number, LONGEST_PAUSE)))
        number += 1
    raise StoreError(f"{tenant}: others write to it all the time; nothing was written, try again")
