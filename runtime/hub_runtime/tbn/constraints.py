"""Constraints that no configuration at all can meet are errors, found before anything is solved."""

from __future__ import annotations

from collections.abc import Callable

from . import errors
from .model import Network, Site


def check(network: Network) -> None:
    """Refuse constraints that the possible bonds alone rule out.

    Raises:
        TBNError: two monomers that must be together are joined by no chain of possible bonds, a monomer that
            must not be free has no partner, or a site that must be paired has none.
    """
    checks: dict[str, Callable[[Network, tuple[str, ...]], None]] = {
        "TOGETHER": _check_together,
        "NOTFREE": _check_not_free,
        "PAIRED": _check_paired,
        "ANYPAIRED": _check_any_paired,
    }
    for constraint in network.constraints:
        if constraint.type in checks:
            checks[constraint.type](network, constraint.arguments)


def monomer_named(network: Network, name: str) -> int:
    """Index of the monomer of that name."""
    return next(index for index, monomer in enumerate(network.monomers) if monomer.name == name)


def site_named(network: Network, name: str) -> tuple[int, int]:
    """Index of the monomer and of the site in it that has that name."""
    return next(
        (index, position)
        for index, monomer in enumerate(network.monomers)
        for position, site in enumerate(monomer.sites)
        if site.name == name
    )


def _group_of(network: Network, name: str) -> tuple[int, ...]:
    index = monomer_named(network, name)
    return next(group for group in network.possible_groups if index in group)


def _check_together(network: Network, names: tuple[str, ...]) -> None:
    for name in names[1:]:
        if _group_of(network, name) != _group_of(network, names[0]):
            raise errors.TogetherConstraintError(name, names[0])


def _check_not_free(network: Network, names: tuple[str, ...]) -> None:
    if len(_group_of(network, names[0])) == 1:
        raise errors.NotFreeConstraintError(names[0])


def _site(network: Network, name: str) -> Site:
    index, position = site_named(network, name)
    return network.monomers[index].sites[position]


def _check_paired(network: Network, names: tuple[str, ...]) -> None:
    first, second = (_site(network, name) for name in names)
    if first.domain != second.domain or first.starred == second.starred:
        raise errors.PairedConstraintError(*names)


def _check_any_paired(network: Network, names: tuple[str, ...]) -> None:
    if _site(network, names[0]).domain not in network.limiting:
        raise errors.AnyPairedConstraintError(names[0])
