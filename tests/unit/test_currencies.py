"""Which currencies a document may name: those of ISO 4217 that are money."""

import csv
from pathlib import Path

import pytest

from reconciler.model.values.currencies import CURRENCIES, NOT_MONEY, SUCCESSORS, why_no_currency

LIST_ONE = Path(__file__).parents[1] / "data" / "iso-4217-list-one-2026-01-01.csv"
"""The maintenance agency's List One, published 2026-01-01: code, whether it is a fund, and its name."""


def rows() -> dict[str, dict[str, str]]:
    with LIST_ONE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: row for row in csv.DictReader(file)}


def test_every_code_of_the_list_is_money_or_known_not_to_be() -> None:
    assert CURRENCIES.isdisjoint(NOT_MONEY)
    assert CURRENCIES | NOT_MONEY.keys() == rows().keys()
    assert {code for code, row in rows().items() if row["fund"]} == {
        code for code, what in NOT_MONEY.items() if what == "a fund code"
    }


def test_what_was_withdrawn_is_on_no_list_and_its_successor_is_money() -> None:
    assert SUCCESSORS.keys().isdisjoint(rows())
    assert set(SUCCESSORS.values()) <= CURRENCIES


@pytest.mark.parametrize("code", ["EUR", "JPY", "KWD", "CLP", "XOF", "XPF", "XCG", "USD"])
def test_money(code: str) -> None:
    assert why_no_currency(code) is None


@pytest.mark.parametrize(
    ("code", "wrong", "hint"),
    [
        ("EURO", "is not a currency of ISO 4217", 'did you mean "EUR"?'),
        ("euro", "is not a currency of ISO 4217", 'did you mean "EUR"?'),
        ("eur", "is not a currency of ISO 4217", 'did you mean "EUR"?'),
        (" EUR", "is not a currency of ISO 4217", 'did you mean "EUR"?'),
        ("XAU", "is gold, not money", "a currency of ISO 4217, such as EUR"),
        ("XXX", "is the code for no currency, not money", "a currency of ISO 4217, such as EUR"),
        ("XTS", "is a code for tests, not money", "a currency of ISO 4217, such as EUR"),
        ("XDR", "is a unit of account, not money", "a currency of ISO 4217, such as EUR"),
        ("CLF", "is a fund code, not money", "a currency of ISO 4217, such as EUR"),
        ("DEM", "was withdrawn from ISO 4217", "it was replaced by EUR"),
        ("BGN", "was withdrawn from ISO 4217", "it was replaced by EUR"),
        ("€", "is not a currency of ISO 4217", "a code of three capital letters, such as EUR"),
        ("", "is not a currency of ISO 4217", "a code of three capital letters, such as EUR"),
    ],
)
def test_no_money(code: str, wrong: str, hint: str) -> None:
    found = why_no_currency(code)
    assert found is not None
    assert found[0].endswith(wrong)
    assert found[1] == hint
