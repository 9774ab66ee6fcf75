"""hubctl: registers the commands, and nothing else."""

from __future__ import annotations

import copy
import signal
import sys

import typer

from . import __version__
from .commands import (
    create_node,
    deploy,
    destroy_node,
    history,
    image,
    local,
    lock,
    materials,
    packages,
    pin,
    plan,
    releases,
    restart,
    rollback,
    rotate_key,
    run,
    schema,
    secrets,
    status,
    users,
)
from .errors import Exit

# Rich help would cost 100 ms a call: it imports a Markdown parser.
app = typer.Typer(
    name="hubctl",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)

app.command("create-node")(create_node.create_node)
app.command("deploy")(deploy.deploy)
app.command("plan")(plan.plan)
app.command("status")(status.status)
app.command("restart")(restart.restart)
app.command("rollback")(rollback.rollback)
app.command("run", cls=run.AfterDashes)(run.run)
app.command("releases")(releases.releases)
app.command("history")(history.history)
app.command("rotate-key")(rotate_key.rotate_key)
app.command("pin")(pin.pin)
app.command("destroy-node")(destroy_node.destroy_node)
app.command("schema")(schema.schema)
app.add_typer(lock.app, name="lock")
app.add_typer(secrets.app, name="secrets")
app.add_typer(users.app, name="users")
app.add_typer(materials.app, name="materials")
app.add_typer(packages.app, name="packages")
app.add_typer(image.app, name="image")
app.add_typer(local.app, name="local")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hubctl {__version__}")
        raise typer.Exit


@app.callback()
def hubctl(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Make and keep the servers of workshops, labs and research demos: one inventory file, running nodes."""


def _with(names: list[str]) -> typer.Typer:
    """Return the app with the command of that name alone, if there is one: describing all of them takes 10 ms."""
    found = [item for item in app.registered_commands if item.name in names]
    groups = [item for item in app.registered_groups if item.name in names]
    if not found and not groups:
        return app
    small = copy.copy(app)
    small.registered_commands, small.registered_groups = found, groups
    return small


def main() -> int:
    """Run the command line; return the exit code (docs/reference/exit-codes.md)."""
    # As an exception, it lets connections be closed and the terminal be given back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    command = typer.main.get_command(_with(sys.argv[1:2]))
    try:
        status = command.main(standalone_mode=False, prog_name="hubctl")
    except typer.Abort:
        return 130
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        return 130
    except Exception as error:
        # Usage errors have no public type in Typer; they are told by their method.
        show = getattr(error, "show", None)
        if show is None:
            raise
        show(file=sys.stderr)
        return int(Exit.USAGE)
    return int(status or 0)
