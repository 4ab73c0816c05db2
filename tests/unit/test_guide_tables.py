"""The guide's lists of options, guards, vetoes, overrides and verdicts name each that exists, and no other.

Its YAML examples are valid documents.
"""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from reconciler.core.reading.read import read_file
from reconciler.core.schemadocs import KINDS
from reconciler.core.workspace import GUARD_DEFAULTS
from reconciler.model.documents.options import GROUPS, OVERRIDES, VETOES
from reconciler.model.documents.source import SourceFile
from reconciler.model.plans.change import Verdict
from tests.cli.runner import run

GUIDE = Path(__file__).parents[2] / "docs" / "guide"


def rows(page: str, head: str) -> dict[str, str]:
    """What the first cell of each row quotes, with its second cell, in the table whose head begins with ``head``."""
    text = (GUIDE / page).read_text("utf-8")
    (table,) = re.findall(rf"^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    cells = [line.strip("|").split("|") for line in table.splitlines()]
    return {first.strip(" `"): second.strip() for first, second, *_ in cells}


def examples(page: str) -> list[str]:
    """The YAML blocks of a page. One without a ``kind`` is part of a policy."""
    text = (GUIDE / page).read_text("utf-8")
    blocks = re.findall(r"(?<=```yaml\n).*?(?=^```$)", text, re.MULTILINE | re.DOTALL)
    return [block if "kind: " in block else f"kind: SyncPolicy\nreseller: x\nupstream: y\n{block}" for block in blocks]


def written(key: str) -> set[str]:
    """The names that the examples on policies have in the map ``key``, over all of them."""
    documents = [each for block in examples("policies.md") for each in YAML(typ="safe").load_all(block)]
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


@pytest.mark.parametrize("page", ["policies.md", "adopting.md", "subscriptions.md"])
def test_every_example_is_a_valid_document(page: str) -> None:
    found = [read_file(SourceFile(f"{page}.yaml", block.encode())) for block in examples(page)]
    assert found
    assert [problem.summary for reading in found for problem in reading.problems] == []


def test_the_documents_of_every_kind_are_a_workspace_and_a_state(tmp_path: Path) -> None:
    """As `writing.md` has them: the workspace itself, the catalog, who gets what, and a tenant's state."""
    workspace, *catalog, state = examples("writing.md")
    root = tmp_path / "shop"
    (root / "northwind").mkdir(parents=True)
    (root / "reconcile.yaml").write_text(workspace, "utf-8")
    (root / "northwind" / "all.yaml").write_text("---\n".join(catalog), "utf-8")
    (tmp_path / "state.yaml").write_text(state, "utf-8")
    assert run("validate", root).out == "Valid: 19 documents, 1 policy.\n"
    assert run("tenant import contoso ../state.yaml", root).status == 0
    found = {each["kind"] for block in (workspace, *catalog, state) for each in YAML(typ="safe").load_all(block)}
    assert found == set(KINDS)
