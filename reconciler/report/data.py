"""JSON to print: the plan as ``--format json`` shows it, and any other data."""

from typing import Any

import orjson

from reconciler.core.codec import digest_of, plan_to_data
from reconciler.model.plan import Plan


def render_plan_json(plan: Plan) -> str:
    """What ``--out`` saves, for reading: the same keys, the same digest."""
    data = plan_to_data(plan)
    return pretty({**data, "digest": digest_of(data)})


def pretty(data: Any) -> str:
    """Indented JSON, keys sorted, with a newline at the end. Characters that JSON lets stand are left as they are."""
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE).decode()
