"""Fleets on the session's local cloud. Nodes are shared where a test leaves them as it found them."""

import pytest

from tests.support import hub, small
from tests.support.groups import shared_fleet
from tests.support.prepared import image_for
from tests.support.tasks import TASK_API
from tests.support.tunnels import NODES, TUNNEL


@shared_fleet
def deployed(make_fleet, prepared_image):
    """A fleet whose one node `apis` runs task_api. Tests must leave it converged."""
    fleet = make_fleet({"apis": TASK_API}, image=prepared_image)
    fleet.created = fleet.done("create-node", "apis")
    return fleet


@pytest.fixture(scope="session")
def hub_image(make_fleet):
    """The image of machines that have what a hub is made of."""
    return image_for(make_fleet({hub.NODE: hub.HUB}), hub.NODE)


@shared_fleet
def bare(make_fleet, tmp_path_factory):
    """A fleet whose one node `box` has no service, but the small plan. Tests must leave it converged."""
    fleet = make_fleet({small.NODE: "{}"}).planned(tmp_path_factory.mktemp("small"), small.plan())
    fleet.done("create-node", small.NODE)
    return fleet


@shared_fleet
def tunnelled(make_fleet):
    """A fleet whose `front` reaches task_api on `gpu` through a tunnel, and a stranger. Tests leave it converged."""
    more = TUNNEL.format(address="")
    image = image_for(make_fleet(NODES, more), "gpu")  # nothing that a node without a site does not need
    fleet = make_fleet(NODES, more, image)
    for node in NODES:
        fleet.done("create-node", node, "--no-deploy")
    fleet.done("deploy")
    return fleet


@shared_fleet
def fresh(make_fleet):
    """A fleet of three machines that were never deployed. Tests deploy patched plans alone to them."""
    services = {name: TASK_API.replace("tasks", f"tasks-{name}") for name in ("one", "two", "three")}
    fleet = make_fleet(services)
    creating = [fleet.start("create-node", name, "--no-deploy") for name in services]
    for process in creating:
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr
    return fleet
