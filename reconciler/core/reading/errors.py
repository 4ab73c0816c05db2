"""Turns pydantic's errors into diagnostics: the place in the file, our code, and a message for people."""

from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.core.reading.value_forms import right_form
from reconciler.core.reading.yaml import YamlDocument
from reconciler.core.schema import declarations_of, part_at
from reconciler.model.documents.catalog import Part
from reconciler.model.documents.declarations import StateOnly
from reconciler.model.values.amounts import meant_amount
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.model.values.field_types import Number, did_you_mean, faults_of, is_rest, quoted_value
from reconciler.model.values.plain_values import render_path
from reconciler.model.values.quotes import quote, shortened

KEY = "[key]"
"""The last step of a path if the key of a map is at fault rather than its value."""

_IW_02 = "products are attached to a price list directly, under `products` (IW-02)"
_FIELD_HINTS = {
    ("PriceList", "price_groups"): _IW_02,
    ("PriceList", "price_group"): _IW_02,
    ("PriceList", "groups"): _IW_02,
    ("PriceList", "product_groups"): _IW_02,
}


_HINTS = 1_000
"""The maximum number of errors per document that are compared with known names: comparing is slow, and few are
shown.
"""


def errors_of(error: ValidationError) -> list[ErrorDetails]:
    """Every error of a document: one for each fault that a reader of ours found in a value (`Faults`)."""
    found: list[ErrorDetails] = []
    for each in error.errors(include_url=False):
        faults = faults_of(each["type"], each.get("ctx", {}))
        found += [
            {**each, "type": fault.code, "ctx": {"message": fault.message, "hint": fault.hint, "at": fault.at}}
            for fault in faults
        ] or [each]
    return found


def diagnose(errors: Iterable[ErrorDetails], model: type[Part], document: YamlDocument) -> Iterator[Diagnostic]:
    """Every problem of a document, at its place.

    In a document with gaps, a missing field may result from a value that was already refused: it is not reported again.
    """
    cut: set[tuple[Any, ...]] = set()
    for number, each in enumerate(errors):
        found = _cut_number(each, document)
        if found is not None:
            if found.path not in cut:
                cut.add(found.path)
                yield _at(found.path, document, "bad-amount", found.message, found.hint)
        elif each["type"] != "missing" or not document.gaps:
            yield _diagnostic(each, model, document, hints=number < _HINTS)


class _Cut(NamedTuple):
    """A number that a comma split into two fields: its path and the message about it."""

    path: tuple[Any, ...]
    message: str
    hint: str


def _cut_number(error: ErrorDetails, document: YamlDocument) -> _Cut | None:
    """The number whose decimals became an unknown field because of a comma: ``{recurring: 10,90}``."""
    path = tuple(step for step in (*error["loc"], *error.get("ctx", {}).get("at", ())) if step != KEY)
    fields = document.value
    for step in path[:-1]:
        try:
            fields = fields[step]
        except (KeyError, IndexError, TypeError):
            return None
    name = path[-1] if path else None
    if not isinstance(fields, dict) or not isinstance(name, str) or not is_rest(fields, name):
        return None
    names = list(fields)
    at = names.index(name)
    first = at - 1
    while first >= 0 and is_rest(fields, names[first]):
        first -= 1
    if first < 0 or not isinstance(fields[names[first]], Number):
        return None
    rest = takewhile(lambda each: is_rest(fields, each), names[first + 1 :])
    text = ",".join([fields[names[first]].text, *rest])
    meant = meant_amount(text)
    message = f"{shortened(text)} is not an amount: the decimal mark is a point, and a comma ends the field"
    return _Cut((*path[:-1], names[first]), message, f"write {meant}" if meant else "a decimal such as 6.00")


def _diagnostic(error: ErrorDetails, model: type[Part], document: YamlDocument, *, hints: bool) -> Diagnostic:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    path = (*error["loc"], *context.get("at", ()))
    match kind:
        case "missing":
            return _missing(path, document, model)
        case "extra_forbidden":
            return _unknown(path, document, model, hints=hints)
        case "literal_error":
            return _not_listed(path, document, model, found=value)
        case "dict_type" | "model_type" | "model_attributes_type" | "list_type":
            expected = "a list" if kind == "list_type" else "a map"
            hint = "remove the key, or put something below it" if value is None else right_form(model, path, value)
            return _at(path, document, "wrong-type", f"expected {expected}, found {quoted_value(value)}", hint)
    if "message" in context:
        hint = right_form(model, path, value) if kind == "wrong-type" and not context["at"] else ""
        return _at(path, document, kind, context["message"], hint or context["hint"])
    return _at(path, document, "bad-value", error["msg"])


def _at(path: tuple[Any, ...], document: YamlDocument, code: str, message: str, hint: str = "") -> Diagnostic:
    about_key = path[-1:] == (KEY,) or code == "unknown-option"
    path = tuple(step for step in path if step != KEY)
    where = _rendered(path)
    return Diagnostic(document.place_of(path, key=about_key), code, f"{where}: {message}" if where else message, hint)


def _missing(path: tuple[Any, ...], document: YamlDocument, model: type[Part]) -> Diagnostic:
    *around, name = path
    place = document.place_of(around, key=True)
    what = _name(tuple(around), model)
    return Diagnostic(place, "missing-field", f'{what} lacks the required field "{name}"', f"add a line {name}: …")


def _unknown(path: tuple[Any, ...], document: YamlDocument, model: type[Part], *, hints: bool) -> Diagnostic:
    *around, name = path
    part = part_at(model, tuple(around)) or model
    hint = _FIELD_HINTS.get((model.__name__, name)) if not around else None
    if hint is None and name == "origin":
        hint = "the reconciler alone writes an origin, in tenants"
    if hint is None and ":" in name:
        hint = "a colon is followed by a space"
    hidden = {
        spot.pattern[0] for spot, only in declarations_of(part, StateOnly) if len(spot.pattern) == 1 and not only.values
    }
    summary = f"{_name(tuple(around), model)} has no field {quote(name)}"
    if hint is None and hints:
        hint = did_you_mean(name, set(part.model_fields) - hidden)
    return Diagnostic(document.place_of(path, key=True), "unknown-field", summary, hint or "")


def _not_listed(path: tuple[Any, ...], document: YamlDocument, model: type[Part], *, found: object) -> Diagnostic:
    part = part_at(model, path[:-1]) or model
    values = literals(part.model_fields[path[-1]].annotation)
    only = next((only for spot, only in declarations_of(part, StateOnly) if spot.pattern == path[-1:]), StateOnly())
    if not isinstance(found, str):
        message = f"expected one of {', '.join(sorted(values))}, found {quoted_value(found)}"
        return _at(path, document, "wrong-type", message)
    hint = did_you_mean(found, set(values) - set(only.values))
    return _at(path, document, "bad-value", f"{quoted_value(found)} is not a value of this field", hint)


def literals(annotation: Any) -> tuple[str, ...]:
    """The strings that a ``Literal`` allows, at any depth of an annotation."""
    arguments = getattr(annotation, "__args__", ())
    inside = (each for argument in arguments for each in literals(argument))
    return (*(argument for argument in arguments if isinstance(argument, str)), *inside)


def _name(path: tuple[Any, ...], model: type[Part]) -> str:
    return _rendered(path) if path else model.__name__


def _rendered(path: tuple[Any, ...]) -> str:
    """A path as a message shows it; a key in it may be arbitrarily long."""
    return render_path(shortened(str(step)) for step in path)
