"""hubctl destroy-node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import Exit, HubError
from .options import InventoryOption, JsonOption, YesOption, command, confirm, load_fleet

if TYPE_CHECKING:
    from ..actions.fleet import LoadedFleet


def destroy_node(
    name: Annotated[str, typer.Argument(help="The node's name.")],
    yes: YesOption = False,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Remove a node and all that belongs to it.

    Its machine with the disk, its DNS records and its pinned key; the inventory stays as it is.
    """
    with command(json) as output:
        from ..actions.claims import claimed
        from ..actions.destroy import destroy, doomed
        from ..actions.job import Caller, Job

        loaded = load_fleet(inventory, output)
        with claimed(Job(loaded, Caller(f"destroy-node {name}"), output), name):
            what = doomed(loaded, name)
            lines = what.lines(loaded.fleet.domain)
            if what.nothing and name not in loaded.fleet.nodes:
                raise _unknown(loaded, name)
            if what.nothing:
                output.result(f"there is nothing of node {name}")
                return
            if not yes:
                question = f"Remove all this of {name}, the disk's content included?"
                confirm(question, "remove", lines, f"hubctl destroy-node {name}")
            left = destroy(loaded, what, output)
        for line in lines:
            output.result(f"removed {line}")
        for line in left:
            output.result(f"left, as other nodes may need it: {line}")
        output.event("destroyed", node=name, removed=lines, left=left)


def _unknown(loaded: LoadedFleet, name: str) -> HubError:
    from ..inventory.suggest import nearest
    from ..transport import hostkeys

    known = nearest(name, {*loaded.fleet.nodes, *hostkeys.read(loaded.path)})
    return HubError(
        "unknown-node",
        f"there is no node `{name}`, neither in {loaded.path} nor of its machines",
        why=f"the nodes are: {', '.join(known)}",
        hint="name one of them; `hubctl status` shows how they are",
        exit_code=Exit.INVENTORY,
    )
