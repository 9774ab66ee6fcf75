"""hubctl create-node."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import InventoryOption, JsonOption, YesOption, command, confirm, is_its_own, load_fleet


def create_node(
    name: Annotated[str, typer.Argument(help="The node's name in the inventory.")],
    size: Annotated[str | None, typer.Option(help="A name of `sizes`, or the cloud's slug.")] = None,
    hostname: Annotated[str | None, typer.Option(help="The node's host name in the fleet's domain.")] = None,
    image: Annotated[str | None, typer.Option(help="The image's slug.")] = None,
    region: Annotated[str | None, typer.Option(help="The region's slug.")] = None,
    no_deploy: Annotated[bool, typer.Option("--no-deploy", help="Stop when the machine is ready.")] = False,
    yes: YesOption = False,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Make a node's machine and deploy it.

    The machine gets pinned keys and its DNS names, and is waited for in named stages. Run again, it carries on.
    """
    with command(json) as output:
        from ..actions.create import Asks, create
        from ..actions.job import Caller, Job
        from ..inventory.hosts import node_named, options_of
        from ..inventory.load import load

        loaded = load_fleet(inventory, output)
        node_named(loaded.fleet, name, loaded.path)
        chosen = {"size": size, "hostname": hostname, "image": image, "region": region}
        options = options_of(name, chosen, loaded.fleet.domain)
        node = load(loaded.path, options).nodes[name] if options else loaded.fleet.nodes[name]
        job = Job(loaded, Caller(f"create-node {name}"), output)

        def replace_names(lines: list[str]) -> None:
            if not yes:
                question = "None of this is the fleet's so far. Is it right?"
                confirm(question, "change names", lines, f"hubctl create-node {name}")

        created = create(job, name, node, Asks(is_its_own, replace_names))
        machine = created.machine
        output.event(
            "node", node=name, id=machine.id, address=machine.ipv4, new=created.new, records=created.records
        )
        if not no_deploy:
            from .outcomes import deploy_and_show

            deploy_and_show(job, [name], parallel=1)
