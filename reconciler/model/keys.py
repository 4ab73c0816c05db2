"""Identities: keys (AP-21), entities and addresses."""

import re
from typing import NamedTuple

KEY = re.compile(r"[a-z0-9_.-]+\Z")
TENANT_KEY = re.compile(r"[a-z0-9_-]+\Z")
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(kind: str) -> str:
    """``PlanCategory`` -> ``plan_category``."""
    return _CAPITAL.sub("_", kind).lower()


def noun(kind: str) -> str:
    """``PlanCategory`` -> ``plan category``, as messages say it."""
    return snake(kind).replace("_", " ")


class EntityId(NamedTuple):
    """An entity within one tenant: its kind, as documents write it, and its key."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{snake(self.kind)}/{self.key}"


def address(tenant: str, entity: EntityId) -> str:
    """``contoso/plan/m365-business-basic``."""
    return f"{tenant}/{entity}"
