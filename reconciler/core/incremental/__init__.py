"""The same plans as the plain engine, with less work. This package can be deleted: plans then take longer.

Nothing here restates a rule; rules are called.
"""

from reconciler.core.incremental.engine import IncrementalEngine

__all__ = ["IncrementalEngine"]
