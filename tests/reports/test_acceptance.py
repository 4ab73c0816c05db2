"""What the design asks of the comment and the text (its acceptance checks 1, 2, 3, 4, 8 and 9), for plans of all kinds.

The page's checks are in `test_page` and `tests/browser`.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.main import reconcile
from reconciler.model.plans.change import TrippedGuard
from reconciler.model.plans.plan import Change, DeferralReason, Deferred, FieldChange, Plan, TenantPlan
from reconciler.report.lines import render_lines
from reconciler.report.plans.folding import fold
from reconciler.report.plans.markdown import LARGEST, MARKER, render_markdown
from reconciler.report.plans.markdown.comment import comment
from reconciler.report.plans.markdown.escaping import code, markup, named, plain, table
from reconciler.report.plans.sayings import commands
from reconciler.report.plans.terminal import WIDTH, in_ascii, wide
from reconciler.report.plans.text import plan_lines, render_plan
from reconciler.report.plans.view import PlanView, Reason, Row, reason_of
from reconciler.report.values import clean
from reconciler.report.words import label, percent_text
from tests.laws.profiles import is_long
from tests.reports.history import history_plan
from tests.reports.kinds import KINDS, create, distinct, guarded, mixed, off, plan_of, tenant_plan, update, veto
from tests.reports.kinds import fee as fee_of
from tests.reports.rendered import RENDERER, Rendered

SIZES = (600, 1_500, 3_000, 8_000, 20_000, LARGEST)
PLANS: dict[str, Callable[[], Plan]] = {
    **KINDS,
    "history of 300": lambda: history_plan(300),
    "10,000 changes": lambda: distinct(200),
    **({"history of 1,000": lambda: history_plan(1_000)} if is_long() else {}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_plan = pytest.mark.parametrize("kind", PLANS)


@cache
def view_of(kind: str) -> PlanView:
    return fold(PLANS[kind](), "round.plan")


@cache
def comment_of(kind: str) -> str:
    return comment(view_of(kind))


@cache
def rendered(kind: str) -> Rendered:
    return Rendered(comment_of(kind))


@cache
def text_of(kind: str) -> str:
    return render_plan(PLANS[kind](), file="round.plan")


# 1: a bounded comment


@every_plan
def test_a_comment_is_bounded_and_never_cut_inside_a_block(kind: str) -> None:
    for largest in SIZES if kind in KINDS else (SIZES[0], SIZES[-1]):
        made = comment(view_of(kind), largest)
        assert len(made.encode()) <= largest
        assert made.startswith(f"{MARKER}\n### ")
        assert made.count("<details>") == made.count("</details>")
        if largest <= 8_000:
            Rendered(made)


@every_kind
def test_the_first_section_is_what_needs_a_decision_or_the_prices(kind: str) -> None:
    view, first = view_of(kind), rendered(kind).headings[1:2]
    expected = "Errors: " if view.errors else "Blocked: " if view.blocked else "Prices" if view.prices else ""
    assert "".join(first).startswith(expected)


@every_kind
def test_tenants_are_no_rows_of_a_table(kind: str) -> None:
    names = {clean(each) for each in view_of(kind).tenants} - {clean(row.title) for row in view_of(kind).prices}
    assert not [row for _, rows in rendered(kind).tables for row in rows if row[0] in names]


def test_what_does_not_fit_is_named_with_where_it_is() -> None:
    made = comment(view_of("10,000 changes"), 8_000)
    assert re.search(r"_and 9,\d\d\d more prices \(the page and `--verbose` list them\)_", made)
    assert "\n_Left out for want of room: " not in made
    made = comment(view_of("mixed"), 2_500)
    assert "_Left out for want of room: " in made
    assert "The page (`--format html`) and `--verbose` have all of it._" in made


# 2: every price in one row


def prices_in(plan: Plan) -> Counter[tuple[object, ...]]:
    """Every price of the plan: what changes of it, from what to what, in which tenant, and what becomes of it."""
    found: Counter[tuple[object, ...]] = Counter()
    for tenant in plan.tenants:
        for outcome, change in _changes(plan, tenant.changes, tenant.deferred):
            for each in change.fields:
                if label(change.entity.kind, each.path).money:
                    found[change.entity, each.path, each.before, each.after, tenant.tenant, outcome] += 1
    return found


def _changes(plan: Plan, changes: Iterable[Change], deferred: Iterable[Deferred]) -> Iterator[tuple[str, Change]]:
    yield from (("applied", each) for each in changes)
    for each in deferred:
        if each.reason != "unmanaged" and not _stood(plan, each):
            yield each.reason, each.change


def _stood(plan: Plan, each: Deferred) -> bool:
    """Whether it was held back before the base too."""
    return plan.source.base is not None and each.change.causes == {"backlog"}


def told(rows: Iterable[Row]) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for row in (variant for each in rows for variant in (each.variants or (each,))):
        paths = [row.path, (*row.path[:-1], "renewal")] if row.renewal_too else [row.path]
        for outcome in ("applied", "withheld", "blocked"):
            for tenant in getattr(row.reach, outcome):
                found.update((row.entity, path, row.before, row.after, tenant, outcome) for path in paths)
    return found


@every_plan
def test_each_price_is_in_exactly_one_row_and_the_numbers_add_up(kind: str) -> None:
    assert told(view_of(kind).prices) == prices_in(PLANS[kind]())


@every_kind
def test_the_comment_has_a_row_for_each_price_with_how_many_get_it(kind: str) -> None:
    view = view_of(kind)
    rows = next((found[1:] for name, found in rendered(kind).tables if name.startswith("Prices")), [])
    for cells, row in zip(rows, view.prices, strict=False):
        many = (
            f"{row.reach.gets:,}" if row.reach.gets == row.reach.total else f"{row.reach.gets:,} of {row.reach.total:,}"
        )
        assert cells[-1].replace("\u00a0", " ").removeprefix("all ") in (many, *map(clean, row.reach.applied[:1])) or (
            "…" in cells[-1]
        )
        assert cells[-2].replace("\u00a0", " ").lstrip("▲▼ ") == row.percent_text
    assert len(rows) == min(len(view.prices), 200) or len(comment_of(kind).encode()) > LARGEST / 2


@pytest.mark.parametrize(
    ("old", "new"), [("160.00", "176.00"), ("6.00", "5.50"), ("3", "4"), ("0.0000045", "0.00000059")]
)
def test_a_percentage_is_of_the_old_price(old: str, new: str) -> None:
    (row,) = fold(plan_of(tenant_plan("contoso", [update("contoso", "web", fee_of(old, new))]))).prices
    share = (Decimal(new) - Decimal(old)) / Decimal(old) * 100
    assert row.percent_text == percent_text(float(share))
    assert abs(float(share) - float(row.percent or 0)) < 1e-9


# 3: every reason once


def _reason(why: DeferralReason) -> Reason:
    return reason_of(why.reason, why.rule, why.detail, why.held)


@every_plan
def test_what_is_held_back_adds_up(kind: str) -> None:
    plan, view = PLANS[kind](), view_of(kind)
    deferred = [each for tenant in plan.tenants for each in tenant.deferred if each.reason != "unmanaged"]
    entities = {(each.change.address, _reason(each.why), _stood(plan, each)) for each in deferred}
    assert sum(hold.entries for hold in view.holds) == sum(not stood for *_, stood in entities)
    assert sum(hold.entries for hold in view.standing) == sum(stood for *_, stood in entities)


@every_plan
def test_entries_and_counts_are_of_entities(kind: str) -> None:
    """An entity with several fields that one reason holds counts once, as in the counts below."""
    plan, view = PLANS[kind](), view_of(kind)
    held = {(each.reason, each.change.address) for tenant in plan.tenants for each in tenant.deferred}
    count = plan.summary()
    for reason, number in (("withheld", count.withheld), ("blocked", count.blocked)):
        assert number == sum(each == reason for each, _ in held)
        for hold in (*view.holds, *view.standing):
            assert hold.reason.reason != reason or hold.entries <= number
            assert hold.entries == sum(each.entries for each in hold.deciders) or len(hold.deciders) > 1


@every_plan
def test_causes_add_up_to_the_changes_of_the_plan(kind: str) -> None:
    plan, lines = PLANS[kind](), text_of(kind).splitlines()
    caused = sum(bool(each.causes) for tenant in plan.tenants for each in tenant.changes)
    said = [line for line in lines if line.startswith("Causes: ")]
    assert len(said) == bool(caused)
    for line in said:
        entities, numbers = re.fullmatch(r"Causes: ([\d,]+) entit(?:y|ies) \((.*)\)", line).groups()  # type: ignore[union-attr]
        assert int(entities.replace(",", "")) == caused
        assert caused == sum(int(part.rpartition(" ")[2]) for part in numbers.split(", "))


@pytest.mark.parametrize("kind", [each for each in PLANS if each not in ("evil", "10,000 changes")])
def test_a_reason_is_said_once_whatever_the_number_of_tenants(kind: str) -> None:
    for hold in view_of(kind).holds:
        assert rendered(kind).read.count(hold.reason.title) == 1
        assert text_of(kind).count(hold.reason.title) == 1


def stood() -> Plan:
    """What is withheld, and blocked, was so before the base too."""

    def each(name: str) -> Iterator[Deferred]:
        change = update(name, "web", fee_of("1", "2", cause="backlog"), cause="backlog")
        yield from (off(change), veto(change), guarded(change))

    return plan_of(*(tenant_plan(name, (), [*each(name)]) for name in ("contoso", "fabrikam")))


def test_what_was_held_back_before_is_only_counted() -> None:
    said_in_comment, text = render_markdown(stood()), render_plan(stood())
    said = "Not new: 6 entries in 2 tenants were withheld or blocked before, and still are"
    assert f"\n{said}.\n" in said_in_comment
    assert f"\n{said} (see --verbose)\n" in text
    assert not re.search("switched off|vetoes|price would change|contoso|fabrikam", said_in_comment + text)
    assert not fold(stood()).prices


def test_what_stands_is_told_in_full_where_no_base_is_known() -> None:
    plan = replace(stood(), source=replace(stood().source, base=None))
    made = render_markdown(plan)
    assert "Changes of plan fees are switched off" in made
    assert "Not new" not in made


def test_a_release_is_counted_without_what_something_else_holds_back() -> None:
    """Of three tenants one has a second reason for another entry."""

    def each(name: str, *more: Deferred) -> TenantPlan:
        return tenant_plan(name, (), [off(update(name, "web", fee_of("1", "2"))), *more])

    second = veto(update("c", "mail", fee_of("1", "2")))
    plan = plan_of(each("a"), each("b"), each("c", second))
    assert "lets them through; 2 of them then get everything." in render_markdown(plan)
    assert "one line lets 3 entries through in 3 tenants; 2 of them then get everything:" in render_plan(plan)


def test_the_line_that_decides_for_most_is_named() -> None:
    """A service template before the lines of single policies."""
    tenants = [
        tenant_plan(name, (), [off(update(name, "web", fee_of("1", "2")), template=template, line=number)])
        for number, (name, template) in enumerate([("a", ""), ("b", "silver"), ("c", "silver"), ("d", ""), ("e", "")])
    ]
    where = "in service template silver (`northwind/templates/silver.yaml:3`), for 2 of them, and 3 more places lets"
    assert where in render_markdown(plan_of(*tenants))
    assert "in service template silver (northwind/templates/silver.yaml:3) and 3 more" in render_plan(plan_of(*tenants))


def test_a_command_names_many_tenants_only_where_a_pattern_would_do_more() -> None:
    """Where two limits of one guard tripped, a pattern would override both."""
    names = [f"reseller-{number:03d}" for number in range(30)]
    tripped = [guarded(update(name, "web", fee_of("1", "2"))) for name in names]
    assert tripped[0].hold
    other = tripped[0].hold._replace(guards=(TrippedGuard("max_price_change", "7%"),))
    one = plan_of(*(tenant_plan(name, (), [each]) for name, each in zip(names, tripped, strict=True)))
    tripped[0] = replace(tripped[0], hold=other)
    two = plan_of(*(tenant_plan(name, (), [each]) for name, each in zip(names, tripped, strict=True)))
    for report in (render_markdown, render_plan):
        assert "--allow 'max_price_change:*' --out round.plan" in report(one)
        assert "max_price_change:*" not in report(two)
        assert "--allow max_price_change:reseller-000 --out round.plan\n" in report(two)
        assert "--allow max_price_change:reseller-020 --out round.plan  # and --allow for 9 more tenants\n" in report(
            two
        )


def test_an_item_that_goes_is_one_row_whosever_it_is() -> None:
    """Its origin is each tenant's upstream."""

    def each(name: str, upstream: str) -> TenantPlan:
        item = {"available": True, "origin": upstream, "prices": {"recurring": "1"}}
        gone = FieldChange(("resources", "seat"), item, None, ("resources.remove_obsolete",), "CB-24", "pr")
        return tenant_plan(name, [update(name, "web", gone)], upstream=upstream)

    (row,) = fold(plan_of(each("a", "northwind"), each("b", "a"), each("c", "b"))).fields
    assert row.reach.applied == ["a", "b", "c"]
    assert row.before == {"available": True, "prices": {"recurring": "1"}}


