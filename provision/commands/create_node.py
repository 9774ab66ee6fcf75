"""hubctl create-node."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .options import InventoryOption, JsonOption, command, load_fleet

if TYPE_CHECKING:
    from ..transport.hostkeys import Pin


def create_node(
    name: Annotated[str, typer.Argument(help="The node's name in the inventory.")],
    size: Annotated[str | None, typer.Option(help="A name of `sizes`, or the cloud's slug.")] = None,
    hostname: Annotated[str | None, typer.Option(help="The node's host name in the fleet's domain.")] = None,
    image: Annotated[str | None, typer.Option(help="The image's slug.")] = None,
    region: Annotated[str | None, typer.Option(help="The region's slug.")] = None,
    no_deploy: Annotated[bool, typer.Option("--no-deploy", help="Stop when the machine is ready.")] = False,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Make a node's machine and deploy it.

    The machine gets pinned keys and its DNS names, and is waited for in named stages. Run again, it carries on.
    """
    with command(json) as output:
        from ..actions.create import create
        from ..actions.job import Caller, Job
        from ..inventory.hosts import node_named, options_of
        from ..inventory.load import load

        loaded = load_fleet(inventory, output)
        node_named(loaded.fleet, name, loaded.path)
        options = options_of(name, {"size": size, "hostname": hostname, "image": image, "region": region})
        node = load(loaded.path, options).nodes[name] if options else loaded.fleet.nodes[name]
        job = Job(loaded, Caller(f"create-node {name}"), output)
        created = create(job, name, node, _is_its_own)
        machine = created.machine
        output.event(
            "node", node=name, id=machine.id, address=machine.ipv4, new=created.new, records=created.records
        )
        if not no_deploy:
            from .outcomes import deploy_and_show

            deploy_and_show(job, [name], parallel=1)


def _is_its_own(pin: Pin) -> bool:
    """Ask whether a host shows its own key; nobody is asked without a terminal."""
    if not sys.stdin.isatty():
        return False
    typer.echo(f"{pin.node} shows the host key {pin.fingerprint} ({pin.key_type})", err=True)
    return typer.confirm("Is it the host's own?", err=True)
