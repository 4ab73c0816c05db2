"""Building blocks for the JSON Schemas of plans and results."""

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"


def closed_object(**properties: Schema) -> Schema:
    """An object with exactly these properties."""
    return {**open_object(**properties), "additionalProperties": False}


def open_object(**properties: Schema) -> Schema:
    """An object with at least these properties; a later release may add others."""
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def list_of(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def or_null(schema: Schema) -> Schema:
    """The schema or null. ``type`` becomes a list rather than ``anyOf``: faster to check, and clearer in messages."""
    return {**schema, "type": [schema["type"], "null"]}
