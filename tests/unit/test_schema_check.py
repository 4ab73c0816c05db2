"""The quick check of a schema refuses whatever the schema refuses, by the validator of `jsonschema`."""

from random import Random
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from reconciler.core.savedplan.plan_schema import plan_schema
from reconciler.core.savedplan.schema_check import compiled
from tests.scenarios.test_every_leaf_of_a_plan import saved

FITS = compiled(plan_schema())
VALUES: tuple[Any, ...] = (
    *("9999.00", "x", "", "a/b", "sha256:x", "2026-12-01", "2026-12-01\n", "update", "withheld", "9" * 50),
    *(True, False, 0, 1, -1, 1.0, 2.5, None, {}, [], ["x"], [1], {"x": "y"}, [{}], "plans.create", "1.2"),
)


@pytest.mark.parametrize("seed", range(4))
def test_what_the_schema_refuses_is_refused(seed: int) -> None:
    chance, validator = Random(seed), Draft202012Validator(plan_schema())
    kinds = ("a mirror that changes", "what is deferred", "dated amounts", "a takeover of items")
    refused = 0
    for _ in range(40):
        data = orjson.loads(saved(kinds[seed]))
        assert FITS(data)
        _alter(data, chance)
        if not validator.is_valid(data):
            refused += 1
            assert not FITS(data)
    assert refused > 10


def _alter(data: Any, chance: Random) -> None:
    """Put another value, another key, or nothing, somewhere in a document."""
    while True:
        key = chance.choice([*data] if isinstance(data, dict) else range(len(data)))
        if not isinstance(data[key], dict | list) or not data[key] or chance.random() < 0.2:
            break
        data = data[key]
    match chance.randrange(4):
        case 0:
            del data[key]
        case 1 if isinstance(data, dict):
            data[chance.choice(["x", "path", "tenant"])] = chance.choice(VALUES)
        case _:
            data[key] = chance.choice(VALUES)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 0},
        {"type": ["string", "null"], "pattern": "^[0-9-]+$"},
        {"enum": ["x", None, True]},
        {"const": {}},
        {"const": False},
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1},
        {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"], "additionalProperties": False},
    ],
)
def test_every_keyword_is_as_strict(schema: dict[str, Any], value: Any) -> None:
    assert Draft202012Validator(schema).is_valid(value) or not compiled(schema)(value)


def test_a_keyword_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="oneOf"):
        compiled({"oneOf": []})
