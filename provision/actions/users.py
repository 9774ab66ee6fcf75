"""Users of a hub: what a node is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import Exit, HubError, HubErrors
from ..inventory.load import place_of
from ..inventory.people import SERVICE, name_trouble, named, nearest_name
from ..inventory.services.service import WebService
from ..node.resources.hub_users import MADE
from ..node.users.accounts import SET
from ..node.users.names import password_problem
from ..node.users.spoken import spoken
from ..secrets.value import Secret
from .fleet import LoadedFleet
from .job import Job
from .outcome import Outcome

if TYPE_CHECKING:
    from ..inventory.model import Fleet
    from ..transport.answers import User


@dataclass(frozen=True)
class Person:
    """Somebody as they shall be; `admin` None leaves that as it is, `made` says whether the password is ours."""

    name: str
    password: Secret
    admin: bool | None = None
    made: bool = True


@dataclass(frozen=True)
class Done:
    """What became of one user: what was done, and the person if they have the password now."""

    name: str
    what: tuple[str, ...]
    person: Person | None = None


def person(name: str, password: Secret | None = None, *, admin: bool | None = None) -> Person:
    """Return somebody, with a new password where none is given."""
    return Person(name, password or Secret(spoken()), admin, made=password is None)


def hub_node(loaded: LoadedFleet, name: str = "", command: str = "hubctl users list") -> str:
    """Return the node of the hub that is meant; one that is named need not have the hub, as when it was taken out.

    Raises:
        HubError: there is none, or several.
    """
    from ..inventory.hosts import node_named

    if name:
        node_named(loaded.fleet, name, loaded.path)
        return name
    hubs = [node for node, has in loaded.fleet.nodes.items() if SERVICE in has.services.present()]
    if len(hubs) == 1:
        return hubs[0]
    raise HubError(
        "several-hubs" if hubs else "no-hub",
        "several nodes have a hub, and none was named" if hubs else f"no node of {loaded.path} has a hub",
        why=f"with the service {SERVICE}: {', '.join(hubs)}" if hubs else f"none has the service {SERVICE}",
        hint=f"`{command} --node {hubs[0] if hubs else next(iter(loaded.fleet.nodes), 'NODE')}`",
        exit_code=Exit.USAGE,
    )


def address_of(loaded: LoadedFleet, node: str) -> str:
    """Return where people find the hub of a node, or nothing where it has no name on the web."""
    service = loaded.fleet.nodes[node].services.present().get(SERVICE)
    hostname = service.hostname if isinstance(service, WebService) else None
    return f"https://{loaded.fleet.fqdn(hostname)}" if hostname else ""


def check_names(names: Sequence[str]) -> None:
    """See that people can be called so.

    Raises:
        HubError: a name is none; with what would do.
    """
    bad = [(name, why) for name in names if (why := name_trouble(name))]
    if bad:
        cures = [nearest_name(name) for name, _ in bad]
        hint = f"did you mean `{' '.join(cures)}`?" if all(cures) else "name them in another way"
        raise HubError(
            "bad-name",
            f"nobody can be called {', '.join(repr(name) for name, _ in bad)}",
            why="\n".join(f"{name!r}: {why}" for name, why in bad),
            hint=hint,
            exit_code=Exit.USAGE,
        )


def not_against_inventory(
    loaded: LoadedFleet, node: str, admins: Mapping[str, bool | None], *, stay: bool = True
) -> None:
    """See that the next deploy would not undo what is asked for.

    Args:
        loaded: the fleet.
        node: the hub's node.
        admins: who is meant, and whether they shall be admins; None leaves that as it is.
        stay: False where they are to be removed.

    Raises:
        HubErrors: the inventory says otherwise; all whom it does so of.
    """
    wrong = []
    for name, (keys, admin) in named(loaded.fleet, node).items():
        if name not in admins or (stay and admins[name] in (None, admin)):
            continue
        says = "names them as an admin" if admin else "names them, and not as an admin"
        wanted = f"move the name from `{keys[-2]}` to `{'users' if admin else 'admins'}`"
        wrong.append(
            HubError(
                "in-inventory",
                f"{name} is in the inventory, which {says}: the next deploy would undo it"
                if stay
                else f"{name} is in the inventory: the next deploy would make the account again",
                hint=f"{wanted} there, then `hubctl deploy {node}`"
                if stay
                else f"take the name out of `{keys[-2]}` there, then run the same command again",
                exit_code=Exit.INVENTORY,
                where=place_of(loaded.path, keys),
            )
        )
    if wrong:
        raise HubErrors(wrong)


def made_by_deploy(fleet: Fleet, outcome: Outcome) -> list[str]:
    """Return for whom a deploy has made an account, which has no password yet."""
    said = {each.what for change in outcome.changes for each in change.changes}
    return [name for name in named(fleet, outcome.node) if f"{name}: {MADE}" in said]


def passwords_command(fleet: Fleet, node: str, names: Sequence[str]) -> str:
    """Return the command that gives people of a node's hub passwords, in backquotes."""
    hubs = [each for each, has in fleet.nodes.items() if SERVICE in has.services.present()]
    which = [] if hubs == [node] else ["--node", node]
    return f"`hubctl users passwd {' '.join([*names, *which])}`"


def check_password(name: str, password: Secret) -> None:
    """See that a password is fit.

    Raises:
        HubError: it is not; it is not shown.
    """
    if why := password_problem(name, password.reveal()):
        raise HubError(
            "bad-password",
            f"the password of {name} is not taken",
            why=why,
            hint="give a longer one, or none: hubctl makes one that is easily read",
            exit_code=Exit.USAGE,
        )


def set_people(
    job: Job, op: str, node: str, people: Sequence[Person], **fields: Any
) -> tuple[Outcome, list[Done]]:
    """Have a node make users or set passwords; return what became of those that it came to."""
    asked = [{"name": each.name, "password": each.password.reveal(), "admin": each.admin} for each in people]
    by_name = {each.name: each for each in people}
    outcome = job.ask(op, node, users=asked, **fields)
    return outcome, [
        Done(name, what, by_name.get(name) if SET in what else None) for name, what in done(outcome)
    ]


def done(outcome: Outcome) -> list[tuple[str, tuple[str, ...]]]:
    """Return the users that were changed, and what was done."""
    return [
        (change.id.removeprefix("account:"), tuple(each.what for each in change.changes))
        for change in outcome.changes
    ]


def known(job: Job, node: str, names: Sequence[str]) -> list[User]:
    """Return what there is to know of users.

    Raises:
        HubError: one is not there, or the node cannot be asked.
    """
    from ..inventory.suggest import did_you_mean

    outcome = job.ask("users-list", node, sizes=True)
    if outcome.error is not None:
        raise outcome.error
    users = {user.name: user for user in outcome.data.users}
    for name in names:
        if name not in users:
            raise HubError(
                "unknown-user",
                f"the hub on {node} has no user {name}",
                why=f"its users: {', '.join(users) or 'none'}",
                hint=did_you_mean(name, users) or "`hubctl users list`",
            )
    return [users[name] for name in names]
