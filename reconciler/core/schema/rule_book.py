"""All declarations as one value, so that tests can take one away and expect a scenario to fail."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from reconciler.core.schema.fields import FieldShape, KindShape, kind_shapes, unmanaged_fields
from reconciler.core.schema.references import ReferenceNodes, brings, names_an_entity, reference_nodes
from reconciler.model.documents.options import GUARDS, VETOES, VetoRule
from reconciler.model.documents.subscriptions import ACTIONS, SubscriptionAction
from reconciler.model.values.keys import snake


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Every declaration that decides: kinds with their fields, vetoes, preconditions and guards in force, and the
    actions on subscriptions, including the denied ones.
    """

    kinds: Mapping[str, KindShape]
    vetoes: Mapping[str, VetoRule]
    preconditions: frozenset[str]
    actions: Mapping[str, SubscriptionAction]
    guards: frozenset[str] = frozenset(GUARDS)
    _reference_nodes: dict[tuple[str, str], ReferenceNodes] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def reference_nodes(self, kind: str, of: Literal["all", "giving", "staying", "any"] = "all") -> ReferenceNodes:
        """The fields of a kind that reference other entities.

        ``of`` selects the fields: ``all`` whose targets are delegated with the body, ``giving`` only those that a
        service template gives (IW-12), ``staying`` only those that no upstream changes, ``any`` field that references
        an entity of a tenant.
        """
        known = self._reference_nodes.get((kind, of))
        if known is None:
            fields = self.kinds[kind].fields
            if of == "giving":
                fields = tuple(each for each in fields if each.ref and each.ref.gives)
            elif of == "staying":
                fields = unmanaged_fields(fields)
            known = self._reference_nodes[kind, of] = reference_nodes(
                fields, names_an_entity if of == "any" else brings
            )
        return known

    def declarations(self) -> Iterator[str]:
        """The ids of all declarations, as `without` takes them."""
        for shape in self.kinds.values():
            yield from _kind_ids(shape)
            yield from _field_ids(snake(shape.kind), shape.fields)
        yield from (f"veto:{veto}" for veto in self.vetoes)
        yield from (f"precondition:{each}" for each in sorted(self.preconditions))
        yield from (f"guard:{each}" for each in sorted(self.guards))
        yield from (f"denied:{each.id}" for each in self.actions.values() if each.denied)

    def without(self, declaration: str) -> "RuleBook":
        """A copy of the book without one declaration. Raises ``KeyError`` for an unknown id."""
        if declaration not in set(self.declarations()):
            raise KeyError(declaration)
        head, _, rest = declaration.partition(":")
        if head == "veto":
            return replace(self, vetoes={key: veto for key, veto in self.vetoes.items() if key != rest})
        if head == "precondition":
            return replace(self, preconditions=self.preconditions - {rest})
        if head == "guard":
            return replace(self, guards=self.guards - {rest})
        if head == "denied":
            return replace(self, actions={**self.actions, rest: replace(self.actions[rest], denied=None)})
        kinds = {
            kind: _kind_without(shape, declaration) if declaration.startswith(_prefixes(shape)) else shape
            for kind, shape in self.kinds.items()
        }
        return replace(self, kinds=kinds)


def _prefixes(shape: KindShape) -> tuple[str, str]:
    return (f"{snake(shape.kind)}:", f"{snake(shape.kind)}.")


def _kind_ids(shape: KindShape) -> Iterator[str]:
    name = snake(shape.kind)
    yield from (f"{name}:{part}" for part in ("created", "removed", "dependent") if getattr(shape.sync, part))


def _field_ids(prefix: str, fields: tuple[FieldShape, ...]) -> Iterator[str]:
    for field in fields:
        path = f"{prefix}.{field.name}"
        if field.declared:
            yield path
        comes = field.items or field.links
        yield from (f"{path}:{part}" for part in ("created", "removed") if comes and getattr(comes, part))
        yield from _field_ids(f"{path}.*" if field.type == "items" else path, field.fields)


def _kind_without(shape: KindShape, declaration: str) -> KindShape:
    name = snake(shape.kind)
    head, _, part = declaration.partition(":")
    if head == name:
        gone: dict[str, Any] = {part: None}
        return replace(shape, sync=replace(shape.sync, **gone))
    return replace(shape, fields=_fields_without(name, shape.fields, declaration))


def _fields_without(prefix: str, fields: tuple[FieldShape, ...], declaration: str) -> tuple[FieldShape, ...]:
    return tuple(_field_without(f"{prefix}.{field.name}", field, declaration) for field in fields)


def _field_without(path: str, field: FieldShape, declaration: str) -> FieldShape:
    head, _, part = declaration.partition(":")
    if head == path and not part:
        return replace(field, declared=None)
    if head == path:
        gone: dict[str, Any] = {part: None}
        return replace(
            field,
            items=replace(field.items, **gone) if field.items else None,
            links=replace(field.links, **gone) if field.links else None,
        )
    inside = f"{path}.*" if field.type == "items" else path
    return replace(field, fields=_fields_without(inside, field.fields, declaration))


def rule_book(preconditions: frozenset[str]) -> RuleBook:
    """A book of all declarations."""
    return RuleBook(kind_shapes(), VETOES, preconditions, ACTIONS)
