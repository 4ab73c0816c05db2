"""Option sets over every kind of difference, against an oracle that shares nothing with the engine.

The suite tries every set of the options of delegation with at most three on or at most three off, so that any three
take all eight combinations, and 256 random ones between. ``--hypothesis-profile=long`` tries all sets. With a price
list assigned, all sets of its options, alone and with those of delegation, and random pairs of both groups.
"""

import random
from collections.abc import Mapping
from itertools import combinations, product
from math import comb

import pytest

from reconciler.model.documents.options import OPTIONS
from tests.laws.bench_of_options import RESELLER, Fixture, verdicts_of
from tests.laws.oracle import verdicts
from tests.laws.profiles import is_long

DELEGATION = tuple(id for id, option in OPTIONS.items() if option.group in ("plans", "resources", "other"))
PRICE_LIST = tuple(id for id, option in OPTIONS.items() if option.group == "price_list")
Key = tuple[str, str]
FIXTURES = {
    "everything": Fixture("catalog.yaml", "state.yaml"),
    "conflict": Fixture("catalog_conflict.yaml", "state_conflict.yaml"),
}
PRICED = {
    "a list": Fixture("catalog.yaml", "state.yaml", {"price_list": "emea"}),
    "a list, adoption and vetoes": Fixture(
        "catalog.yaml",
        "state.yaml",
        {"price_list": "emea", "adopt": True, "veto": {"prices": True, "categories": True}},
    ),
}
PAIRS, PAIRS_LONG = 100, 300
"""How many random pairs of a set of each group: in the suite, and in the long profile."""


def sets_of(options: tuple[str, ...], always: tuple[str, ...] = ()) -> list[frozenset[str]]:
    """Every set of the options, each with those that are always on."""
    chosen = product((False, True), repeat=len(options))
    return [frozenset(id for id, on in zip(options, bits, strict=True) if on).union(always) for bits in chosen]


def sets_near_either_end(options: tuple[str, ...], distance: int, between: int) -> list[frozenset[str]]:
    """Every set with at most ``distance`` options on, or off, and ``between`` random ones; each set once."""
    chance = random.Random("between")
    few = [frozenset(chosen) for size in range(distance + 1) for chosen in combinations(options, size)]
    many = [frozenset(options) - chosen for chosen in few]
    sizes = range(distance + 1, len(options) - distance)
    some = [frozenset(chance.sample(options, chance.choice(sizes))) for _ in range(between)]
    return list(dict.fromkeys([*few, *many, *some]))


def check(fixture: Fixture, sets: list[frozenset[str]], options: tuple[str, ...]) -> int:
    """Compare with the oracle, then LAW: turning one of the options off adds no change. How many sets agreed."""
    applied = {}
    for enabled in sets:
        ours = verdicts_of(fixture.plan(fixture.with_options(enabled)))
        theirs = verdicts(fixture.documents, fixture.state_documents, reseller=RESELLER, enabled=enabled)
        assert ours == theirs, (sorted(enabled), _disagreement(ours, theirs))
        applied[enabled] = frozenset(key for key, verdict in ours.items() if verdict == "apply")
    for enabled, changes in applied.items():
        for option in enabled.intersection(options):
            assert applied.get(enabled - {option}, frozenset()) <= changes, (option, sorted(enabled))
    return len(applied)


@pytest.mark.parametrize("name", FIXTURES)
def test_sets_of_the_options_of_delegation(name: str) -> None:
    """All of them in the long profile."""
    few = sum(comb(len(DELEGATION), size) for size in range(4))
    if is_long():
        assert check(FIXTURES[name], sets_of(DELEGATION), DELEGATION) == 2 ** len(DELEGATION)
    else:
        assert check(FIXTURES[name], sets_near_either_end(DELEGATION, 3, 256), DELEGATION) > 2 * few


@pytest.mark.parametrize("always", [(), DELEGATION], ids=["alone", "with-delegation"])
@pytest.mark.parametrize("name", FIXTURES)
def test_every_set_of_the_price_list_options_that_delegated_products_follow(name: str, always: tuple[str, ...]) -> None:
    assert check(FIXTURES[name], sets_of(PRICE_LIST, always), PRICE_LIST) == 2 ** len(PRICE_LIST)


@pytest.mark.parametrize("always", [(), DELEGATION], ids=["alone", "with-delegation"])
@pytest.mark.parametrize("name", PRICED)
def test_every_set_of_the_price_list_options_with_a_list_assigned(name: str, always: tuple[str, ...]) -> None:
    assert check(PRICED[name], sets_of(PRICE_LIST, always), PRICE_LIST) == 2 ** len(PRICE_LIST)


@pytest.mark.parametrize("name", PRICED)
def test_random_pairs_of_sets_of_both_groups(name: str) -> None:
    chance, number = random.Random(f"pairs of {name}"), PAIRS_LONG if is_long() else PAIRS
    pairs = [
        frozenset(
            id for group in (DELEGATION, PRICE_LIST) for id in chance.sample(group, chance.randint(0, len(group)))
        )
        for _ in range(number)
    ]
    lowered = [enabled - {option} for enabled in pairs for option in enabled]
    assert check(PRICED[name], pairs, ()) <= number
    assert check(PRICED[name], chance.sample(lowered, number), ()) <= number


def _disagreement(ours: Mapping[Key, str], theirs: Mapping[Key, str]) -> dict[Key, tuple[str | None, str | None]]:
    return {key: (ours.get(key), theirs.get(key)) for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)}
