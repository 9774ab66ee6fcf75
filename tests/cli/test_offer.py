"""What a cloud does not have is refused by create-node before anything is made; no machine is needed to see it."""

import threading

import pytest
from werkzeug.serving import make_server

from provision.cloud.local.model import Droplet
from provision.errors import Exit
from tests.support.local_api import TOKEN, Api

INVENTORY = """\
fleet: demo
domain: demo.test
provider: digitalocean
operator: {email: ops@demo.test}
nodes:
  apis: {size: s-1vcpu-2gb, image: debian-13-x64, services: {}}
  box: {size: s-1vcpu-2gb, image: debian-13-x64, services: {}}
"""


@pytest.fixture(scope="module")
def served():
    api = Api()
    server = make_server("127.0.0.1", 0, api.app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    api.url = f"http://127.0.0.1:{server.server_port}/v2/"
    yield api
    server.shutdown()
    server.server_close()


@pytest.fixture
def create(hubctl, tmp_path, served):
    """Create box with options, at a cloud that is served here."""
    (tmp_path / "hubctl.yml").write_text(INVENTORY)

    def create(*options, token="DIGITALOCEAN_TOKEN"):
        return hubctl("create-node", "box", *options, DIGITALOCEAN_END_POINT=served.url, **{token: TOKEN})

    return create


@pytest.mark.parametrize(
    ("option", "value", "near"),
    [
        ("--size", "s-1vcpu-4gb", "s-1vcpu-2gb"),
        ("--image", "debian-14-x64", "debian-12-x64"),
        ("--region", "fra2", "fra1"),
    ],
)
@pytest.mark.parametrize("token", ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"])
def test_what_the_cloud_does_not_have_is_refused_with_what_it_has(
    create, served, tmp_path, option, value, near, token
):
    done = create(option, value, token=token)
    assert done.returncode == Exit.INVENTORY
    assert f"`{value}`" in done.stderr
    assert f"it has: {near}" in done.stderr or f"{near}, " in done.stderr
    assert "nothing was made" in done.stderr
    assert served.store.find(Droplet) == []
    assert not (tmp_path / "hubctl.known_hosts").exists()
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("--hostname", "apis"), ("--image", "ubuntu-22-04-x64"), ("--size", "gigantic")]
)
def test_options_keep_to_the_rules_of_the_inventory(create, served, option, value):
    done = create(option, value)
    assert done.returncode == Exit.INVENTORY
    assert "hubctl.yml:7" in done.stderr
    assert served.store.find(Droplet) == []
