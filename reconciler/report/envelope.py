"""The envelope of every JSON result except plans: one object with ``format_version`` and the data under a key."""

import json
import re
from collections.abc import Mapping
from typing import Any

from reconciler.report.plans.data import pretty
from reconciler.version import RESULT_VERSION

_LONE = re.compile("[\ud800-\udfff]")


def enveloped(**data: Any) -> str:
    """The JSON text of a result: ``enveloped(tenants=[...])`` is ``{"format_version": "1.0", "tenants": [...]}``.

    Keys are sorted, so equal data give equal bytes. Lone surrogates, which file names and environment variables may
    contain, become U+FFFD.
    """
    whole = {"format_version": RESULT_VERSION, **data}
    try:
        return pretty(whole)
    except TypeError:  # orjson refuses lone surrogates, and integers beyond 64 bits
        return json.dumps(_storable(whole), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def enveloped_line(**data: Any) -> str:
    """`enveloped` on one line, for commands that print one result after another (JSON Lines)."""
    whole = {"format_version": RESULT_VERSION, **data}
    return json.dumps(_storable(whole), sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"


def _storable(value: Any) -> Any:
    match value:
        case str():
            return _LONE.sub("\ufffd", value)
        case Mapping():
            return {_storable(key): _storable(each) for key, each in value.items()}
        case list() | tuple():
            return [_storable(each) for each in value]
        case _:
            return value
