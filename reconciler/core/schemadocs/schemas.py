"""The JSON Schemas of catalogs and of tenants' states, derived from the models, for editors and other tools.

They use draft 7, which editors support best, and refuse what the models refuse, as far as JSON Schema can express it:
`validate` checks that references exist and that no minimum is above its maximum.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, get_args, get_origin

from pydantic import WithJsonSchema

from reconciler.core.reading import literals
from reconciler.core.savedplan import plan_schema
from reconciler.core.schema import optional, unwrapped
from reconciler.core.schemadocs.descriptions import described, kind_description, title
from reconciler.core.schemadocs.result_schemas import RESULTS
from reconciler.model.documents.catalog import Document, Part
from reconciler.model.documents.declarations import CatalogOnly, StateOnly
from reconciler.model.documents.kinds import CATALOG_KINDS, STATE_KINDS, STEERING_KINDS, WORKSPACE
from reconciler.model.documents.policy import Workspace
from reconciler.model.values.field_types import Leaf, TenantKey

Schema: TypeAlias = dict[str, Any]
_NOTES = ("description", "examples")
DRAFT = "http://json-schema.org/draft-07/schema#"


def catalog_schema() -> Schema:
    """The schema of every document in a workspace."""
    kinds: dict[str, type[Part]] = {WORKSPACE: Workspace, **STEERING_KINDS, **CATALOG_KINDS}
    return _document_schema("A document of a workspace", _Voice(state=False), kinds)


def state_schema() -> Schema:
    """The schema of every document of a tenant's state, as `tenant import` takes it."""
    return _document_schema("A document of a tenant's state", _Voice(state=True), STATE_KINDS)


SCHEMAS: Mapping[str, Callable[[], Schema]] = {
    "catalog.json": catalog_schema,
    "plan.json": plan_schema,
    "state.json": state_schema,
    **RESULTS,
}
"""The document schemas in `schemas/`, by file name. Add further schemas here."""


def schemas() -> dict[str, Schema]:
    """Every schema by its file name."""
    return {name: schema() for name, schema in SCHEMAS.items()}


def schema_text(schema: Schema) -> str:
    """The text of a schema's file: the same for the same schema."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@dataclass
class _Voice:
    """The variant of a schema: for catalogs, or for patches of a tenant's state.

    In a state only kind and key are required, null removes, and there is an origin. ``defs`` collects the models.
    """

    state: bool
    defs: dict[str, Schema] = field(default_factory=dict)

    def has(self, metadata: tuple[Any, ...]) -> bool:
        """Whether documents of this variant have a field with this metadata."""
        if self.state:
            return not any(isinstance(each, CatalogOnly) for each in metadata)
        return not any(isinstance(each, StateOnly) and not each.values for each in metadata)


def _document_schema(name: str, voice: _Voice, kinds: Mapping[str, type[Part]]) -> Schema:
    references = [(kind, _part(model, voice)) for kind, model in kinds.items()]
    return {
        "$schema": DRAFT,
        "title": name,
        "description": f"Its `kind` says which fields it has. Generated from the models; `{_COMMAND}` writes it anew.",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": sorted(kinds), "title": "Kind", "description": "What the document is."}},
        "allOf": [
            {"if": {"required": ["kind"], "properties": {"kind": {"const": kind}}}, "then": reference}
            for kind, reference in references
        ],
        "$defs": voice.defs,
    }


_COMMAND = "reconcile schema"


def _part(model: type[Part], voice: _Voice, *, whole: bool = False) -> Schema:
    """A reference to a model's definition. ``whole``: a patch replaces it and does not merge, as in a list."""
    name = model.__name__
    if name not in voice.defs:
        voice.defs[name] = {}
        voice.defs[name] = _definition(model, voice, whole=whole or not voice.state)
    return {"$ref": f"#/$defs/{name}"}


