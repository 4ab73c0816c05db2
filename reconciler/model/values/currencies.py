"""The currencies of ISO 4217 that prices can have.

Data rather than a library: core and model carry no files, and the list changes about once a year. The source is the
maintenance agency's List One (SIX Group), published 2026-01-01; `tests/unit/test_currencies.py` compares both.
"""

from difflib import get_close_matches

from reconciler.model.values.quotes import LONGEST, quote

# fmt: off
_LISTED = (
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD", "BND",
    "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE",
    "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD",
    "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY",
    "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD",
    "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO",
    "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF",
    "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB",
    "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED", "VES", "VND",
    "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
)
# fmt: on
CURRENCIES = frozenset(_LISTED)

NOT_MONEY = {
    **dict.fromkeys(("BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI"), "a fund code"),
    **dict.fromkeys(("XBA", "XBB", "XBC", "XBD"), "a unit of the bond markets"),
    **dict.fromkeys(("UYW", "XAD", "XDR", "XSU", "XUA"), "a unit of account"),
    "XAG": "silver",
    "XAU": "gold",
    "XPD": "palladium",
    "XPT": "platinum",
    "XTS": "a code for tests",
    "XXX": "the code for no currency",
}
"""The codes of List One that are not used for payment, and what each stands for."""

# fmt: off
_EURO = (
    "ATS", "BEF", "BGN", "CYP", "DEM", "EEK", "ESP", "FIM", "FRF", "GRD", "HRK", "IEP", "ITL", "LTL", "LUF", "LVL",
    "MTL", "NLG", "PTE", "SIT", "SKK",
)
# fmt: on
SUCCESSORS = {
    **dict.fromkeys(_EURO, "EUR"),
    "ANG": "XCG",
    "BYR": "BYN",
    "CSD": "RSD",
    "CUC": "CUP",
    "GHC": "GHS",
    "MRO": "MRU",
    "MXP": "MXN",
    "ROL": "RON",
    "RUR": "RUB",
    "SLL": "SLE",
    "STD": "STN",
    "TRL": "TRY",
    "VEF": "VES",
    "ZMK": "ZMW",
    "ZWL": "ZWG",
}
"""Withdrawn codes (List Three), and what replaced each."""


def why_no_currency(code: str) -> tuple[str, str] | None:
    """What is wrong with a currency code, and a hint; ``None`` for a currency that prices can have."""
    if code in CURRENCIES:
        return None
    if code in NOT_MONEY:
        return f"{code} is {NOT_MONEY[code]}, not money", "a currency of ISO 4217, such as EUR"
    if code in SUCCESSORS:
        return f"{code} was withdrawn from ISO 4217", f"it was replaced by {SUCCESSORS[code]}"
    near = get_close_matches(code[:LONGEST].strip().upper(), sorted(CURRENCIES), n=1, cutoff=0.6)
    hint = f'did you mean "{near[0]}"?' if near else "a code of three capital letters, such as EUR"
    return f"{quote(code)} is not a currency of ISO 4217", hint
