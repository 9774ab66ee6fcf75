"""Snapshots: disks of droplets as they were, kept as images of the account."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from ..model import Snapshot
from . import lookup
from .context import cloud
from .http import not_found, page

blueprint = Blueprint("snapshots", __name__)


@blueprint.get("/snapshots")
def list_snapshots() -> dict[str, Any]:
    """List all snapshots; none is of a volume, as there are no volumes."""
    volumes = request.args.get("resource_type") == "volume"
    return page("snapshots", [] if volumes else [show(snapshot) for snapshot in lookup.snapshots()])


@blueprint.get("/snapshots/<int:number>")
def get_snapshot(number: int) -> dict[str, Any]:
    """Show one snapshot."""
    return {"snapshot": show(_find(number))}


@blueprint.delete("/snapshots/<int:number>")
@blueprint.delete("/images/<int:number>")
def delete_snapshot(number: int) -> tuple[str, int]:
    """Remove a snapshot; droplets that are made of it go on."""
    cloud().operations.remove_snapshot(_find(number))
    return "", 204


@blueprint.get("/droplets/<int:number>/snapshots")
def list_droplet_snapshots(number: int) -> dict[str, Any]:
    """List the snapshots of one droplet."""
    droplet = lookup.droplet(number)
    own = [snapshot for snapshot in lookup.snapshots() if snapshot.droplet_id == droplet.id]
    return page("snapshots", [{**_base(item), "id": item.id, "type": "snapshot"} for item in own])


def show(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as the API shows it."""
    return {
        **_base(snapshot),
        "id": str(snapshot.id),
        "resource_id": str(snapshot.droplet_id),
        "resource_type": "droplet",
        "tags": [],
    }


def _base(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "name": snapshot.name,
        "created_at": snapshot.created_at,
        "regions": [snapshot.region],
        "min_disk_size": snapshot.min_disk_size,
        "size_gigabytes": lookup.gigabytes(snapshot),
    }


def _find(number: int) -> Snapshot:
    found = lookup.snapshot(number)
    if found is None:
        raise not_found()
    return found
