"""Options that several commands share, and the frame every command runs in."""

from __future__ import annotations

import contextlib
import errno
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import Exit, HubError

if TYPE_CHECKING:
    from ..actions.fleet import LoadedFleet
    from ..actions.outcome import Outcome
    from ..output import Output
    from ..transport.hostkeys import Pin

InventoryOption = Annotated[
    Path | None,
    typer.Option(
        "--inventory",
        "-i",
        envvar="HUBCTL_INVENTORY",
        help="The inventory file; by default the one in inventories/.",
        show_default=False,
        readable=False,  # whoever reads it says more of what is wrong with it
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON event a line on stdout, nothing else.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
ParallelOption = Annotated[int, typer.Option("--parallel", min=1, max=64, help="Nodes worked on at once.")]
LockWaitOption = Annotated[
    int, typer.Option("--lock-wait", min=0, metavar="SECONDS", help="How long to wait for a locked node.")
]
NodeOption = Annotated[
    str, typer.Option("--node", help="The hub's node, where there are several.", show_default=False)
]
NodesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NODE]...", help="Names of nodes; all by default.", show_default=False),
]


@contextlib.contextmanager
def command(json: bool) -> Iterator[Output]:
    """Run a command's body: give it the output, show its errors, and turn them into exit codes."""
    from ..output import Output

    output = Output.choose(json=json)
    try:
        yield output
    except HubError as error:
        told = error
    except OSError as error:
        told = refused(error)
    except EOFError as error:  # Click would end without a word
        told = _ended_early(error)
    else:
        return
    output.error(told)
    raise typer.Exit(int(told.exit_code))


def _ended_early(error: EOFError) -> HubError:
    import traceback

    place = traceback.extract_tb(error.__traceback__)[-1]
    return HubError(
        "ended-early",
        "something that hubctl reads from ended too early",
        why=f"{error or 'end of file'} ({place.name}, {Path(place.filename).name}:{place.lineno})",
        hint="run the same command again: it carries on where this one stopped",
    )


def refused(error: OSError) -> HubError:
    """Return the error for what this computer would not do: a file that cannot be read or written, a full disk."""
    path = str(error.filename)[:300] if error.filename else ""
    not_allowed = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    return HubError(
        "not-possible-here",
        f"this computer does not allow it: {error.strerror or error}",
        why=path,
        hint=f"ls -ld {shlex.quote(path)}"
        if path
        else "look at this computer's disks and limits: df -h; ulimit -a",
        exit_code=Exit.NOT_ALLOWED if not_allowed else Exit.FAILED,
    )


def load_fleet(inventory: Path | None, output: Output | None = None) -> LoadedFleet:
    """Find and read the inventory.

    Args:
        inventory: its path, where one is named.
        output: told what the cloud is waited for, by commands that ask it.

    Raises:
        HubError: there is none, or it has mistakes.
    """
    from ..actions.fleet import LoadedFleet
    from ..inventory.find import find
    from ..inventory.load import load

    path = find(inventory)
    return LoadedFleet(load(path), path, output.progress) if output else LoadedFleet(load(path), path)


def is_its_own(pin: Pin) -> bool:
    """Ask whether a host shows its own key; nobody is asked without a terminal."""
    if not sys.stdin.isatty():
        return False
    typer.echo(f"{pin.node} shows the host key {pin.fingerprint} ({pin.key_type})", err=True)
    return typer.confirm("Is it the host's own?", err=True)


def confirm(question: str, verb: str, lines: list[str], again: str) -> None:
    """Ask before something is done that cannot be undone; where nobody can be asked, refuse.

    Args:
        question: what is asked.
        verb: what would be done: remove, stop.
        lines: and to what.
        again: the command that does it without asking.

    Raises:
        HubError: there is no terminal.
        typer.Exit: the answer is no.
    """
    if not sys.stdin.isatty():
        raise HubError(
            "not-confirmed",
            f"`{again}` was not confirmed",
            why=f"this would {verb}:\n" + "\n".join(lines),
            hint=f"`{again} --yes`",
            exit_code=Exit.NOT_ALLOWED,
        )
    for line in lines:
        typer.echo(f"  {line}", err=True)
    if not typer.confirm(question, err=True):
        raise typer.Exit(int(Exit.NOT_ALLOWED))


def chosen_nodes(loaded: LoadedFleet, names: list[str] | None) -> list[str]:
    """Return the nodes asked for, all of the inventory when none is named.

    Raises:
        HubError: a name is not in the inventory.
    """
    from ..inventory.hosts import node_named

    for name in names or ():
        node_named(loaded.fleet, name, loaded.path)
    return list(dict.fromkeys(names or loaded.fleet.nodes))


def ask_nodes(
    loaded: LoadedFleet,
    names: list[str] | None,
    op: str,
    command_line: str,
    output: Output,
    **fields: object,
) -> list[Outcome]:
    """Have nodes do one operation of the engine, several at once; return all outcomes, failed ones too."""
    from ..actions.job import Caller, Job

    return Job(loaded, Caller(command_line), output).ask_all(op, chosen_nodes(loaded, names), **fields)
