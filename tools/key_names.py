"""Make keys (AP-21) of names from elsewhere.

A key is an identity, so it should depend on nothing but the name: a suffix that came and went with the neighbours
would, one snapshot later, hand a plan's key to another model. Therefore: a name is folded (lower case; every other
foreign character becomes `-`), and a model whose name has capitals always gets a suffix from a hash of that name,
rivals or none, because names that differ in capitals alone are what really collides in the list. Where names still fold
alike (`a/b` and `a-b`), the one with the fewest foreign characters keeps the bare key and the others get their suffix;
a later rival can unseat it only by being nearer to a key. Fields, vendors and modes are few: folding and that last rule
are enough for them.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable

_FOREIGN = re.compile(r"[^a-z0-9_.-]")


def fold(name: str) -> str:
    """The nearest valid key."""
    return _FOREIGN.sub("-", name.lower()).strip("-._") or "unnamed"


def suffixed(name: str) -> str:
    """The folded name with a part that only this very name has."""
    return f"{fold(name)}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def model_key(name: str) -> str:
    """What a model is called unless a rival has it; see the module's docstring for why capitals count."""
    return fold(name) if name == name.lower() else suffixed(name)


def assign_keys(names: Iterable[str], first_choice: Callable[[str], str] = fold) -> dict[str, str]:
    """A key of its own for each name, whatever their order. Raises ValueError if even the hashes collide."""
    rivals: defaultdict[str, list[str]] = defaultdict(list)
    for name in set(names):
        rivals[first_choice(name)].append(name)
    keys: dict[str, str] = {}
    for key, group in rivals.items():
        keeper, *others = sorted(group, key=lambda name: (len(_FOREIGN.findall(name)), name))
        keys |= {keeper: key} | {name: suffixed(name) for name in others}
    if len(set(keys.values())) < len(keys):
        raise ValueError("two names have one key even with their suffixes")
    return dict(sorted(keys.items()))
