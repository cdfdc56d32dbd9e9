"""docs/commands.md is written from the commands themselves: `python tests/docs/test_commands_doc.py` writes it anew."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from watcher.cli import program

DOC = Path(__file__).parents[2] / "docs" / "commands.md"
HEAD = """\
# Commands

`watcher COMMAND --help` says the same. Data goes to stdout, remarks, errors and the log to stderr. `--json` prints one
JSON document instead of text. The configuration is `config/watcher.yaml` unless `--config` (`-c`) or the environment
variable `WATCHER_CONFIG` names another.

Exit codes: 0 fine; 1 something failed at run time; 2 wrong usage or configuration; 3 an item changed state (`once`
only). An error of the product is a message, never a traceback. What destroys something asks first, or wants `--yes`
where nobody can be asked.

`watcher --install-completion` sets up completion for your shell.
"""


def commands(command: Any, words: tuple[str, ...] = ("watcher",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it; groups left out, but those that do something by themselves."""
    if inner := getattr(command, "commands", None):
        if command.invoke_without_command:
            yield words, command
        for name, each in inner.items():
            yield from commands(each, (*words, name))
    else:
        yield words, command


def written() -> str:
    """The whole document."""
    parts = [HEAD]
    for words, command in commands(get_command(program)):
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
        shape = " ".join([*words, *(named(p) for p in arguments)])
        parts.append(f"\n## {' '.join(words)}\n\n    {shape}{' [OPTIONS]' if options else ''}\n\n{help_of(command)}\n")
        rows = [f"| `{named(p)}` | {told(p)} |" for p in arguments] + [f"| `{flags(p)}` | {told(p)} |" for p in options]
        if rows:
            parts.append("\n| | |\n| --- | --- |\n" + "\n".join(rows) + "\n")
    return "".join(parts)


def named(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    if not argument.required and not name.startswith("["):
        name = f"[{name}]"
    return name + ("..." if argument.nargs == -1 else "")


def flags(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or 'VALUE'}"
    return ", ".join(reversed(option.opts)) + value


def told(parameter: Any) -> str:
    default = parameter.default
    shown = not (parameter.required or default in (None, "", False, ()) or callable(default))
    notes = ["required"] if parameter.required else [f"default {default}"] if shown else []
    return " ".join([(parameter.help or "").strip(), *(f"({note})" for note in notes)])


def help_of(command: Any) -> str:
    return inspect.cleandoc(command.help or "")


def test_the_document_is_what_the_commands_say() -> None:
    assert DOC.read_text() == written(), "run: python tests/docs/test_commands_doc.py"


def test_every_command_and_parameter_says_what_it_is_for() -> None:
    for words, command in commands(get_command(program)):
        assert help_of(command), words
        for parameter in command.params:
            assert getattr(parameter, "help", ""), (words, parameter.name)


def test_everything_that_lists_can_print_json() -> None:
    words = "status history feeds discover test list check once explain preview route revision seed notify digest"
    listing = set(words.split())
    seen = set()
    for called, command in commands(get_command(program)):
        if called[-1] in listing:
            seen.add(called[-1])
            assert any("--json" in parameter.opts for parameter in command.params), called
    assert seen == listing


if __name__ == "__main__":
    DOC.write_text(written())
