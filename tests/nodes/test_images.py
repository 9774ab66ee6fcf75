"""Every image that nodes may have: from its first deploy to a rollback, as far as this computer can make it.

What is asked of a node of another image here, the contract of services asks of the default one, for every service.
"""

from __future__ import annotations

import re

import pytest

from provision.distributions import DEFAULT, IMAGES, Image
from tests.support import small
from tests.support.releases import current
from tests.support.runtimes import BOTH, runtime_with
from tests.support.tasks import TASK_API
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

FACTS = """\
. /etc/os-release; echo "suite $VERSION_CODENAME"
python3 -c 'import sys; print("python", *sys.version_info[:2])'
apt-cache policy postgresql | sed -n 's/^ *Candidate: \\([0-9]*\\).*/postgresql \\1/p'
echo "ssh_socket $(systemctl is-active ssh.socket)"
"""


def possible(image: Image) -> Image:
    """Skip an image that this computer cannot make, with what it lacks."""
    distribution = image.distribution
    if not distribution.keyring.exists():
        pytest.skip(
            f"{distribution.keyring} is not there: the keys of {distribution.title}'s archive "
            f"(package {distribution.keyring_package})"
        )
    return image


def test_the_default_image_is_as_the_table_says(bare):
    bare.ssh(small.NODE, "apt-get", "-qq", "update")
    assert_facts(DEFAULT, bare.ssh(small.NODE, "sh", "-c", FACTS))


@pytest.mark.parametrize(
    "image", [each for each in IMAGES if each is not DEFAULT], ids=lambda image: image.slug
)
def test_a_node_of_it_is_made_deployed_updated_rebooted_and_rolled_back(image, make_fleet, tmp_path):
    fleet = make_fleet({"apis": TASK_API}, image=possible(image).slug)
    fleet.done("create-node", "apis")
    assert " 0 changed" in fleet.done("deploy").stdout
    assert_facts(image, fleet.ssh("apis", "sh", "-c", FACTS))
    site = fleet.site("apis", "tasks")
    assert site.solve()[1]["count"] == 2
    first = current(fleet)

    fleet.done("deploy", HUBCTL_RUNTIME=runtime_with(tmp_path / "runtime", BOTH, "# newer\n"))
    assert current(fleet) != first
    fleet.done("rollback")
    assert current(fleet) == first

    began = fleet.ssh("apis", "stat", "-c", "%Y", "/proc/1")
    fleet.ssh("apis", "systemctl", "reboot", check=False)
    eventually(lambda: fleet.ssh("apis", "stat", "-c", "%Y", "/proc/1", check=False) not in ("", began))
    assert eventually(lambda: site.solve())[1]["count"] == 2
    assert fleet.ssh("apis", "systemctl", "is-system-running", "--wait").strip() == "running"
    assert " 0 changed" in fleet.done("deploy").stdout


def assert_facts(image: Image, said: str) -> None:
    """Compare what the node says of itself with the table."""
    facts = dict(re.findall(r"(\w+) (.*)", said))
    assert facts == {
        "suite": image.suite,
        "python": f"{image.python[0]} {image.python[1]}",
        "postgresql": str(image.postgresql),
        "ssh_socket": "active" if image.ssh_socket else "inactive",
    }
