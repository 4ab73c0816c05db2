"""`docs/rules.md` is written from the code, and every declaration names a rule that there is."""

from pathlib import Path

from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.schema.fields import FieldShape, kind_shapes
from reconciler.model.documents.options import OPTIONS
from reconciler.model.plans.rules import FORMER_IDS, RULES, rule_text
from reconciler.report.manual.rules import rules_markdown

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == rules_markdown(), "run `make docs`"


def rules_of(fields: tuple[FieldShape, ...]) -> set[str]:
    found: set[str] = set()
    for field in fields:
        items = [part for how in (field.items, field.links) if how for part in (how.created, how.removed)]
        found |= {each.rule for each in (field.declared, *items) if each}
        found |= rules_of(field.fields)
    return found


def test_every_rule_that_a_declaration_names_has_its_text() -> None:
    named = set(PRECONDITIONS) | {option.off for option in OPTIONS.values() if option.off}
    for shape in kind_shapes().values():
        named |= rules_of(shape.fields)
        named |= {each.rule for each in (shape.sync.created, shape.sync.removed) if each}
        named |= {shape.sync.dependent} if shape.sync.dependent else set()
    assert named <= set(RULES)
    assert len(named) > 30


def test_an_id_of_an_earlier_version_has_the_text_of_its_rule() -> None:
    assert rule_text("ORIGIN") == rule_text("ORIGIN-01")
    assert not FORMER_IDS.keys() & RULES.keys()
