"""Hosts that hubctl did not make: entered as another user, at another port, and through a gateway."""

import contextlib

import pytest
import yaml

from provision import keys
from provision.cloud.api import Api
from provision.cloud.base import MachineSpec
from provision.cloud.digitalocean import DigitalOceanMachines
from provision.errors import Exit
from provision.transport import hostkeys
from tests.support.fleet import IMAGE

pytestmark = pytest.mark.nodes

PORT = 2222
INVENTORY = """\
fleet: {fleet}
domain: {fleet}.test
provider: existing
operator: {{email: ops@{fleet}.test, ssh_key: {key}}}
nodes:
  front: {{address: {front}, user: ops, port: {port}{front_key}, services: {{}}}}
  far: {{address: {far}, gateway: front, host_key: "{far_key}", services: {{}}}}
"""


@contextlib.contextmanager
def no_step(_, done=""):
    yield


class Hosts:
    """Two machines that somebody else made: one with a user of its own and sshd at another port, one as usual."""

    def __init__(self, instance, folder):
        self.machines = DigitalOceanMachines(Api(instance.endpoint, instance.token))
        self.operator = keys.make("operator")
        self.key = folder / "operator"
        self.key.write_text(self.operator.private)
        self.key.chmod(0o600)
        self.host_keys = {"front": keys.make("front"), "far": keys.make("far")}
        self.made = {name: self._make(name) for name in self.host_keys}
        self.address = {name: self.machines.ready(made, no_step).ipv4 for name, made in self.made.items()}

    def _make(self, name):
        spec = MachineSpec(
            name=f"{name}.existing.test",
            size="s-1vcpu-1gb",
            image=IMAGE,
            region="fra1",
            tags=("theirs",),
            key_name="theirs",
            public_key=self.operator.public,
            user_data="#cloud-config\n" + yaml.safe_dump(self._config(name)),
            ipv6=False,
        )
        return self.machines.create(spec)

    def _config(self, name):
        host_key = self.host_keys[name]
        config = {
            "ssh_deletekeys": True,
            "ssh_genkeytypes": ["ed25519"],
            "ssh_keys": {"ed25519_private": host_key.private, "ed25519_public": host_key.public},
            "disable_root": False,
            "users": [{"name": "root", "ssh_authorized_keys": [self.operator.public]}],
        }
        if name == "front":
            ops = {"name": "ops", "shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL"}
            config["users"] = [{**ops, "ssh_authorized_keys": [self.operator.public]}]
            config["write_files"] = [
                {
                    "path": "/etc/ssh/sshd_config.d/50-port.conf",
                    "content": f"Port {PORT}\nPermitRootLogin no\n",
                }
            ]
            config["runcmd"] = [["systemctl", "restart", "ssh.service"]]
        return config

    def inventory(self, fleet, front_key):
        return INVENTORY.format(
            fleet=fleet.name,
            key=self.key,
            front=self.address["front"],
            far=self.address["far"],
            far_key=hostkeys.fingerprint(self.host_keys["far"].public_base64),
            port=PORT,
            front_key=f', host_key: "{front_key}"' if front_key else "",
        )

    def remove(self):
        for machine in self.made.values():
            self.machines.destroy(machine)
        self.machines.forget_key(self.operator.public)


@pytest.fixture
def hosts(local_instance, tmp_path):
    hosts = Hosts(local_instance, tmp_path)
    yield hosts
    hosts.remove()


def test_hosts_are_entered_as_the_inventory_says_and_only_with_their_own_key(make_fleet, hosts):
    fleet = make_fleet({"front": "{}"})
    own = hostkeys.fingerprint(hosts.host_keys["front"].public_base64)

    # A key that nobody vouches for is shown, not trusted; neither is one that the inventory does not name.
    fleet.inventory.write_text(hosts.inventory(fleet, ""))
    unknown = None
    for _ in range(60):
        unknown = fleet.hubctl("create-node", "front")
        if unknown.status != Exit.UNREACHABLE:
            break
    assert unknown.status == Exit.NOT_ALLOWED
    assert f"host_key: {own}" in unknown.stderr
    other = hostkeys.fingerprint(keys.make("x").public_base64)
    fleet.inventory.write_text(hosts.inventory(fleet, other))
    changed = fleet.hubctl("create-node", "front")
    assert changed.status == Exit.NOT_ALLOWED
    assert own in changed.stderr
    assert other in changed.stderr
    assert not hostkeys.path_for(fleet.inventory).exists()

    fleet.inventory.write_text(hosts.inventory(fleet, own))
    assert "at your DNS" in fleet.done("create-node", "front").text
    fleet.done("create-node", "far")
    assert "0 changed" in fleet.done("deploy").text

    # As root on both, whoever logged in; words as they are.
    ran = fleet.done("run", "--", "sh", "-c", "id -un; hostname; exit 0")
    assert sorted(ran.stdout.split()) == sorted(
        ["front:", "root", "front:", "front", "far:", "root", "far:", "far"]
    )
    assert fleet.hubctl("run", "far", "--", "sh", "-c", "echo gone >&2; exit 7").status == 7

    gone = fleet.done("destroy-node", "far", "--yes")
    assert "pinned host key" in gone.stdout
    assert "machine" not in gone.stdout
    assert len(hosts.machines.find("far.existing.test")) == 1
