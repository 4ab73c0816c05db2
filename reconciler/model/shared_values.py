"""Equal values of many bodies, as one object each."""

from dataclasses import dataclass, field
from typing import Any

from reconciler.model.bounded_cache import BoundedCache


@dataclass(slots=True)
class SharedValues:
    """Replaces equal texts, and equal lists of texts, in JSON-like data by one object: bodies of a kind share many."""

    texts: BoundedCache[str, str] = field(default_factory=BoundedCache)
    lists: BoundedCache[tuple[str, ...], list[str]] = field(default_factory=BoundedCache)

    def of_map(self, data: dict[str, Any]) -> dict[str, Any]:
        """The same map, its values replaced by shared equal ones."""
        texts = self.texts.known
        for key, value in data.items():
            kind = type(value)
            if kind is str:
                data[key] = texts.get(value) or self.texts.keep(value, value)
            elif kind is dict:
                self.of_map(value)
            elif kind is list and value:
                data[key] = self._of_list(value)
        return data

    def _of_list(self, values: list[Any]) -> list[Any]:
        if all(type(each) is str for each in values):
            key = tuple(values)
            return self.lists.known.get(key) or self.lists.keep(key, values)
        for each in values:
            if type(each) is dict:
                self.of_map(each)
        return values
