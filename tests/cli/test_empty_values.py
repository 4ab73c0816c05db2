"""An empty value is a usage error, never "not given": in CI it is a variable that is not set."""

from collections.abc import Iterator

import click
import pytest

from tests.cli.runner import Shop
from tests.cli.test_documented import LEAVES

FILLER = "one"


def options() -> Iterator[tuple[str, str]]:
    """Every way to write every option that takes a value, with its command."""
    yield from (("", "-C"), ("", "--workspace"), ("tenant", "-C"), ("subscription", "-C"))
    for name, found in LEAVES.items():
        for each in found.params:
            if isinstance(each, click.Option) and not each.is_flag:
                yield from ((name, written) for written in each.opts)


def arguments() -> Iterator[tuple[str, int]]:
    """Every positional argument, by its command and its number."""
    for name, found in LEAVES.items():
        count = sum(isinstance(each, click.Argument) for each in found.params)
        yield from ((name, number) for number in range(count))


def required(name: str) -> list[str]:
    """Something for each argument that a command must have; of one that never ends, an end."""
    if name == "watch":
        return ["--rounds 1"]
    params = LEAVES[name].params if name in LEAVES else []
    return [FILLER for each in params if isinstance(each, click.Argument) and each.required]


@pytest.mark.parametrize(("name", "option"), list(options()))
def test_no_option_takes_an_empty_value(shop: Shop, name: str, option: str) -> None:
    state, leaf = shop.state, name if name in LEAVES else ""
    spellings = [f"{option} ''", f"{option}=''"] if option.startswith("--") else [f"{option} ''"]
    for spelling in spellings:
        line = " ".join([leaf, *required(name), spelling]) if leaf else f"{name} {spelling} plan"
        done = shop.run(line)
        assert (done.status, done.out) == (1, ""), line
        assert done.err.startswith("Error: Invalid value for "), line
        assert "the value is empty" in done.err.splitlines()[0]
        assert option in done.err.splitlines()[0]
        assert "\nUsage: reconcile" in done.err
    assert shop.state == state


@pytest.mark.parametrize("option", ["--tenant", "--allow"])
def test_no_one_of_several_values_is_empty(shop: Shop, option: str) -> None:
    assert "the value is empty" in shop.run(f"plan {option} one {option} ''").err


@pytest.mark.parametrize(("name", "number"), list(arguments()))
def test_no_argument_is_empty(shop: Shop, name: str, number: int) -> None:
    state = shop.state
    done = shop.run(" ".join([name, *[FILLER] * number, "''"]))
    assert (done.status, done.out, shop.state) == (1, "", state)
    assert done.err.startswith("Error: Invalid value for ")
    assert "the value is empty" in done.err.splitlines()[0]


def test_an_empty_variable_of_the_environment_is_one_that_is_not_set(shop: Shop) -> None:
    """As everywhere: a CI's ``env:`` gives every variable, and those without a value are empty."""
    assert shop.run("plan", env={"RECONCILE_WORKSPACE": ""}) == shop.run("plan")
