"""Quotes values in messages, shortened to a readable length."""

import re

LONGEST = 200
"""The maximum number of characters of a value that are quoted."""
_NAME = 255
"""The longest name of a file or folder in any file system; a path of such names is shown in full."""
_LINE = 5_000
"""The maximum number of characters of a one-line message: a path has at most 4,096 bytes."""
_QUOTED = re.compile(r"""(?<!\w)(?:"[^"]*"|'[^']*')""")
_WORD = re.compile(rf"[^\s/]{{{_NAME + 1},}}")


def shortened(text: str) -> str:
    """The text, shortened if it is long.

    >>> shortened("short"), len(shortened("x" * 900_000))
    ('short', 200)
    """
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def quote(text: str) -> str:
    """The same in double quotes."""
    return f'"{shortened(text)}"'


def readable(message: str) -> str:
    """A one-line message in which quoted texts and words are shortened, whoever wrote it.

    Paths of files stay complete.

    >>> readable(f'there is no tenant "{"a b" * 300}"') == f'there is no tenant {quote("a b" * 300)}'
    True
    """
    if len(message) <= LONGEST:
        return message
    quoted = _QUOTED.sub(lambda match: f"{match[0][0]}{shortened(match[0][1:-1])}{match[0][0]}", message)
    line = _WORD.sub(lambda match: shortened(match[0]), quoted)
    return line if len(line) <= _LINE else line[: _LINE - 1] + "…"