@pytest.mark.parametrize(
    ("fees", "resources", "said"),
    [
        ({"P1M": "34.00"}, {}, "monthly 34.00"),
        ({"P1M": "0"}, {}, "monthly 0"),
        ({"P1M": "0", "P1Y": "340"}, {"seat": {"prices": {"recurring": "1"}}}, "yearly 340, 1 resource price"),
        ({"P1M": "0"}, {"seat": {"prices": {"recurring": "1", "setup": "2"}, "limits": {}}}, "2 resource prices"),
        ({"P1M": "0"}, {"seat": {"limits": {"maximum": 3}}}, "monthly 0"),
    ],
)
def test_the_prices_of_a_new_plan(fees: dict[str, str], resources: dict[str, object], said: str) -> None:
    periods = {key: {"fees": {"recurring": amount}} for key, amount in fees.items()}
    body = {"kind": "Plan", "key": "web", "name": "Web", "periods": periods, "resources": resources}
    change = replace(create("contoso", "web"), after=body)
    (entry,) = fold(plan_of(tenant_plan("contoso", [change]))).added
    assert entry.prices == said


# 4: size follows the number of different things


@pytest.mark.parametrize("entities", [8, 40])
def test_ten_times_the_tenants_are_hardly_more_to_read(entities: int) -> None:
    small, large = mixed(30, entities), mixed(300, entities)
    assert len(render_plan(large).splitlines()) <= len(render_plan(small).splitlines()) + 5
    assert len(render_markdown(large).encode()) < 3 * len(render_markdown(small).encode())


