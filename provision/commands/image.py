"""hubctl image: images of a node's packages and environments, so that new machines are ready sooner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .options import InventoryOption, JsonOption, YesOption, command, confirm, load_fleet

if TYPE_CHECKING:
    from ..cloud.base import Snapshot
    from ..output import Output

app = typer.Typer(
    help="Keep images that machines are made from: packages and environments, no secrets, no data.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.command("bake")
def bake(
    node: Annotated[str, typer.Argument(help="The node whose packages and environments are baked.")],
    name: Annotated[str, typer.Option(help="What the image is called.", show_default=False)] = "",
    base: Annotated[str, typer.Option(help="The image that it is made from.", show_default=False)] = "",
    size: Annotated[str, typer.Option(help="Of the machine that it is made on.", show_default=False)] = "",
    region: Annotated[str, typer.Option(help="Where it is made.", show_default=False)] = "",
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Make an image of what a node is made of, on a machine of its own, which is removed again.

    Written as `image:` in the inventory, it is what `create-node` makes machines from.
    """
    with command(json) as output:
        from ..actions import bake as action
        from ..actions.job import Caller, Job
        from ..inventory.hosts import node_named, options_of

        loaded = load_fleet(inventory, output)
        node_named(loaded.fleet, node, loaded.path)
        given = {"image": name or None, "size": size or None, "region": region or None}
        options_of(node, given)
        options_of(node, {"image": base or None})
        job = Job(loaded, Caller(f"image bake {node}"), output)
        snapshot = action.bake(job, action.Wish(node, name=name, base=base, size=size, region=region))
        _show([snapshot], output)


@app.command("list")
def list_(inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """List the account's own images."""
    with command(json) as output:
        _show(load_fleet(inventory, output).machines.snapshots(), output)


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="The image's name.")],
    yes: YesOption = False,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Remove an image; machines that were made from it stay."""
    with command(json) as output:
        from ..actions.bake import find

        loaded = load_fleet(inventory, output)
        found = find(loaded, name)
        lines = [f"image {name} of {item.created}, {item.size_gb:.2f} GB" for item in found]
        if not yes:
            confirm(f"Remove {name}?", "remove", lines, f"hubctl image remove {name}")
        for snapshot, line in zip(found, lines, strict=True):
            loaded.machines.remove_snapshot(snapshot)
            output.result(f"removed {line}")
            output.event("removed", image=name, created=snapshot.created)


def _show(snapshots: list[Snapshot], output: Output) -> None:
    from ..cloud.snapshots import name_of, title_of

    rows = []
    for item in snapshots:
        title = title_of(item)
        base = title.base if title else ""
        output.event(
            "image",
            name=name_of(item),
            base=base,
            digest=title.digest if title else "",
            created=item.created,
            regions=item.regions,
            size_gb=item.size_gb,
        )
        rows.append((name_of(item), base, item.created, f"{item.size_gb:.2f} GB", " ".join(item.regions)))
    output.table("images", ("name", "made from", "made", "size", "regions"), rows)
