"""A tenant's state as YAML documents: what `tenant export` prints and `tenant import` reads."""

from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from reconciler.core.shape import FieldShape, fields_of
from reconciler.model.entity import Entity
from reconciler.model.values import Body, Value
from reconciler.report.values import in_number_order


class _Amount(str):
    """An amount's text, written unquoted."""

    __slots__ = ()


class _Representer(SafeRepresenter):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - ruamel's name: equal parts are not aliased
        return True


def _represent_amount(representer: Any, amount: _Amount) -> Any:
    tag = "float" if "." in amount else "int"
    return representer.represent_scalar(f"tag:yaml.org,2002:{tag}", str(amount))


_Representer.add_representer(_Amount, _represent_amount)


def render_documents(entities: Iterable[Entity]) -> str:
    """The documents of a state by kind and key, each after ``---`` but the first; empty for an empty state."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 120
    yaml.allow_unicode = True
    texts = []
    for each in sorted(entities, key=lambda entity: entity.id):
        stream = StringIO()
        yaml.dump(_marked(each.document(), fields_of(each.id.kind)), stream)
        texts.append(stream.getvalue())
    return "---\n".join(texts)


def _marked(body: Body, fields: tuple[FieldShape, ...]) -> dict[str, Value]:
    """The body with its amounts marked, in the order of the kind's fields; what it does not list comes first."""
    listed = {field.name for field in fields}
    result = {name: value for name, value in body.items() if name not in listed}
    result.update({field.name: _field(body[field.name], field) for field in fields if field.name in body})
    return result


def _field(value: Value, field: FieldShape) -> Value:
    match field.type:
        case "struct":
            return _marked(value, field.fields)
        case "items":
            return {key: _marked(item, field.fields) for key, item in value.items()}
        case "amounts":
            return {key: _amount(item) for key, item in value.items()}
        case "amount":
            return _amount(value)
        case "map":
            return {key: value[key] for key in sorted(value, key=in_number_order)}
        case _:
            return value


def _amount(value: Value) -> Value:
    if isinstance(value, list):
        return [{**entry, "amount": _Amount(entry["amount"])} for entry in value]
    return _Amount(value) if isinstance(value, str) else value


def counts_by_kind(entities: Iterable[Entity]) -> Mapping[str, int]:
    """How many entities of each kind there are."""
    counts: dict[str, int] = {}
    for each in entities:
        counts[each.id.kind] = counts.get(each.id.kind, 0) + 1
    return dict(sorted(counts.items()))
