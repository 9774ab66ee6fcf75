"""A good node among such as lie."""

import pytest

from provision.transport import hostkeys
from tests.support import small
from tests.support.groups import shared_fleet
from tests.support.lies import ANSWERS, LIES, LOUD
from tests.support.sshd import Server

GOOD = "good"
PORTS = 12  # of one sshd, which listens on sixteen at most


@shared_fleet
def crowd(make_fleet, tmp_path_factory):
    """A fleet whose node `good` has the small plan; the others are real sshds that run a lie in the engine's place."""
    lies = {**LIES, **LOUD, **ANSWERS}
    fleet = make_fleet(dict.fromkeys((GOOD, *lies), "{}"))
    fleet = fleet.planned(tmp_path_factory.mktemp("small"), small.plan())
    fleet.done("create-node", GOOD)
    public = fleet.ssh(GOOD, "cat", "/root/.ssh/authorized_keys").splitlines()[0]
    servers = []
    for names in batched(lies, PORTS):
        programs = {name: lies[name].program for name in names}
        servers.append(Server(tmp_path_factory.mktemp("sshd"), programs, public))
        for name in names:
            hostkeys.pin(fleet.inventory, servers[-1].pin(name))
    yield fleet
    for server in servers:
        server.close()


def batched(names, most):
    names = list(names)
    return [names[at : at + most] for at in range(0, len(names), most)]


@pytest.fixture
def liars():
    """The names of the nodes that lie, without those that also are loud."""
    return list(LIES)
