"""Amounts: exact decimals as text, and amounts that change on a date.

The text is stored and shown as written; ``6.0`` equals ``6.00`` by `canonical`, without floats.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

AMOUNTS = ("amount", "amounts")
"""The field types that hold money: one amount, or amounts by key."""
DIGITS = 30
"""The maximum number of digits before the decimal point, and after it."""
_AMOUNT = rf"(?:0|[1-9][0-9]{{0,{DIGITS - 1}}})(?:\.[0-9]{{1,{DIGITS}}})?"
AMOUNT = re.compile(rf"{_AMOUNT}\Z")
AMOUNT_PATTERN = rf"^{_AMOUNT}$"


def canonical(amount: str) -> str:
    """The canonical text of an amount's value: no trailing zeros after the point.

    >>> canonical("6.00"), canonical("0.000000019"), canonical("10")
    ('6', '0.000000019', '10')
    """
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


def effective_amount(value: Any, on: date) -> Any:
    """The effective amount on a day: the latest entry whose ``from`` is not later, ``None`` before the first.

    ``value`` is an amount's text, ``None``, or ``[{"from": "2027-01-01", "amount": "6.60"}, ...]`` sorted by date.
    """
    if not isinstance(value, list):
        return value
    day = on.isoformat()
    held = None
    for entry in value:
        if entry["from"] <= day:
            held = entry["amount"]
    return held


def why_no_amount(text: str) -> str | None:
    """Why a text is not an amount, for people; ``None`` if it is one."""
    if AMOUNT.match(text):
        return None
    for pattern, reason in _REASONS:
        if re.match(pattern, text):
            return reason
    return "not a decimal"


def meant_amount(text: str) -> str:
    """The amounts that a text probably means, in the accepted notation, for people; empty if that is unclear.

    >>> meant_amount("10,90"), meant_amount("1.234,50 EUR"), meant_amount("1,000"), meant_amount("10%")
    ('10.90', '1234.50', '1000 or 1.000', '')
    """
    bare = _CURRENCY.sub("", text.strip())
    bare = _GROUPING.sub("", bare)
    if not _FIGURES.match(bare):
        return ""
    if "," in bare and "." in bare:  # whichever comes last is the decimal mark
        decimal, grouping = (",", ".") if bare.rindex(",") > bare.rindex(".") else (".", ",")
        found = [bare.replace(grouping, "").replace(decimal, ".")]
    elif max(bare.count(","), bare.count(".")) > 1:
        found = [bare.replace(",", "").replace(".", "")]
    elif _THOUSANDS.match(bare):
        found = [bare.replace(",", ""), bare.replace(",", ".")]
    else:
        found = [bare.replace(",", ".")]
    return " or ".join(each for each in found if AMOUNT.match(each))


_SIGNS = "$\u00a2-\u00a5\u058f\u060b\u09f2\u0e3f\u17db\u20a0-\u20cf"
_CURRENCY = re.compile(rf"\A(?:[A-Z]{{3}}|[{_SIGNS}])\s*(?=[0-9])|(?<=[0-9])\s*(?:[A-Z]{{3}}|[{_SIGNS}]|,-{{1,2}})\Z")
_GROUPING = re.compile("(?<=[0-9])[ \u00a0\u202f\u2009'\u2019_](?=[0-9]{3}(?![0-9]))")
_FIGURES = re.compile(r"[0-9]{1,30}(?:[.,][0-9]{1,30}){0,10}\Z")
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}\Z")
_REASONS = (
    (rf".*[{_SIGNS}]|[A-Z]{{3}}\s*[0-9]|.*[0-9]\s*[A-Z]{{3}}\Z", "an amount is without its currency"),
    (r"[0-9.,]+\s*%", "an amount is no percentage"),
    ("[0-9]+[ \u00a0\u202f\u2009'\u2019][0-9]", "an amount has no thousands separators"),
    (r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?\Z", "the decimal mark is a point, and there are no thousands separators"),
    (r"[+-]", "an amount has no sign"),
    (r"[0-9.]+[eE]", "an amount has no exponent"),
    (r"\.(nan|NaN|NAN|inf|Inf|INF)", "an amount is a finite decimal"),
    (r"0[0-7oxX]", "octal and hexadecimal forms are not amounts"),
    (r"[0-9]+(:[0-9]+)+", "sexagesimal forms are not amounts"),
    (r"[0-9]*_[0-9_]*", "an amount has no underscores"),
    (r"[0-9]+,", "the decimal mark is a point"),
    (r"\.[0-9]", "write the zero before the point"),
    (r"[0-9]+(\.[0-9]+)?\Z", f"it has more than {DIGITS} digits before or behind the point"),
)


def dated(entries: list[Mapping[str, str]]) -> list[dict[str, str]]:
    """The entries of a dated amount, sorted by date."""
    return sorted((dict(entry) for entry in entries), key=lambda entry: entry["from"])
