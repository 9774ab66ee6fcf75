"""What a provider has on offer, and whether a machine can be made of it. Pure: the lists come from the caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import Exit, HubError, HubErrors
from ..inventory.suggest import nearest
from .answers import Image, Region, Size
from .base import MachineSpec, Snapshot
from .snapshots import name_of, newest


@dataclass(frozen=True)
class Offer:
    """Slugs of what can be ordered, with the regions where it can.

    Attributes:
        sizes: regions of each size.
        disks: disk of each size in GB.
        images: regions of each public image.
        regions: those that take new machines.
    """

    sizes: Mapping[str, tuple[str, ...]]
    disks: Mapping[str, int]
    images: Mapping[str, tuple[str, ...]]
    regions: tuple[str, ...]

    @staticmethod
    def read(sizes: Iterable[Size], images: Iterable[Image], regions: Iterable[Region]) -> Offer:
        """Return the offer that DigitalOcean's lists describe."""
        on_sale = [item for item in sizes if item.available]
        return Offer(
            {item.slug: tuple(item.regions) for item in on_sale},
            {item.slug: item.disk for item in on_sale},
            {item.slug: tuple(item.regions) for item in images if item.slug},
            tuple(item.slug for item in regions if item.available),
        )


def check(spec: MachineSpec, offer: Offer, snapshots: Sequence[Snapshot]) -> None:
    """Make sure that a machine can be made.

    Raises:
        HubErrors: all that is not on offer, each with what is, nearest first.
    """
    by_age = sorted(snapshots, key=lambda item: item.created)
    images = {**offer.images, **{name_of(item): item.regions for item in by_age}}
    places = {region: (region,) for region in offer.regions}
    errors = [
        *_unknown("region", spec.region, places),
        *_unknown("size", spec.size, offer.sizes),
        *_unknown("image", spec.image, images),
    ]
    if not errors:
        errors = [
            *_elsewhere("size", spec.size, spec.region, offer.sizes),
            *_elsewhere("image", spec.image, spec.region, images),
            *_too_small(spec, offer, snapshots),
        ]
    if errors:
        raise HubErrors(errors)


def _unknown(what: str, asked: str, known: Mapping[str, object]) -> list[HubError]:
    if asked in known:
        return []
    near = nearest(asked, known)
    more = len(known) - len(near)
    return [
        HubError(
            f"unknown-{what}",
            f"the cloud has no {what} `{asked}`",
            why=f"it has: {', '.join(near)}" + (f" and {more} more" if more else ""),
            hint=f"nothing was made; did you mean `{near[0]}`?" if near else "nothing was made",
            exit_code=Exit.INVENTORY,
        )
    ]


def _elsewhere(what: str, asked: str, region: str, known: Mapping[str, Sequence[str]]) -> list[HubError]:
    if region in known[asked]:
        return []
    here = [other for other, regions in known.items() if region in regions]
    there = nearest(region, known[asked])
    return [
        HubError(
            f"{what}-not-in-region",
            f"the {what} `{asked}` cannot be had in region {region}",
            why=f"{asked} is in: {', '.join(there) or 'no region'}\n"
            f"{region} has: {', '.join(nearest(asked, here)) or f'no {what}'}",
            hint="nothing was made; choose another region, or another " + what,
            exit_code=Exit.INVENTORY,
        )
    ]


def _too_small(spec: MachineSpec, offer: Offer, snapshots: Sequence[Snapshot]) -> list[HubError]:
    own = newest(snapshots, spec.image)
    needed = own.disk_gb if own else 0
    if needed <= offer.disks[spec.size]:
        return []
    fit = [size for size, disk in offer.disks.items() if disk >= needed and spec.region in offer.sizes[size]]
    return [
        HubError(
            "disk-too-small",
            f"the image `{spec.image}` needs a disk of {needed} GB, {spec.size} has {offer.disks[spec.size]}",
            why=f"large enough: {', '.join(nearest(spec.size, fit)) or 'none'}",
            hint="nothing was made; choose a larger size, or bake the image on a smaller one",
            exit_code=Exit.INVENTORY,
        )
    ]
