"""Resources as plain data and back: an explicit list of kinds, strict about everything unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from .errors import NodeError
from .resources import KINDS, CheckedFiles, Resource
from .shapes import Shape, shapes

_KINDS = {kind.kind: kind for kind in KINDS}


def dump(value: Any, *, secrets: bool = True) -> Any:
    """Return a resource as plain data.

    Args:
        value: a resource, or a part of one.
        secrets: False leaves secret fields, and the content of secret files, out.
    """
    if isinstance(value, (tuple, list)):
        return [dump(item, secrets=secrets) for item in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    hidden = () if secrets else getattr(value, "secrets", ())
    if not secrets and getattr(value, "secret", False):
        hidden = (*hidden, "content")
    data = {
        f.name: dump(getattr(value, f.name), secrets=secrets) for f in fields(value) if f.name not in hidden
    }
    return {"kind": value.kind, **data} if isinstance(value, Resource) else data


def load(data: object, where: str) -> Resource:
    """Build a resource from plain data.

    Args:
        data: a dictionary with `kind` and the fields of that kind.
        where: its place, for errors.

    Raises:
        NodeError: unknown kind or field, missing field, wrong type or value.
    """
    if not isinstance(data, dict):
        raise _bad(where, "is no object")
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise _bad(where, f"has the unknown kind {kind!r}")
    resource = _build(
        _KINDS[kind], {key: value for key, value in data.items() if key != "kind"}, f"{where} ({kind})"
    )
    if not isinstance(resource, Resource):
        raise _bad(where, "is no resource")
    return resource


def _build(cls: type[Any], data: Mapping[str, object], where: str) -> object:
    known = {field.name: field for field in fields(cls)}
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise _bad(where, f"has the unknown field {unknown[0]!r}")
    missing = sorted(
        name
        for name, field in known.items()
        if name not in data and field.default is MISSING and field.default_factory is MISSING
    )
    if missing:
        raise _bad(where, f"lacks {missing[0]!r}")
    holds = shapes(cls)  # type: ignore[arg-type]  # mypy takes no class for hashable
    values = {name: _value(holds[name], value, f"{where}: {name}") for name, value in data.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise _bad(where, str(error)) from error


def _value(shape: Shape, value: object, where: str) -> object:
    if not shape.many:
        return _item(shape, value, where)
    if not isinstance(value, list):
        raise _bad(where, "is no list")
    return tuple(_item(shape, item, f"{where}[{number}]") for number, item in enumerate(value))


def _item(shape: Shape, value: object, where: str) -> object:
    if shape.made_of_parts:
        return _part(shape, value, where)
    if type(value) not in shape.types:
        raise _bad(where, f"is not of type {shape}")
    return value


def _part(shape: Shape, data: object, where: str) -> object:
    if not issubclass(shape.types[0], Resource):
        if not isinstance(data, dict):
            raise _bad(where, "is no object")
        return _build(shape.types[0], data, where)
    resource = load(data, where)
    if not isinstance(resource, shape.types):
        raise _bad(where, f"is a {resource.kind}, which does not belong here")
    return resource


def load_all(data: object) -> list[Resource]:
    """Build the resources of a manifest and see that they fit together.

    Raises:
        NodeError: one is wrong, two are the same, write one file, or one waits for what is not there.
    """
    if not isinstance(data, list):
        raise _bad("resources", "is no list")
    resources = [load(item, f"resources[{number}]") for number, item in enumerate(data)]
    ids = [resource.id for resource in resources]
    _unique(ids)
    _unique([path for resource in resources for path in resource.paths()])
    known = {*ids, *(file.id for r in resources if isinstance(r, CheckedFiles) for file in r.files)}
    for resource in resources:
        for causes in resource.waits_for().values():
            unknown = [cause for cause in causes if cause not in known]
            if unknown:
                raise _bad(resource.id, f"waits for {unknown[0]}, which is not in the manifest")
    return resources


def _unique(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _bad(name, "is there twice")
        seen.add(name)


def _bad(where: str, what: str) -> NodeError:
    return NodeError(
        "bad-manifest", f"{where} {what}", hint="hubctl and the node's engine disagree: deploy again"
    )
