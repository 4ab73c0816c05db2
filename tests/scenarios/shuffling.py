"""The same texts and states in another order."""

import random
import re
from collections.abc import Mapping
from typing import TypeVar

from reconciler.model.entity import Entity, State

_DOCUMENTS = re.compile(r"^---\n", re.MULTILINE)
_TOP_LEVEL = re.compile(r"^(?=[^\s#])", re.MULTILINE)

K = TypeVar("K")
V = TypeVar("V")


def shuffled_text(text: str, chance: random.Random) -> str:
    parts = [_TOP_LEVEL.split(part) for part in _DOCUMENTS.split(text.rstrip() + "\n")]
    for part in parts:
        chance.shuffle(part)
    chance.shuffle(parts)
    return "---\n".join("".join(part) for part in parts)


def shuffled_state(state: State, chance: random.Random) -> State:
    return {id: Entity(id, dict(mixed(found.body, chance)), found.origin) for id, found in state.items()}


def mixed(items: Mapping[K, V], chance: random.Random) -> list[tuple[K, V]]:
    pairs = list(items.items())
    chance.shuffle(pairs)
    return pairs
