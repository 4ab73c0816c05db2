"""Faces of packages whose modules are imported when a name of theirs is first used (PEP 562).

Nothing is imported here.
"""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_exports(package: str, names: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package. ``names``: by module, those that the package exports from it.

    For type checkers the package imports the same names under ``TYPE_CHECKING``; a test compares the two. Raises
    `AttributeError` for any other name.
    """
    home = {name: module for module, exported in names.items() for name in exported}

    def get(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home[name]), name)

    return get
