# long: every type of field, its reader beside its JSON Schema
"""The types of fields that documents declare: how a scalar is read, how the diff compares it, and its JSON Schema.

The parser passes scalars as written: `Number` for a plain scalar that looks like a number, so that no value passes
through a float; pydantic calls the readers below, whose errors have our codes.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, NamedTuple, TypeAlias

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from reconciler.model.values.amounts import AMOUNT_PATTERN, dated, meant_amount, why_no_amount
from reconciler.model.values.currencies import CURRENCIES, why_no_currency
from reconciler.model.values.diagnostics import MOST_OF_A_CODE
from reconciler.model.values.keys import (
    FORMER_KEY,
    KEY,
    KEY_PATTERN,
    LONGEST_KEY,
    MIRRORED_KEY,
    MIRRORED_KEY_PATTERN,
    TENANT_KEY,
    TENANT_KEY_PATTERN,
)
from reconciler.model.values.quotes import LONGEST, quote, shortened

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_PERIOD_FORM = r"P(?=.*[1-9])(?:[0-9]{1,3}Y)?(?:[0-9]{1,4}M)?(?:[0-9]{1,4}W)?(?:[0-9]{1,5}D)?"
_PERIOD = re.compile(rf"{_PERIOD_FORM}\Z")
_PERIOD_LIKE = re.compile(r"P(?=.)(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+W)?(?:[0-9]+D)?\Z")
_PERIOD_PART = re.compile(r"([0-9]+)([YMWD])")
_LONGEST_PERIOD = 100
"""In years."""
_MONTHS, _DAYS_AT_MOST = 12, 366
_DIGITS = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_SHARE = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,9})?%\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
MAX_WHOLE = 2**53 - 1
CREDENTIAL = "RECONCILE_"
"""The prefix of environment variables that a document may name."""


class Number:
    """A plain scalar that YAML 1.2 would read as a number, with its text as written."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Leaf:
    """How the generic diff treats a scalar: ``amount`` compares by value, ``set`` without order, others directly."""

    type: str


def refuse(
    code: str,
    message: str,
    hint: str = "",
    *,
    at: tuple[str | int, ...] = (),
) -> PydanticCustomError:
    """An error with one of our codes. ``at``: the path within the field.

    ``at`` ends in ``"[key]"`` if a map's key is at fault, as pydantic's own paths do.
    """
    return _refusal([Fault(code, message, hint, at)])


class Fault(NamedTuple):
    """One fault of a value: our code, a message, a hint, and the path within the field."""

    code: str
    message: str
    hint: str
    at: tuple[str | int, ...]


def _refusal(faults: Sequence[Fault]) -> PydanticCustomError:
    """The error for the faults of a value; it is of the type of the first, and `faults_of` has all of them."""
    code, message, hint, at = faults[0]
    context = {"message": message, "hint": hint, "at": at, "more": tuple(faults[1:])}
    return PydanticCustomError(code, "{message}", context)


