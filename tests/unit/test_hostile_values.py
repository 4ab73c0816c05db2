"""Documents that are too much: very many problems, very long values, keys and periods that nobody can use."""

import json
import re
from collections.abc import Iterable
from datetime import date

import pytest

from reconciler.core.reading.read import read_file
from reconciler.core.reading.state_documents import read_state
from reconciler.core.reading.text import with_lines
from reconciler.core.subscriptions.cycles import Cycles
from reconciler.model.documents.source import SourceFile
from reconciler.model.values.diagnostics import LONGEST_MESSAGE, Diagnostic
from reconciler.model.values.quotes import LONGEST
from reconciler.report.problems import render_problems, render_problems_github, render_problems_json
from reconciler.report.values import in_number_order, shown

ROLE = "kind: Role\nkey: clerk\nname: Clerk\nprivileges: []\n"
LONG = 900_000


def problems_of(text: str) -> list[Diagnostic]:
    """What is wrong with a file of a catalog."""
    data = text.encode()
    return with_lines(read_file(SourceFile("x.yaml", data)).problems, {"x.yaml": data})


def test_a_hundred_problems_of_one_code_in_one_file_are_listed_and_all_are_counted() -> None:
    problems = problems_of(ROLE + "".join(f"f{number}: 1\n" for number in range(5_000)) + "moved_from: 7\n")
    text = render_problems(problems)
    assert len(re.findall(r"error unknown-field: Role has no field", text)) == 100
    assert "x.yaml:105:1: error unknown-field: and 4,900 more of unknown-field in this file\n" in text
    assert "error wrong-type: moved_from" in text
    assert text.endswith("\n5,001 errors.\n")
    data = json.loads(render_problems_json(problems))
    assert data["valid"] is False
    assert [each["more"] for each in data["problems"] if "more" in each] == [4_900]
    assert sum(each.get("more", 1) for each in data["problems"]) == 5_001
    assert len(render_problems_github(problems).splitlines()) == 102


def test_the_limit_is_each_files_own() -> None:
    one, two = (
        [Diagnostic(each.place.__class__(file, each.place.line), each.code, each.summary) for each in found]
        for file in ("a.yaml", "b.yaml")
        for found in [problems_of(ROLE + "".join(f"f{number}: 1\n" for number in range(101)))]
    )
    assert render_problems([*one, *two]).count("and 1 more of unknown-field in this file") == 2


PLACES = {
    "a kind": "kind: {}\nkey: a\n",
    "a key": "kind: Role\nkey: {}\nname: a\n",
    "a text": "kind: Role\nkey: a\nname: 9{}\n",
    "a field": 'kind: Role\nkey: a\nname: a\nprivileges: []\n"{}": 1\n',
    "a field twice": 'kind: Role\nkey: a\n"{0}": 1\n"{0}": 1\n',
    "a flag": "kind: ServiceTerm\nkey: a\nname: a\nduration: P1M\ndelegated: {}\n",
    "a period": "kind: ServiceTerm\nkey: a\nname: a\nduration: {}\n",
    "a number": "kind: SalesCategory\nkey: a\nname: a\nposition: 9{}\n",
    "a currency": "kind: Provider\nkey: a\nname: a\ncurrency: {}\n",
    "a time zone": "kind: Provider\nkey: a\nname: a\ncurrency: EUR\ntime_zone: {}\n",
    "an option": "kind: SyncPolicy\nreseller: a\nname: a\nupstream: b\noptions: {{{}: true}}\n",
    "a share": "kind: SyncPolicy\nreseller: a\nname: a\nupstream: b\nguards: {{max_deletes: {}}}\n",
    "a variable": "kind: SyncPolicy\nreseller: a\nname: a\nupstream: b\ntoken_env: {}\n",
    "a store": "kind: Provider\nkey: a\nname: a\ncurrency: EUR\nstore: {}\n",
    "an amount": "kind: PriceList\nkey: a\nname: a\ncurrency: EUR\nproducts: {{p: {{P1M: 9{}}}}}\n",
    "an amount's product": 'kind: PriceList\nkey: a\nname: a\ncurrency: EUR\nproducts: {{"{}": {{P1M: 1}}}}\n',
    "an item of a set": "kind: Role\nkey: a\nname: a\nprivileges: [{0}, {0}]\n",
    "an anchor": "kind: Role\nkey: a\nname: &{} a\n",
    "an alias": "kind: Role\nkey: a\nname: *{}\n",
    "a tag": "kind: Role\nkey: a\nname: !{} a\n",
    "no YAML": "kind: Role\nkey: [{}\n",
}


