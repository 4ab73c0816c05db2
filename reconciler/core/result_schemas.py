"""The JSON Schemas of what commands print with ``--format json``; the plan's is `core.plan_schema`.

They are open: a key that a later release adds is valid by an older schema, and keeps the ``format_version``.
"""

from collections.abc import Callable, Mapping

from reconciler.core.json_schema import DRAFT_2020, Schema, open_object

FORMAT_VERSION = "1.0"
"""Of every JSON result but the plan, which has Terraform's. It stays when a key is added, and becomes another when one
is renamed or removed or changes its meaning."""


def result_schema(title: str, **data: Schema) -> Schema:
    """The schema of a result: ``format_version``, and the data under their keys."""
    version: Schema = {"const": FORMAT_VERSION, "description": "Of the JSON of every command but plan and show."}
    return {"$schema": DRAFT_2020, "title": title, **open_object(format_version=version, **data)}


RESULTS: Mapping[str, Callable[[], Schema]] = {}
"""The schema of each command's result by its file in ``schemas/``: the command's name with ``-`` for spaces."""
