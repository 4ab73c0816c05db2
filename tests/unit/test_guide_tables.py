"""The guide's lists of options, guards, vetoes, overrides and verdicts name each that exists, and no other."""

import re
from pathlib import Path

from ruamel.yaml import YAML

from reconciler.core.workspace import GUARD_DEFAULTS
from reconciler.model.documents.options import GROUPS, OVERRIDES, VETOES
from reconciler.model.plans.change import Verdict

GUIDE = Path(__file__).parents[2] / "docs" / "guide"


def rows(page: str, head: str) -> dict[str, str]:
    """What the first cell of each row quotes, with its second cell, in the table whose head begins with ``head``."""
    text = (GUIDE / page).read_text("utf-8")
    (table,) = re.findall(rf"^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    cells = [line.strip("|").split("|") for line in table.splitlines()]
    return {first.strip(" `"): second.strip() for first, second, *_ in cells}


def written(key: str) -> set[str]:
    """The names that the YAML examples of the page on policies have in the map ``key``, over all of them."""
    blocks = re.findall(
        r"(?<=```yaml\n).*?(?=^```$)", (GUIDE / "policies.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    documents = [document for block in blocks for document in YAML(typ="safe").load_all(block)]
    return {name for document in documents for name in document.get(key, ())}


def test_every_option_stands_in_the_table_of_its_group() -> None:
    listed = {group: tuple(re.findall(r"`(\w+)`", names)) for group, names in rows("policies.md", "group").items()}
    assert listed == GROUPS


def test_every_guard_stands_in_the_table_with_its_default() -> None:
    shown = {guard: default.strip("`") for guard, default in rows("policies.md", "guard").items()}
    assert shown == {
        guard: "none" if default is False else str(default).lower() for guard, default in GUARD_DEFAULTS.items()
    }


def test_every_veto_and_override_is_shown() -> None:
    assert written("veto") == set(VETOES)
    assert written("overrides") == set(OVERRIDES)


def test_every_verdict_is_explained() -> None:
    assert set(rows("concepts.md", "verdict")) == set(Verdict)
