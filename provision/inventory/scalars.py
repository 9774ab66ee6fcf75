"""Single values: read them as YAML 1.1 does, hold them against a type, and say how to write what was meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec.inspect as shape
import yaml

from .suggest import did_you_mean

_TAG = "tag:yaml.org,2002:"
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,99})")
_TRUE = {"true", "yes", "on"}
_NAMES = {
    "null": "nothing",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "timestamp": "a date",
    "str": "text",
    "map": "a mapping",
    "seq": "a list",
}


@dataclass(frozen=True)
class Problem:
    """Why a value does not do; the text follows the value's name."""

    code: str
    text: str
    why: str = ""
    hint: str = ""


def described(kind: shape.Type) -> tuple[shape.Type, str]:
    """Return a type without its metadata and optionality, and its description."""
    if isinstance(kind, shape.Metadata):
        base, inner = described(kind.type)
        return base, (kind.extra_json_schema or {}).get("description", inner)
    if isinstance(kind, shape.UnionType):
        kinds = [item for item in kind.types if not isinstance(item, shape.NoneType)]
        if len(kinds) == 1:
            return described(kinds[0])
    return kind, ""


def wanted(kind: shape.Type) -> str:
    """Say in words what kind of value a type wants."""
    base, _ = described(kind)
    if isinstance(base, shape.StructType):
        return "a mapping with the keys " + ", ".join(item.encode_name for item in base.fields)
    simple = {
        shape.StrType: "text",
        shape.LiteralType: "text",
        shape.IntType: "a whole number",
        shape.BoolType: "true or false",
        shape.DictType: "a mapping",
        shape.VarTupleType: "a list",
        shape.ListType: "a list",
    }
    return next(text for known, text in simple.items() if isinstance(base, known))


def meaning(kind: shape.Type) -> str:
    """Say what a value of a type stands for, empty where the model does not tell."""
    return described(kind)[1]


def not_this(node: yaml.Node, kind: shape.Type) -> str:
    """Say that a node is of the wrong kind; the text follows the value's name."""
    if node.tag == f"{_TAG}null":
        return "has no value"
    if node.tag == f"{_TAG}int" and isinstance(described(kind)[0], shape.IntType):
        return f"must be written in plain decimal digits, not `{short(node.value)}`"
    return f"must be {wanted(kind)}, not {found(node)}"


def found(node: yaml.Node) -> str:
    """Say what a node holds."""
    kind = node.tag.removeprefix(_TAG)
    name = _NAMES.get(kind, f"a value tagged {node.tag}")
    if not isinstance(node, yaml.ScalarNode) or kind == "null":
        return name
    if kind == "str":
        return f'the text "{short(node.value)}"'
    return f"`{short(node.value)}`, which YAML reads as {name}"


def short(text: str) -> str:
    """Return a text for a message, on one line and cut after 60 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


def relative(name: str, domain: str) -> str:
    """Return how a host name is to be written that has the fleet's domain in it; empty where it has not."""
    inside = domain and f".{name}".endswith(f".{domain}")
    return (name.removesuffix(domain).removesuffix(".") or "@") if inside else ""


def parsed(node: yaml.ScalarNode, kind: shape.Type, domain: str = "") -> tuple[Any, Problem | None]:
    """Return the value of a scalar as the wanted type, or the problem with it.

    Args:
        node: the scalar.
        kind: the wanted type.
        domain: the fleet's, where a host name in it is wanted.
    """
    base, _ = described(kind)
    tag = node.tag.removeprefix(_TAG)
    if isinstance(base, shape.IntType) and tag == "int" and _DECIMAL.fullmatch(node.value):
        return _bounded(int(node.value), base, kind)
    if isinstance(base, shape.BoolType) and tag == "bool":
        return node.value.lower() in _TRUE, None
    if isinstance(base, shape.LiteralType) and tag == "str":
        return _chosen(node.value, base)
    if isinstance(base, shape.StrType) and tag == "str":
        return node.value, text_problem(node.value, kind, domain)
    why = _expected(meaning(kind))
    return None, Problem("wrong-type", not_this(node, kind), why=why, hint=_how_to_write(node, tag, base))


def text_problem(value: str, kind: shape.Type, domain: str = "") -> Problem | None:
    """Return the problem with a text where a type of text is wanted, with `domain` a host name in it."""
    base, _ = described(kind)
    if not isinstance(base, shape.StrType):
        raise TypeError(f"{kind} is no type of text")
    why = _expected(meaning(kind))
    if base.max_length is not None and len(value) > base.max_length:
        text = f"has {len(value)} characters, at most {base.max_length} are allowed"
        return Problem("bad-value", text, why=why)
    if len(value) < (base.min_length or 0):
        return Problem("bad-value", "is empty", why=why)
    if base.pattern is None or re.fullmatch(base.pattern, value):
        return None
    hint = _corrected(value, base.pattern, domain)
    return Problem("bad-value", f'cannot be "{short(value)}"', why=why, hint=hint)


def _expected(what: str) -> str:
    return f"expected: {what}" if what else ""


def _bounded(value: int, base: shape.IntType, kind: shape.Type) -> tuple[int, Problem | None]:
    written = short(str(value))
    why = _expected(meaning(kind))
    if base.ge is not None and value < base.ge:
        return value, Problem("out-of-range", f"is {written}, the least is {base.ge}", why=why)
    if base.le is not None and value > base.le:
        return value, Problem("out-of-range", f"is {written}, the most is {base.le}", why=why)
    return value, None


def _chosen(value: str, base: shape.LiteralType) -> tuple[str, Problem | None]:
    if value in base.values:
        return value, None
    choices = [str(choice) for choice in base.values]
    text = f'cannot be "{short(value)}"'
    problem = Problem(
        "not-a-choice", text, why=f"the choices are: {', '.join(choices)}", hint=did_you_mean(value, choices)
    )
    return value, problem


def _corrected(value: str, pattern: str, domain: str) -> str:
    """Name the text that the usual slips were made in: capitals, spaces, underscores, dots at the ends, the domain."""
    simple = re.sub(r"[\s_]+", "-", value.strip().lower()).strip("-.")
    simple = relative(simple, domain.lower()) or simple
    if simple == value or not re.fullmatch(pattern, simple):
        return ""
    return "did you mean `{}`?".format('"@"' if simple == "@" else simple)


def _how_to_write(node: yaml.ScalarNode, tag: str, base: shape.Type) -> str:
    if tag == "null":
        return "give it a value, or leave the line out"
    if isinstance(base, shape.IntType):
        return _how_to_write_number(node.value, tag)
    if isinstance(base, shape.BoolType):
        plain = node.value.strip().lower()
        return f"write it without quotes: {plain}" if plain in ("true", "false") else "write true or false"
    return f'write it in quotes: "{short(node.value)}"' if tag in _NAMES else "leave the tag out"


def _how_to_write_number(text: str, tag: str) -> str:
    if tag == "str" and _DECIMAL.fullmatch(text):
        return f"write it without quotes: {text}"
    if tag == "int" and len(text) < 20:
        value = yaml.safe_load(text)
        return f"YAML reads `{text}` as {value}; if that is meant, write {value}"
    digits = re.match(r"-?[0-9]+", text)
    return f"write digits only: {int(digits[0])}" if digits and len(digits[0]) < 20 else "write digits only"
