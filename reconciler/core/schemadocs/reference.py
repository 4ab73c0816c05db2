"""The reference of every kind and field, as data: what the pages in `docs/reference/` and `explain-kind` show.

It is derived from the models, their declarations and the JSON Schemas: a new field or option needs no edit here.
"""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import PlainValidator
from pydantic_core import PydanticUndefined

from reconciler.core.schema import FieldShape, kind_shapes, unwrapped
from reconciler.core.schemadocs.descriptions import field_description, kind_description, options_of
from reconciler.core.schemadocs.schemas import catalog_schema, state_schema
from reconciler.core.workspace import GUARD_DEFAULTS
from reconciler.model.documents.catalog import Part
from reconciler.model.documents.declarations import (
    Bookkeeping,
    Items,
    Links,
    Ref,
    ResellerOwned,
    Synced,
    Unmanaged,
)
from reconciler.model.documents.kinds import STATE_KINDS, STEERING_KINDS, TENANT_KINDS, WORKSPACE_KINDS
from reconciler.model.documents.options import OPTIONS, OVERRIDES, VETOES, Option
from reconciler.model.documents.policy import Guards, Overrides, SyncPolicy, Veto, read_options, read_store
from reconciler.model.plans.rules import RULES
from reconciler.model.values.field_types import (
    Leaf,
    read_billing_day,
    read_currency,
    read_date,
    read_period,
    read_share,
    read_token_env,
)

KEY_STEP = "<key>"
"""A step of a path for any key of a map."""
MANY_VALUES = 12
"""The maximum number of values of a field that are listed."""
KINDS: Mapping[str, type[Part]] = {**WORKSPACE_KINDS, **TENANT_KINDS}
"""Every kind of document, those of workspaces first."""


@dataclass(frozen=True, slots=True)
class FieldEntry:
    """One field of a kind. ``path``: with ``<key>`` for a key that the document chooses.

    ``type``: in words. ``default``: as JSON; empty if there is none. ``example``: a valid value; ``None`` if the fields
    inside have it. ``owner``: who may change it. ``options``: those that let a change reach a tenant, with the rule.
    ``rules``: of a setting of a policy, the rules that it implements, each with its text.
    """

    path: str
    type: str
    required: bool
    default: str
    example: Any
    owner: str
    options: tuple[str, ...]
    description: str
    rules: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KindEntry:
    """One kind of document. ``place``: where its documents are."""

    kind: str
    place: str
    description: str
    fields: tuple[FieldEntry, ...]

    def below(self, path: str) -> tuple[FieldEntry, ...]:
        """The field at a path and those inside it; a path may leave out ``<key>`` or name a key."""
        asked = path.split(".")
        without = tuple(each for each in self.fields if _leads_to(asked, each.path.split("."), named=False))
        return without or tuple(each for each in self.fields if _leads_to(asked, each.path.split("."), named=True))


@cache
def reference(kind: str) -> KindEntry:
    """The reference of a kind. Raises ``KeyError`` for an unknown one."""
    model = KINDS[kind]
    schema = (state_schema() if kind in TENANT_KINDS else catalog_schema())["$defs"]
    description = kind_description(model, state=kind in TENANT_KINDS)
    return KindEntry(kind, _place(kind), description, tuple(_Reader(schema, kind).fields(model, (), seen=(model,))))


def _place(kind: str) -> str:
    if kind in TENANT_KINDS:
        return "a tenant's state"
    return "the workspace and tenants' states" if kind in STATE_KINDS else "the workspace"


