"""How messages quote what they found: as much of it as helps, however long it is."""

LONGEST = 200
"""So many characters of a value are quoted."""


def shortened(text: str) -> str:
    """The text, or as much of a long one as is quoted.

    >>> shortened("short"), len(shortened("x" * 900_000))
    ('short', 200)
    """
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def quote(text: str) -> str:
    """The same in double quotes."""
    return f'"{shortened(text)}"'
