"""hubctl secrets: values that are needed and never shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .options import InventoryOption, JsonOption, command, load_fleet

if TYPE_CHECKING:
    from ..inventory.model import Fleet

app = typer.Typer(
    help="Keep the fleet's secrets, encrypted beside the inventory.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
recipients = typer.Typer(
    help="Say whose keys open the secrets.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
app.add_typer(recipients, name="recipients")


@app.command("list")
def list_(inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """List the secrets: names, generations, ages. Never values."""
    with command(json) as output:
        from datetime import UTC, datetime

        document = load_fleet(inventory).secrets.read()
        if not document.secrets:
            output.result(
                "there are no secrets yet: the first deploy that needs one makes it, "
                "`hubctl secrets set NAME` keeps one of yours"
            )
        for name, generations in document.secrets.items():
            for item in generations:
                days = (datetime.now(UTC) - item.created).days
                created = item.created.isoformat()
                output.event(
                    "secret",
                    name=name,
                    generation=item.number,
                    status=item.status,
                    created=created,
                    days=days,
                )
                output.result(f"{name}: generation {item.number}, {item.status}, {days} days old")


@app.command("set")
def set_(
    name: Annotated[str, typer.Argument(help="The secret's name, a path such as mail/password.")],
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Give a secret a value, asked for without echo or read from standard input."""
    with command(json) as output:
        from ..secrets.changes import set_value
        from ..secrets.value import Secret

        loaded = load_fleet(inventory)
        if sys.stdin.isatty():
            value = typer.prompt(name, hide_input=True, confirmation_prompt=True, err=True)
        else:
            value = sys.stdin.read().removesuffix("\n")
        generation = set_value(loaded.secrets, name, Secret(value))
        output.event("secret", name=name, generation=generation, status="current")
        output.result(f"{name}: generation {generation}; {_use_of(name, loaded.fleet)}")


def _use_of(name: str, fleet: Fleet) -> str:
    """Say who uses a secret: nodes at their next deploy, or only who asks for it."""
    from ..actions.contexts import secret_names
    from ..inventory.suggest import nearest

    used = secret_names(fleet, fleet.nodes)
    if name in used:
        return "the next deploy uses it"
    known = f"; what they use is {', '.join(nearest(name, used))}" if used else ""
    return f"no node uses {name}{known}. `hubctl secrets show {name}` prints it for programs of yours"


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The secret's name.")],
    inventory: InventoryOption = None,
) -> None:
    """Print a secret's value, for a program that needs it: the only command that shows one."""
    with command(json=False):
        from ..secrets.changes import show_value

        value = show_value(load_fleet(inventory).secrets, name)
        sys.stdout.buffer.write(f"{value}\n".encode())  # as it is, whatever the terminal can show


@app.command()
def edit(inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """Change the secrets in your editor ($VISUAL, $EDITOR); the text is kept in memory, not on a disk."""
    with command(json) as output:
        from ..secrets.changes import edit as run

        loaded = load_fleet(inventory)
        changed = run(loaded.secrets)
        output.event("edited", names=changed)
        output.result(f"changed: {', '.join(changed) or 'nothing'}")
        for name in changed:
            output.result(_use_of(name, loaded.fleet))


@recipients.command("list")
def list_recipients(inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """List the public keys whose owners can read the secrets."""
    with command(json) as output:
        for key in load_fleet(inventory).secrets.read().recipients:
            output.event("recipient", key=key)
            output.result(key)


@recipients.command()
def add(
    key: Annotated[str, typer.Argument(help="A public key: `ssh-ed25519 …`, `ssh-rsa …` or `age1…`.")],
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Let the owner of one more key read the secrets."""
    with command(json) as output:
        from ..secrets.changes import add_recipient

        added = add_recipient(load_fleet(inventory).secrets, key)
        output.event("recipient", key=key, added=added)
        output.result("added; commit the file" if added else "could read them already")


@recipients.command()
def remove(
    key: Annotated[str, typer.Argument(help="A recipient as listed, its key alone, or its comment.")],
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Shut a key out. What it could read so far it knows: rotate those secrets."""
    with command(json) as output:
        from ..secrets.changes import remove_recipient

        removed = remove_recipient(load_fleet(inventory).secrets, key)
        output.event("recipient", key=removed, removed=True)
        output.result(
            f"removed {removed}\nits owner knows what it could read so far: `hubctl rotate-key --all`"
        )
