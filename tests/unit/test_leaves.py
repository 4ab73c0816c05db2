"""What is compared to show equal changes as one: the same as what is shown, for less work."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson

from reconciler.report.values import as_leaves, leaves

NAMES = ("origin", "a", "b", "name", "last_applied", "kind")


def document(depth: int, random: Random) -> Any:
    """A value with maps in it, whose origins are texts, as in every document."""
    if depth == 0 or random.random() < 0.3:
        return random.choice([1, "a", None, [], ["x"], {}])
    names = (random.choice(NAMES) for _ in range(random.randint(0, 3)))
    return {name: "x" if name == "origin" else document(depth - 1, random) for name in names}


def test_documents_are_compared_as_they_are_shown() -> None:
    random, shown, compared = Random(1), dict[bytes, bytes](), dict[bytes, bytes]()
    for found in (document(4, random) for _ in range(5_000)):
        if isinstance(found, dict):
            one, other = orjson.dumps(leaves(found)), orjson.dumps(as_leaves(found), option=orjson.OPT_SORT_KEYS)
            assert shown.setdefault(one, other) == other
            assert compared.setdefault(other, one) == one
    assert len(shown) > 500
