"""Every command and every option has a help text, stands in the guide, and is used by a test."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from reconciler.cli.main import COMMANDS, command, reconcile

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
COMMON = {"-C", "--workspace", "--now", "--format", "-o", "--help", "-h"}
"""Described once, for every command; `test_json_results` tries the formats of each."""
_COMMENT = re.compile(r"<!--.*?-->")
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs" / "guide").glob("*.md"))]


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by the words that name it."""
    for name in COMMANDS:
        found = command(name)
        if isinstance(found, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in found.commands.items())
        else:
            yield name, found


LEAVES = dict(leaves())
every_command = pytest.mark.parametrize("name", LEAVES)


def flags(found: click.Command) -> set[str]:
    """Its options, as they are written."""
    return {flag for each in found.params if isinstance(each, click.Option) for flag in each.opts}


@cache
def sections() -> dict[str, str]:
    """The guide's page of commands by its headings."""
    page = (PROJECT / "docs" / "guide" / "commands.md").read_text("utf-8")
    _, *parts = page.split("\n## ")
    return {head: body for head, _, body in (part.partition("\n") for part in parts)}


@cache
def used() -> tuple[tuple[str, ...], ...]:
    """Every command line that stands in these tests, in words."""
    lines = []
    for file in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            text = _text(node)
            if text and file.name != Path(__file__).name:
                lines.append(_words(text))
    return tuple(lines)


def _text(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in parts)
        case _:
            return ""


def _words(text: str) -> tuple[str, ...]:
    try:
        words = shlex.split(text)
    except ValueError:
        return ()
    return tuple(words[2:] if words[:1] == ["-C"] else words)


@every_command
def test_it_has_a_help_text_and_so_has_each_option(name: str) -> None:
    found = LEAVES[name]
    assert found.help
    for each in found.params:
        if isinstance(each, click.Option):
            assert each.help, f"{name} {each.opts[0]} has no help text"
            assert each.help.endswith("."), f"{name} {each.opts[0]}: a sentence ends with a full stop"


@every_command
def test_every_command_takes_the_workspace_and_the_clock(name: str) -> None:
    assert flags(LEAVES[name]) >= {"-C", "--workspace", "--now"}


@every_command
def test_it_stands_in_the_guide_with_each_option(name: str) -> None:
    section = sections()[f"reconcile {name}"]
    assert "Status: 0" in section
    missing = [flag for flag in flags(LEAVES[name]) - COMMON if f"`{flag}" not in section]
    assert not missing, f"docs/guide/commands.md does not say what {name} {missing[0]} does"


def test_the_guide_has_no_command_or_option_that_is_not_there() -> None:
    common = sections()["Every command"]
    assert all(f"`{flag}" in common for flag in COMMON)
    named = {head.removeprefix("reconcile ") for head in sections()} - {"Every command"}
    assert named == set(LEAVES)
    for name, found in LEAVES.items():
        for word in _COMMENT.sub("", sections()[f"reconcile {name}"]).replace("`", " ").replace(",", " ").split():
            assert not word.startswith("--") or word in flags(found) | flags(LEAVES["plan"]), (name, word)


@every_command
def test_it_is_named_where_people_read(name: str) -> None:
    assert any(f"reconcile {name}" in page.read_text("utf-8") for page in PAGES)


@every_command
def test_it_is_used_by_a_test_with_each_option(name: str) -> None:
    words = tuple(name.split())
    lines = [line[len(words) :] for line in used() if line[: len(words)] == words]
    assert lines, f"no test runs {name}"
    written = {word for line in lines for word in line if word.startswith("-")}
    assert not flags(LEAVES[name]) - COMMON - written


def test_the_list_of_commands_says_what_each_does() -> None:
    context = click.Context(reconcile)
    for name, (_, line) in COMMANDS.items():
        listed = reconcile.get_command(context, name)
        assert listed is not None
        assert listed.get_short_help_str(200) == line
