"""hubctl local: the cloud on this computer."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import InventoryOption, JsonOption, command, load_fleet

app = typer.Typer(
    help="The cloud on this computer.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

NameOption = Annotated[
    str | None,
    typer.Option("--name", help="The cloud's name; by default the inventory's own.", show_default=False),
]


@app.command()
def up(name: NameOption = None, inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """Start the cloud.

    Its API, DNS and test CA; machines that were running come back.
    """
    with command(json) as output:
        from ..cloud.local import lifecycle

        instance = lifecycle.up(_name(name, inventory), report=output.line)
        output.result(f"local cloud {instance.name} answers at {instance.endpoint}")
        output.event("local", name=instance.name, endpoint=instance.endpoint, acme=instance.acme_directory)


@app.command()
def status(name: NameOption = None, inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """Show the cloud and its machines."""
    with command(json) as output:
        from dataclasses import asdict

        from ..cloud.local import lifecycle

        chosen = _name(name, inventory)
        now = lifecycle.status(chosen)
        acme = now.acme_directory + ("" if now.acme_running else " (stopped)")
        output.result(f"local cloud {chosen}: {'running' if now.running else 'stopped'}")
        output.table(
            "services",
            ["API", "DNS", "network", "ACME"],
            [[now.endpoint, now.dns_address, now.subnet, acme]],
        )
        rows = [[machine.name, machine.status, machine.address] for machine in now.machines]
        if rows:
            output.table("machines", ["name", "status", "address"], rows)
        output.event(
            "local",
            name=chosen,
            running=now.running,
            endpoint=now.endpoint,
            machines=[asdict(machine) for machine in now.machines],
        )


@app.command()
def down(
    name: NameOption = None,
    destroy: Annotated[
        bool, typer.Option("--destroy", help="Remove the machines, their disks and all state.")
    ] = False,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Stop the cloud and its machines.

    Their disks stay unless --destroy is given.
    """
    with command(json) as output:
        from ..cloud.local import lifecycle

        lifecycle.down(_name(name, inventory), destroy=destroy, report=output.result)


def _name(name: str | None, inventory: object) -> str:
    if name:
        return name
    from pathlib import Path

    from ..cloud.connect import local_name

    loaded = load_fleet(inventory if isinstance(inventory, Path) else None)
    return local_name(loaded.fleet, loaded.path)
