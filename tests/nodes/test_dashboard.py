"""The dashboard on a real node: what a learner saves is before the trainer within seconds, whatever is killed."""

import re
import shlex

import pytest
from playwright.sync_api import expect

from tests.support import browser as browsers
from tests.support.hub import NODE, User, add_user
from tests.support.lab_page import sign_in
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

CLASS = "{jupyterhub: {hostname: hub, disk: 100M}, dashboard: {}}"
PASSWORD = "quite-a-long-one"
BASE = "/services/dashboard"
BUILDING = 600_000  # milliseconds


@pytest.fixture(scope="module")
def room(make_fleet, hub_image):
    """A fleet whose node has the hub and its dashboard, with a trainer and a learner."""
    fleet = make_fleet({NODE: CLASS}, image=hub_image)
    fleet.done("create-node", NODE)
    add_user(fleet, NODE, "tess", PASSWORD, admin=True)
    for name in ("anna", "ben"):
        add_user(fleet, NODE, name, PASSWORD)
    yield fleet
    fleet.done("destroy-node", NODE, "--yes")


def user(room, name):
    found = User(room.site(NODE, "hub"), name, PASSWORD)
    assert "/hub/home" in found.log_in().url
    return found


@pytest.fixture
def tess(room):
    """The trainer, who is logged in."""
    return user(room, "tess")


@pytest.fixture
def anna(room):
    """A learner whose server runs."""
    found = user(room, "anna")
    found.start()
    return found


def asked(who, path):
    """What the dashboard answers to somebody's token."""
    return who.ask("GET", f"{BASE}{path}", headers=who.headers)


def shown(who, filename):
    """The sources of everybody's copy of a notebook, by name."""
    summaries = asked(who, f"/summaries?filename={filename}").json()
    return {each["user"]: [cell["source"] for cell in each["cells"]] for each in summaries}


def test_a_save_is_before_the_trainer(anna, tess):
    anna.save("day1.ipynb", "5*4", "anna")
    assert eventually(lambda: shown(tess, "day1.ipynb") == {"anna": ["5*4", "anna"]})
    (event,) = asked(tess, "/events?user=anna&filename=day1.ipynb").json()
    assert (event["type"], event["path"]) == ("save-notebook", "/home/anna/day1.ipynb")


def test_a_learner_sees_nobody_else(room, anna, tess):
    anna.save("own.ipynb", "1")
    assert eventually(lambda: "anna" in shown(tess, "own.ipynb"))
    ben = user(room, "ben")
    assert shown(ben, "own.ipynb") == {}
    assert asked(ben, "/events").json() == []
    assert asked(ben, "/frame?user=anna&filename=own.ipynb").status_code == 404


def test_a_browser_that_is_logged_in_at_the_hub_is_let_in(tess):
    there = tess.ask("GET", f"{BASE}/login?next={BASE}/participants")
    assert there.status_code == 200
    assert there.url.endswith("/participants")


def test_pages_are_sent_with_one_policy_and_frames_may_be_framed(anna, tess):
    page = tess.ask("GET", f"{BASE}/")
    assert page.status_code == 200
    assert "anna" in page.text
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "Strict-Transport-Security"):
        assert len(page.raw.headers.getlist(name)) == 1, name
    anna.save("framed.ipynb", "1")
    assert eventually(lambda: "anna" in shown(tess, "framed.ipynb"))
    frame = asked(tess, "/frame?user=anna&filename=framed.ipynb")
    assert frame.headers["Content-Security-Policy"].endswith("sandbox")
    assert "DENY" not in frame.headers.get("X-Frame-Options", "")


def test_learners_who_never_came_are_in_the_class_and_gone_with_their_account(room, tess):
    def names():
        return {each["name"] for each in asked(tess, "/participants").json()}

    add_user(room, NODE, "carl", PASSWORD)
    assert "carl" in names()
    assert "tess" not in names()
    room.done("users", "remove", "carl", "--node", NODE, "--yes")
    assert "carl" not in names()


def test_whose_server_starts_is_in_the_class(room, tess):
    ben = user(room, "ben")
    ben.start()
    assert eventually(lambda: "ben" in {each["name"] for each in asked(tess, "/participants").json()})


def test_a_home_that_is_nearly_full_is_said_wherever_its_owner_looks(room, tess, anna):
    """Homes are counted here: the machines of the local cloud have no quotas."""

    def home(who=anna):
        page = who.ask("GET", "/hub/home")
        assert page.status_code == 200
        return page.text

    assert "home-full" not in home()
    room.ssh(NODE, "runuser", "-u", "anna", "--", "fallocate", "--length=90M", "/home/anna/big")
    eventually(lambda: "home-full" in home(), seconds=180)
    page = home()
    assert re.search(r"Your home holds 9\d MB of the 100 MB", page)
    assert "nearly full" in anna.ask("GET", f"{BASE}/").text
    assert re.search(r"9\d %", tess.ask("GET", f"{BASE}/").text)
    assert f"{BASE}/" in page
    assert "/hub/home" in anna.ask("GET", f"{BASE}/").text
    for_lab = anna.at_server("GET", "/hub-home").json()
    assert (for_lab["used"] >> 20 >= 90, for_lab["limit"] >> 20, for_lab["held"]) == (True, 100, 0)
    assert room.site(NODE, "hub").ask_raw("GET", "/user/anna/hub-home")[0] in (302, 403)
    assert '"hub-home"' in anna.at_server("GET", "/lab").text
    assert "window._JUPYTERLAB" in anna.at_server("GET", "/lab/extensions/hub-home/home.js").text
    shown = room.shell(NODE, "cd /run/jupyterhub-homes; stat --format='%n %U %G %a' . anna ben")
    assert shown.splitlines() == [". root root 711", "anna dashboard anna 440", "ben dashboard ben 440"]
    room.ssh(NODE, "rm", "/home/anna/big")
    eventually(lambda: "home-full" not in home(), seconds=180)
    assert "home-full" not in home(user(room, "ben"))


