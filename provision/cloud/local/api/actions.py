"""Actions: what is being done to droplets, and asking for more of it."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, request

from ..model import Action, Droplet, Snapshot, now
from ..operations import PendingEventError
from . import catalog, droplets, lookup
from .context import cloud
from .http import body, not_found, page, unprocessable

blueprint = Blueprint("actions", __name__)


class _Wish(msgspec.Struct, kw_only=True):
    type: str
    name: str = ""
    image: str | int = ""


@blueprint.get("/actions")
def list_actions() -> dict[str, Any]:
    """List all actions, the newest first."""
    return page("actions", [show(action) for action in reversed(cloud().store.find(Action))])


@blueprint.get("/actions/<int:number>")
def get_action(number: int) -> dict[str, Any]:
    """Show one action."""
    action = cloud().store.get(Action, number)
    if action is None:
        raise not_found()
    return {"action": show(action)}


@blueprint.get("/droplets/<int:number>/actions")
def list_droplet_actions(number: int) -> dict[str, Any]:
    """List what was done to a droplet, the newest first."""
    lookup.droplet(number)
    found = cloud().store.find(Action, lambda action: action.resource_id == number)
    return page("actions", [show(action) for action in reversed(found)])


@blueprint.get("/droplets/<int:number>/actions/<int:action_number>")
def get_droplet_action(number: int, action_number: int) -> dict[str, Any]:
    """Show one action of a droplet."""
    action = cloud().store.get(Action, action_number)
    if action is None or action.resource_id != number:
        raise not_found()
    return {"action": show(action)}


@blueprint.post("/droplets/<int:number>/actions")
def act(number: int) -> tuple[dict[str, Any], int]:
    """Begin an action on a droplet."""
    droplet, wish = lookup.droplet(number), body(_Wish)
    return {"action": show(_begin(droplet, wish))}, 201


@blueprint.post("/droplets/actions")
def act_on_tagged() -> tuple[dict[str, Any], int]:
    """Begin an action on every droplet of a tag."""
    tag, wish = request.args.get("tag_name"), body(_Wish)
    if not tag:
        raise unprocessable("tag_name is required.")
    return {"actions": [show(_begin(droplet, wish)) for droplet in lookup.droplets(tag)]}, 201


def show(action: Action) -> dict[str, Any]:
    """Return an action as the API shows it."""
    return {
        "id": action.id,
        "status": action.status,
        "type": action.type,
        "started_at": action.started_at,
        "completed_at": action.completed_at,
        "resource_id": action.resource_id,
        "resource_type": "droplet",
        "region": catalog.region(action.region),
        "region_slug": action.region,
        # DigitalOcean says nothing here; its users look at a console in the browser.
        **({"message": action.message} if action.message else {}),
    }


def _begin(droplet: Droplet, wish: _Wish) -> Action:
    if wish.type not in cloud().operations.types:
        known = ", ".join(sorted(cloud().operations.types))
        raise unprocessable(f"{wish.type} is not an action of the local cloud; it has {known}.")
    changed = _changed(droplet, wish)
    with cloud().store.transaction():
        try:
            action = cloud().operations.begin(droplet, wish.type)
        except PendingEventError:
            raise unprocessable("Droplet already has a pending event.") from None
        if changed != droplet:
            cloud().store.save(changed)
        if wish.type == "snapshot":
            cloud().store.add(_snapshot_of(droplet, wish.name))
    return action


def _snapshot_of(droplet: Droplet, name: str) -> Snapshot:
    made_of = catalog.find_image(droplet.image) or lookup.removed_snapshot(droplet.image)
    return Snapshot(
        name=name or f"{droplet.name}-{int(cloud().clock())}",
        droplet_id=droplet.id,
        image=made_of.image if isinstance(made_of, Snapshot) else droplet.image,
        region=droplet.region,
        created_at=now(),
        min_disk_size=(catalog.size(droplet.size) or {})["disk"],
    )


def _changed(droplet: Droplet, wish: _Wish) -> Droplet:
    """Return the droplet as the action makes it: renamed, or of another image."""
    if wish.type == "rename":
        droplets.check_name(wish.name)
        return msgspec.structs.replace(droplet, name=wish.name)
    if wish.type == "rebuild":
        image = catalog.find_image(wish.image or droplet.image)
        if image is None:
            raise unprocessable("You specified an invalid image for Droplet rebuild.")
        return msgspec.structs.replace(droplet, image=catalog.reference(image), ready=False)
    return droplet