def _leads_to(asked: Sequence[str], path: Sequence[str], *, named: bool) -> bool:
    """Whether a path is the one asked for, or inside it. ``named``: whether keys are named, not left out."""
    if not asked:
        return True
    if not path:
        return False
    if path[0] == KEY_STEP and not named and asked[0] != KEY_STEP:
        return _leads_to(asked, path[1:], named=named)
    if path[0] == KEY_STEP and len(asked) == 1 and asked[0] != KEY_STEP:
        return False  # rather a misspelt field than the key of an item
    return path[0] in (asked[0], KEY_STEP) and _leads_to(asked[1:], path[1:], named=named)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the fields of one kind. ``definitions``: the schemas of all models, by name."""

    definitions: Mapping[str, Any]
    kind: str

    def fields(self, model: type[Part], path: tuple[str, ...], seen: tuple[type[Part], ...]) -> Iterator[FieldEntry]:
        properties = self.definitions[model.__name__]["properties"]
        for name, info in sorted(model.model_fields.items(), key=lambda each: _rank(each[0])):
            if name not in properties:
                continue
            yield self._field(model, name, (*path, name), properties[name])
            if name == "options" and self.kind in STEERING_KINDS:
                yield from _option_entries(self.kind, (*path, name))
            bare, metadata = unwrapped(info.annotation, tuple(info.metadata))
            item = get_args(bare)[-1] if get_origin(bare) in (dict, list) else bare
            memory = any(isinstance(each, Bookkeeping) for each in metadata)  # it repeats the fields of its kind
            if not memory and isinstance(item, type) and issubclass(item, Part) and item not in seen:
                steps = (KEY_STEP,) if get_origin(bare) is dict else ()
                yield from self.fields(item, (*path, name, *steps), (*seen, item))

    def _field(self, model: type[Part], name: str, path: tuple[str, ...], schema: Mapping[str, Any]) -> FieldEntry:
        info = model.model_fields[name]
        bare, metadata = unwrapped(info.annotation, tuple(info.metadata))
        examples = schema.get("examples") or [None]
        required = name in self.definitions[model.__name__].get("required", ())
        setting = _setting(model, name)
        owner, options = _owner(self.kind, metadata)
        return FieldEntry(
            ".".join(path),
            _type(bare, metadata, schema),
            required,
            "" if required else _default(info, setting),
            examples[0],
            owner,
            options,
            field_description(model, name) or str(schema.get("description", "")),
            {setting.rule: RULES[setting.rule]} if setting else {},
        )


_FIRST, _LAST = ("kind", "key", "reseller"), ("labels", "moved_from")


def _rank(name: str) -> int:
    """What identifies a document first, what every kind has last."""
    return _FIRST.index(name) if name in _FIRST else len(_FIRST) + (name in _LAST)


@dataclass(frozen=True, slots=True)
class _Setting:
    """A setting of a policy that is no option. ``default``: what it is where no document sets it."""

    default: Any
    rule: str


_SETTINGS: Mapping[str, _Setting] = {
    **{name: _Setting(default, "GUARD-01") for name, default in GUARD_DEFAULTS.items()},
    **dict.fromkeys(VETOES, _Setting(False, "CB-34")),
    **dict.fromkeys(OVERRIDES, _Setting(False, "CB-18")),
    "adopt": _Setting(False, "ORIGIN-01"),
}


def _setting(model: type[Part], name: str) -> _Setting | None:
    """The setting that a field of a model is."""
    return _SETTINGS.get(name) if model in (Guards, Veto, Overrides, SyncPolicy) else None


def _default(info: Any, setting: _Setting | None) -> str:
    """The default as JSON; empty where an absent field means that nothing is there."""
    value = setting.default if setting else info.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None or isinstance(value, Part) or value in ({}, [], ()):
        return ""
    return json.dumps(value, ensure_ascii=False)


def _option_entries(kind: str, path: tuple[str, ...]) -> Iterator[FieldEntry]:
    """Each option of a policy, with the rules of what it lets through."""
    owner, _ = _owner(kind, ())
    for option in OPTIONS.values():
        steps = (*path, *option.id.split("."))
        off = f" While it is off: {option.off}." if option.off else ""
        rules = {rule: RULES[rule] for rule in _rules_of(option)}
        description = f"{option.label}.{off}"
        yield FieldEntry(".".join(steps), "true or false", False, "false", True, owner, (), description, rules)


def _rules_of(option: Option) -> list[str]:
    """The rules of an option, in their order: of the changes that it permits, and those whose text names it."""
    named = {rule for rule, text in RULES.items() if f"`{option.id}`" in text}
    wanted = {*_rules_by_option().get(option.id, ()), *named, option.off}
    return [rule for rule in RULES if rule in wanted]


@cache
def _rules_by_option() -> Mapping[str, tuple[str, ...]]:
    """The rules of the changes that each option permits, from the declarations."""
    found: dict[str, set[str]] = {}
    for shape in kind_shapes().values():
        declared = [shape.sync.created, shape.sync.removed, *_declared(shape.fields)]
        for each in declared:
            if isinstance(each, Synced):
                for option in each.options:
                    found.setdefault(option, set()).add(each.rule)
    return {option: tuple(sorted(rules)) for option, rules in found.items()}


def _declared(fields: tuple[FieldShape, ...]) -> Iterator[object]:
    for each in fields:
        yield each.declared
        for held in (each.items, each.links):
            if held is not None:
                yield from (held.created, held.removed)
        yield from _declared(each.fields)


def _owner(kind: str, metadata: tuple[Any, ...]) -> tuple[str, tuple[str, ...]]:
    """Who may change a field, and the options that let a change of it reach a tenant."""
    if kind in STEERING_KINDS or kind not in STATE_KINDS:
        return "the workspace's maintainers", ()
    owner = "the tenant" if kind in TENANT_KINDS else "the provider"
    options: list[str] = []
    for each in metadata:
        match each:
            case ResellerOwned():
                owner = f"the {each.owner}, once it is created ({each.rule})"
            case Bookkeeping():
                owner = "the reconciler"
            case Synced():
                options.append(options_of(each))
                if each.unless_override:
                    owner = f"the reseller, unless overrides.{each.unless_override} is true ({each.rule})"
                elif each.until_edited:
                    owner = f"the reconciler, until the distributor edits it ({each.rule})"
            case Unmanaged():
                options.append(f"none ({each.rule})")
            case Items() | Links():
                options += [options_of(one) for one in (each.created, each.removed) if isinstance(one, Synced)]
    return owner, tuple(dict.fromkeys(options))


_WORDS = {
    "amount": "an amount, or amounts by date",
    "flag": "true or false",
    "key": "a key",
    "list": "a list of texts",
    "map": "a map of days to values",
    "set": "a list of keys",
    "text": "text",
    "whole": "a whole number",
}


_READ: Mapping[object, str] = {
    read_billing_day: "a day of the month, 1 to 31",
    read_currency: "an ISO 4217 code of a currency",
    read_date: "a date",
    read_options: "`all`, or a map of the options below",
    read_period: "an ISO 8601 duration",
    read_share: "a percentage",
    read_store: "a URL",
    read_token_env: "the name of an environment variable",
}
"""Types that say more than their leaf, by the function that reads them."""


def _type(bare: Any, metadata: tuple[Any, ...], schema: Mapping[str, Any]) -> str:
    """A field's type in words, with the other forms that its schema allows."""
    options = schema.get("anyOf", ())
    said = _type_words(bare, metadata, schema)
    if {"const": False} in options:
        return f"{said}, or false"
    part = isinstance(bare, type) and issubclass(bare, Part)
    return f"a list of keys, or {said}" if part and any(each.get("type") == "array" for each in options) else said