def test_no_save_is_lost_while_the_dashboard_is_killed(room, anna, tess):
    room.shell(NODE, "systemctl kill -s KILL 'dashboard@*' 'dashboard-worker@*'")
    anna.save("killed.ipynb", "still here")
    assert eventually(lambda: shown(tess, "killed.ipynb") == {"anna": ["still here"]})


def test_a_second_deploy_changes_nothing(room):
    assert room.hubctl("plan", NODE).status == 0


@pytest.fixture
def admin(room):
    """The page *People* in the browser of the trainer, who is an admin."""
    site = room.site(NODE, "hub")
    browsers.require()
    with (
        browsers.started({site.host: site.address}) as browser,
        browsers.opened(browser, f"https://{site.host}{BASE}/people", ignore_https_errors=True) as (page, _),
    ):
        sign_in(page, "tess", PASSWORD)
        yield page


def test_an_admin_adds_people_and_packages_in_the_browser(room, admin):
    site = room.site(NODE, "hub")
    admin.get_by_label("Names").fill("dora, emil")
    admin.get_by_role("button", name="Add").click()
    expect(admin.locator(".cards li")).to_have_count(2)
    first = password_on_card(admin, "dora")
    dora = User(site, "dora", first)
    assert "/hub/home" in dora.log_in().url
    dora.start()
    kernel = dora.kernel()
    dora.run(kernel, "x = 41")

    add_packages(admin, "emoji<2.15\nclick")
    expect(admin.get_by_role("status")).to_contain_text("Done.", timeout=BUILDING)
    assert (dora.run(kernel, "x + 1"), dora.run(kernel, "import emoji")) == ("42", "ModuleNotFoundError")
    dora.stop()
    dora.start()
    assert dora.run(dora.kernel(), "import emoji; emoji.__version__[:4]") == "'2.14'"
    dora.stop()
    add_packages(admin, "jinja2<3")
    expect(admin.get_by_role("alert")).to_contain_text("unsatisfiable")
    assert room.hubctl("plan", NODE).status == 0  # what was added here is nothing to undo
    open_page(admin, "Packages")
    expect(admin.get_by_role("row", name="emoji")).to_contain_text("emoji<2.15")

    open_page(admin, "People")
    admin.get_by_role("button", name="New password for dora").click()
    second = password_on_card(admin, "dora")
    assert "/hub/home" not in User(site, "dora", first).log_in().url
    assert "/hub/home" in User(site, "dora", second).log_in().url
    open_page(admin, "People")
    admin.get_by_role("link", name="Remove emil").click()
    admin.get_by_role("button", name="Remove emil").click()
    expect(admin.get_by_role("status")).to_contain_text("Done.")
    kept = room.shell(NODE, "ls /var/lib/hub/jupyterhub/archive; cat /var/lib/hubctl/audit.jsonl")
    assert "emil-" in kept
    assert '"who": "tess (admin of the hub)"' in kept
    told = kept + room.shell(NODE, "journalctl --no-pager; cat /var/log/nginx/* 2>/dev/null || true")
    assert first not in told
    assert second not in told


def test_a_learner_says_nothing_about_who_may_use_the_hub(room):
    ben = user(room, "ben")
    for path in ("people", "packages"):
        assert ben.ask("GET", f"{BASE}/{path}").status_code == 403
    own = {**ben.headers, "Origin": f"https://{ben.site.host}"}
    assert ben.ask("POST", f"{BASE}/people/add", headers=own, data={"names": "eve"}).status_code == 403
    assert room.shell(NODE, "id eve 2>&1 || true").strip().endswith("no such user")
    # nor does anybody but the dashboard come to the socket
    knock = "import socket; socket.socket(socket.AF_UNIX).connect('/run/dashboard-admin.sock')"
    refused = room.shell(NODE, f"runuser -u ben -- python3 -c {shlex.quote(knock)} 2>&1 || true")
    assert "PermissionError" in refused


def open_page(page, name):
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def add_packages(page, text):
    if page.get_by_role("heading", level=1).inner_text() != "Packages":
        page.goto(page.url.partition(BASE)[0] + f"{BASE}/packages")
    expect(page.get_by_role("main")).to_contain_text("Packages, one on each line")
    page.get_by_label("Packages, one on each line").fill(text)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add packages")


def password_on_card(page, name):
    card = page.locator(".cards li", has_text=name)
    expect(card).to_be_visible()
    return card.locator("code").nth(1).inner_text()
