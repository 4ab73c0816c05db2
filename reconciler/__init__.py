"""The reconciler: catalogs and sync policies in git, tenants kept true to them.

Floors, imports running downwards only: ``cli``, ``app``, ``shell``, ``stores``, ``report``, ``core``, ``model``.
Nothing here may run at import time but definitions.
"""

from reconciler.version import __version__ as __version__
