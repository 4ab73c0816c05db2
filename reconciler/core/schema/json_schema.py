"""The parts that JSON Schemas of plans and results are made of."""

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"


def closed_object(**properties: Schema) -> Schema:
    """An object with exactly these keys."""
    return {**open_object(**properties), "additionalProperties": False}


def open_object(**properties: Schema) -> Schema:
    """An object with all of these keys, and perhaps keys that a later release adds."""
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def list_of(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def or_null(schema: Schema) -> Schema:
    """``type`` as a list rather than ``anyOf``: quicker to check, and clearer in messages."""
    return {**schema, "type": [schema["type"], "null"]}
