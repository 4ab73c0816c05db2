"""Chooses the engine that compares tenants: the incremental one, or the plain one if that is off or not installed."""

from importlib.util import find_spec

from reconciler.core.planning import Engine, PlainEngine
from reconciler.core.schema import RuleBook

INCREMENTAL = "reconciler.core.incremental"


def engine_of(rules: RuleBook, *, incremental: bool, most: int | None = None) -> Engine:
    """An engine for these rules. Both engines give the same plans. Without the incremental package it is the plain one.

    ``most``: the number of desired states that the incremental engine caches results for (``None``: no limit).
    """
    if not incremental or find_spec(INCREMENTAL) is None:
        return PlainEngine(rules)
    # imported here because the package may be deleted; plans then only take longer
    from reconciler.core.incremental import IncrementalEngine  # noqa: PLC0415

    return IncrementalEngine(rules, most=most)
