"""Machines come and go as a whole, and what is somebody else's is left alone."""

import contextlib
import re
import subprocess
from pathlib import Path

import pytest

from provision import keys
from provision.cloud.api import Api
from provision.cloud.base import MachineSpec
from provision.cloud.digitalocean import DigitalOceanDns, DigitalOceanMachines
from provision.errors import Exit
from provision.transport import hostkeys
from tests.support.fleet import IMAGE
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

EMPTY = "{}"


def machines_of(instance):
    return DigitalOceanMachines(Api(instance.endpoint, instance.token))


def records_of(instance, fleet):
    """The addresses that names of a fleet have, by kind and name."""
    dns = DigitalOceanDns(Api(instance.endpoint, instance.token))
    records = dns.records(f"{fleet.name}.test")
    return {(record.type, record.name) for record in records if record.type in ("A", "AAAA")}


def mounts(instance, machine):
    """The mounts of a machine in any process's view: machines have mount namespaces of their own."""
    folder = f"{instance.machines}/{machine.id}/"
    found = set()
    for table in Path("/proc").glob("[0-9]*/mounts"):
        with contextlib.suppress(OSError):
            found |= {line for line in table.read_text().splitlines() if folder in line}
    return found


def test_destroy_leaves_no_machine_record_mount_or_pin_behind(make_fleet, local_instance):
    fleet = make_fleet({"box": EMPTY})
    fleet.done("create-node", "box", "--no-deploy")
    machines = machines_of(local_instance)
    domain = f"{fleet.name}.test"
    address = fleet.address("box")
    (machine,) = machines.find(f"box.{domain}")
    assert records_of(local_instance, fleet) == {("A", "box"), ("AAAA", "box")}
    assert mounts(local_instance, machine)

    done = fleet.done("destroy-node", "box", "--yes")

    assert f"machine box.{domain} (id {machine.id}" in done.stdout
    assert f"record box.{domain} A {address}" in done.stdout
    assert "pinned host key" in done.stdout
    assert machines.find(f"box.{domain}") == []
    assert records_of(local_instance, fleet) == set()
    assert not hostkeys.path_for(fleet.inventory).exists()
    # As on DigitalOcean, a droplet is hidden at once and removed within seconds.
    eventually(lambda: not mounts(local_instance, machine))
    assert address not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "nothing" in fleet.done("destroy-node", "box", "--yes").stdout


def test_destroy_is_refused_without_a_yes_and_says_what_it_would_remove(make_fleet, local_instance):
    fleet = make_fleet({"box": EMPTY})
    fleet.done("create-node", "box", "--no-deploy")
    done = fleet.hubctl("destroy-node", "box")
    assert done.status == Exit.NOT_ALLOWED
    assert f"machine box.{fleet.name}.test" in done.stderr
    assert "--yes" in done.stderr
    assert len(machines_of(local_instance).find(f"box.{fleet.name}.test")) == 1
    fleet.done("destroy-node", "box", "--yes")


def test_a_name_taken_by_somebody_elses_machine_is_left_alone(make_fleet, local_instance):
    fleet = make_fleet({"box": EMPTY})
    machines = machines_of(local_instance)
    wanted = f"box.{fleet.name}.test"
    spec = MachineSpec(
        name=wanted,
        size="s-1vcpu-1gb",
        image=IMAGE,
        region="fra1",
        tags=("theirs",),
        key_name="theirs",
        public_key=keys.make("theirs").public,
        user_data="#cloud-config\n",
        ipv6=False,
    )
    theirs = machines.create(spec)
    for words in (["create-node", "box"], ["destroy-node", "box", "--yes"]):
        done = fleet.hubctl(*words)
        assert done.status == Exit.NOT_ALLOWED
        assert "name-taken" in done.stderr or wanted in done.stderr
        assert "nothing was changed" in done.stderr
    assert [machine.id for machine in machines.find(wanted)] == [theirs.id]
    assert not hostkeys.path_for(fleet.inventory).exists()
    machines.destroy(theirs)
    machines.forget_key(spec.public_key)


def test_a_create_that_is_killed_is_carried_on(make_fleet, local_instance):
    fleet = make_fleet({"box": EMPTY})
    process = fleet.start("create-node", "box", "--no-deploy")
    for line in process.stderr:
        if "action complete" in line:
            process.kill()
            break
    process.communicate()
    done = fleet.done("create-node", "box", "--no-deploy")
    assert "found machine" in done.text
    assert len(machines_of(local_instance).find(f"box.{fleet.name}.test")) == 1
    assert fleet.ssh("box", "hostname").strip() in ("box", f"box.{fleet.name}.test")
    fleet.done("destroy-node", "box", "--yes")


