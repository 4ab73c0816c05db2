"""What users of other tools type: options with one dash, `help`, `version`, and other names of commands."""

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import click
import pytest

from reconciler.cli.common import Command, Group
from reconciler.cli.main import COMMANDS, command, reconcile
from reconciler.cli.usage import habits
from reconciler.cli.usage.examples import EXAMPLES, FIRST
from tests.cli.runner import Shop, run
from tests.cli.test_documented import LEAVES

GROUPS = {name: found for name in COMMANDS if isinstance(found := command(name), click.Group)}
EVERY: dict[str, click.Command] = {"": reconcile, **GROUPS, **LEAVES}
HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
"""As the entry point has it; a command keeps the help option of its first context."""
every_command = pytest.mark.parametrize("name", EVERY)
WORD = re.compile(r"(?<![\w-])--[a-z-]+|(?<![\w-])-[A-Za-z]\b")


def long_options(found: click.Command) -> Iterator[tuple[str, click.Option]]:
    """Every long option of a command as it is written, `--help` and `--version` aside: they end the command."""
    for each in found.params:
        if isinstance(each, click.Option) and each.name != "version":
            yield from ((written, each) for written in each.opts if written.startswith("--"))


def sample(each: click.Option) -> str:
    """A value that an option accepts."""
    match each.type:
        case click.Choice(choices=[first, *_]):
            return str(first)
        case click.IntRange() | click.FloatRange():
            return "1"
    return {"now": "2026-12-01", "since": "P7D", "executor": "threads"}.get(each.name or "", "x")


def parsed(name: str, *arguments: str) -> object:
    """The values of a command's options, as it would get them."""
    found = EVERY[name]
    rest = ["plan"] if isinstance(found, click.Group) else []
    given = [
        "bash" if each.name == "shell" else "x"
        for each in found.params
        if isinstance(each, click.Argument) and each.required
    ]
    context = found.make_context(name, [*arguments, *given, *rest], **HELP)
    return {
        key: value if isinstance(value, str | int | tuple | None) else repr(value)
        for key, value in context.params.items()
    }


@every_command
def test_every_command_is_of_one_class(name: str) -> None:
    assert isinstance(EVERY[name], Command | Group)


@every_command
def test_every_long_option_is_taken_with_one_dash(name: str) -> None:
    plain = parsed(name)
    for written, each in long_options(EVERY[name]):
        values = [] if each.is_flag else [sample(each)]
        expected = parsed(name, written, *values)
        assert parsed(name, written[1:], *values) == expected
        if values:
            assert parsed(name, f"{written[1:]}={values[0]}") == expected == parsed(name, f"{written}={values[0]}")
            assert expected != plain or each.default == sample(each) or each.name == "form"
        else:
            assert expected != plain


@every_command
def test_a_short_option_and_its_value_in_one_word_stay_what_they_are(name: str) -> None:
    """The word is the name of no long option, whatever the value may be."""
    names = {written[2:] for written, _ in long_options(EVERY[name])} | {"help", "version"}
    for each in EVERY[name].params:
        for short in each.opts if isinstance(each, click.Option) and not each.is_flag else ():
            if short.startswith("--"):
                continue
            values = each.type.choices if isinstance(each.type, click.Choice) else ["x"]
            assert not names & {f"{short[1:]}{value}" for value in values}
            for value in values:
                assert parsed(name, f"{short}{value}") == parsed(name, short, str(value))


@every_command
def test_an_option_is_not_abbreviated(name: str) -> None:
    """As in Terraform and kubectl: a later option may begin alike, and a script must not change its meaning then."""
    names = {written for written, _ in long_options(EVERY[name])}
    for written in names:
        for cut in {written[:-1], written[1:-1]} - names - {each[1:] for each in names}:
            with pytest.raises(click.UsageError):
                parsed(name, cut)


def _exists(text: str) -> bool:
    """Whether a command line without its values, such as ``reconcile plan --inverse PLAN``, is one of ours."""
    words = shlex.split(text)[1:]
    name = " ".join(takewhile(lambda word: word.islower() and not word.startswith("-"), words))
    flags = {flag for each in EVERY[name].params for flag in each.opts}
    return all(word in flags for word in words if word.startswith("-"))


def test_what_is_said_for_other_names_exists() -> None:
    every = {flag for found in EVERY.values() for each in found.params for flag in each.opts}
    assert all(map(_exists, habits.COMMANDS.values()))
    assert not habits.COMMANDS.keys() & COMMANDS.keys()
    for hint in habits.OPTIONS.values():
        assert all(map(_exists, re.findall("`(.*?)`", hint)))
        assert set(WORD.findall(hint)) <= every
        assert hint.endswith(".")


