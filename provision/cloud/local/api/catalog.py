"""What can be ordered: sizes, regions and images, by the slugs that DigitalOcean has for them."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, request

from ....distributions import IMAGES, Image
from ..model import Snapshot
from . import lookup
from .context import cloud
from .http import body, not_found, page

blueprint = Blueprint("catalog", __name__)

_DISK = 7  # GB
_MADE = "2025-01-01T00:00:00Z"
# slug: memory in MB, processors, disk in GB, transfer in TB, price in USD a month, description
_SIZES = {
    "s-1vcpu-512mb-10gb": (512, 1, 10, 0.5, 4, "Basic"),
    "s-1vcpu-1gb": (1024, 1, 25, 1, 6, "Basic"),
    "s-1vcpu-2gb": (2048, 1, 50, 2, 12, "Basic"),
    "s-2vcpu-2gb": (2048, 2, 60, 3, 18, "Basic"),
    "s-2vcpu-4gb": (4096, 2, 80, 4, 24, "Basic"),
    "s-4vcpu-8gb": (8192, 4, 160, 5, 48, "Basic"),
    "s-8vcpu-16gb": (16384, 8, 320, 6, 96, "Basic"),
    "c-2": (4096, 2, 25, 4, 42, "CPU-Optimized"),
    "c-4": (8192, 4, 50, 5, 84, "CPU-Optimized"),
    "g-2vcpu-8gb": (8192, 2, 25, 4, 63, "General Purpose"),
    "g-4vcpu-16gb": (16384, 4, 50, 5, 126, "General Purpose"),
    "m-2vcpu-16gb": (16384, 2, 50, 4, 84, "Memory-Optimized"),
}
_REGIONS = {
    "ams3": "Amsterdam 3",
    "blr1": "Bangalore 1",
    "fra1": "Frankfurt 1",
    "lon1": "London 1",
    "nyc1": "New York 1",
    "nyc2": "New York 2",
    "nyc3": "New York 3",
    "sfo2": "San Francisco 2",
    "sfo3": "San Francisco 3",
    "sgp1": "Singapore 1",
    "syd1": "Sydney 1",
    "tor1": "Toronto 1",
}
DEFAULT_REGION = "nyc1"


class _Change(msgspec.Struct, kw_only=True):
    name: str = ""
    distribution: str = ""
    description: str = ""


def size(slug: str) -> dict[str, Any] | None:
    """Return a size as the API shows it, or None."""
    if slug not in _SIZES:
        return None
    memory, processors, disk, transfer, price, description = _SIZES[slug]
    return {
        "slug": slug,
        "memory": memory,
        "vcpus": processors,
        "disk": disk,
        "transfer": transfer,
        "price_monthly": price,
        "price_hourly": round(price / 672, 5),
        "regions": list(_REGIONS),
        "available": True,
        "description": description,
        "disk_info": [{"type": "local", "size": {"amount": disk, "unit": "gib"}}],
    }


def region(slug: str) -> dict[str, Any] | None:
    """Return a region as the API shows it, or None; all of them are this computer."""
    if slug not in _REGIONS:
        return None
    return {
        "slug": slug,
        "name": f"{_REGIONS[slug]} (this computer)",
        "features": ["ipv6", "metadata"],
        "available": True,
        "sizes": list(_SIZES),
    }


def matching_region(wanted: str) -> str | None:
    """Return the region of this slug, or the first that begins with it, as DigitalOcean takes `nyc`."""
    if wanted in _REGIONS:
        return wanted
    return next((slug for slug in _REGIONS if wanted and slug.rstrip("0123456789") == wanted), None)


def image_id(slug: str) -> int:
    """Return an image's number: the same for a slug on every computer."""
    return int.from_bytes(slug.encode(), "big") % 900_000_000 + 100_000_000


def find_image(wanted: str | int) -> Image | Snapshot | None:
    """Return an image on offer by slug or number, or a snapshot by number; None when there is none."""
    offered = (i for i in cloud().images if wanted in (i.slug, image_id(i.slug), str(image_id(i.slug))))
    snapshot = lookup.snapshot(int(wanted)) if str(wanted).isdecimal() else None
    return next(offered, snapshot)


def reference(image: Image | Snapshot) -> str:
    """Return what a droplet notes of its image: a slug, or a snapshot's number."""
    return str(image.id) if isinstance(image, Snapshot) else image.slug


def smallest_disk(image: Image | Snapshot) -> int:
    """Return the disk in GB that a droplet of this image needs at least."""
    return image.min_disk_size if isinstance(image, Snapshot) else _DISK


def show_image(image: Image | Snapshot) -> dict[str, Any]:
    """Return an image as the API shows it."""
    if isinstance(image, Snapshot):
        return _show_snapshot(image)
    return {
        "id": image_id(image.slug),
        "name": image.name,
        "distribution": image.distribution.title,
        "slug": image.slug,
        "public": True,
        "regions": list(_REGIONS),
        "created_at": _MADE,
        "min_disk_size": _DISK,
        "type": "base",
        "size_gigabytes": 0.4,
        "description": f"{image.distribution.title} {image.name}",
        "tags": [],
        "status": "available",
    }


def _show_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    base = next((image for image in IMAGES if image.slug == snapshot.image), None)
    return {
        "id": snapshot.id,
        "name": snapshot.name,
        "distribution": base.distribution.title if base else "Unknown",
        "slug": None,
        "public": False,
        "regions": [snapshot.region],
        "created_at": snapshot.created_at,
        "min_disk_size": snapshot.min_disk_size,
        "type": "snapshot",
        "size_gigabytes": lookup.gigabytes(snapshot),
        "description": "",
        "tags": [],
        "status": "available",
    }


@blueprint.get("/sizes")
def list_sizes() -> dict[str, Any]:
    """List what droplets can be as large as."""
    return page("sizes", [size(slug) for slug in _SIZES])


@blueprint.get("/regions")
def list_regions() -> dict[str, Any]:
    """List where droplets can be."""
    return page("regions", [region(slug) for slug in _REGIONS])


@blueprint.get("/images")
def list_images() -> dict[str, Any]:
    """List what droplets can be made from: the distributions and the account's own snapshots."""
    kind, private = request.args.get("type"), request.args.get("private") == "true"
    found: list[Image | Snapshot] = []
    if kind in (None, "distribution") and not private:
        found += cloud().images
    if kind is None:
        found += lookup.snapshots()
    return page("images", [] if request.args.get("tag_name") else [show_image(image) for image in found])


@blueprint.get("/images/<wanted>")
def get_image(wanted: str) -> dict[str, Any]:
    """Show one image, by number or slug."""
    image = find_image(wanted)
    if image is None:
        raise not_found()
    return {"image": show_image(image)}


@blueprint.put("/images/<int:number>")
def rename_image(number: int) -> dict[str, Any]:
    """Give a snapshot another name."""
    change, snapshot = body(_Change), lookup.snapshot(number)
    if snapshot is None:
        raise not_found()
    renamed = msgspec.structs.replace(snapshot, name=change.name or snapshot.name)
    cloud().store.save(renamed)
    return {"image": show_image(renamed)}
