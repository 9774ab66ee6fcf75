"""From an inventory's bytes to a tree of YAML nodes that know their place; every way a file can be no such tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ..errors import HubError, HubErrors, Position
from ..reading import read_regular
from .draft import mistake

MAX_BYTES = 1_000_000
MAX_DEPTH = 50  # libyaml recurses without a limit of its own
MAX_VALUES = 100_000  # after aliases are expanded

_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LEADING_TAB = re.compile(r" *\t")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NO_ALIAS = "write the values out in place of the alias"

# What libyaml and PyYAML say, and what to do about it.
_HINTS = (
    ("mapping values are not allowed", "put a value that contains `: ` in quotes, or check the indentation"),
    ("found unexpected end of stream", "a quote is opened and never closed"),
    ("found unknown escape character", "write `\\\\` for a backslash, or use single quotes"),
    ("expected alphabetic or numeric character", 'a value that starts with `*` or `&` needs quotes: "*"'),
    ("found undefined alias", 'a value that starts with `*` needs quotes: "*"'),
    ("expected ',' or '", "check the brackets and commas of this line and the lines above"),
    ("could not find expected ':'", "write `key: value`; the line above may lack its colon"),
    ("duplicate anchor", "give each anchor (`&name`) a name of its own"),
    ("expected key", "keys of one mapping start in the same column"),
    ("expected <block end>", "keys of one mapping start in the same column"),
    ("'-' indicator", "the items of a list start with `- `, all in the same column"),
)


def position(file: str, mark: Any) -> Position:
    """Return a YAML mark, which counts from 0, as a position, which counts from 1."""
    return Position(file, mark.line + 1, mark.column + 1)


def read_text(path: Path) -> str:
    """Return the file's text.

    Raises:
        HubError: it is missing, unreadable, too large or not UTF-8.
    """
    start = Position(str(path), 1, 1)
    try:
        data = read_regular(path, MAX_BYTES + 1)
    except FileNotFoundError:
        raise mistake(
            "inventory-missing",
            f"there is no inventory at {path}",
            start,
            hint="name one with --inventory PATH",
        ) from None
    except OSError as error:
        raise mistake(
            "inventory-unreadable",
            f"cannot read the inventory: {error.strerror}",
            start,
            hint=f"ls -l {path}",
        ) from None
    if len(data) > MAX_BYTES:
        raise mistake("inventory-too-large", f"an inventory has at most {MAX_BYTES} bytes", start)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        raise mistake(
            "inventory-encoding",
            "the inventory is not UTF-8",
            _place_of_index(str(path), before, len(before)),
            why=f"byte 0x{data[error.start]:02x} is no part of a UTF-8 character",
            hint=f"if it is Latin-1: iconv -f latin1 -t utf-8 {path}",
        ) from None


def compose(text: str, file: str) -> yaml.Node | None:
    """Return the node tree of the only document, None for an empty one.

    Raises:
        HubErrors: the text is not YAML, or its aliases contain themselves or grow beyond measure.
    """
    if stray := _NOT_YAML.search(text):
        what = f"the control character U+{ord(stray[0]):04X} is not allowed"
        raise HubErrors([mistake("yaml-syntax", what, _place_of_index(file, text, stray.start()))])
    try:
        _limit_depth(text, file)
        loader = _LOADER(text)
        try:
            root: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise HubErrors([_syntax_mistake(error, text, file)]) from None
    if root is not None:
        _limit_values(root, file)
    return root


def _place_of_index(file: str, text: str, index: int) -> Position:
    line_start = text.rfind("\n", 0, index) + 1
    return Position(file, text.count("\n", 0, index) + 1, index - line_start + 1)


def _limit_depth(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, _LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                what = f"nested deeper than {MAX_DEPTH} levels"
                raise HubErrors([mistake("yaml-depth", what, position(file, event.start_mark))])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_mistake(error: yaml.MarkedYAMLError, text: str, file: str) -> HubError:
    problem = error.problem or "not YAML"
    unclosed = "end of stream" in problem
    mark = (error.context_mark if unclosed else error.problem_mark) or error.context_mark
    where = position(file, mark) if mark else Position(file, 1, 1)
    lines = text.splitlines()
    line = lines[where.line - 1] if where.line <= len(lines) else ""
    if tab := _LEADING_TAB.match(line):
        place = Position(file, where.line, tab.end())
        return mistake("yaml-tab", "a tab in the indentation", place, hint="indent with spaces, two a level")
    if "another document" in problem:
        hint = "remove the `---` line, or put the second document into a file of its own"
        return mistake(
            "yaml-documents", "an inventory is one YAML document; here a second starts", where, hint=hint
        )
    found = line[where.column - 1 : where.column]
    if "cannot start any token" in problem:
        hint = f'a value that starts with `{found}` needs quotes: "{found}"'
        return mistake("yaml-syntax", f"not YAML: a value cannot start with `{found}`", where, hint=hint)
    hint = next((hint for part, hint in _HINTS if part in problem), "")
    why = error.context or ""
    if why and error.context_mark:
        why += f" that starts at {position(file, error.context_mark)}"
    return mistake("yaml-syntax", f"not YAML: {problem}", where, why=why, hint=hint)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _limit_values(root: yaml.Node, file: str) -> None:
    """Refuse trees whose aliases contain themselves or stand for very many values (shared nodes count each time)."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in open_nodes:
            what = "an alias (`*name`) stands inside of what it names"
            raise HubErrors([mistake("yaml-alias", what, position(file, node.start_mark), hint=_NO_ALIAS)])
        if id(node) not in sizes:
            open_nodes.add(id(node))
            sizes[id(node)] = 1 + sum(size(child) for child in _children(node))
            open_nodes.remove(id(node))
        return sizes[id(node)]

    if size(root) > MAX_VALUES:
        what = f"more than {MAX_VALUES} values once its aliases are expanded"
        raise HubErrors([mistake("yaml-alias", what, position(file, root.start_mark), hint=_NO_ALIAS)])


def repeated_keys(root: yaml.Node, file: str) -> Iterator[HubError]:
    """Yield one mistake for each key that a mapping has twice; YAML would silently keep the last."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        waiting.extend(_children(node))
        first: dict[str, Position] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            where = position(file, key.start_mark)
            if key.value in first:
                yield mistake(
                    "duplicate-key",
                    f"the key `{key.value}` is here twice",
                    where,
                    why=f"the first is at {first[key.value]}",
                    hint="remove one of the two, or rename it",
                )
            first.setdefault(key.value, where)
