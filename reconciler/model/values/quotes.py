"""How messages quote what they found: as much of it as helps, however long it is."""

import re

LONGEST = 200
"""So many characters of a value are quoted."""
_NAME = 255
"""No file system has a longer name of a file or folder; a path of such names is shown whole."""
_LINE = 5_000
"""Characters of a message of one line: a path has at most 4,096 bytes."""
_QUOTED = re.compile(r"""(?<!\w)(?:"[^"]*"|'[^']*')""")
_WORD = re.compile(rf"[^\s/]{{{_NAME + 1},}}")


def shortened(text: str) -> str:
    """The text, or as much of a long one as is quoted.

    >>> shortened("short"), len(shortened("x" * 900_000))
    ('short', 200)
    """
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def quote(text: str) -> str:
    """The same in double quotes."""
    return f'"{shortened(text)}"'


def readable(message: str) -> str:
    """A message of one line in which whatever is quoted, and every word, is shortened, whoever wrote it.

    Paths of files that exist stay whole.

    >>> readable(f'there is no tenant "{"a b" * 300}"') == f'there is no tenant {quote("a b" * 300)}'
    True
    """
    if len(message) <= LONGEST:
        return message
    quoted = _QUOTED.sub(lambda match: f"{match[0][0]}{shortened(match[0][1:-1])}{match[0][0]}", message)
    line = _WORD.sub(lambda match: shortened(match[0]), quoted)
    return line if len(line) <= _LINE else line[: _LINE - 1] + "…"
