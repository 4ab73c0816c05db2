"""What no message may say: ``1 entries``, ``2 field(s)``."""

import re
from collections.abc import Iterator

_PLURAL = re.compile(r"(?<![\w.,:;#+−$€-])1 (?:(?:more|older|other|new|supporting|whole|different) )?([a-z]+s)\b")
_EITHER = re.compile(r"\b[a-z]+\(e?s\)(?!\w)")
SINGULAR = frozenset(
    {"is", "was", "has", "does", "goes", "gets", "follows", "needs", "this", "resells", "sales", "series", "terms"}
)
"""Words behind a 1 that end in s and are no plural: verbs, and nouns without another form."""


def wrong_numbers(text: str) -> Iterator[str]:
    """The places where a text counts one as many, or leaves it to the reader."""
    yield from (match[0] for match in _PLURAL.finditer(text) if match[1] not in SINGULAR)
    yield from (match[0] for match in _EITHER.finditer(text))
