"""A baked image holds packages and environments; machines that are made from it share nothing else."""

import pytest

from provision.cloud.api import Api
from provision.cloud.digitalocean import DigitalOceanMachines
from tests.support.fleet import IMAGE

pytestmark = pytest.mark.nodes

TASKS = "task_api: {hostname: tasks}"
IDENTITY = ("cat /etc/machine-id", "cat /etc/ssh/ssh_host_ed25519_key.pub", "cat /root/.ssh/authorized_keys")


def test_machines_from_a_baked_image_need_no_package_and_share_no_identity(make_fleet, local_instance):
    fleet = make_fleet({"apis": TASKS, "more": TASKS.replace("tasks", "more")})
    name = f"lab-{fleet.name}"
    machines = DigitalOceanMachines(Api(local_instance.endpoint, local_instance.token))
    known = len(machines.snapshots())

    baked = fleet.done("image", "bake", "apis", "--name", name)
    assert name in baked.stdout
    assert machines.find(f"bake-apis.{fleet.name}.test") == []
    assert fleet.inventory.with_suffix(".known_hosts").exists() is False
    assert len(machines.snapshots()) == known + 1

    fleet.inventory.write_text(fleet.inventory.read_text().replace(IMAGE, name))
    created = fleet.done("create-node", "apis")
    assert "changed packages:apt" not in created.text
    assert "Downloaded" not in created.text
    assert "was baked from other" not in created.text
    fleet.done("create-node", "more", "--no-deploy")
    for command in IDENTITY[:2]:
        assert fleet.shell("apis", command) != fleet.shell("more", command)
    assert len(fleet.shell("more", IDENTITY[2]).splitlines()) == 1
    assert "bake" not in fleet.shell(
        "more", "cat /var/lib/hubctl/audit.jsonl /var/log/cloud-init.log; hostname"
    )
    assert "0 changed" in fleet.done("deploy", "apis").text

    done = fleet.hubctl("image", "remove", name)
    assert "--yes" in done.stderr
    assert f"removed image {name}" in fleet.done("image", "remove", name, "--yes").stdout
    assert len(machines.snapshots()) == known
    for node in ("apis", "more"):
        fleet.done("destroy-node", node, "--yes")
