"""Every command that hubctl can print is one that it understands."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import provision
from provision.cli import app

SOURCE = Path(provision.__file__).parent
PROGRAM: Any = typer.main.get_command(app)
QUOTED = re.compile(r"`([^`]*)`")
COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:sudo )?hubctl (.+)", re.DOTALL)
KNOWN = re.compile(rf"(?<!CN=)hubctl (?:{'|'.join(PROGRAM.commands)})\b")
FILLED = "1"  # stands for what is put in; good as a number, too


def texts(path: Path) -> Iterator[str]:
    """Yield the texts of a file that can be shown, what is put in them filled; of docstrings those of commands."""
    tree = ast.parse(path.read_text())
    of_commands = tree.body if path.parent.name == "commands" else []
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, kinds) and node not in of_commands
        if node.body and isinstance(node.body[0], ast.Expr)
    }
    parts = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
    for node in ast.walk(tree):
        if id(node) in documents | parts:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(value.value) if isinstance(value, ast.Constant) else FILLED for value in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def commands(text: str) -> list[str]:
    """Return the command lines in a text: it is one, or has them in backquotes."""
    parts = [text] if whole(text) else QUOTED.findall(text)
    return [found[1] for part in parts if (found := COMMAND.fullmatch(part))]


def whole(text: str) -> bool:
    """Whether a text is one command and nothing else."""
    return KNOWN.match(text) is not None and not re.search("[`,;]", text)


SHOWN = [(path, text) for path in sorted(SOURCE.rglob("*.py")) for text in texts(path)]
LINES = [pytest.param(line, id=f"{path.stem}: {line}") for path, text in SHOWN for line in commands(text)]


def understood(line: str) -> None:
    """Parse a command line as hubctl does; nothing is run."""
    command, words = PROGRAM, shlex.split(line)
    context = None
    while True:
        context = command.make_context(command.name, words, parent=context)
        if not hasattr(command, "commands"):
            return
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None, name


@pytest.mark.parametrize("line", LINES)
def test_a_command_that_is_shown_is_understood(line: str) -> None:
    understood(line)


def test_commands_in_texts_are_in_backquotes() -> None:
    """So that people, and the test above, see where they end."""
    loose = [
        f"{path.name}: {text}"
        for path, text in SHOWN
        if not whole(text) and KNOWN.search(QUOTED.sub("", text))
    ]
    assert loose == []


def test_no_text_names_a_file_that_only_the_repository_has() -> None:
    assert [text for _, text in SHOWN if "docs/" in text] == []


@pytest.mark.parametrize("line", ["local up NAME", "depoly", "deploy --paralel 2", "lock release --all"])
def test_a_wrong_line_would_be_found(line: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|unexpected"):
        understood(line)