def faults_of(code: str, context: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Every fault of an error of `refuse` or `Faults`, from its type and context; none for an error of pydantic's."""
    if "message" not in context:
        return ()
    first = Fault(code, context["message"], context["hint"], context["at"])
    return (first, *context["more"])


class Faults:
    """The faults in the parts of a value. A reader reads every part before it refuses, so that no fault is missed."""

    def __init__(self) -> None:
        self._found: list[Fault] = []

    def read(self, step: str | int, reader: Callable[[object], Any], value: object) -> Any:
        """Reads a part of the value: the result, or ``None`` for a part at fault."""
        try:
            return reader(value)
        except PydanticCustomError as error:
            inside = faults_of(error.type, error.context or {})
            self._found += [each._replace(at=(step, *each.at)) for each in inside]
            return None

    def add(self, code: str, message: str, hint: str = "", *, at: tuple[str | int, ...]) -> None:
        """Adds a fault, as `refuse`."""
        self._found.append(Fault(code, message, hint, at))

    def near(self, name: str, known: Iterable[str]) -> str:
        """`did_you_mean`, empty after many faults: comparing is slow, and only the first faults are shown."""
        return did_you_mean(name, known) if len(self._found) < MOST_OF_A_CODE else ""

    def check(self) -> None:
        """Raises the error for all faults, if there is one."""
        if self._found:
            raise _refusal(self._found)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean "plans"?``, or the list of known names."""
    names = sorted(known)
    # Comparing long texts is slow, and no known name is long.
    close = get_close_matches(name, names, n=1, cutoff=0.6) if len(name) <= LONGEST else []
    if close:
        return f'did you mean "{close[0]}"?'
    listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"known: {listed}" if names else "there is none yet"


def quoted_value(value: object) -> str:
    """A value as a message shows it, at most `LONGEST` characters."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    return {"dict": "a map", "list": "a list"}.get(type(value).__name__, shortened(repr(value)))


def is_rest(fields: Mapping[str, Any], name: str) -> bool:
    """Whether a map's key is the rest of a number with a decimal comma: ``{recurring: 10,90}`` has the keys recurring
    and 90.
    """
    return _DIGITS.match(name) is not None and name in fields and fields[name] is None


def read_text(value: object) -> str:
    """A string; anything that looks like a number, a boolean or null must be quoted."""
    if isinstance(value, str):
        return value
    hint = f"put it in quotes: {quote(value.text)}" if isinstance(value, Number) else ""
    raise refuse("wrong-type", f"expected a string, found {quoted_value(value)}", hint)


def read_currency(value: object) -> str:
    """A currency: an ISO 4217 code that prices can have."""
    code = read_text(value)
    if wrong := why_no_currency(code):
        raise refuse("bad-currency", *wrong)
    return code


def read_token_env(value: object) -> str:
    """The name of an environment variable with a credential; the prefix protects all other variables."""
    name = read_text(value)
    if not _VARIABLE.match(name):
        raise refuse(
            "bad-value", f"{quote(name)} is not the name of an environment variable", f"for example {CREDENTIAL}TOKEN"
        )
    if not name.startswith(CREDENTIAL):
        message = f"{quote(name)} does not begin with {CREDENTIAL}, as the name of a variable with a credential does"
        raise refuse("bad-value", message, f"call the variable {CREDENTIAL}{shortened(name)}")
    return name


def read_key(value: object) -> str:
    """A key (AP-21)."""
    return _read_key(value, KEY)


def read_mirrored_key(value: object) -> str:
    """The key of a customer or subscription; at a distributor, it starts with the resellers' keys."""
    return _read_key(value, MIRRORED_KEY)


def read_former_key(value: object) -> str:
    """A former key (AP-21), including forms that only earlier releases accepted."""
    return _read_key(value, FORMER_KEY)


def _read_key(value: object, form: re.Pattern[str]) -> str:
    text = read_text(value)
    if not form.match(text):
        raise refuse("bad-key", f"{quote(text)} is not a key", _key_hint(text))
    return text


def _key_hint(text: str) -> str:
    if len(text) > LONGEST_KEY and FORMER_KEY.match(text):
        return f"a key has at most {LONGEST_KEY} characters; this one has {len(text)}"
    folded = re.sub(r"[^a-z0-9_.-]+", "-", text[: LONGEST_KEY * 2].lower()).lstrip("-._").rstrip("-")[:LONGEST_KEY]
    example = f', for example "{folded}"' if folded and text.isascii() else ""
    return f'a key is lower-case letters, digits, "_", "-" and ".", and begins with a letter or digit{example}'


def read_tenant_key(value: object) -> str:
    """The key of a provider or reseller: a key without a dot."""
    text = read_key(value)
    if not TENANT_KEY.match(text):
        raise refuse("bad-key", f"{quote(text)} is not the key of a tenant", "a tenant's key holds no dot")
    return text


def read_flag(value: object) -> bool:
    """``true`` or ``false``, unquoted."""
    if isinstance(value, bool):
        return value
    hint = ""
    if isinstance(value, str) and value.lower() in ("yes", "on", "y", "true"):
        hint = "write true, unquoted"
    elif isinstance(value, str) and value.lower() in ("no", "off", "n", "false"):
        hint = "write false, unquoted"
    raise refuse("wrong-type", f"expected true or false, found {quoted_value(value)}", hint)


def read_whole(value: object) -> int:
    """A whole number of at most 53 bits, unquoted."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, Number):
        raise refuse("wrong-type", f"expected a whole number, found {quoted_value(value)}")
    if not _WHOLE.match(value.text):
        raise refuse(
            "bad-value", f"{quoted_value(value)} is not a whole number", "digits only: no underscores, hex or octal"
        )
    if len(value.text) > 17 or abs(int(value.text)) > MAX_WHOLE:
        raise refuse("bad-value", f"{quoted_value(value)} does not fit 53 bits")
    return int(value.text)


def read_count(value: object) -> int:
    """A whole number that is not negative."""
    number = read_whole(value)
    if number < 0:
        raise refuse("bad-value", f"{number} is negative")
    return number


def read_count_or_off(value: object) -> int | bool:
    """A count, or ``false`` to switch a guard off."""
    return False if value is False else read_count(value)


def read_billing_day(value: object) -> int:
    """A day of the month, 1 to 31."""
    day = read_whole(value)
    if not 1 <= day <= 31:
        raise refuse("bad-value", f"{day} is not a day of the month", "1 to 31")
    return day


def read_decimal(value: object) -> str:
    """An amount without dates, as its text."""
    if not isinstance(value, str | Number):
        raise refuse("wrong-type", f"expected an amount, found {quoted_value(value)}", "for example 6.00")
    text = value if isinstance(value, str) else value.text
    reason = why_no_amount(text)
    if reason:
        meant = meant_amount(text[:LONGEST])
        hint = f"write {meant}" if meant else "a decimal such as 6.00"
        raise refuse("bad-amount", f"{shortened(text)} is not an amount: {reason}", hint)
    return text


def read_amount(value: object) -> Any:
    """An amount, or amounts by date: ``[{from: 2027-01-01, amount: 6.60}, ...]``."""
    if not isinstance(value, list):
        return read_decimal(value)
    if not value:
        raise refuse("bad-amount", "a dated amount has at least one entry")
    faults = Faults()
    entries = [faults.read(index, _read_entry, entry) for index, entry in enumerate(value)]
    days: set[str] = set()
    for index, entry in enumerate(entries):
        if entry is not None and entry["from"] in days:
            faults.add("bad-amount", "a date stands twice in a dated amount", at=(index, "from"))
        elif entry is not None:
            days.add(entry["from"])
    faults.check()
    return dated(entries)


def _read_entry(entry: object) -> dict[str, str]:
    if not isinstance(entry, dict) or set(entry) != {"from", "amount"}:
        message = "an entry of a dated amount has exactly `from` and `amount`"
        hint = "for example [{from: 2027-01-01, amount: 6.60}]; an amount alone has no brackets"
        cut = next((name for name in entry if is_rest(entry, name)), None) if isinstance(entry, dict) else None
        raise refuse("bad-amount", message, hint, at=() if cut is None else (cut,))
    faults = Faults()
    found = {
        "from": faults.read("from", read_date, entry["from"]),
        "amount": faults.read("amount", read_decimal, entry["amount"]),
    }
    faults.check()
    return found


def read_date(value: object) -> str:
    """A day: ``2027-01-01``."""
    if not isinstance(value, str) or not _DATE.match(value):
        raise refuse("bad-value", f"{quoted_value(value)} is not a date", "for example 2027-01-01")
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise refuse("bad-value", f"{value} is not a date: {error}", "for example 2027-01-01") from None
    return value


def read_period(value: object) -> str:
    """An ISO 8601 duration of whole years, months, weeks or days: ``P1M``."""
    text = read_text(value)
    if _PERIOD.match(text):
        months, days = period_parts(text)
        if months / _MONTHS + days / _DAYS_AT_MOST <= _LONGEST_PERIOD:
            return text
    if not _PERIOD_LIKE.match(text):
        raise refuse("bad-value", f"{quote(text)} is not a period", "an ISO 8601 duration such as P1M or P1Y")
    why = "is longer than a hundred years" if re.search("[1-9]", text) else "has no length"
    raise refuse("bad-value", f"{quote(text)} {why}", "a period such as P1M or P1Y")


def period_parts(period: str) -> tuple[int, int]:
    """A period as months and days; an invalid one, which a state may have, has no length.

    >>> period_parts("P1Y2M"), period_parts("P2W3D")
    ((14, 0), (0, 17))
    """
    if len(period) > LONGEST:
        return 0, 0
    amounts = {unit: int(number) for number, unit in _PERIOD_PART.findall(period)}
    return amounts.get("Y", 0) * 12 + amounts.get("M", 0), amounts.get("W", 0) * 7 + amounts.get("D", 0)


def read_set(value: object) -> list[str]:
    """A list of keys, without duplicates; the order does not matter."""
    return _read_set(value, read_key)


def _read_set(value: object, reader: Callable[[object], str]) -> list[str]:
    faults = Faults()
    keys = _read_items(value, reader, faults)
    seen: set[str] = set()
    for index, key in enumerate(keys):
        if key in seen:
            faults.add("repeated-item", f"{quote(key)} stands twice", "a list of keys is a set", at=(index,))
        elif key is not None:
            seen.add(key)
    faults.check()
    return sorted(keys)


def read_former_keys(value: object) -> list[str]:
    """A former key, or a list of them without duplicates; the order does not matter."""
    return _read_set(value, read_former_key) if isinstance(value, list) else [read_former_key(value)]


def read_list(value: object) -> list[str]:
    """A list of keys in order."""
    faults = Faults()
    keys = _read_items(value, read_key, faults)
    faults.check()
    return keys


def _read_items(value: object, reader: Callable[[object], str], faults: Faults) -> list[Any]:
    """The items of a list; ``None`` for those at fault."""
    if not isinstance(value, list):
        raise refuse("wrong-type", f"expected a list of keys, found {quoted_value(value)}", "for example [one, two]")
    return [faults.read(index, reader, item) for index, item in enumerate(value)]


def read_patterns(value: object) -> list[str]:
    """A list of patterns as ``.gitignore`` has them, in order: a later one takes precedence."""
    if not isinstance(value, list):
        hint = "for example [docker-compose.yml]"
        raise refuse("wrong-type", f"expected a list of patterns, found {quoted_value(value)}", hint)
    faults = Faults()
    patterns = [faults.read(index, _read_pattern, item) for index, item in enumerate(value)]
    faults.check()
    return patterns


def _read_pattern(value: object) -> str:
    pattern = read_text(value)
    if why := _pattern_fault(pattern):
        raise refuse("bad-value", f"the pattern {quote(pattern)} {why}", "write it as in .gitignore, for example docs/")
    return pattern


def _pattern_fault(pattern: str) -> str:
    """Why a pattern matches nothing, or not what git would match; empty if it is sound."""
    bare = pattern.removeprefix("!")
    if not bare.strip(" /"):
        return "names no file"
    if pattern.startswith("#"):
        return "is a comment: a leading # is written \\#"
    if any(ord(character) < 0x20 for character in pattern):
        return "contains a control character"
    if (len(bare) - len(bare.rstrip("\\"))) % 2:
        return "ends in a backslash that escapes nothing"
    if "[:" in bare or bare.endswith("/**/"):
        return "is not supported here"
    return ""


def read_share(value: object) -> str | bool:
    """A guard's share, ``10%``, or ``false`` to switch it off."""
    if value is False:
        return False
    if not isinstance(value, str) or not _SHARE.match(value):
        raise refuse("bad-value", f"{quoted_value(value)} is not a share", "for example 10%, or false to switch it off")
    return value


def read_days(value: object) -> dict[str, str]:
    """A map of whole days to keys: ``{30: reminder}``."""
    if not isinstance(value, dict):
        raise refuse("wrong-type", f"expected a map of days, found {quoted_value(value)}", "for example {30: reminder}")
    faults = Faults()
    found = {day: faults.read(day, read_key, key) for day, key in value.items()}
    for day in value:
        if not _WHOLE.match(day) or len(day) > 6:
            faults.add("bad-value", f"{quoted_value(day)} is not a number of days", at=(day, "[key]"))
    faults.check()
    return {day: found[day] for day in sorted(found, key=int)}


def read_version(value: object) -> str:
    """A version: text, or a number kept as written."""
    return value.text if isinstance(value, Number) else read_text(value)


def read_scalar(value: object) -> Any:
    """Any scalar; a number is kept as its text."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, str | bool):
        return value
    raise refuse("wrong-type", f"expected a string, a number or a boolean, found {quoted_value(value)}")


def _field(reader: Callable[[object], Any], leaf: str, schema: dict[str, Any]) -> Any:
    return (PlainValidator(reader), Leaf(leaf), WithJsonSchema(schema))


_KEY = {"type": "string", "pattern": f"^{KEY_PATTERN}$"}
_TENANT_KEY = {"type": "string", "pattern": f"^{TENANT_KEY_PATTERN}$"}
_MIRRORED_KEY = {"type": "string", "pattern": f"^{MIRRORED_KEY_PATTERN}$"}
_FORMER_KEY = {"type": "string", "pattern": "^[a-z0-9_.-]{1,5000}$"}
_DATE_SCHEMA = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_DECIMAL: dict[str, Any] = {
    "anyOf": [{"type": "string", "pattern": AMOUNT_PATTERN}, {"type": "number", "minimum": 0}],
    "description": "An exact decimal, quoted or not: no sign, no exponent.",
    "examples": ["6.00"],
}
_ENTRY = {
    "type": "object",
    "properties": {"from": _DATE_SCHEMA, "amount": _DECIMAL},
    "required": ["from", "amount"],
    "additionalProperties": False,
}
_AMOUNT = {
    "anyOf": [*_DECIMAL["anyOf"], {"type": "array", "items": _ENTRY, "minItems": 1}],
    "description": "An exact decimal (no sign, no exponent), or amounts by the date from which they hold.",
    "examples": ["6.00", [{"from": "2027-01-01", "amount": "6.60"}]],
}
_WHOLE_SCHEMA = {"type": "integer", "minimum": -MAX_WHOLE, "maximum": MAX_WHOLE}
_DAYS = {
    "type": "object",
    "propertyNames": {"pattern": "^-?(?:0|[1-9][0-9]*)$", "maxLength": 6},
    "additionalProperties": _KEY,
}
_PERIOD_PATTERN = f"^{_PERIOD_FORM}$"

Text: TypeAlias = Annotated[str, *_field(read_text, "text", {"type": "string"})]
Currency: TypeAlias = Annotated[
    str,
    *_field(
        read_currency,
        "text",
        {"type": "string", "enum": sorted(CURRENCIES), "description": "ISO 4217", "examples": ["EUR"]},
    ),
]
TokenEnv: TypeAlias = Annotated[
    str,
    *_field(
        read_token_env,
        "text",
        {"type": "string", "pattern": f"^{CREDENTIAL}[A-Za-z0-9_]*$", "examples": [f"{CREDENTIAL}CONTOSO_TOKEN"]},
    ),
]
Key: TypeAlias = Annotated[str, *_field(read_key, "key", _KEY)]
MirroredKey: TypeAlias = Annotated[str, *_field(read_mirrored_key, "key", _MIRRORED_KEY)]
TenantKey: TypeAlias = Annotated[str, *_field(read_tenant_key, "key", _TENANT_KEY)]
Flag: TypeAlias = Annotated[bool, *_field(read_flag, "flag", {"type": "boolean"})]
Whole: TypeAlias = Annotated[int, *_field(read_whole, "whole", _WHOLE_SCHEMA)]
Count: TypeAlias = Annotated[int, *_field(read_count, "whole", {**_WHOLE_SCHEMA, "minimum": 0})]
CountOrOff: TypeAlias = Annotated[
    int | bool, *_field(read_count_or_off, "whole", {"anyOf": [{**_WHOLE_SCHEMA, "minimum": 0}, {"const": False}]})
]
BillingDay: TypeAlias = Annotated[
    int, *_field(read_billing_day, "whole", {"type": "integer", "minimum": 1, "maximum": 31})
]
Amount: TypeAlias = Annotated[Any, *_field(read_amount, "amount", _AMOUNT)]
Date: TypeAlias = Annotated[str, *_field(read_date, "text", _DATE_SCHEMA)]
Period: TypeAlias = Annotated[
    str, *_field(read_period, "text", {"type": "string", "pattern": _PERIOD_PATTERN, "examples": ["P1M", "P1Y"]})
]
KeySet: TypeAlias = Annotated[
    list[str], *_field(read_set, "set", {"type": "array", "items": _KEY, "uniqueItems": True})
]
FormerKeys: TypeAlias = Annotated[
    list[str],
    *_field(
        read_former_keys,
        "set",
        {"anyOf": [_FORMER_KEY, {"type": "array", "items": _FORMER_KEY, "uniqueItems": True}]},
    ),
]
KeyList: TypeAlias = Annotated[list[str], *_field(read_list, "list", {"type": "array", "items": _KEY})]
Patterns: TypeAlias = Annotated[
    list[str], *_field(read_patterns, "list", {"type": "array", "items": {"type": "string", "minLength": 1}})
]
Days: TypeAlias = Annotated[dict[str, str], *_field(read_days, "map", _DAYS)]
Version: TypeAlias = Annotated[str, *_field(read_version, "text", {"type": ["string", "number"]})]
Scalar: TypeAlias = Annotated[Any, *_field(read_scalar, "text", {"type": ["string", "number", "boolean"]})]
Share: TypeAlias = Annotated[
    str | bool,
    *_field(
        read_share,
        "text",
        {"anyOf": [{"type": "string", "pattern": r"^(?:0|[1-9][0-9]*)(?:\.[0-9]+)?%$"}, {"const": False}]},
    ),
]
