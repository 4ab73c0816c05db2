"""The valid part of an invalid document: all but the fields at fault, so that the rest is still checked.

A document is validated, the fields at fault are removed, and it is validated again until no fault is left. A map whose
keys are at fault is not compared with its model; the faults found in later rounds are faults of the document too.
"""

from bisect import bisect_left
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeAlias

from pydantic import ValidationError, create_model
from pydantic_core import ErrorDetails

from reconciler.core.reading.errors import errors_of
from reconciler.core.reading.yaml import YamlDocument
from reconciler.model.documents.catalog import Document, Part
from reconciler.model.documents.source import Marks, SourceMark
from reconciler.model.values.plain_values import Value

ROUNDS = 100
"""The maximum number of rounds per document."""
_Path: TypeAlias = "tuple[str | int, ...]"
_Tree: TypeAlias = "dict[str | int, _Tree | None]"
"""The paths to remove, as a tree of steps; ``None``: the whole value."""


class ValidPart(NamedTuple):
    """A document without its fields at fault, its model, in which required fields may be ``None``, and the faults.

    ``document`` and ``model`` are ``None`` if kind or key cannot be read.
    """

    document: YamlDocument | None
    model: Part | None
    faults: list[ErrorDetails]


def valid_part(document: YamlDocument, model: type[Part]) -> ValidPart:
    """The valid part of a document, and all faults with their paths in the original document."""
    try:
        return ValidPart(document, model.model_validate(document.value), [])
    except ValidationError as error:
        faults = errors_of(error)
    whole, partial = document, _partial(model)
    new = [_fault(each) for each in faults]
    taken = _Paths(new)
    for _ in range(ROUNDS):
        tree = _tree(new)
        if not isinstance(document.value, dict) or None in (tree.get("kind", {}), tree.get(_own_key(model), {})):
            break
        value, marks = _without(document.value, document.marks, tree)
        document = YamlDocument(document.place, value, marks, document.gaps)
        try:
            return ValidPart(document, partial.model_validate(value), faults)
        except ValidationError as error:
            found = errors_of(error)
        new = [_fault(each) for each in found]
        for each, path in zip(found, new, strict=True):
            at = _as_written(path, document.marks, whole.marks)
            if each["type"] != "missing" and not taken.related(at):
                taken.add(at)
                faults.append({**each, "loc": at, "ctx": {**each.get("ctx", {}), "at": ()}})
    return ValidPart(None, None, faults)


class _Paths:
    """A set of paths that is asked whether one of them is at, above or below another path."""

    def __init__(self, paths: Iterable[_Path]) -> None:
        self._paths: set[_Path] = set()
        self._above: set[_Path] = set()
        for each in paths:
            self.add(each)

    def add(self, path: _Path) -> None:
        self._paths.add(path)
        self._above.update(path[:length] for length in range(len(path)))

    def related(self, path: _Path) -> bool:
        """Whether a path of the set is at or below this one, or above it."""
        return path in self._above or any(path[:length] in self._paths for length in range(len(path) + 1))


def _as_written(path: _Path, marks: Marks, whole: Marks) -> _Path:
    """Translates a path in the remaining document to the original one: removed list items shift indexes."""
    found: list[str | int] = []
    for step in path:
        if isinstance(marks, list) and isinstance(step, int) and isinstance(whole, list):
            mark = marks[step]
            step = bisect_left(whole, mark[:4], key=lambda each: each[:4])  # items are in the order of their places
            marks, whole = mark.inside, whole[step].inside
        elif isinstance(marks, dict) and isinstance(whole, dict) and str(step) in marks:
            marks, whole = marks[str(step)].inside, whole[str(step)].inside
        found.append(step)
    return tuple(found)


def _own_key(model: type[Part]) -> str:
    return model.own_key if issubclass(model, Document) else "kind"


@cache
def _partial(model: type[Part]) -> type[Part]:
    """A model in which only kind and key are required."""
    fields: dict[str, Any] = {
        name: (Annotated[info.annotation, *info.metadata] | None, None)
        for name, info in model.model_fields.items()
        if info.is_required() and name not in ("kind", _own_key(model))
    }
    return create_model(model.__name__, __base__=model, **fields) if fields else model


def _fault(error: ErrorDetails) -> _Path:
    """The path to remove for an error: for a missing field, that of the map that lacks it."""
    path = (*error["loc"], *error.get("ctx", {}).get("at", ()))
    if error["type"] == "missing":
        return path[:-1] or path
    return path[:-1] if path[-1:] == ("[key]",) else path


def _tree(paths: list[_Path]) -> _Tree:
    tree: _Tree = {}
    for path in filter(None, paths):
        here = tree
        for step in path[:-1]:
            inner = here.setdefault(step, {})
            if inner is None:
                break
            here = inner
        else:
            here[path[-1]] = None
    return tree


def _without(value: Value, marks: Marks, faults: _Tree) -> tuple[Value, Marks]:
    """A value and its marks without the faults."""
    if isinstance(value, dict):
        assert isinstance(marks, dict)
        items = {key: _item(value[key], marks[key], faults, key) for key in value}
        kept = {key: each for key, each in items.items() if each is not None}
        return {key: each[0] for key, each in kept.items()}, {key: each[1] for key, each in kept.items()}
    if isinstance(value, list) and all(isinstance(step, int) for step in faults):
        assert isinstance(marks, list)
        listed = [_item(each, marks[index], faults, index) for index, each in enumerate(value)]
        left = [each for each in listed if each is not None]
        return [each[0] for each in left], [each[1] for each in left]
    # A list may stand for `{include: [...]}` (`policy.Plans`); no other fault lies inside a value that is not a map.
    inner = faults.get("include") if isinstance(value, list) else None
    return _without(value, marks, inner) if inner else ({}, {}) if isinstance(value, dict) else ([], [])


def _item(value: Value, mark: SourceMark, faults: _Tree, step: str | int) -> tuple[Value, SourceMark] | None:
    """An item of a map or list; ``None`` if it is to be removed."""
    if step not in faults:
        return value, mark
    inner = faults[step]
    if inner is None or not isinstance(value, dict | list):
        return None
    left, inside = _without(value, mark.inside, inner)
    return left, mark._replace(inside=inside)
