"""Hold a tree of YAML nodes against the inventory's types: valid values as plain data, mistakes with their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

import msgspec.inspect as shape
import yaml

from ..errors import Position
from .draft import Draft, Keys, dotted, mistake
from .scalars import described, meaning, not_this, parsed, short, text_problem
from .shape import Shape
from .source import position
from .suggest import did_you_mean

_Pairs = list[tuple[yaml.ScalarNode, yaml.Node]]

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
_STRING = "tag:yaml.org,2002:str"
_INVALID: Any = object()


def walk(root: yaml.Node, kind: shape.Type, file: str) -> Draft:
    """Return the draft of a whole document."""
    walker = _Walker(file, _domain(root))
    data = walker.value(root, kind, ())
    if data is not _INVALID:
        walker.draft.data = data
    return walker.draft


class _Walker:
    def __init__(self, file: str, domain: str) -> None:
        self.file = file
        self.domain = domain
        self.draft = Draft()
        self._told: set[tuple[Position, str, str]] = set()

    def value(self, node: yaml.Node, kind: shape.Type, keys: Keys) -> Any:
        """Return the node's value, `_INVALID` when it is not of this kind; mistakes go to the draft."""
        self.draft.values[keys] = position(self.file, node.start_mark)
        base, _ = described(kind)
        if isinstance(base, shape.UnionType):
            return self.value(node, _member(base, node), keys)
        if isinstance(base, shape.StructType | shape.DictType):
            return self._mapping(node, base, kind, keys)
        if isinstance(base, shape.VarTupleType | shape.ListType):
            return self._sequence(node, base, kind, keys)
        if not isinstance(node, yaml.ScalarNode):
            return self._wrong_type(node, kind, keys)
        value, problem = parsed(node, kind, self.domain if keys[-1:] == ("hostname",) else "")
        if problem:
            name = dotted(keys)
            self._add(problem.code, f"`{name}` {problem.text}", node, why=problem.why, hint=problem.hint)
            return _INVALID
        return value

    def _mapping(
        self, node: yaml.Node, base: shape.StructType | shape.DictType, kind: shape.Type, keys: Keys
    ) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return self._wrong_type(node, kind, keys)
        pairs: _Pairs = []
        for key, value in self._pairs(node):
            if self._is_text(key, keys):
                pairs.append((key, value))
                self.draft.keys[(*keys, key.value)] = position(self.file, key.start_mark)
        if isinstance(base, shape.StructType):
            return self._struct(pairs, node, base, keys)
        if len(node.value) < (base.min_length or 0):
            self._add("empty", f"`{dotted(keys)}` is empty", node, why=f"expected: {meaning(kind)}")
        return self._dict(pairs, base, keys)

    def _struct(self, pairs: _Pairs, node: yaml.Node, base: shape.StructType, keys: Keys) -> dict[str, Any]:
        fields = {item.encode_name: item for item in base.fields}
        data = {}
        for key, value in pairs:
            if key.value not in fields:
                self._unknown(key, sorted(fields), keys, _entries(base))
                continue
            result = self.value(value, fields[key.value].type, (*keys, key.value))
            if result is not _INVALID:
                data[key.value] = result
        given = {key.value for key, _ in pairs}
        for name, item in fields.items():
            if item.required and name not in given:
                self._missing(name, item.type, node, keys)
        return data

    def _dict(self, pairs: _Pairs, base: shape.DictType, keys: Keys) -> dict[str, Any]:
        data = {}
        for key, value in pairs:
            problem = text_problem(key.value, base.key_type)
            if problem:
                text = f"a name in `{dotted(keys)}` {problem.text}"
                self._add("bad-name", text, key, why=problem.why, hint=problem.hint)
            result = self.value(value, base.value_type, (*keys, key.value))
            if result is not _INVALID and not problem:
                data[key.value] = result
        return data

    def _sequence(
        self, node: yaml.Node, base: shape.VarTupleType | shape.ListType, kind: shape.Type, keys: Keys
    ) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            return self._wrong_type(node, kind, keys)
        items = [self.value(item, base.item_type, (*keys, index)) for index, item in enumerate(node.value)]
        # As a whole or not at all: the places of items go by their numbers.
        return _INVALID if _INVALID in items else items

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Yield a mapping's pairs, those merged by `<<` first, so that its own replace them."""
        for key, value in node.value:
            if key.tag == _MERGE:
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in reversed(sources):
                    if isinstance(source, yaml.MappingNode):
                        yield from self._pairs(source)
                    else:
                        self._add("wrong-type", "`<<` merges mappings only", key, hint="write `<<: *name`")
        yield from ((key, value) for key, value in node.value if key.tag != _MERGE)

    def _is_text(self, key: yaml.Node, keys: Keys) -> TypeGuard[yaml.ScalarNode]:
        if isinstance(key, yaml.ScalarNode) and key.tag == _STRING:
            return True
        inside = f"a key in `{dotted(keys)}`" if keys else "a key"
        if isinstance(key, yaml.ScalarNode):
            hint = f'YAML reads `{key.value}` as something else; write it in quotes: "{key.value}"'
        else:
            hint = "a key is one word; put values with `{` or `[` in quotes"
        self._add("wrong-type", f"{inside} is not text", key, hint=hint)
        return False

    def _unknown(self, key: yaml.ScalarNode, known: list[str], keys: Keys, entries: str) -> None:
        nearest = did_you_mean(key.value, known)
        if entries != Shape.entries:
            why = f"the {entries}s are: {', '.join(known)}"
            self._add(
                f"unknown-{entries}", f"there is no {entries} `{key.value}`", key, why=why, hint=nearest
            )
        else:
            inside = f" in `{dotted(keys)}`" if keys else ""
            why = f"the keys here are: {', '.join(known)}"
            self._add("unknown-key", f"unknown key `{key.value}`{inside}", key, why=why, hint=nearest)

    def _missing(self, name: str, kind: shape.Type, node: yaml.Node, keys: Keys) -> None:
        where = self.draft.keys.get(keys, position(self.file, node.start_mark))
        inside = f" in `{dotted(keys)}`" if keys else ""
        why = f"expected: {meaning(kind)}" if meaning(kind) else ""
        self._add_at(where, "missing-key", f"`{name}` is missing{inside}", why=why, about=name)

    def _wrong_type(self, node: yaml.Node, kind: shape.Type, keys: Keys) -> Any:
        base, _ = described(kind)
        why = f"expected: {meaning(kind)}" if meaning(kind) else ""
        if not keys:
            self._add("not-a-mapping", f"the inventory {not_this(node, kind)}", node)
        else:
            text = f"`{dotted(keys)}` {not_this(node, kind)}"
            self._add("wrong-type", text, node, why=why, hint=_example(node, base, keys))
        return _INVALID

    def _add(self, code: str, message: str, node: yaml.Node, *, why: str = "", hint: str = "") -> None:
        self._add_at(position(self.file, node.start_mark), code, message, why=why, hint=hint)

    def _add_at(
        self, where: Position, code: str, message: str, *, why: str = "", hint: str = "", about: str = ""
    ) -> None:
        # What aliases stand for is walked again at each of them; its mistakes are told once.
        if (where, code, about) not in self._told:
            self._told.add((where, code, about))
            self.draft.errors.append(mistake(code, message, where, why=why, hint=hint))


