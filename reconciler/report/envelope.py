"""The envelope of every JSON result but the plan's: one object with ``format_version`` and the data under a key."""

import json
import re
from collections.abc import Mapping
from typing import Any

from reconciler.core.schemadocs import FORMAT_VERSION
from reconciler.report.plans.data import pretty

_LONE = re.compile("[\ud800-\udfff]")


def enveloped(**data: Any) -> str:
    """The JSON text of a result: ``enveloped(tenants=[...])`` is ``{"format_version": "1.0", "tenants": [...]}``.

    Keys are sorted, so that the same data are the same bytes. What UTF-8 cannot hold (half of a surrogate pair, as a
    file name or a variable of the environment may have) becomes U+FFFD.
    """
    whole = {"format_version": FORMAT_VERSION, **data}
    try:
        return pretty(whole)
    except TypeError:  # orjson refuses lone surrogates, and integers beyond 64 bits
        return json.dumps(_storable(whole), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


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