def test_300_real_resellers_fit_on_a_screen_and_a_half() -> None:
    kind = "history of 300"
    assert len(comment_of(kind).encode()) <= 20_000
    assert len(text_of(kind).splitlines()) <= 60
    assert len(text_of(kind).splitlines()) <= len(text_of("history").splitlines()) + 5
    assert len(comment_of(kind).encode()) < 3 * len(comment_of("history").encode())


# 8: hostile texts stay texts

ELEMENTS = {
    *("h3", "h4", "p", "strong", "em", "code", "pre", "blockquote", "ul", "li", "br", "sub", "b"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
}
ALIVE = re.compile(r"@|#\d|www\.|https?:|ftp:|GH-\d|:[\w+-]+:|<|\b(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}\b", re.IGNORECASE)
"""What GitHub would make something of: a mention, a reference, a link, an emoji, a tag, a commit."""


@every_kind
def test_a_comment_holds_nothing_but_what_it_is_made_of(kind: str) -> None:
    """In particular no link."""
    found = rendered(kind)
    assert found.elements <= ELEMENTS
    assert ALIVE.findall(found.read) == []
    for _, rows in found.tables:
        assert {len(cells) for cells in rows} == {len(rows[0])}


@pytest.mark.parametrize("largest", SIZES)
def test_a_hostile_comment_of_any_size_holds_nothing_else(largest: int) -> None:
    found = Rendered(comment(view_of("evil"), largest))
    assert found.elements <= ELEMENTS
    assert ALIVE.findall(found.read) == []


@pytest.mark.parametrize(
    "name", ["Terms & Conditions", "Arthur's “best” price?", "max_input_tokens", "0.00000059", "10 %"]
)
def test_usual_names_are_read_as_words(name: str) -> None:
    assert plain(name) == name


@pytest.mark.parametrize(
    "name", ["a &amp; b", "_a_", "abcdef1", "GH-1", ":x:", "x@y", "#1", "1. a", "- a", "$a$", "a*b", "[a]"]
)
def test_other_names_are_code(name: str) -> None:
    assert plain(name) == f"`{name}`"


SIGNS = st.text(st.sampled_from("ab1 `|\\*_[]()<>!#@&;:-+~.$\"'\n\u202e\u0000é漢🦊"), max_size=30)


@given(SIGNS)
def test_any_text_is_read_as_it_is(text: str) -> None:
    """In a cell, in a sentence, in a list, and within HTML: the same words, and no element but code and bold."""
    said = " ".join(clean(text).split())
    pages = [
        RENDERER.render(table(["a", "b"], "ll", [[code(text), "c"]])),
        RENDERER.render(f"so {plain(text, bold=True)} it is"),
        RENDERER.render(f"- {named(text)}: more"),
        RENDERER.render(f"<details><summary>{markup(text)}</summary>\n\nx\n\n</details>"),
    ]
    for page in pages:
        assert set(re.findall(r"<(\w+)", page)) <= ELEMENTS
    cell = re.search(r"<tbody>\s*<tr>\s*<td[^>]*>(.*?)</td>\s*<td[^>]*>c</td>\s*</tr>", pages[0], re.DOTALL)
    assert cell
    assert said in " ".join(_unescaped(cell[1]).split())
    assert said in " ".join(_unescaped(pages[1]).split())


def _unescaped(page: str) -> str:
    from html import unescape

    return unescape(re.sub(r"</?(?:code|strong|p)>", "", page))


# 9: commands parse, headings are words


def printed_commands(kind: str) -> Iterator[str]:
    """Every command of the comment and of the text."""
    for block in rendered(kind).codes:
        yield from (line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ "))
    yield from (line.strip() for line in text_of(kind).splitlines() if line.strip().startswith("reconcile "))


@every_kind
def test_every_printed_command_is_one(kind: str) -> None:
    found = {*printed_commands(kind)}
    assert found or kind == "nothing to do"
    for line in found:
        program, *words = shlex.split(line, comments=True)
        assert program == "reconcile"
        operators = [each for each in shell_words(line) if not set(each) - set("();<>|&")]
        assert operators == ([">"] if words[-2:] == [">", "plan.html"] else [])
        parse(words[:-2] if operators else words)


def shell_words(line: str) -> list[str]:
    """As a shell reads a line: operators are words, whatever stands around them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    return list(lexer)


def parse(words: list[str]) -> None:
    """As the command line does, without running the command."""
    with reconcile.make_context("reconcile", words) as above:
        left = [*above._protected_args, *above.args]
        while isinstance(above.command, click.Group):
            name, command, left = above.command.resolve_command(above, left)
            assert command
            above = command.make_context(name, left, parent=above)


@every_kind
def test_headings_are_words(kind: str) -> None:
    """No rule's id, no path into a document, no digest."""
    first = [line for line in text_of(kind).splitlines() if line and not line.startswith(" ")]
    for heading in (*rendered(kind).headings[1:], *(each for each in first if each.endswith(":"))):
        assert not re.search(r"\b[A-Z]{2,}-\d\d\b|[0-9a-f]{10}|\.P\d|#", heading)


# and the text


@every_kind
def test_no_line_of_a_terminal_is_too_wide_but_commands_and_counts(kind: str) -> None:
    counts = ("Withheld: ", "Causes: ", "Allowed: ")
    printed = [each for each in text_of(kind).splitlines() if not each.strip().startswith("reconcile ")]
    lines = [each for each in printed if not each.startswith(counts)]
    assert [each for each in lines if wide(each) > WIDTH] == []


@every_kind
def test_a_terminal_without_unicode_gets_marks_in_ascii(kind: str) -> None:
    named_by_documents = kind in ("evil", "emoji")
    plain_text = "".join(render_lines(in_ascii(plan_lines(PLANS[kind](), file="round.plan"))))
    assert plain_text.isascii() or named_by_documents


def test_the_next_command_names_the_saved_plan() -> None:
    assert commands(view_of("history"))[0].text == "reconcile apply round.plan"


@pytest.mark.parametrize("workflow", [".github/workflows/catalog-comment.yml", "examples/github/comment.yml"])
def test_workflows_find_their_comment_by_its_first_line(workflow: str) -> None:
    steps = (Path(__file__).parents[2] / workflow).read_text(encoding="utf-8")
    assert f"mark='{MARKER}'" in steps
    assert f".body[0:{len(MARKER)}]" in steps
    assert render_markdown(plan_of()).partition("\n")[0] == MARKER
