"""Nodes by name, and the full host names they answer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from ..errors import Exit, HubError
from .load import Options
from .model import Fleet, Node
from .scalars import text_problem
from .services.service import WebService
from .shape import Label, struct_fields
from .suggest import did_you_mean


def node_named(fleet: Fleet, name: str, path: Path) -> Node:
    """Return a node of the inventory.

    Raises:
        HubError: there is none of that name (`unknown-node`); shows the lines that would add it to `path`.
    """
    if name in fleet.nodes:
        return fleet.nodes[name]
    nearest = did_you_mean(name, fleet.nodes)
    raise HubError(
        "unknown-node",
        f"there is no node `{name}` in {path}",
        why=f"the nodes are: {', '.join(fleet.nodes)}",
        hint="\n".join(filter(None, (nearest, _how_to_add(name, fleet, path)))),
        exit_code=Exit.INVENTORY,
    )


def node_hostnames(fleet: Fleet, name: str, node: Node) -> list[str]:
    """Return the full names that point to a node: its own, then those of its services, each once."""
    names = [fleet.fqdn(node.hostname or name)]
    for service in node.services.present().values():
        if not isinstance(service, WebService) or service.hostname is None:
            continue
        names += service.names(fleet.fqdn(service.hostname))
    return list(dict.fromkeys(names))


def proven_on_node(names: Iterable[str]) -> dict[str, str]:
    """Return which names of DNS a node answers for itself, and by which of its names it is found.

    That a name of the form `*.NAME` is its own a node can prove to certificate authorities in DNS alone.
    """
    return {f"_acme-challenge.{name[2:]}": name[2:] for name in names if name.startswith("*.")}


def options_of(name: str, chosen: Mapping[str, str | None], domain: str = "") -> Options:
    """Return options of the command line as values of a node, for `load`; None keeps what the inventory says.

    Args:
        name: the node.
        chosen: values by option.
        domain: the fleet's, which a host name is written without.

    Raises:
        HubError: an option's value is not of the form that the inventory allows.
    """
    given = {option: value for option, value in chosen.items() if value is not None}
    kinds = {item.name: item.type for item in struct_fields(Node)}
    for option, value in given.items():
        if problem := text_problem(value, kinds[option], domain if option == "hostname" else ""):
            raise HubError(
                "bad-option",
                f"--{option} {problem.text}",
                why=problem.why,
                hint=problem.hint,
                exit_code=Exit.USAGE,
            )
    return {("nodes", name, option): value for option, value in given.items()}


def _how_to_add(name: str, fleet: Fleet, path: Path) -> str:
    if problem := text_problem(name, msgspec.inspect.type_info(Label)):
        return f"the name of a node {problem.text}; {problem.why}"
    like = next(iter(fleet.nodes.values()))
    made = [f"    size: {like.size}", f"    image: {like.image}"] if like.size else ["    address: …"]
    lines = (f"  {name}:", *made, "    services: {}")
    return f"to add it, put these lines under `nodes:` in {path}:\n" + "\n".join(lines)