def _definition(model: type[Part], voice: _Voice, *, whole: bool) -> Schema:
    infos = {name: info for name, info in model.model_fields.items() if voice.has(tuple(info.metadata))}
    properties = {
        name: _property(model, name, voice, nullable=not whole and name not in ("kind", "key")) for name in infos
    }
    if voice.state and issubclass(model, Document):
        properties["origin"] = _origin()
    required = [name for name, info in infos.items() if info.is_required() and (whole or name in ("kind", "key"))]
    return {
        "title": title(model.__name__),
        "description": kind_description(model, state=voice.state),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": required} if required else {}),
    }


def _property(model: type[Part], name: str, voice: _Voice, *, nullable: bool) -> Schema:
    info = model.model_fields[name]
    schema = _schema(info.annotation, tuple(info.metadata), voice, nullable=nullable)
    if name == "kind":
        schema = {"const": model.__name__}
    description, examples = described(model, name, schema, state=voice.state)
    schema = {key: value for key, value in schema.items() if key not in _NOTES}
    if "$ref" in schema:  # draft 7 ignores everything beside a reference
        schema = {"allOf": [schema]}
    return {"title": title(name), "description": description, **({"examples": examples} if examples else {}), **schema}


def _schema(annotation: Any, metadata: tuple[Any, ...], voice: _Voice, *, nullable: bool) -> Schema:
    """The schema of an annotated type. ``nullable``: null is allowed whatever the type says."""
    bare, metadata = unwrapped(annotation, metadata)
    schema = _bare_schema(bare, metadata, voice)
    for each in metadata:
        if hasattr(each, "__get_pydantic_json_schema__") and not isinstance(each, WithJsonSchema):
            schema = each.__get_pydantic_json_schema__(None, lambda _, inner=schema: inner)
    if not nullable and not optional(annotation):
        return schema
    return _or_null(schema)


def _or_null(schema: Schema) -> Schema:
    notes = {key: schema[key] for key in _NOTES if key in schema}
    rest = {key: value for key, value in schema.items() if key not in notes}
    if set(rest) == {"anyOf"}:
        return {**notes, "anyOf": [*rest["anyOf"], {"type": "null"}]}
    return {**notes, "anyOf": [rest, {"type": "null"}]}


def _bare_schema(bare: Any, metadata: tuple[Any, ...], voice: _Voice) -> Schema:
    leaf = next((each for each in metadata if isinstance(each, Leaf)), None)
    given = next((each.json_schema for each in metadata if isinstance(each, WithJsonSchema)), None)
    if given is not None:
        schema = dict(given)
        if leaf and leaf.type == "amount":
            voice.defs["Amount"] = {"title": "Amount", **schema}
            notes = {key: schema[key] for key in _NOTES if key in schema}
            return {"$ref": "#/$defs/Amount", **notes}
        if voice.state and leaf and leaf.type == "map":  # days: null removes one
            schema["additionalProperties"] = _or_null(schema["additionalProperties"])
        return schema
    if isinstance(bare, type) and issubclass(bare, Part):
        return _part(bare, voice, whole=leaf is not None and leaf.type == "part")
    if get_origin(bare) is dict:
        key, item = get_args(bare)
        names = {} if key is str else {"propertyNames": _schema(key, (), voice, nullable=False)}
        return {"type": "object", **names, "additionalProperties": _schema(item, (), voice, nullable=voice.state)}
    if get_origin(bare) is list:
        (item,) = get_args(bare)
        return {"type": "array", "items": _part(item, voice, whole=True)}
    hidden = {value for each in metadata if isinstance(each, StateOnly) for value in each.values}
    values = [value for value in literals(bare) if voice.state or value not in hidden]
    assert values, f"no JSON Schema for {bare}"
    return {"enum": values}


def _origin() -> Schema:
    _, metadata = unwrapped(TenantKey)
    key = next(each.json_schema for each in metadata if isinstance(each, WithJsonSchema)) or {}
    return {
        "title": "Origin",
        "description": "The upstream that it came down from; without one it is the tenant's own.",
        "examples": ["northwind"],
        **_or_null(dict(key)),
    }