def test_options_override_the_inventory(make_fleet, local_instance):
    fleet = make_fleet({"box": EMPTY})
    fleet.done("create-node", "box", "--no-deploy", "--size", "s-2vcpu-4gb", "--hostname", "other")
    (machine,) = machines_of(local_instance).find(f"box.{fleet.name}.test")
    assert machine.size == "s-2vcpu-4gb"
    assert records_of(local_instance, fleet) == {("A", "other"), ("AAAA", "other")}
    fleet.done("destroy-node", "box", "--yes")
    assert records_of(local_instance, fleet) == set()


def test_a_wrong_token_is_refused_and_nothing_is_made(make_fleet, local_instance):
    fleet = make_fleet({"box": EMPTY})
    text = fleet.inventory.read_text().replace("provider: local", "provider: digitalocean")
    fleet.inventory.write_text(text.replace("acme: {server: local}\n", ""))
    done = fleet.hubctl(
        "create-node",
        "box",
        DIGITALOCEAN_END_POINT=local_instance.endpoint,
        DIGITALOCEAN_ACCESS_TOKEN="wrong",
    )
    assert done.status == Exit.NOT_ALLOWED
    assert "DIGITALOCEAN_ACCESS_TOKEN" in done.stderr
    assert "wrong" not in done.text
    assert not hostkeys.path_for(fleet.inventory).exists()


def test_the_same_command_drives_digitalocean_by_its_endpoint(make_fleet, local_instance):
    fleet = make_fleet({"box": EMPTY})
    text = fleet.inventory.read_text().replace("provider: local", "provider: digitalocean")
    fleet.inventory.write_text(text.replace("acme: {server: local}\n", ""))
    account = {
        "DIGITALOCEAN_END_POINT": local_instance.endpoint,
        "DIGITALOCEAN_ACCESS_TOKEN": local_instance.token,
    }
    fleet.done("create-node", "box", "--no-deploy", "--yes", **account)
    assert fleet.ssh("box", "id", "-u").strip() == "0"
    fleet.done("destroy-node", "box", "--yes", **account)


def test_without_the_pin_an_existing_machine_is_not_trusted_until_somebody_vouches_for_its_key(make_fleet):
    fleet = make_fleet({"box": EMPTY})
    fleet.done("create-node", "box", "--no-deploy")
    pins = hostkeys.path_for(fleet.inventory)
    kept = pins.read_text()
    pins.unlink()
    done = fleet.hubctl("create-node", "box", "--no-deploy")
    assert done.status == Exit.NOT_ALLOWED
    assert "hubctl pin box" in done.stderr
    assert fleet.hubctl("pin", "box").status == Exit.NOT_ALLOWED
    assert fleet.hubctl("pin", "box", "--fingerprint", "SHA256:another").status == Exit.NOT_ALLOWED
    assert not pins.exists()
    shown = fleet.hubctl("pin", "box").stderr
    fleet.done("pin", "box", "--fingerprint", re.search(r"SHA256:[A-Za-z0-9+/]+", shown)[0])
    fleet.done("create-node", "box", "--no-deploy")
    assert pins.read_text() == kept
    fleet.done("destroy-node", "box", "--yes")


def test_two_creations_at_once_make_one_machine(make_fleet, local_instance):
    fleet = make_fleet({"box": EMPTY})
    for process in [fleet.start("create-node", "box", "--no-deploy") for _ in range(2)]:
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr
    assert len(machines_of(local_instance).find(f"box.{fleet.name}.test")) == 1
    assert fleet.ssh("box", "id", "-u").strip() == "0"
    done = fleet.done("destroy-node", "box", "--yes")
    assert f"left, as other nodes may need it: zone {fleet.name}.test" in done.stdout


def test_the_hosts_private_key_is_nowhere_on_the_operators_side(make_fleet):
    fleet = make_fleet({"box": EMPTY})
    done = fleet.done("create-node", "box", "--no-deploy", "--json")
    assert "PRIVATE" not in done.text
    for path in fleet.folder.rglob("*"):
        if path.is_file() and path.parent.name != "keys":
            assert "PRIVATE" not in path.read_text()
    assert keys.make("x").private.splitlines()[0] in fleet.ssh("box", "cat", "/etc/ssh/ssh_host_ed25519_key")
    fleet.done("destroy-node", "box", "--yes")
