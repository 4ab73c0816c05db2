"""The same plans as the plain engine for less work. This package can be deleted: plans then take longer.

No rule stands here: rules are called.
"""

from reconciler.core.incremental.engine import IncrementalEngine

__all__ = ["IncrementalEngine"]
