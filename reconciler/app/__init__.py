"""The composition root: open a workspace, plan, apply, explain, look at tenants.

Nothing here prints, asks, or chooses an exit status. A module is imported when a name of it is first used: a command
that finds its plan in the cache needs none of them. The Python API (`api`) is exported by `reconciler` itself.
"""

from typing import TYPE_CHECKING

from reconciler.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from reconciler.app.addresses import parse_address
    from reconciler.app.applying import apply_plan
    from reconciler.app.errors import Invalid, Unknown
    from reconciler.app.inspecting import Subject, explain, plans, suppose
    from reconciler.app.journals import HistoryPart, history, recent_history
    from reconciler.app.opening import check_workspace, folder_in_repository, ignored_files, open_workspace
    from reconciler.app.planning import inverse_plan, make_plan, mirror_plan, source_of, with_base
    from reconciler.app.tenants import act, adoption_of, release, subscriptions
    from reconciler.app.workspaces import Workspace, shard_of, who_set
    from reconciler.model.values.plain_values import timestamp
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "reconciler.app.addresses": ("parse_address",),
            "reconciler.app.applying": ("apply_plan",),
            "reconciler.app.errors": ("Invalid", "Unknown"),
            "reconciler.app.inspecting": ("Subject", "explain", "plans", "suppose"),
            "reconciler.app.journals": ("HistoryPart", "history", "recent_history"),
            "reconciler.app.opening": ("check_workspace", "folder_in_repository", "ignored_files", "open_workspace"),
            "reconciler.app.planning": (
                "inverse_plan",
                "make_plan",
                "mirror_plan",
                "source_of",
                "with_base",
            ),
            "reconciler.app.tenants": ("act", "adoption_of", "release", "subscriptions"),
            "reconciler.app.workspaces": ("Workspace", "shard_of", "who_set"),
            "reconciler.model.values.plain_values": ("timestamp",),
        },
    )

__all__ = [
    "HistoryPart",
    "Invalid",
    "Subject",
    "Unknown",
    "Workspace",
    "act",
    "adoption_of",
    "apply_plan",
    "check_workspace",
    "explain",
    "folder_in_repository",
    "history",
    "ignored_files",
    "inverse_plan",
    "make_plan",
    "mirror_plan",
    "open_workspace",
    "parse_address",
    "plans",
    "recent_history",
    "release",
    "shard_of",
    "source_of",
    "subscriptions",
    "suppose",
    "timestamp",
    "who_set",
    "with_base",
]
