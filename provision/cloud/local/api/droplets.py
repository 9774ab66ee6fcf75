"""Droplets: ordered, listed, shown and removed."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any

import msgspec
from flask import Blueprint, request, url_for

from ..model import Action, Droplet, Tag, now
from ..operations import NoAddressError, free_address
from . import catalog, keys, lookup, tags
from .context import cloud
from .http import body, not_found, page, unprocessable

blueprint = Blueprint("droplets", __name__)

_NAME = re.compile(r"[a-zA-Z0-9]?[a-z0-9A-Z.\-]*[a-z0-9A-Z]")
_NAME_RULE = "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"
_USER_DATA_BYTES = 64 * 1024


class _Order(msgspec.Struct, kw_only=True):
    name: str = ""
    names: Annotated[list[str], msgspec.Meta(max_length=10)] = []
    size: str = ""
    image: str | int = ""
    region: str = catalog.DEFAULT_REGION
    ssh_keys: list[str | int] = []
    ipv6: bool = False
    monitoring: bool = False
    user_data: str = ""
    tags: list[str] = []


@blueprint.post("/droplets")
def create_droplets() -> tuple[dict[str, Any], int]:
    """Order one droplet (`name`) or several alike (`names`)."""
    order = body(_Order)
    names = order.names or [order.name]
    template = _checked(order, names)
    with cloud().store.transaction():
        created = [cloud().store.add(_addressed(template, name, ipv6=order.ipv6)) for name in names]
        for tag in order.tags:
            tags.ensure(tag)
        actions = [cloud().operations.begin(droplet, "create") for droplet in created]
    links = {"actions": [_link(action) for action in actions]}
    if order.names:
        return {"droplets": [show(droplet) for droplet in created], "links": links}, 202
    return {"droplet": show(created[0]), "links": links}, 202


@blueprint.get("/droplets")
def list_droplets() -> dict[str, Any]:
    """List droplets, all or those of one tag or name; there are none with a GPU."""
    tag, name = request.args.get("tag_name"), request.args.get("name")
    if request.args.get("type") == "gpus":
        return page("droplets", [])
    found = [droplet for droplet in lookup.droplets(tag) if name is None or droplet.name == name]
    return page("droplets", [show(droplet) for droplet in found])


@blueprint.delete("/droplets")
def delete_tagged() -> tuple[str, int]:
    """Remove every droplet of a tag."""
    tag = request.args.get("tag_name")
    if not tag:
        raise unprocessable("tag_name is required.")
    if not cloud().store.find(Tag, lambda known: known.name.lower() == tag.lower()):
        raise not_found()
    for droplet in lookup.droplets(tag):
        cloud().operations.destroy(droplet)
    return "", 204


@blueprint.get("/droplets/<int:number>")
def get_droplet(number: int) -> dict[str, Any]:
    """Show one droplet."""
    return {"droplet": show(lookup.droplet(number))}


@blueprint.get("/droplets/<int:number>/console")
def get_console(number: int) -> dict[str, Any]:
    """Show the end of what a droplet wrote to its console; DigitalOcean shows that in the browser only."""
    return {"console": cloud().machines.console(lookup.droplet(number).id)}


@blueprint.delete("/droplets/<int:number>")
def delete_droplet(number: int) -> tuple[str, int]:
    """Remove one droplet and its disk."""
    cloud().operations.destroy(lookup.droplet(number))
    return "", 204


def check_name(name: str) -> None:
    """Raise RequestError 422 unless a droplet can have this name."""
    if len(name) > 255 or not _NAME.fullmatch(name):
        raise unprocessable(_NAME_RULE)


def show(droplet: Droplet) -> dict[str, Any]:
    """Return a droplet as the API shows it."""
    image = catalog.find_image(droplet.image) or lookup.removed_snapshot(droplet.image)
    size = catalog.size(droplet.size) or {}
    return {
        "id": droplet.id,
        "name": droplet.name,
        "memory": size["memory"],
        "vcpus": size["vcpus"],
        "disk": size["disk"],
        "disk_info": size["disk_info"],
        "locked": bool(_pending(droplet)),
        "status": droplet.status(running=cloud().machines.running(droplet.id)),
        "kernel": None,
        "created_at": droplet.created_at,
        "features": droplet.features,
        "backup_ids": [],
        "next_backup_window": None,
        "snapshot_ids": [item.id for item in lookup.snapshots() if item.droplet_id == droplet.id],
        "image": catalog.show_image(image) if image else {"slug": droplet.image},
        "volume_ids": [],
        "size": size,
        "size_slug": droplet.size,
        "networks": _networks(droplet),
        "region": catalog.region(droplet.region),
        "tags": droplet.tags,
        "vpc_uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, cloud().identity)),
    }


def _checked(order: _Order, names: list[str]) -> Droplet:
    """Check an order as the API does; returns a droplet still without name and address."""
    for name in names:
        check_name(name)
    image, region = catalog.find_image(order.image), catalog.matching_region(order.region)
    size = catalog.size(order.size)
    if size is None:
        raise unprocessable("You specified an invalid size for Droplet creation.")
    if image is None:
        raise unprocessable("You specified an invalid image for Droplet creation.")
    if catalog.smallest_disk(image) > size["disk"]:
        raise unprocessable("This size is not available because it has a smaller disk.")
    if region is None:
        raise unprocessable("You specified an invalid region for Droplet creation.")
    if len(order.user_data.encode()) > _USER_DATA_BYTES:
        raise unprocessable("user_data is too long (maximum is 64 KiB).")
    for tag in order.tags:
        tags.check_name(tag)
    return Droplet(
        name="",
        region=region,
        size=order.size,
        image=catalog.reference(image),
        created_at=now(),
        tags=list(dict.fromkeys(order.tags)),
        keys=[keys.find_for_droplet(key).public_key.strip() for key in order.ssh_keys],
        user_data=order.user_data,
        features=[name for name in ("ipv6", "monitoring") if getattr(order, name)],
    )


def _addressed(template: Droplet, name: str, *, ipv6: bool) -> Droplet:
    """Give a new droplet its name and the next free address; droplets being removed still have theirs."""
    taken = {droplet.address for droplet in cloud().store.find(Droplet)}
    try:
        address = free_address(cloud().subnet, taken)
    except NoAddressError:
        raise unprocessable("creating this droplet will exceed your droplet limit") from None
    host = int(address.rpartition(".")[2])
    address6 = str(cloud().subnet6[host]) if ipv6 else ""
    return msgspec.structs.replace(template, name=name, address=address, address6=address6)


def _pending(droplet: Droplet) -> list[Action]:
    return cloud().store.find(Action, lambda a: a.resource_id == droplet.id and a.status == "in-progress")


def _networks(droplet: Droplet) -> dict[str, Any]:
    if not droplet.ready:
        return {"v4": [], "v6": []}
    subnet, subnet6 = cloud().subnet, cloud().subnet6
    v4 = {
        "ip_address": droplet.address,
        "netmask": str(subnet.netmask),
        "gateway": str(subnet[1]),
        "type": "public",
    }
    v6 = {"ip_address": droplet.address6, "netmask": 64, "gateway": str(subnet6[1]), "type": "public"}
    return {"v4": [v4], "v6": [v6] if droplet.address6 else []}


def _link(action: Action) -> dict[str, Any]:
    href = url_for("actions.get_action", number=action.id, _external=True)
    return {"id": action.id, "rel": "create", "href": href}
