"""Numbers of things, in words: the one place where messages and reports choose between singular and plural."""


def counted(number: int, one: str, more: str | None = None) -> str:
    """A number with its noun; ``more`` is the plural where it is not formed with an ``s``.

    >>> counted(1, "tenant"), counted(1200, "tenant"), counted(2, "entry", "entries")
    ('1 tenant', '1,200 tenants', '2 entries')
    """
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"
