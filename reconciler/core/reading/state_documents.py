"""The documents of a tenant's state, as `tenant import` takes them: patches, in which only kind and key are
required.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import PlainValidator, ValidationError, create_model

from reconciler.core.reading.errors import diagnose, errors_of
from reconciler.core.reading.read import head_of, kind_of
from reconciler.core.reading.text import with_lines
from reconciler.core.reading.yaml import YamlDocument, parse
from reconciler.core.schema import fields_of, unwrapped
from reconciler.model.documents.catalog import Document, Part
from reconciler.model.documents.declarations import CatalogOnly, StateOnly
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.values.diagnostics import Diagnostic, Place, sorted_problems
from reconciler.model.values.field_types import Leaf, TenantKey, read_days
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Value


class StatePatch(NamedTuple):
    """The part of an entity that a document sets: a JSON Merge Patch of its body, in which ``None`` removes.

    ``body`` holds exactly the fields that the document sets, with ``origin`` if it is set: then each period in it has
    an origin too (ORIGIN-04).
    """

    kind: str
    key: str
    body: dict[str, Value]
    place: Place

    @property
    def id(self) -> EntityId:
        return EntityId(self.kind, self.key)


def read_state(text: str | bytes, file: str) -> tuple[list[StatePatch], list[Diagnostic]]:
    """The patches in a text of documents, in their order, and every problem."""
    data = text if isinstance(text, bytes) else text.encode()
    documents, problems = parse(data, file)
    patches: list[StatePatch] = []
    first: dict[tuple[str, str], Place] = {}
    for document in documents:
        if document.lost:
            continue
        problems += _duplicate(document, first)
        patch = _read(document, problems)
        if patch is not None:
            patches.append(patch)
    return patches, with_lines(sorted_problems(problems), {file: data})


def _duplicate(document: YamlDocument, first: dict[tuple[str, str], Place]) -> list[Diagnostic]:
    head = head_of(document)
    other = first.setdefault((head.kind, head.key), head.place)
    if other == head.place or not head.key:
        return []
    summary = f'{head.kind} "{head.key}" stands twice'
    return [Diagnostic(head.place, "duplicate-document", summary, "remove one of the two", (other,))]


def _read(document: YamlDocument, problems: list[Diagnostic]) -> StatePatch | None:
    kind = kind_of(document, STATE_KINDS)
    if isinstance(kind, Diagnostic):
        problems.append(kind)
        return None
    model = state_model(kind)
    try:
        body = model.model_validate(document.value).model_dump(exclude_unset=True)
    except ValidationError as error:
        problems.extend(diagnose(errors_of(error), model, document))
        return None
    del body["kind"]
    return StatePatch(kind, body.pop("key"), _with_shared_origin(kind, body), document.place)


def _with_shared_origin(kind: str, body: dict[str, Value]) -> dict[str, Value]:
    """The body with the document's origin also on its periods, unless a period sets another one, or null
    (ORIGIN-04).
    """
    if "origin" not in body:
        return body
    maps = (body.get(field.name) for field in fields_of(kind) if field.items and field.items.shares_origin)
    for item in (item for items in maps for item in (items or {}).values()):
        if item is not None:
            item.setdefault("origin", body["origin"])
    return body


@cache
def state_model(kind: str) -> type[Part]:
    """The lenient variant of a kind's model: every field but kind and key may be absent or null, and `origin` is
    allowed.
    """
    model = STATE_KINDS[kind]
    assert issubclass(model, Document)
    fields = {name: given for name, given in _lenient_fields(model).items() if name not in ("kind", "key")}
    kept = {name: _given(model, name) for name in ("kind", "key")}
    origin = {"origin": (TenantKey | None, None)}
    return _twin(model, {**kept, **origin, **fields})


@cache
def _lenient_part(part: type[Part]) -> type[Part]:
    return _twin(part, _lenient_fields(part))


def _twin(model: type[Part], fields: Mapping[str, Any]) -> type[Part]:
    made: type[Part] = create_model(model.__name__, __base__=Part, __doc__=model.__doc__, **fields)
    return made


def _given(model: type[Part], name: str) -> tuple[Any, Any]:
    info = model.model_fields[name]
    return Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation, ...


def _lenient_fields(model: type[Part]) -> dict[str, Any]:
    """The fields of the lenient model, without those that only catalogs have."""
    return {
        name: (_lenient(info.annotation, tuple(info.metadata)) | None, None)
        for name, info in model.model_fields.items()
        if not any(isinstance(each, CatalogOnly) for each in info.metadata)
    }


def _lenient(annotation: Any, metadata: tuple[Any, ...] = ()) -> Any:
    """A type in which maps may hold null. List items stay strict: a patch replaces a list and does not merge it."""
    bare, metadata = unwrapped(annotation, metadata)
    metadata = tuple(each for each in metadata if not isinstance(each, StateOnly))
    leaf = next((each for each in metadata if isinstance(each, Leaf)), None)
    if leaf:
        return Annotated[bare, PlainValidator(_read_days_or_null)] if leaf.type == "map" else Annotated[bare, *metadata]
    if isinstance(bare, type) and issubclass(bare, Part):
        return _lenient_part(bare)
    if get_origin(bare) is dict:
        key, item = get_args(bare)
        return dict[key, _lenient(item) | None]  # type: ignore[misc, valid-type]
    return Annotated[bare, *metadata] if metadata else bare


def _read_days_or_null(value: object) -> dict[str, str | None]:
    if not isinstance(value, dict):
        return dict(read_days(value))
    read = read_days({day: "removed" if key is None else key for day, key in value.items()})
    return {day: None if value[day] is None else key for day, key in read.items()}
