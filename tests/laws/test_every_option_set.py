"""All 2^13 option sets over every kind of difference, against an oracle that shares nothing with the engine.

With a price list assigned, all 2^8 sets of its options, alone and with the thirteen, and random pairs of both groups.
"""

import random
from collections.abc import Mapping
from itertools import product

import pytest

from reconciler.model.options import OPTIONS
from tests.laws.bench_of_options import RESELLER, Fixture, verdicts_of
from tests.laws.oracle import verdicts

THIRTEEN = tuple(id for id, option in OPTIONS.items() if option.group in ("plans", "resources", "other"))
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
PAIRS = 300
"""How many random pairs of a set of each group."""


def sets_of(options: tuple[str, ...], always: tuple[str, ...] = ()) -> list[frozenset[str]]:
    """Every set of the options, each with those that are always on."""
    chosen = product((False, True), repeat=len(options))
    return [frozenset(id for id, on in zip(options, bits, strict=True) if on).union(always) for bits in chosen]


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
            assert applied[enabled - {option}] <= changes, (option, sorted(enabled))
    return len(applied)


@pytest.mark.parametrize("name", FIXTURES)
def test_every_set_of_the_thirteen_options(name: str) -> None:
    assert check(FIXTURES[name], sets_of(THIRTEEN), THIRTEEN) == 2**13


@pytest.mark.parametrize("always", [(), THIRTEEN], ids=["alone", "with-the-thirteen"])
@pytest.mark.parametrize("name", FIXTURES)
def test_every_set_of_the_price_list_options_that_delegated_products_follow(name: str, always: tuple[str, ...]) -> None:
    assert check(FIXTURES[name], sets_of(PRICE_LIST, always), PRICE_LIST) == 2**8


@pytest.mark.parametrize("always", [(), THIRTEEN], ids=["alone", "with-the-thirteen"])
@pytest.mark.parametrize("name", PRICED)
def test_every_set_of_the_price_list_options_with_a_list_assigned(name: str, always: tuple[str, ...]) -> None:
    assert check(PRICED[name], sets_of(PRICE_LIST, always), PRICE_LIST) == 2**8


@pytest.mark.parametrize("name", PRICED)
def test_random_pairs_of_sets_of_both_groups(name: str) -> None:
    chance = random.Random(f"pairs of {name}")
    pairs = [
        frozenset(id for group in (THIRTEEN, PRICE_LIST) for id in chance.sample(group, chance.randint(0, len(group))))
        for _ in range(PAIRS)
    ]
    lowered = [enabled - {option} for enabled in pairs for option in enabled]
    assert check(PRICED[name], pairs, ()) <= PAIRS
    assert check(PRICED[name], chance.sample(lowered, PAIRS), ()) <= PAIRS


def _disagreement(ours: Mapping[Key, str], theirs: Mapping[Key, str]) -> dict[Key, tuple[str | None, str | None]]:
    return {key: (ours.get(key), theirs.get(key)) for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)}
