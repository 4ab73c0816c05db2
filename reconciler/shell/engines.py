"""Which engine compares tenants: the incremental one, unless it is switched off or not there; else the plain one."""

from importlib.util import find_spec

from reconciler.core.planning import Engine, PlainEngine
from reconciler.core.schema import RuleBook

INCREMENTAL = "reconciler.core.incremental"


def engine_of(rules: RuleBook, *, incremental: bool, most: int | None = None) -> Engine:
    """An engine for these rules. Both give the same plans; without the incremental package, both are the plain one.

    ``most``: of how many desired states the incremental one keeps what it found out (``None``: of all).
    """
    if not incremental or find_spec(INCREMENTAL) is None:
        return PlainEngine(rules)
    # imported here, as it may be deleted: plans then only take longer
    from reconciler.core.incremental import IncrementalEngine  # noqa: PLC0415

    return IncrementalEngine(rules, most=most)
