"""A saved plan of many tenants, each of whose changes is a different one, made from the plan of one tenant.

Planning that many tenants with prices of their own would take far longer than what is measured: reading and showing it.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.generate import CENT

Data = dict[str, Any]


def multiply(one: Path, to: Path, tenants: int) -> None:
    """Write the plan of so many tenants: each has the changes of a saved plan of one tenant, but its new amounts are a
    cent above those of the tenant before.
    """
    plan: Data = json.loads(one.read_bytes())
    del plan["digest"]
    (tenant,) = plan["tenants"]
    names = [f"r{number:05d}" for number in range(tenants)]
    plan["tenants"] = [{**tenant, "tenant": name} for name in names]
    plan["summary"] = {name: count * tenants for name, count in plan["summary"].items()}
    digest = sha256()
    for piece in _canonical(plan, names):
        digest.update(piece)
    with to.open("wb") as file:
        file.writelines(_canonical({**plan, "digest": f"sha256:{digest.hexdigest()}"}, names))
        file.write(b"\n")


def _canonical(plan: Data, names: list[str]) -> Iterator[bytes]:
    """The plan on one line, keys sorted, with its changes once for each tenant."""
    before = b"{"
    for key in sorted(plan):
        yield before + _dump(key) + b":"
        if key == "resource_changes":
            yield b"["
            for number, name in enumerate(names):
                yield (b"," if number else b"") + b",".join(_dump(_moved(each, name, number)) for each in plan[key])
            yield b"]"
        else:
            yield _dump(plan[key])
        before = b","
    yield b"}"


def _moved(change: Data, tenant: str, cents: int) -> Data:
    """The change in another tenant, its new amounts so many cents higher."""
    moved: Data = json.loads(json.dumps(change))
    moved["address"] = f"{tenant}/{change['address'].partition('/')[2]}"
    moved["tenant"] = tenant
    for field in moved["fields"]:
        *steps, last = field["path"].split(".")
        holder = moved["change"]["after"]
        for step in steps:
            holder = holder[step]
        holder[last] = field["after"] = str(Decimal(field["after"]) + CENT * cents)
    return moved


def _dump(data: object) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
