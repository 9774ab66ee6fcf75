"""What a destroy-node removes of names and machines, and what it leaves alone."""

import pytest

from provision import keys
from provision.actions.destroy import doomed
from provision.actions.fleet import LoadedFleet
from provision.cloud.base import DnsRecord, Machine
from provision.cloud.connect import Account
from provision.errors import HubError
from provision.inventory.load import load
from provision.transport import hostkeys
from provision.transport.hostkeys import Pin

INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  box: {size: s-1vcpu-1gb, image: debian-13-x64, services: {task_api: {hostname: tasks, www: true}}}
"""
ADDRESS = "192.0.2.7"
RECORDS = [
    DnsRecord("A", "box", ADDRESS, 300, 1),
    DnsRecord("A", "tasks", ADDRESS, 300, 2),
    DnsRecord("A", "www.tasks", ADDRESS, 300, 3),
    DnsRecord("A", "theirs", ADDRESS, 300, 4),
    DnsRecord("TXT", "box", ADDRESS, 300, 5),
    DnsRecord("A", "@", "192.0.2.8", 300, 6),
]


class Provider:
    """Machines and records that are only looked at."""

    def __init__(self, *machines):
        self.machines = machines

    def find(self, name):
        return [machine for machine in self.machines if machine.name == name]

    def records(self, _):
        return RECORDS

    def serves(self, _):
        return True


def machine(*tags):
    return Machine(7, "box.lab.test", "active", ADDRESS, "", tags, "s-1vcpu-1gb", "debian-13-x64", "fra1")


@pytest.fixture
def loaded(tmp_path):
    def loaded(*machines, pinned=True, nodes=INVENTORY):
        path = tmp_path / "lab.yml"
        path.write_text(nodes)
        if pinned:
            hostkeys.pin(path, Pin("box", (ADDRESS,), "ssh-ed25519", keys.make("box").public_base64))
        provider, found = Provider(*machines), LoadedFleet(load(path), path)
        found.__dict__["_account"] = Account(provider, provider)
        return found

    return loaded


def ids(what):
    return [record.id for record in what.records]


def test_with_a_machine_go_all_records_that_point_to_it(loaded):
    what = doomed(loaded(machine("hubctl", "hubctl-lab")), "box")
    assert (len(what.machines), ids(what), what.pinned) == (1, [1, 2, 3, 4], True)


def test_where_the_machine_is_gone_its_address_may_be_anothers_so_the_nodes_names_go_alone(loaded):
    what = doomed(loaded(), "box")
    assert (what.machines, ids(what)) == ((), [1, 2, 3])


def test_of_a_node_that_the_inventory_no_longer_names_its_own_name_is_known(loaded):
    what = doomed(loaded(nodes=INVENTORY.replace("  box:", "  other:")), "box")
    assert ids(what) == [1]


def test_a_machine_that_is_not_hubctls_is_left_alone(loaded):
    with pytest.raises(HubError) as caught:
        doomed(loaded(machine("theirs"), pinned=False), "box")
    assert caught.value.code == "name-taken"


def test_of_a_host_that_was_there_before_only_the_pin_goes(loaded):
    nodes = INVENTORY.replace("provider: local", "provider: existing").replace("acme: {server: local}\n", "")
    nodes = nodes.replace("size: s-1vcpu-1gb, image: debian-13-x64", f"address: {ADDRESS}")
    what = doomed(loaded(machine("hubctl", "hubctl-lab"), nodes=nodes), "box")
    assert (what.machines, what.pinned) == ((), True)
