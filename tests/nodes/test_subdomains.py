"""Users' servers with names of their own: pages apart from each other, a certificate that the node proves itself."""

import re

import pytest
from playwright.sync_api import Error, expect

from tests.support import browser as browsers
from tests.support.hub import NODE, User, add_user
from tests.support.site import Site
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

CLASS = "{jupyterhub: {hostname: hub, subdomains: true, disk: 100M}, dashboard: {}}"
PASSWORD = "quite-a-long-one"
SERIAL = "openssl x509 -noout -serial -in /etc/letsencrypt/live/*/cert.pem"


@pytest.fixture(scope="module")
def room(make_fleet, hub_image):
    """A fleet whose hub gives each user a name, with a trainer and a learner."""
    fleet = make_fleet({NODE: CLASS}, image=hub_image)
    fleet.done("create-node", NODE)
    add_user(fleet, NODE, "tess", PASSWORD, admin=True)
    add_user(fleet, NODE, "anna", PASSWORD)
    yield fleet
    fleet.done("destroy-node", NODE, "--yes")


@pytest.fixture
def site(room):
    return room.site(NODE, "hub")


def sign_in(page, name):
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_server_is_a_site_of_its_own_and_all_else_is_where_it_was(room, site):
    hub, own = f"https://{site.host}", f"https://anna.{site.host}"
    tess = User(site, "tess", PASSWORD)
    assert "/hub/home" in tess.log_in().url
    anna = User(site, "anna", PASSWORD)
    anna.log_in()
    anna.start()
    room.ssh(NODE, "runuser", "-u", "anna", "--", "fallocate", "--length=85M", "/home/anna/big")
    browsers.require()
    with (
        browsers.started({site.host: site.address, f"*.{site.host}": site.address}) as browser,
        # The certificate is the local cloud's, which no browser knows.
        browsers.opened(browser, f"{hub}/hub/user-redirect/lab", ignore_https_errors=True) as (lab, _),
    ):
        sign_in(lab, "anna")
        lab.locator(".jp-LauncherCard[data-category=Notebook]").first.click(timeout=180_000)
        assert lab.url.startswith(f"{own}/user/anna/lab")
        expect(lab.get_by_text(re.compile(r"Your home holds 8\d MB of the 100 MB"))).to_be_visible()
        expect(lab.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
        cell = lab.locator(".jp-Notebook .cm-content").first
        cell.click()
        lab.keyboard.type("5*4")
        expect(cell).to_have_text("5*4")
        lab.keyboard.press("Shift+Enter")
        expect(lab.locator(".jp-OutputArea-output").first).to_have_text("20")
        with pytest.raises(Error, match="Failed to fetch"):
            lab.evaluate(f"fetch('{hub}/hub/api/user', {{credentials: 'include'}})")
        assert eventually(
            lambda: "Untitled.ipynb" in tess.ask("GET", "/services/dashboard/").text, what="the save"
        )
        for path, there in [
            ("/hub/user-redirect/lab/tree/Untitled.ipynb", f"{own}/user/anna/lab/tree/Untitled.ipynb"),
            ("/services/dashboard/", f"{hub}/services/dashboard/"),
            ("/services/password/", f"{hub}/services/password/"),
        ]:
            answer = lab.goto(f"{hub}{path}")
            assert answer
            assert answer.status == 200
            assert lab.url.startswith(there)
        # No page below the hub's name can set these.
        cookies = {cookie["name"] for cookie in lab.context.cookies(hub)}
        assert cookies >= {"__Host-dashboard", "__Host-jupyterhub-hub-login"}
        for path in ("/services/dashboard/", "/hub/home"):
            lab.goto(f"{own}{path}")
            assert lab.url.startswith(f"{hub}{path}")


def test_the_node_renews_the_certificate_for_all_names_by_itself(room, site):
    before = room.shell(NODE, SERIAL)
    room.ssh(NODE, "certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew", "--quiet")
    assert room.shell(NODE, SERIAL) != before
    for name in (site.host, f"anna.{site.host}", f"somebody-else.{site.host}"):
        status, _ = Site(name, site.address, site.roots).ask_raw("GET", "/hub/login")
        assert status == (200 if name == site.host else 307), name
    listening = room.shell(NODE, "ss --no-header --listening --udp --tcp --numeric sport = :53")
    assert not re.search(r"(0\.0\.0\.0|\*|\[::\]):53\b", listening)


def test_a_second_deploy_changes_nothing(room):
    assert room.hubctl("plan", NODE).status == 0