@pytest.mark.parametrize("where", PLACES)
def test_at_most_two_hundred_characters_of_a_value_are_quoted(where: str) -> None:
    for filling in ("9" * LONG, "x" * LONG, "x y" * (LONG // 3)):
        problems = problems_of(PLACES[where].format(filling))
        assert len(render_problems(problems)) < 5_000
        assert len(render_problems_json(problems)) < 8_000
        assert len(render_problems_github(problems)) < 8_000
        for each in problems:
            assert max(len(each.summary), len(each.hint)) <= LONGEST_MESSAGE
            assert all(len(quoted) <= LONGEST for quoted in re.findall('"([^"]*)"', each.summary))


REFUSED_KEYS = ["..", ".", "--help", "-x", "_x", ".x", "k" * 129, "k" * 5_000]
KEYS = ["a", "0", "9-._z", "k" * 128, "a..b", "2024.1"]


def codes_of(problems: Iterable[Diagnostic]) -> set[str]:
    return {each.code for each in problems}


@pytest.mark.parametrize("key", REFUSED_KEYS)
def test_keys_that_are_refused(key: str) -> None:
    assert codes_of(problems_of(ROLE.replace("clerk", f'"{key}"'))) == {"bad-key"}
    assert codes_of(problems_of(ROLE.replace("[]", f'["{key}"]'))) == {"bad-key"}
    policy = f'kind: SyncPolicy\nreseller: "{key}"\nname: a\nupstream: b\n'
    assert codes_of(problems_of(policy)) == {"bad-key"}
    for kind in ("Role", "Customer", "Subscription"):
        assert codes_of(read_state(f'kind: {kind}\nkey: "{key}"\n', "f")[1]) == {"bad-key"}


@pytest.mark.parametrize("key", KEYS)
def test_keys_that_are_taken(key: str) -> None:
    assert problems_of(ROLE.replace("clerk", f'"{key}"').replace("[]", f'["{key}"]')) == []
    assert read_state(f'kind: Role\nkey: "{key}"\n', "f")[1] == []


@pytest.mark.parametrize("key", REFUSED_KEYS)
def test_what_was_a_key_in_earlier_releases_can_be_renamed(key: str) -> None:
    assert problems_of(f'{ROLE}moved_from: "{key}"\n') == []


def test_mirrors_have_a_resellers_key_in_front_at_every_level() -> None:
    """However many levels there are; each part is a key."""
    reseller, key = "r" * 128, "k" * 128
    mirror = ".".join([reseller] * 50 + [key])
    fields = f"customer: {mirror}\nproduct: a\nreseller: {reseller}\nsource: {mirror}\n"
    assert read_state(f"kind: Subscription\nkey: {mirror}\n{fields}", "f")[1] == []
    assert read_state(f"kind: Customer\nkey: {mirror}\n", "f")[1] == []
    assert codes_of(read_state(f"kind: Subscription\nkey: {mirror}k\n", "f")[1]) == {"bad-key"}
    assert codes_of(read_state(f"kind: Role\nkey: {mirror}\n", "f")[1]) == {"bad-key"}


NOT_COUNTED = ["P0D", "P0M", "P0Y0M", "P00W", "P99999999999999999999Y", f"P{'9' * 150}D"]
REFUSED_PERIODS = [*NOT_COUNTED, "P", "P101Y", "P1201M", "P99999D"]
PERIODS = ["P1D", "P1M", "P1Y", "P0Y1M", "P01M", "P2W", "P100Y", "P1200M", "P1Y2M3W4D"]


@pytest.mark.parametrize("period", REFUSED_PERIODS)
def test_periods_without_length_or_end_are_refused(period: str) -> None:
    assert codes_of(problems_of(f"kind: ServiceTerm\nkey: a\nname: a\nduration: {period}\n")) == {"bad-value"}
    price_list = f"kind: PriceList\nkey: a\nname: a\ncurrency: EUR\nproducts: {{p: {{{period}: 1}}}}\n"
    assert codes_of(problems_of(price_list)) == {"bad-value"}
    assert codes_of(read_state(f"kind: Subscription\nkey: a\nbilling_cycle: {period}\n", "f")[1]) == {"bad-value"}
    pending = f"pending_unit: {{billing_cycle: {period}, from: 2027-01-01}}"
    assert codes_of(read_state(f"kind: Subscription\nkey: a\n{pending}\n", "f")[1]) == {"bad-value"}


@pytest.mark.parametrize("period", PERIODS)
def test_periods_that_are_taken(period: str) -> None:
    assert problems_of(f"kind: ServiceTerm\nkey: a\nname: a\nduration: {period}\n") == []


@pytest.mark.parametrize("period", [*NOT_COUNTED, f"P{'9' * 5_000}D"])
def test_a_period_that_a_state_holds_all_the_same_ends_nothing(period: str) -> None:
    assert Cycles(date(2026, 1, 31), period, 15).first(date(2026, 2, 1), after=True) is None


@pytest.mark.parametrize("amount", ["9" * 31, "0." + "1" * 31, "9" * 5_000])
def test_amounts_have_an_end(amount: str) -> None:
    price_list = f"kind: PriceList\nkey: a\nname: a\ncurrency: EUR\nproducts: {{p: {{P1M: {amount}}}}}\n"
    (problem,) = problems_of(price_list)
    assert (problem.code, "it has more than 30 digits" in problem.summary) == ("bad-amount", True)
    whole = price_list.replace(amount, "9" * 30 + "." + "9" * 30)
    assert problems_of(whole) == []


def test_keys_of_thousands_of_digits_are_in_their_order() -> None:
    keys = ["9" * 5_000, "1" * 5_001, "30", "7", "a", "007"]
    assert sorted(keys, key=in_number_order)[:3] == ["007", "7", "30"]
    assert shown(dict.fromkeys(keys, "x")).startswith("{")
