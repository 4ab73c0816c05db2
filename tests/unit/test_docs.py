"""The pages of docs/: each is found from the site's navigation, and every link leads somewhere.

`script/docs` builds the site, and fails for the same; it needs tools of its own, so it is not run here.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
SITE = YAML(typ="safe").load((ROOT / "mkdocs.yml").read_text("utf-8"))


def entries(node: object) -> Iterator[str]:
    """The pages that a part of the navigation names."""
    match node:
        case str():
            yield node
        case list() | dict():
            for each in node.values() if isinstance(node, dict) else node:
                yield from entries(each)


def links(page: Path) -> Iterator[str]:
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8")):
        for each in token.children or ():
            if each.type == "link_open":
                yield str(each.attrs["href"])


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub and the site make them."""
    found = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).strip().replace(" ", "-") for each in found}


def test_every_page_is_in_the_navigation_or_on_an_index_that_is() -> None:
    named = {DOCS / each for each in entries(SITE["nav"])}
    indexed = {
        (index.parent / link.partition("#")[0]).resolve()
        for index in named
        if index.name == "README.md"
        for link in links(index)
    }
    assert named <= set(PAGES)
    assert set(PAGES) - named - indexed == set()


def test_every_link_leads_to_a_page_and_a_heading() -> None:
    broken = []
    for page in PAGES:
        for link in links(page):
            if link.startswith(("https:", "mailto:")):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.is_file() or (anchor and anchor not in headings(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
            elif not target.is_relative_to(DOCS):
                broken.append(f"{page.relative_to(ROOT)}: {link} is not part of the site")
    assert not broken, "\n".join(broken)


def test_pages_load_nothing_from_elsewhere() -> None:
    assert SITE["theme"]["font"] is False
    assert not {"extra_css", "extra_javascript"} & SITE.keys()
    assert "offline" not in SITE["plugins"], "it loads a script from another host"
    for page in PAGES:
        assert not re.search(r"<(script|iframe|link|img)\b[^>]*https?:", page.read_text("utf-8")), page
