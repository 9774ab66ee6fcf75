"""A node's certificate, damaged in every way, is mended by one deploy, and its site answers."""

import pytest

from tests.support.machines import reboot

pytestmark = pytest.mark.nodes

ETC = "/etc/letsencrypt"


@pytest.fixture
def mended(deployed):
    """Deploy once, and see that the site answers, certbot has kept the name and can renew it, and nothing is due."""

    def check():
        site = deployed.site("apis", "tasks")
        assert f"certificate:{site.host}" in deployed.hubctl("plan").stdout
        deployed.done("deploy")
        assert site.solve()[0] == 200
        assert deployed.ssh("apis", "ls", f"{ETC}/live").split() == ["README", site.host]
        deployed.ssh("apis", "certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew", "-q")
        assert "0 changed" in deployed.done("deploy").stdout

    return check


def test_a_lost_certificate_is_issued_though_the_web_server_cannot_start(deployed, mended):
    host = deployed.site("apis", "tasks").host
    deployed.shell("apis", f"rm -r {ETC}/live/{host}; sync")
    reboot(deployed, "apis")
    assert deployed.ssh("apis", "systemctl", "is-active", "nginx", check=False).strip() == "failed"
    mended()


@pytest.mark.parametrize(
    "damage",
    [
        "rm live/$host/privkey.pem; rm -r /etc/nginx/sites-enabled; systemctl stop nginx",
        "truncate --size=0 archive/$host/fullchain*.pem; rm /etc/nginx/nginx.conf; systemctl stop nginx",
        "rm renewal/$host.conf; rm -r archive/$host",
        "systemctl stop nginx; rm -r /etc/letsencrypt",
    ],
    ids=["key and sites", "chain and nginx.conf", "settings and archive", "all"],
)
def test_parts_that_are_lost_are_made_again_whatever_else_is(deployed, mended, damage):
    host = deployed.site("apis", "tasks").host
    deployed.shell("apis", f"host={host}; cd {ETC}; {damage}")
    mended()
