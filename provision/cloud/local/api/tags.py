"""Tags: labels of droplets, compared without regard to case and kept as they were first written."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
from flask import Blueprint

from ..model import Droplet, Tag
from . import lookup
from .context import cloud
from .http import body, not_found, page, unprocessable

blueprint = Blueprint("tags", __name__)
_NAME = re.compile(r"[a-zA-Z0-9_\-:]{1,255}")


class _NewTag(msgspec.Struct):
    name: str


class _Resource(msgspec.Struct):
    resource_id: str
    resource_type: Literal["droplet"]


class _Resources(msgspec.Struct):
    resources: list[_Resource]


@blueprint.get("/tags")
def list_tags() -> dict[str, Any]:
    """List all tags with how often they are used."""
    return page("tags", [_show(tag) for tag in cloud().store.find(Tag)])


@blueprint.post("/tags")
def create_tag() -> tuple[dict[str, Any], int]:
    """Make a tag; one that is there already is answered as it is."""
    name = body(_NewTag).name
    check_name(name)
    return {"tag": _show(ensure(name))}, 201


@blueprint.get("/tags/<name>")
def get_tag(name: str) -> dict[str, Any]:
    """Show one tag."""
    return {"tag": _show(_find(name))}


@blueprint.delete("/tags/<name>")
def delete_tag(name: str) -> tuple[str, int]:
    """Remove a tag, from the droplets too."""
    with cloud().store.transaction():
        tag = _find(name)
        for droplet in lookup.droplets(tag.name):
            _untag(droplet, name)
        cloud().store.remove(tag)
    return "", 204


@blueprint.post("/tags/<name>/resources")
def tag_resources(name: str) -> tuple[str, int]:
    """Put a tag on droplets."""
    with cloud().store.transaction():
        tag = _find(name)
        for droplet in _named(body(_Resources)):
            if not lookup.carries(droplet, name):
                cloud().store.save(msgspec.structs.replace(droplet, tags=[*droplet.tags, tag.name]))
    return "", 204


@blueprint.delete("/tags/<name>/resources")
def untag_resources(name: str) -> tuple[str, int]:
    """Take a tag off droplets."""
    with cloud().store.transaction():
        _find(name)
        for droplet in _named(body(_Resources)):
            _untag(droplet, name)
    return "", 204


def check_name(name: str) -> None:
    """Raise RequestError 422 unless a tag can have this name."""
    if not _NAME.fullmatch(name):
        raise unprocessable("Tag name may only contain letters, numbers, colons, dashes, and underscores.")


def ensure(name: str) -> Tag:
    """Return the tag of this name, made if need be."""
    with cloud().store.transaction():
        found = cloud().store.find(Tag, lambda tag: tag.name.lower() == name.lower())
        return found[0] if found else cloud().store.add(Tag(name=name))


def _find(name: str) -> Tag:
    found = cloud().store.find(Tag, lambda tag: tag.name.lower() == name.lower())
    if not found:
        raise not_found()
    return found[0]


def _named(resources: _Resources) -> list[Droplet]:
    numbers = [resource.resource_id for resource in resources.resources]
    if not all(number.isdecimal() for number in numbers):
        raise unprocessable("resource_id must be the number of a droplet.")
    return [lookup.droplet(int(number)) for number in numbers]


def _untag(droplet: Droplet, name: str) -> None:
    kept = [tag for tag in droplet.tags if tag.lower() != name.lower()]
    cloud().store.save(msgspec.structs.replace(droplet, tags=kept))


def _show(tag: Tag) -> dict[str, Any]:
    carriers = lookup.droplets(tag.name)
    used: dict[str, Any] = {"count": len(carriers)}
    if carriers:
        used["last_tagged_uri"] = f"https://api.digitalocean.com/v2/droplets/{carriers[-1].id}"
    others = {kind: {"count": 0} for kind in ("images", "volumes", "volume_snapshots", "databases")}
    return {"name": tag.name, "resources": {**used, "droplets": used, **others}}
