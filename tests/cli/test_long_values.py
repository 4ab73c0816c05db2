"""Values of very many characters or digits, wherever a command line takes one: an error that can be read, if any."""

import re
import shlex

import click
import pytest

from reconciler.model.values.quotes import LONGEST, quote, readable
from reconciler.stores.sql import postgresql_databases
from tests.cli.runner import Shop
from tests.cli.test_documented import LEAVES
from tests.cli.test_empty_values import required

DIGITS = 5_000
"""More than Python reads as a number."""
LONG = ("9" * DIGITS, "x y " * DIGITS)
FORMS = {
    "--shard": "{0}/{0}",
    "--set": "K={}",
    "--filter": "status={}",
    "--allow": "max_changes:{}",
    "--executor": "dask://x:{}",
}
"""How a value has to be written to be looked at further."""


def lines(name: str) -> list[list[str]]:
    """A command line for every parameter of a command that takes a value, and each filling."""
    found = []
    needed = required(name)
    for filling in LONG:
        count = 0
        for each in LEAVES[name].params:
            if isinstance(each, click.Argument):
                found.append([*needed[:count], "--", filling, *needed[count + 1 :]])
                count += 1
            elif isinstance(each, click.Option) and not each.is_flag:
                written = FORMS.get(each.opts[-1], "{}").format(filling)
                found.append([f"{each.opts[-1]}={written}", *needed])
    return found


@pytest.mark.parametrize("name", [each for each in LEAVES if each != "watch"])
def test_a_long_value_is_quoted_in_part(shop: Shop, name: str) -> None:
    for line in lines(name):
        done = shop.run(f"{name} {shlex.join(line)}".replace("--now", "--now ", 1))
        said = (name, line[0][:20], done.err[:300])
        assert done.status in (0, 1), said
        assert len(done.err) < 6_000, said
        assert not re.search(rf"[^\s/]{{{LONGEST + 100}}}", done.err), said


@pytest.mark.parametrize("interval", ["9" * 400, "9" * 12, "inf", "nan", "0", "-1", "1e400"])
def test_an_interval_is_one_that_can_be_waited(shop: Shop, interval: str) -> None:
    done = shop.run(f"watch --rounds 2 --interval {interval}")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("Error: Invalid value for '--interval': ")


@pytest.mark.parametrize("variable", ["RECONCILE_ALLOWED_HOSTS", "PGPORT", "PGCONNECT_TIMEOUT", "PGHOSTADDR"])
@pytest.mark.parametrize("command", ["status", "status -o json", "plan", "tenant list", "history"])
def test_a_long_variable_is_quoted_in_part(
    shop: Shop, command: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_databases, "WAITS", ())
    with (shop.root / "acme/resellers/two.yaml").open("a", encoding="utf-8") as file:
        file.write("store: postgresql://127.0.0.1:1/x\n")
    for value in ("9" * DIGITS, "127.0.0.1:" + "9" * DIGITS):
        done = shop.run(command, env={variable: value})
        assert done.status in (0, 1)
        assert "9" * (LONGEST + 1) not in done.out + done.err


def test_a_message_is_readable_whatever_it_quotes() -> None:
    long = "it's a \\ b " * 100
    assert readable(f'no "{long}" and "..", but a reason, and "{long}"') == (
        f'no {quote(long)} and "..", but a reason, and {quote(long)}'
    )
    assert readable(f"{'9' * DIGITS} is too long") == f"{quote('9' * DIGITS)[1:-1]} is too long"
    path = "/a/" + "folder/" * 500 + "x.yaml: it is a directory"
    assert readable(path) == path
    prose = 'it\'s said of "x." ' + "in many words that nobody has to read " * 20
    assert readable(prose) == prose
