"""Identities: keys (AP-21), entities and addresses."""

import re
from typing import NamedTuple

LONGEST_KEY = 128
KEY_PATTERN = r"[a-z0-9][a-z0-9_.-]{0,127}"
TENANT_KEY_PATTERN = r"[a-z0-9][a-z0-9_-]{0,127}"
MIRRORED_KEY_PATTERN = rf"(?:{TENANT_KEY_PATTERN}\.)*{KEY_PATTERN}"
"""At a distributor, the key of a customer or subscription starts with the resellers' keys, one per level."""
KEY = re.compile(rf"{KEY_PATTERN}\Z")
TENANT_KEY = re.compile(rf"{TENANT_KEY_PATTERN}\Z")
MIRRORED_KEY = re.compile(rf"{MIRRORED_KEY_PATTERN}\Z")
FORMER_KEY = re.compile(r"[a-z0-9_.-]{1,5000}\Z")
"""The form of keys in earlier releases; they can be renamed from (AP-21)."""
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(kind: str) -> str:
    """``PlanCategory`` -> ``plan_category``."""
    return _CAPITAL.sub("_", kind).lower()


def noun(kind: str) -> str:
    """``PlanCategory`` -> ``plan category``, as messages show it."""
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
