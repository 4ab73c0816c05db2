"""The right form of a value of the wrong shape: ``delegate: [vm-small]`` -> ``delegate: {plans: [vm-small]}``.

The given value is put where it fits: a list or scalar into the field of a map that accepts it, a list of names into the
keys of a map, a scalar into a list. Unknown parts are shown as ``…``.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import PlainValidator, TypeAdapter, ValidationError

from reconciler.core.schema import unwrapped
from reconciler.model.documents.catalog import Part
from reconciler.model.values.field_types import Leaf, Number

UNKNOWN = "…"
_PREFERRED = ("recurring", "plans", "price_to_zero", "headline", "included")
"""The field that is usually meant, if several fields of a map accept a value."""
_SAMPLES: tuple[str, ...] = ("one", "P1M")
"""Sample keys of maps: a name, and a period for maps that take nothing else."""
_LARGEST = 100


def right_form(model: type[Part], path: tuple[Any, ...], value: Any) -> str:
    """How to write a value of the wrong shape at a path of a document: ``write …``; empty if that is not known."""
    annotation, name = annotation_at(model, path), next((step for step in reversed(path) if isinstance(step, str)), "")
    form = _form(annotation, value) if annotation is not None else ""
    written = f"{name}: {form}" if path and path[-1] == name else form
    fits = len(written) <= _LARGEST and "://" not in written  # a URL may hold a secret
    return f"write {written}" if form and fits else ""


def annotation_at(model: type[Part], path: tuple[Any, ...]) -> Any:
    """The annotation at a path, with its metadata; ``None`` if there is none."""
    here: Any = model
    for step in path:
        bare, metadata = unwrapped(here)
        if any(isinstance(each, Leaf) for each in metadata):
            return None
        if isinstance(bare, type) and issubclass(bare, Part):
            field = bare.model_fields.get(str(step))
            if field is None:
                return None
            here = _annotated(field.annotation, tuple(field.metadata))
        elif get_origin(bare) in (dict, list):
            here = get_args(bare)[-1]
        else:
            return None
    return here


def _annotated(annotation: Any, metadata: tuple[Any, ...]) -> Any:
    return Annotated[annotation, *metadata] if metadata else annotation


def _form(annotation: Any, value: Any) -> str:
    bare, metadata = unwrapped(annotation)
    if form := _other_form(annotation, value):
        return form
    if any(isinstance(each, Leaf | PlainValidator) for each in metadata):
        return ""
    if isinstance(bare, type) and issubclass(bare, Part):
        return _part_form(bare, value)
    if get_origin(bare) is dict:
        key_type, item_type = get_args(bare)
        return _map_form(key_type, item_type, value)
    return ""


def _other_form(annotation: Any, value: Any) -> str:
    """Another form of a scalar or collection: an item of a list, the only item of a list, the keys of a map, or the key
    in a map.
    """
    for meant in ([value], *_single(value), list(value) if isinstance(value, Mapping) else None):
        if meant is not None and _takes(annotation, meant):
            return _text(meant)
    return ""


def _single(value: Any) -> list[Any]:
    """The item of a list with one item, and the key in a map that gives one."""
    if isinstance(value, list):
        return value if len(value) == 1 else []
    return [value["key"]] if isinstance(value, Mapping) and "key" in value else []


def _part_form(part: type[Part], value: Any) -> str:
    """A map with known fields, one of which accepts the value."""
    names = [name for name in (*_PREFERRED, *part.model_fields) if name in part.model_fields]
    keys = [each for each in _listed(value) if isinstance(each, str)]
    if keys and set(keys) <= set(names):
        return _braces((key, _sample(part.model_fields[key])) for key in keys)
    for meant in (value, [value], *_single(value)):
        for name in names:
            field = part.model_fields[name]
            if _takes(_annotated(field.annotation, tuple(field.metadata)), meant):
                return _braces([(name, _text(meant))])
    return _braces([(names[0], _sample(part.model_fields[names[0]]))]) if names else ""


def _map_form(key_type: Any, item_type: Any, value: Any) -> str:
    """A map by key: the value holds its keys, or belongs to one of them."""
    keys = [each for each in _listed(value) if isinstance(each, str) and _takes(key_type, each)]
    if keys and len(keys) == len(_listed(value)):
        return _braces((key, _item_sample(item_type)) for key in keys)
    sample = next((each for each in _SAMPLES if _takes(key_type, each)), UNKNOWN)
    given = next((each for each in (value, *_single(value)) if _takes(item_type, each)), None)
    return _braces([(sample, _item_sample(item_type) if given is None else _text(given))])


def _item_sample(item_type: Any) -> str:
    bare, _ = unwrapped(item_type)
    is_map = get_origin(bare) is dict or (isinstance(bare, type) and issubclass(bare, Part))
    return "{" + UNKNOWN + "}" if is_map else _scalar_sample(item_type)


def _sample(field: Any) -> str:
    return _item_sample(_annotated(field.annotation, tuple(field.metadata)))


def _scalar_sample(annotation: Any) -> str:
    samples: tuple[Any, ...] = (UNKNOWN, True, "10%", Number("6.00"), Number("10"))
    return next((_text(each) for each in samples if _takes(annotation, each)), UNKNOWN)


def _listed(value: Any) -> list[Any]:
    """The items of a list, or the value itself; of each map, its ``key``, or its only key."""
    return [_key_of(each) for each in (value if isinstance(value, list) else [value])]


def _key_of(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    return item.get("key", next(iter(item), None) if len(item) == 1 else None)


def _takes(annotation: Any, value: Any) -> bool:
    """Whether an annotation accepts a value."""
    try:
        _adapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return True


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


def _braces(items: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {text}" for key, text in items) + "}"


def _text(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, Mapping):
        return _braces((str(key), _text(item)) for key, item in value.items())
    return str(value)
