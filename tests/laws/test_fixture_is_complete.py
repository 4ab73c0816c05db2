"""The fixture of the laws has every field that comes down, so that a new field meets the oracle.

The engine compares a field that stands in the fixture; an oracle that does not know it disagrees in
`test_every_option_set.py`. Mirrored kinds have a model of their own (`model_of_mirrors.py`), and none in this fixture.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML

from reconciler.core.schema.fields import FieldShape, kind_shapes
from reconciler.core.subscriptions import mirrored_kinds
from reconciler.model.documents.declarations import Synced
from tests.laws.bench_of_options import FOLDER

CATALOG = ("catalog.yaml", "catalog_conflict.yaml", "prices.yaml")
STATE = ("state.yaml", "state_conflict.yaml", "state_prices.yaml")
WHERE = "tests/laws/every_difference: add it there with a difference, and to the oracle (tests/laws/oracle_*.py)"


def documents(names: Iterable[str]) -> list[dict[str, Any]]:
    return [each for name in names for each in YAML(typ="safe").load_all(FOLDER / name)]


def missing(fields: Iterable[FieldShape], bodies: list[Any], at: str) -> Iterator[str]:
    """The fields that come down and that none of these bodies has."""
    for field in fields:
        values = [body[field.name] for body in bodies if isinstance(body, Mapping) and body.get(field.name) is not None]
        if values:
            inner = [each for value in values for each in value.values()] if field.items else values
            yield from missing(field.fields, inner, f"{at}.{field.name}")
        elif field.copied:
            yield f"{at}.{field.name}"


def missing_in(names: Iterable[str], shapes: Mapping[str, tuple[FieldShape, ...]]) -> list[str]:
    found = documents(names)
    return [
        each
        for kind, fields in shapes.items()
        for each in missing(fields, [body for body in found if body["kind"] == kind], kind)
    ]


DELEGATED = {kind: shape.fields for kind, shape in kind_shapes().items() if kind not in mirrored_kinds()}


def test_every_field_that_comes_down_is_in_the_fixture() -> None:
    assert missing_in((*CATALOG, *STATE), DELEGATED) == [], WHERE


def test_every_synchronised_field_is_in_the_tenants_state() -> None:
    absent = set(missing_in(STATE, DELEGATED))
    synced = {f"{kind}.{each.name}" for kind, fields in DELEGATED.items() for each in fields if is_synced(each)}
    assert sorted(absent & synced) == [], WHERE


def is_synced(field: FieldShape) -> bool:
    return isinstance(field.declared, Synced)


def test_a_field_that_the_fixture_lacks_is_found() -> None:
    unknown = FieldShape("nosuch", ("nosuch",), "text", None, next(filter(is_synced, DELEGATED["Plan"])).declared)
    assert missing_in(CATALOG, {"Plan": (*DELEGATED["Plan"], unknown)}) == ["Plan.nosuch"]
