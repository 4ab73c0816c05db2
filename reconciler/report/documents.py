"""Renders a tenant's state as YAML documents, which `tenant export` prints and `tenant import` reads."""

import re
import sys
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from reconciler.core.schema import FieldShape, fields_of_model
from reconciler.model.documents.kinds import KINDS
from reconciler.model.values.entity import Entity
from reconciler.model.values.plain_values import Body, Value
from reconciler.report.values import in_number_order


class _Amount(str):
    """The text of an amount, to be written unquoted."""

    __slots__ = ()


class _Representer(SafeRepresenter):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - ruamel's name: equal parts are not aliased
        return True


def _represent_amount(representer: Any, amount: _Amount) -> Any:
    tag = "float" if "." in amount else "int"
    return representer.represent_scalar(f"tag:yaml.org,2002:{tag}", str(amount))


def _represent_text(representer: Any, text: str) -> Any:
    """Escape characters that editors do not show or do not treat as line breaks."""
    if _UNSEEN.search(text):
        return representer.represent_scalar("tag:yaml.org,2002:str", text, style='"')
    return representer.represent_str(text)


_UNSEEN = re.compile("[\x85\u2028\u2029\ufeff]")
_Representer.add_representer(_Amount, _represent_amount)
_Representer.add_representer(str, _represent_text)


def render_documents(entities: Iterable[Entity]) -> str:
    """The documents of a state or catalog, sorted by kind and key and separated by ``---``; empty if there are none.

    An invalid body (`core.schema.check`) is written unchanged, so that people can see and correct it.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = (
        sys.maxsize
    )  # a line break within a text is lost or gains a space where two spaces or an escape meet it
    yaml.allow_unicode = True
    texts = []
    for each in sorted(entities, key=lambda entity: entity.id):
        stream = StringIO()
        fields = fields_of_model(KINDS[each.id.kind]) if each.id.kind in KINDS else ()
        yaml.dump(_marked(exported(each), fields), stream)
        texts.append(stream.getvalue())
    return "---\n".join(texts)


def exported(entity: Entity) -> Body:
    """The document that `core.reading.state_documents.read_state` reads as this entity.

    An item without an origin that would inherit the document's when read is marked explicitly (ORIGIN-04).
    """
    document = entity.document()
    if entity.origin is None or entity.id.kind not in KINDS:
        return document
    for field in fields_of_model(KINDS[entity.id.kind]):
        items = document.get(field.name)
        if field.items and field.items.shares_origin and isinstance(items, Mapping):
            document[field.name] = {key: _own_if_none(item) for key, item in items.items()}
    return document


def _own_if_none(item: Value) -> Value:
    return {**item, "origin": item.get("origin")} if isinstance(item, Mapping) else item


def _marked(body: Value, fields: tuple[FieldShape, ...]) -> Value:
    """The body with amounts marked, in the order of the kind's fields; unlisted fields come first."""
    if not isinstance(body, Mapping):
        return body
    listed = {field.name for field in fields}
    result = {name: value for name, value in body.items() if name not in listed}
    result.update({field.name: _field(body[field.name], field) for field in fields if field.name in body})
    return result


def _field(value: Value, field: FieldShape) -> Value:
    match field.type:
        case "struct":
            return _marked(value, field.fields)
        case "items" if isinstance(value, Mapping):
            return {key: _marked(item, field.fields) for key, item in value.items()}
        case "amounts":
            return _amounts(value)
        case "amount":
            return _amount(value)
        case "map":
            return {key: value[key] for key in sorted(value, key=in_number_order)}
        case _:
            return value


def _amounts(value: Value) -> Value:
    """A map of amounts, or of maps of amounts, as in a price list."""
    return {key: _amounts(item) for key, item in value.items()} if isinstance(value, Mapping) else _amount(value)


def _amount(value: Value) -> Value:
    if isinstance(value, list):
        return [_entry(entry) for entry in value]
    return _Amount(value) if isinstance(value, str) else value


def _entry(entry: Value) -> Value:
    return {**entry, "amount": _amount(entry.get("amount"))} if isinstance(entry, Mapping) else entry


def counts_by_kind(entities: Iterable[Entity]) -> Mapping[str, int]:
    """The number of entities of each kind."""
    counts: dict[str, int] = {}
    for each in entities:
        counts[each.id.kind] = counts.get(each.id.kind, 0) + 1
    return dict(sorted(counts.items()))
