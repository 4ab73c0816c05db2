"""The same scenario in another order: of files, documents, fields and tenants. Nothing may depend on it."""

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from reconciler.model.values.entity import Entity, State
from tests.scenarios.runner import Given, Scenario, files_of, given

_DOCUMENTS = re.compile(r"^---\n", re.MULTILINE)
_TOP_LEVEL = re.compile(r"^(?=[^\s#])", re.MULTILINE)
_LINE = re.compile(r"(\.yaml):\d+(?::\d+)?")

K = TypeVar("K")
V = TypeVar("V")


def shuffled(scenario: Scenario, seed: int) -> Given:
    """The same scenario with its files, documents, fields and tenants in another order."""
    chance = random.Random(seed)
    files = {
        path: _shuffled_text(text, chance) for path, text in _mixed(files_of(scenario.folder / "catalogs"), chance)
    }
    befores = {tenant: _shuffled_text(text, chance) for tenant, text in _mixed(scenario.befores(), chance)}
    start = given(files, befores, scenario.now)
    states = {tenant: dict(_mixed(state, chance)) for tenant, state in start.states.items()}
    shuffled_states = {tenant: _shuffled_state(state, chance) for tenant, state in states.items()}
    return scenario.chosen(replace(start, states=shuffled_states))


def without_lines(text: str) -> str:
    """A text that names places, without their lines."""
    return _LINE.sub(r"\1", text)


def _shuffled_text(text: str, chance: random.Random) -> str:
    parts = [_TOP_LEVEL.split(part) for part in _DOCUMENTS.split(text.rstrip() + "\n")]
    for part in parts:
        chance.shuffle(part)
    chance.shuffle(parts)
    return "---\n".join("".join(part) for part in parts)


def _shuffled_state(state: State, chance: random.Random) -> State:
    return {id: Entity(id, dict(_mixed(found.body, chance)), found.origin) for id, found in state.items()}


def _mixed(items: Mapping[K, V], chance: random.Random) -> list[tuple[K, V]]:
    pairs = list(items.items())
    chance.shuffle(pairs)
    return pairs
