"""jupyterhub on a real node: users, their servers and kernels, and what may be restarted below them."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from provision.errors import Exit
from tests.support.hub import HUB, NODE, User, add_user
from tests.support.load import Load
from tests.support.machines import reboot
from tests.support.site import Site
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

PASSWORD = "quite-a-long-one"
CONFIG = "/etc/jupyterhub/jupyterhub_config.py"


@pytest.fixture(scope="module")
def hub(make_fleet, hub_image):
    """A fleet whose node has the hub, with two accounts."""
    fleet = make_fleet({NODE: HUB}, image=hub_image)
    fleet.done("create-node", NODE)
    for name in ("anna", "ben"):
        add_user(fleet, NODE, name, PASSWORD)
    yield fleet
    fleet.done("destroy-node", NODE, "--yes")


@pytest.fixture
def site(hub):
    return hub.site(NODE, "hub")


@pytest.fixture
def anna(site):
    """A user who is logged in and whose server runs."""
    user = User(site, "anna", PASSWORD)
    assert "/hub/home" in user.log_in().url
    user.start()
    return user


def restarts(fleet, unit):
    """Return what changes when a unit is started again."""
    return fleet.ssh(NODE, "systemctl", "show", "--property=MainPID", "--value", unit).strip()


def test_a_user_logs_in_and_runs_a_cell(anna):
    assert anna.run(anna.kernel(), "5*4") == "20"


def test_the_page_that_opens_is_the_lab(anna):
    assert anna.ask("GET", "/").url.endswith("/user/anna/lab")


def test_users_come_and_go_while_the_hub_runs(hub, site):
    hub_process = restarts(hub, "jupyterhub")

    def added():
        done = hub.done("users", "add", "cleo", "--json")
        return next(event["password"] for event in done.events if event["event"] == "account")

    former = User(site, "cleo", added())
    former.log_in()
    former.start()
    former.save("lesson.ipynb", "5*4")
    users = {event["name"]: event for event in hub.done("users", "list", "--json").events if "name" in event}
    assert (users["cleo"]["server"], users["ben"]["server"]) == (True, False)
    assert users["cleo"]["seen"].startswith("20")
    assert users["cleo"]["bytes"] > 0

    hub.done("users", "remove", "cleo", "--yes")
    assert User(site, "cleo", former.password).log_in().status_code == 403
    archived = hub.shell(NODE, "tar -xOzf /var/lib/hub/jupyterhub/archive/cleo-*.tar.gz cleo/lesson.ipynb")
    assert "5*4" in archived

    # A namesake: what the former had open opens nothing of hers.
    namesake = User(site, "cleo", added())
    assert "/hub/home" in namesake.log_in().url
    namesake.start()
    assert "/hub/login" in former.ask("GET", "/hub/home").url
    assert former.at_server("GET", "/api/contents/lesson.ipynb").status_code in (401, 403)
    assert namesake.at_server("GET", "/api/contents/lesson.ipynb").status_code == 404
    assert restarts(hub, "jupyterhub") == hub_process
    hub.done("users", "remove", "cleo", "--yes")


def test_users_change_their_password_in_the_browser(hub, anna, site):
    page = "/services/password/"
    kernel = anna.kernel()
    assert "Password of anna" in anna.ask("GET", page).text

    def changed(old, new, again):
        form = {"old": old, "new": new, "again": again}
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', anna.ask("GET", page).text)[1]
        answer = anna.ask("POST", page, data={**form, "_xsrf": xsrf})
        return answer.status_code, re.search(r'role="status"[^>]*>(.*?)<', answer.text)[1]

    new = "another-long-one"
    assert changed("wrong", new, new) == (400, "It was not changed: the present password is another one.")
    assert changed(PASSWORD, new, "else") == (400, "It was not changed: the two new ones differ.")
    assert changed(PASSWORD, "short", "short")[0] == 400
    assert anna.ask("POST", page, data={"old": PASSWORD, "new": new, "again": new}).status_code == 403
    assert changed(PASSWORD, new, new) == (200, "It is changed.")
    try:
        assert User(site, "anna", PASSWORD).log_in().status_code == 403
        assert "/hub/home" in User(site, "anna", new).log_in().url
        assert anna.run(kernel, "5*4") == "20"
        assert new not in hub.shell(NODE, "journalctl --no-pager")
    finally:
        hub.ssh(NODE, "chpasswd", stdin=f"anna:{PASSWORD}\n")


def test_a_wrong_password_and_an_account_that_is_no_user_are_refused(hub, site):
    assert User(site, "anna", "wrong").log_in().status_code == 403
    hub.shell(NODE, "id mallory 2>/dev/null || useradd -m mallory")
    hub.ssh(NODE, "chpasswd", stdin=f"mallory:{PASSWORD}\n")
    assert User(site, "mallory", PASSWORD).log_in().status_code == 403


def test_who_tries_many_passwords_has_to_wait_and_keeps_nobody_else_out(hub, site):
    ben, stranger = User(site, "ben", PASSWORD), User(site, "ben", "wrong")
    assert ben.log_in().ok
    assert [stranger.log_in().status_code for _ in range(6)] == [403] * 5 + [429]
    refused = User(site, "ben", PASSWORD).log_in()
    assert refused.status_code == 429
    assert "Too many wrong passwords. Try again in" in refused.text
    assert 0 < int(refused.headers["Retry-After"]) <= 30
    token = {"auth": {"username": "ben", "password": PASSWORD}}
    assert User(site, "ben", PASSWORD).ask("POST", "/hub/api/users/ben/tokens", json=token).status_code == 403
    # In a browser that knows him, at another address, and everybody else.
    ben.ask("GET", "/hub/logout")
    assert "/hub/home" in ben.log_in_again().url
    (elsewhere,) = (address for address in hub.pinned(NODE) if ":" in address)
    assert "/hub/home" in User(Site(site.host, elsewhere, site.roots), "ben", PASSWORD).log_in().url
    assert "/hub/home" in User(site, "anna", PASSWORD).log_in().url


def test_a_class_behind_one_address_logs_in_at_the_same_moment(hub, site):
    names = [f"learner{number}" for number in range(40)]
    each = f"for name in {' '.join(names)}; do"
    hub.shell(NODE, f"{each} useradd --create-home --groups hub-users $name; done")
    hub.ssh(NODE, "chpasswd", stdin="".join(f"{name}:{PASSWORD}\n" for name in names))
    with ThreadPoolExecutor(len(names)) as pool:
        pages = list(pool.map(lambda name: User(site, name, PASSWORD).log_in(), names))
    assert [page.status_code for page in pages] == [200] * len(names)
    hub.shell(NODE, f"{each} userdel --remove $name; done")


def test_homes_are_private(anna):
    assert "Permission denied" in anna.run(anna.kernel(), "!ls /home/ben")


def test_an_open_notebook_is_saved_as_often_as_the_inventory_says(anna):
    settings = anna.at_server("GET", "/lab/api/settings/@jupyterlab/docmanager-extension:plugin").json()
    assert settings["schema"]["properties"]["autosaveInterval"]["default"] == 5


def test_a_server_has_the_limits_of_the_inventory(hub, anna):
    anna.start()
    properties = "MemoryMax,MemorySwapMax,TasksMax,CPUQuotaPerSecUSec,Slice,NoNewPrivileges"
    shown = hub.ssh(NODE, "systemctl", "show", f"--property={properties}", "jupyter-anna.service")
    assert set(shown.split()) == {
        "MemoryMax=1073741824",
        "MemorySwapMax=0",
        "TasksMax=512",
        "CPUQuotaPerSecUSec=2s",
        "Slice=jupyterhub-users.slice",
        "NoNewPrivileges=yes",
    }


def test_servers_that_are_killed_leave_nothing_failed_and_start_again(hub, anna):
    hub.ssh(NODE, "systemctl", "kill", "--signal=KILL", "jupyterhub-users.slice")
    assert eventually(
        lambda: not hub.shell(NODE, "systemctl list-units --all --plain --no-legend 'jupyter-*'")
    )
    assert eventually(lambda: not anna.serves(), seconds=60)
    anna.start()
    assert anna.run(anna.kernel(), "5*4") == "20"


def test_a_killed_hub_comes_back_and_its_pages_wait_or_ask_again(hub, site):
    """Until systemd sees that it was killed, what was under way may be told to ask again (503)."""
    with Load(site, fresh=2, kept=2, path="/hub/login", status=200) as load:
        load.wait_for(20)
        hub.ssh(NODE, "systemctl", "kill", "--signal=KILL", "jupyterhub")
        load.wait_for(20)
    assert set(load.failures) <= {503}
    assert len(load.failures) <= 20


def test_a_hub_that_does_not_come_up_gives_way_to_the_one_before_and_no_page_fails(hub, site, anna, tmp_path):
    kernel = anna.kernel()
    anna.run(kernel, "x = 41")
    broken = {f"file:{CONFIG}": {"content": "raise RuntimeError('broken on purpose')\n"}}
    with Load(site, fresh=2, kept=2, path="/hub/login", status=200) as load:
        load.wait_for(20)
        done = hub.patched(tmp_path, fields=broken).hubctl("deploy")
        load.wait_for(20)
    assert done.status == Exit.FAILED
    assert "RuntimeError: broken on purpose" in done.stderr
    assert load.failures == []
    assert anna.run(kernel, "x + 1") == "42"
    hub.done("deploy")
    assert " 0 changed" in hub.done("deploy").stdout


def test_status_says_how_hub_and_proxy_answer_and_who_is_at_work(hub, anna):
    (status,) = [event for event in hub.done("status", "--json").events if event["event"] == "status"]
    answers = {name: status["services"][name]["problem"] for name in ("jupyterhub", "jupyterhub-proxy")}
    assert answers == {"jupyterhub": "", "jupyterhub-proxy": ""}
    assert status["room"]["servers"] >= 1
    assert status["room"]["active"] >= 1


def test_the_server_of_a_home_that_is_too_full_does_not_start_and_says_so(hub, site):
    hub.write({NODE: "jupyterhub: {hostname: hub, disk: 2M}"})
    hub.done("deploy")
    ben = User(site, "ben", PASSWORD)
    ben.log_in()
    hub.ssh(
        NODE, "runuser", "-u", "ben", "--", "dd", "if=/dev/urandom", "of=/home/ben/big", "bs=1M", "count=3"
    )
    refused = ben.ask("POST", "/hub/api/users/ben/server", headers=ben.headers)
    assert refused.status_code == 400
    assert re.search(r"holds [34] MB, more than the 2 MB", refused.json()["message"])
    hub.ssh(NODE, "rm", "/home/ben/big")
    ben.start()
    hub.write({NODE: HUB})
    hub.done("deploy")


COURSE = """\
git config --system --replace-all safe.directory '*'
git init --quiet --initial-branch=main /srv/course
cd /srv/course
git config user.email tests@example.org && git config user.name tests
"""
COMMIT = "git add --all && git commit --quiet --message 'a lesson'"


def test_materials_come_into_the_home_and_what_a_learner_changed_stays(hub, site):
    hub.write({NODE: "jupyterhub: {hostname: hub, materials: [{repo: /srv/course, to: course/python}]}"})
    hub.done("deploy")
    hub.shell(NODE, f"{COURSE} echo one > first.txt; echo one > second.txt; {COMMIT}")
    ben = User(site, "ben", PASSWORD)
    ben.log_in()
    ben.stop()
    ben.start()
    hub.ssh(NODE, "runuser", "-u", "ben", "--", "sh", "-c", "echo mine > ~ben/course/python/first.txt")
    hub.shell(
        NODE, f"cd /srv/course; echo two > first.txt; echo two > second.txt; echo two > third.txt; {COMMIT}"
    )
    ben.stop()
    ben.start()
    assert hub.shell(NODE, "cd ~ben/course/python; cat first.txt second.txt third.txt").split() == [
        "mine",
        "two",
        "two",
    ]
    hub.shell(NODE, "rm -r /srv/course")
    ben.stop()
    ben.start()
    hub.write({NODE: HUB})
    hub.done("deploy")


def test_a_disk_that_is_full_loses_no_saved_notebook_and_troubles_nobody_else(hub, site, anna):
    ben = User(site, "ben", PASSWORD)
    ben.log_in()
    ben.stop()
    hub.shell(NODE, "mount -t tmpfs -o size=8m,mode=700,uid=$(id -u ben),gid=$(id -g ben) none ~ben")
    ben.start()
    ben.save("lesson.ipynb", "5*4")
    hub.shell(NODE, "runuser -u ben -- dd if=/dev/zero of=/home/ben/big bs=1M; true")
    with pytest.raises(AssertionError, match=r"disk is full|No space left"):
        ben.save("lesson.ipynb", "5*4", "x" * 1_000_000)
    anna.save("other.ipynb", "6*7")
    hub.ssh(NODE, "rm", "/home/ben/big")
    assert ben.cells("lesson.ipynb") == ["5*4"]
    ben.save("lesson.ipynb", "5*4", "6*7")
    ben.stop()
    hub.ssh(NODE, "umount", "/home/ben")


def test_after_a_reboot_a_saved_notebook_is_there(hub, anna):
    anna.save("lesson.ipynb", "5*4")
    reboot(hub, NODE)
    eventually(lambda: anna.log_in().ok, seconds=120)
    anna.start()
    assert anna.cells("lesson.ipynb") == ["5*4"]
    assert " 0 changed" in hub.done("deploy").stdout
