"""hubctl pin."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import InventoryOption, JsonOption, command, is_its_own, load_fleet


def pin(
    name: Annotated[str, typer.Argument(help="The node's name in the inventory.")],
    fingerprint: Annotated[
        str,
        typer.Option(
            metavar="SHA256:…",
            help="Of the node's own host key, as its console shows it; you are asked otherwise.",
            show_default=False,
        ),
    ] = "",
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Bring back a node's pin when the file that held it is lost.

    The host key that the node shows is compared with the fingerprint that you know: nothing is trusted unseen.
    """
    with command(json) as output:
        from ..actions.job import Caller, Job
        from ..actions.pin import repin
        from ..inventory.hosts import node_named

        loaded = load_fleet(inventory, output)
        node_named(loaded.fleet, name, loaded.path)
        found, new = repin(Job(loaded, Caller(f"pin {name}"), output), name, fingerprint.strip(), is_its_own)
        output.result(f"{name}: {found.fingerprint} {'pinned' if new else 'was pinned already'}")
        output.event("pin", node=name, fingerprint=found.fingerprint, addresses=found.addresses, new=new)