def _type_words(bare: Any, metadata: tuple[Any, ...], schema: Mapping[str, Any]) -> str:
    read = next((_READ[each.func] for each in metadata if isinstance(each, PlainValidator) and each.func in _READ), "")
    values = [] if read else _values(schema)
    if read:
        return read
    if values and len(values) <= MANY_VALUES:
        return "always " + values[0] if len(values) == 1 else f"one of {', '.join(values)}"
    if values:
        return f"one of {len(values)} values"
    ref = next((each for each in metadata if isinstance(each, Ref)), None)
    leaf = next((each for each in metadata if isinstance(each, Leaf)), None)
    return (_leaf_words(leaf.type, ref, schema) if leaf else "") or _structure_words(bare)


def _leaf_words(leaf: str, ref: Ref | None, schema: Mapping[str, Any]) -> str:
    """A leaf's type in words; empty where its structure says it."""
    if leaf == "memory":
        return "what this kind has, as it was last applied"
    if ref and leaf in ("key", "set"):
        return f"the key of {_a(ref.kind)}" if leaf == "key" else f"keys of {ref.kind} documents"
    if leaf == "set" and {"string", "array"} <= {each.get("type") for each in schema.get("anyOf", ())}:
        return "a key, or a list of keys"
    return _WORDS.get(leaf, "")


def _structure_words(bare: Any) -> str:
    if get_origin(bare) is dict:
        key, value = (_type_words(*unwrapped(each), {}) for each in get_args(bare))
        return f"a map from {key} to {value}"
    if get_origin(bare) is list:
        return "a list of maps of the fields below"
    if isinstance(bare, type) and issubclass(bare, Part):
        return "a map of the fields below"
    return {int: "a whole number", bool: "true or false"}.get(bare, "text")


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"


def _values(schema: Mapping[str, Any]) -> list[str]:
    """The values that a schema lists; empty if it allows others."""
    if "const" in schema:
        return [str(schema["const"])]
    if "enum" in schema:
        return [str(each) for each in schema["enum"] if each is not None]
    options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return _values(options[0]) if len(options) == 1 else []


def summary_of(kind: str) -> str:
    """The first sentence about a kind."""
    text = " ".join((inspect.getdoc(KINDS[kind]) or "").split())
    return text.partition(". ")[0].rstrip(".") + "."
