"""The page of a plan: one file that loads nothing, with everything in it once, whatever the plan's texts try."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections import Counter
from functools import cache, cached_property
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from reconciler.core.savedplan import plan_digest
from reconciler.model.plans.plan import Deferred, FieldChange, Plan
from reconciler.report.plans.folding import fold
from reconciler.report.plans.page import render_html
from reconciler.report.plans.page.changes import OPEN
from reconciler.report.plans.page.holds import MOST_UNMANAGED
from reconciler.report.plans.page.tree import DEEPEST
from reconciler.report.values import clean
from reconciler.report.words import shortened
from tests.laws.profiles import is_long
from tests.reports.history import SIZES, history_plan
from tests.reports.kinds import (
    EVIL,
    KINDS,
    TEXT,
    distinct,
    errors_only,
    evil,
    mixed,
    one_tenant,
    plan_of,
    tenant_plan,
    update,
)
from tests.reports.test_acceptance import parse

ROOT = Path(__file__).parents[2]
VOID = {"input", "meta"}
ELEMENTS = re.compile(
    r"a|article|b|bdi|body|button|code|dd|details|div|dl|dt|footer|h[123]|head|header|html|i|input|label|li|main|meta|nav"
    r"|ol|option|p|pre|rect|script|section|select|small|span|style|summary|svg|table|tbody|td|th|thead|time|title|tr|ul"
)
ATTRIBUTES = re.compile(
    r"aria-(hidden|label|pressed)|autocomplete|charset|class|content|data-(of|part|row|said|state)|datetime|for|height"
    r"|href|http-equiv|id|lang|name|open|placeholder|preserveaspectratio|role|rowspan|scope|title|type|value|viewbox"
    r"|width|x|y"
)


class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, its ids, and the texts by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.elements: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.texts: dict[str, list[str]] = {}
        self.data: list[str] = []
        self.titles: list[str] = []
        self.deepest = 0
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        found = dict(attrs)
        self.ids.update([found["id"] or ""] if "id" in found else [])
        self.links += [found["href"] or ""] if "href" in found else []
        self.titles += [found["title"] or ""] if "title" in found else []
        if tag not in VOID:
            self.open.append(tag)
            self.deepest = max(self.deepest, len(self.open))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "body" in self.open and self.open[-1] != "script":
            self.data.append(data)
        for each in {"h1", "h2", "bdi"} & set(self.open[-3:]):
            self.texts.setdefault(each, []).append(data.strip())

    @cached_property
    def said(self) -> str:
        """What people read, without the tags."""
        return "".join(self.data)


@cache
def page(kind: str) -> Page:
    return made(KINDS[kind]())


def made(plan: Plan, file: str = "round.plan") -> Page:
    return Page("".join(render_html(plan, file)))


every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_the_policy_permits_this_style_and_script_and_nothing_else(kind: str) -> None:
    text = page(kind).text
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    found = dict(each.split(" ", 1) for each in policy.replace("&#x27;", "'").split("; "))
    assert found == {
        "default-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "style-src": digest(text, "style"),
        "script-src": digest(text, "script"),
    }


def digest(text: str, element: str) -> str:
    """The source that permits the only element of this name."""
    (inner,) = re.findall(f"<{element}>(.*?)</{element}>", text, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()}'"


@every_kind
def test_it_has_no_markup_but_its_own(kind: str) -> None:
    """No attribute that styles, runs or loads anything, no element that is not known, and each id once."""
    found = page(kind)
    assert [each for each in found.elements if not ELEMENTS.fullmatch(each)] == []
    assert [each for each in found.attributes if not ATTRIBUTES.fullmatch(each)] == []
    assert set(found.ids.values()) == {1}
    assert {each for each in found.links if not each.startswith("#")} == set()
    assert {each[1:] for each in found.links} <= set(found.ids)
    own = re.sub(r"<(style|script)>.*?</\1>", "", found.text, flags=re.DOTALL)
    assert not re.search(r"<[^>]* (?:style|src|on\w+)=", re.sub(r'="[^"]*"', "=", own))
    assert (found.elements["script"], found.elements["style"], found.elements["html"]) == (1, 1, 1)


@pytest.mark.parametrize("element", ["style", "script"])
def test_the_style_and_the_script_name_no_place_of_the_network(element: str) -> None:
    (inner,) = re.findall(f"<{element}>(.*?)</{element}>", page("evil").text, re.DOTALL)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|fetch|XMLHttp|innerHTML|eval\(|WebSocket", inner)


@every_kind
def test_every_tenant_and_entity_is_in_it(kind: str) -> None:
    plan, found = KINDS[kind](), page(kind)
    shown = found.said + "\n".join(found.titles)
    view = fold(plan)
    missing = [each for each in view.tenants if clean(each) not in shown]
    missing += [each.title for each in view.rows if each.title not in shown]
    missing += [each.entity.key for each in view.rows if clean(each.entity.key) not in shown]
    assert missing == []


@every_kind
def test_each_price_is_one_row_with_its_tenants(kind: str) -> None:
    """Of the view, whose numbers `test_acceptance` holds against the plan; the variants of a price stand in its row."""
    view = fold(KINDS[kind]())
    section = page(kind).text.partition('<section id="prices"')[2].partition("</section>")[0]
    rows = [each for each in re.findall("<tr>(.*?)</tr>", section, re.DOTALL) if "</td>" in each]
    assert len(rows) == len(view.prices)
    for text, row in zip(rows, view.prices, strict=True):
        assert escape(row.label) in text
        assert escape(row.percent_text) in text
        if row.reach.total > 1:
            of = f" of {row.reach.total:,}" if row.reach.gets < row.reach.total else ""
            assert f"<b>{row.reach.gets:,}</b>{of}</span>" in text


@every_kind
def test_every_command_is_one(kind: str) -> None:
    found = re.findall(r'<div class="cmd"><code>(.*?)</code>', page(kind).text, re.DOTALL)
    assert found or kind == "nothing to do"
    for each in found:
        program, *words = shlex.split(unescape(each))
        assert program == "reconcile"
        parse(words)


@every_kind
def test_headings_are_words(kind: str) -> None:
    """No rule id, path or digest, but what a reason itself says; no word for machines in the headline."""
    for heading in (*page(kind).texts["h1"], *page(kind).texts["h2"]):
        assert not re.search(r"\b[A-Z]{2,}-\d\d\b|[0-9a-f]{40}|\.P\d|_", heading), heading


@every_kind
def test_it_never_points_to_the_terminal(kind: str) -> None:
    assert "--verbose" not in page(kind).said


@every_kind
def test_the_same_plan_gives_the_same_page(kind: str) -> None:
    assert "".join(render_html(KINDS[kind](), "round.plan")) == page(kind).text


def test_hostile_texts_are_texts() -> None:
    """They are there, as text, and what reverses or moves other text is written out."""
    found = page("evil")
    assert all(shortened(each, 90) in found.said for each in EVIL)
    assert "\\u202e" in found.said
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x00\x1b]", found.text)
    assert all(clean(each) in found.titles for each in EVIL if len(each) > 90)


def test_names_of_another_direction_do_not_turn_what_is_around_them() -> None:
    assert found_in("bdi", "evil") >= {shortened(EVIL[3], 90)}


def found_in(element: str, kind: str) -> set[str]:
    return set(page(kind).texts.get(element, ()))


def test_each_reason_is_there_once_whatever_the_number_of_tenants() -> None:
    for tenants in (20, 200):
        said = made(mixed(tenants)).said
        assert said.count("Changes of plan fees are switched off") == 1
        assert said.count("A price would change by more than 5 %") == 1
        assert said.count("The reseller vetoes changes of prices") == 1


def test_it_grows_with_what_is_different_and_not_with_the_tenants() -> None:
    """Ten times the tenants, and not even three times the page; as many rows."""
    small, large = made(mixed(30)), made(mixed(300))
    assert len(large.text.encode()) < 3 * len(small.text.encode())
    assert large.elements["tbody"] == small.elements["tbody"]


def test_of_very_many_changes_few_stand_open_and_the_page_comes_in_pieces() -> None:
    """2,000 different changes: the rest of the table is a fold, and the page is never in memory as a whole."""
    pieces = [*render_html(distinct(40))]
    text = "".join(pieces)
    before, _, folded = text[text.index('id="prices"') :].partition('<details class="more">')
    assert before.count("<tbody") == OPEN
    assert folded.count("<tbody") == 2_000 - OPEN
    assert len(text) < 2_000 * 500
    assert len(pieces) > 2_000
    assert max(map(len, pieces)) < 40_000


def test_a_long_chain_of_resellers_neither_recurs_nor_nests_without_end() -> None:
    found = page("deep")
    assert found.deepest < 20 + 4 * DEEPEST
    assert "decides for 1,199 of them" in found.said
    assert found.text.count('↑ decided at <a href="#tenant-1">level-0000</a>') > 1_000


def test_the_counts_come_after_the_commands_and_are_those_of_every_report() -> None:
    said = made(mixed(40)).said
    assert said.index("Next") < said.index("reconcile apply round.plan") < said.index("Plan: 0 to add,")
    assert re.search(r"Withheld: \d+ \(", said)
    assert re.search(r"Blocked: \d+", said)


def test_a_withheld_cause_is_followed_up_and_down_the_tree() -> None:
    text = page("deep").text
    (line,) = re.findall(r'<li[^>]* id="tenant-1">.*?</summary>', text, re.DOTALL)
    assert "level-0000" in line
    assert "↓ decides for 1,199 of them" in line
    assert '<ul class="from">' in text


def test_what_one_tenant_gets_says_its_name() -> None:
    said = made(one_tenant()).said
    assert "1 of 1" not in said
    for heading in ("Prices", "On sale again", "Removed or off sale", "Other fields", "Scheduled"):
        assert heading in page("one tenant").texts["h2"]
    assert "+50 % !" in said
    assert "edited in the tenant" in said


def test_of_what_comes_or_goes_every_field_unfolds() -> None:
    said = page("first plan").said
    assert "3 fields (as in contoso)" in said
    assert "Yearly fee:340.00" in said


def test_what_no_option_covers_unfolds_too() -> None:
    text = page("one tenant").text
    unmanaged = text[text.index('id="unmanaged"') :].partition("</section>")[0]
    assert "Unmanaged: 1 entry that no option covers" in unmanaged
    assert "~ plan &quot;own&quot;  # pr\n    ~ description: &quot;a&quot; -&gt; &quot;b&quot;" in unmanaged


def test_of_more_than_a_reader_would_look_at_the_tenants_and_a_command_stand_there() -> None:
    many = range(MOST_UNMANAGED + 1)
    changes = [update("contoso", f"own-{each}", FieldChange(TEXT, "a", "b", (), "")) for each in many]
    deferred = [Deferred("unmanaged", "", (), "", None, each) for each in changes]
    found = made(plan_of(tenant_plan("contoso", (), deferred)))
    assert "Unmanaged: 2,001 entries that no option covers\nIn contoso." in found.said
    assert "reconcile show round.plan --format csv > plan.csv" in found.said
    assert len(found.text) < 100_000


def test_the_footer_has_the_identity_of_the_plan() -> None:
    plan = KINDS["one tenant"]()
    assert plan_digest(plan) in made(plan).said


def test_problems_come_first_each_once_with_a_command() -> None:
    found = made(errors_only())
    assert found.said.index("Errors") < found.said.index("Tenants")
    assert found.said.count("connection refused") == 2, "in the section, and in the line of all tenants alike"
    assert "reconcile plan --tenant reseller-000" in found.said


@pytest.mark.parametrize("tenants", [each for each in SIZES if each < 1_000 or is_long()])
def test_the_page_of_the_real_history(tenants: int, request: pytest.FixtureRequest) -> None:
    """Without its style and script, which have files of their own. With ``--hypothesis-profile=long`` of 1,000 too."""
    text = "".join(render_html(history_plan(tenants), "round.plan"))
    made = re.sub(r"<(style|script)>.*?</\1>", r"<\1></\1>", text, flags=re.DOTALL)
    made = re.sub(r"'sha256-[\w+/=]*'|&#x27;sha256-[\w+/=]*&#x27;", "…", made)
    golden = Path(__file__).parent / "goldens" / f"page-{tenants}.html"
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(made, "utf-8")
    assert made == golden.read_text("utf-8")


def test_the_style_and_the_script_are_in_the_wheel() -> None:
    found = {each.distribution_path for each in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {f"reconciler/report/plans/page/page.{each}" for each in ("css", "js")} <= found


def test_the_evil_plan_has_errors_and_names_in_every_section() -> None:
    """Otherwise the checks of the evil plan would look at nothing."""
    sections = "errors prices added fields blocked withheld warnings scheduled tenants next source"
    assert set(sections.split()) <= set(made(evil()).ids)