@pytest.mark.parametrize("option", habits.OPTIONS)
def test_an_option_of_another_tool_says_what_to_type(tmp_path: Path, option: str) -> None:
    for written in {f"-{option}", f"--{option}"} if len(option) > 1 else {f"-{option}"}:
        for spelt in (written, f"{written}=x"):
            done = run(f"plan {spelt}", tmp_path)
            assert (done.status, done.out) == (1, "")
            assert done.err.startswith(
                f"Error: No such option '{written}'. {habits.OPTIONS[option]}\nUsage: reconcile plan "
            )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("plan -auto-approve", "No such option '-auto-approve'. It is an option of `reconcile apply`."),
        ("history --undo", "No such option '--undo'. It is an option of `reconcile tenant release`."),
        ("-chdir=x plan", "No such option '-chdir'. Use -C DIR."),
        ("plan -tennant x", "No such option '-tennant'. Did you mean '--tenant'?"),
        ("plan -zzz", "No such option '-zzz'."),
        ("plan -out", "Option '-out' requires an argument."),
        ("apply -auto-approve=x", "Option '-auto-approve' does not take a value."),
        ("tenant diff", 'Unknown command "diff".'),
        ("release", 'Unknown command "release". Use `reconcile tenant release`.'),
        ("migrate", 'Unknown command "migrate". Use `reconcile store migrate`.'),
        ("check", 'Unknown command "check". Use `reconcile store check`.'),
        ("help plann", 'Unknown command "plann". Did you mean "plan"?'),
        ("tenant help exprt", 'Unknown command "exprt". Did you mean "export"?'),
    ],
)
def test_an_unknown_name_says_what_to_type(tmp_path: Path, line: str, message: str) -> None:
    done = run(line, tmp_path)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"Error: {message}\nUsage: reconcile")


@pytest.mark.parametrize("name", habits.COMMANDS)
def test_a_command_of_another_tool_says_which_command_does_it(tmp_path: Path, name: str) -> None:
    done = run(f"{name} x", tmp_path)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f'Error: Unknown command "{name}". Use `{habits.COMMANDS[name]}`.\n')


@every_command
def test_help_is_the_same_however_it_is_asked_for(tmp_path: Path, name: str) -> None:
    wanted = run(f"{name} --help", tmp_path)
    assert (wanted.status, wanted.err) == (0, "")
    for spelling in (f"help {name}", f"{name} -h", f"{name} -help"):
        assert run(spelling, tmp_path) == wanted
    group, _, inner = name.partition(" ")
    if inner:
        assert run(f"{group} help {inner}", tmp_path) == wanted


@every_command
def test_help_has_the_same_parts_in_the_same_order(tmp_path: Path, name: str) -> None:
    text = run(f"{name} --help", tmp_path).out
    found = EVERY[name]
    heads = [line[:-1] for line in text.splitlines() if re.fullmatch(r"[A-Z]\w+:", line)]
    assert heads == ["Options", *(["Commands"] if isinstance(found, click.Group) else []), "Examples"]
    assert text.startswith(f"Usage: reconcile {name}".rstrip() + " ")
    assert "..." not in text.replace("]...", "")


def test_every_command_of_a_group_is_listed_with_one_sentence() -> None:
    for found in (reconcile, *GROUPS.values()):
        context = click.Context(found)
        for name in found.list_commands(context):
            listed = found.get_command(context, name)
            assert listed is not None
            assert re.fullmatch(r"[A-Z][^.]*(\.\w[^.]*)*\.", listed.get_short_help_str()), name


def test_every_example_is_a_command_line_of_ours() -> None:
    assert EXAMPLES.keys() == LEAVES.keys()
    for line in (*FIRST, *(line for lines in EXAMPLES.values() for line in lines)):
        words = shlex.split(line)[1:]
        if words[:1] == ["-C"]:
            words = words[2:]
        name = next((each for each in (" ".join(words[:2]), words[0]) if each in LEAVES), None)
        if name is None:
            assert words == ["help", "plan"]
        else:
            LEAVES[name].make_context(name, words[len(name.split()) :], **HELP)


def test_version_is_a_command_too(tmp_path: Path) -> None:
    assert run("version", tmp_path) == run("--version", tmp_path) == run("-version", tmp_path)


@pytest.mark.parametrize("name", ["plan", "apply", "status"])
def test_help_behind_a_command_is_a_name_and_says_how_to_ask(fresh: Shop, name: str) -> None:
    done = fresh.run(f"{name} help --now 2026-12-01")
    assert done.status == 1
    done = run(f"{name} help", fresh.root)
    assert done.err.endswith(f"\nFor help: reconcile help {name}\n")