def _domain(root: yaml.Node) -> str:
    """Return the fleet's domain as it is written, right or wrong."""
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    values = (value for key, value in pairs if key.value == "domain" and isinstance(value, yaml.ScalarNode))
    return next((str(value.value) for value in values), "")


def _entries(struct: shape.StructType) -> str:
    """Return what a reader calls the fields of a part."""
    return struct.cls.entries if issubclass(struct.cls, Shape) else Shape.entries


def _example(node: yaml.Node, base: shape.Type, keys: Keys) -> str:
    """Show how to write a mapping or list, where another value stands in its place."""
    empty = node.tag == _NULL
    if isinstance(base, shape.VarTupleType | shape.ListType):
        item = node.value if isinstance(node, yaml.ScalarNode) and not empty else "…"
        return f'write a list: ["{short(item)}"]'
    if isinstance(base, shape.StructType):
        names = [item.encode_name for item in base.fields if item.required] or ["…"]
        return f"write `{keys[-1]}: {{{', '.join(f'{name}: …' for name in names)}}}`".replace("…: …", "…")
    if isinstance(base, shape.DictType) and empty:
        return "put its entries on the lines below, indented"
    return ""


def _member(union: shape.UnionType, node: yaml.Node) -> shape.Type:
    """Return the kind of a union that fits the node's; null is not among them: keys without a value are mistakes."""
    kinds = [kind for kind in union.types if not isinstance(kind, shape.NoneType)]
    return next((kind for kind in kinds if isinstance(node, _node_class(kind))), kinds[0])


def _node_class(kind: shape.Type) -> type[yaml.Node]:
    base, _ = described(kind)
    if isinstance(base, shape.StructType | shape.DictType):
        return yaml.MappingNode
    if isinstance(base, shape.VarTupleType | shape.ListType):
        return yaml.SequenceNode
    return yaml.ScalarNode
