"""A class in real browsers on a real node: what its people see, whatever is changed or killed below them."""

import time
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from hub_runtime.dashboard.pages import key_of
from tests.support import browser as browsers
from tests.support.hub import NODE, add_user
from tests.support.lab_page import START, LabPage, sign_in
from tests.support.load import Load
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

CLASS = "{{jupyterhub: {{hostname: hub, idle_timeout: {}}}, dashboard: {{}}}}"
PASSWORD = "quite-a-long-one"
DASHBOARD = "/services/dashboard/"
NOTEBOOK = """\
{{"cells": [{{"cell_type": "code", "source": "{}", "metadata": {{}}, "outputs": [], "execution_count": null}}],
 "metadata": {{"kernelspec": {{"name": "python3", "display_name": "Python 3 (ipykernel)"}}}},
 "nbformat": 4, "nbformat_minor": 4}}
"""
BEN = f"#at-{key_of('ben')}"
BENS_COPY = f"#copy-{key_of('ben')}"


@pytest.fixture(scope="module")
def room(make_fleet, hub_image):
    """A fleet whose node has the hub and its dashboard, with a trainer and two learners."""
    browsers.require()
    fleet = make_fleet({NODE: CLASS.format(3600)}, image=hub_image)
    fleet.done("create-node", NODE)
    for name in ("tess", "anna", "ben"):
        add_user(fleet, NODE, name, PASSWORD, admin=name == "tess")
    yield fleet
    fleet.done("destroy-node", NODE, "--yes")


@pytest.fixture(scope="module")
def logged_in(room):
    """Open a page as somebody in a window of their own, by way of the login page."""
    site = room.site(NODE, "hub")
    address = f"https://{site.host}"

    with ExitStack() as windows:
        browser = windows.enter_context(browsers.started({site.host: site.address}))

        def enter(name, path, password=PASSWORD):
            # The certificate is the local cloud's, which no browser knows.
            how = {"ignore_https_errors": True, "base_url": address}
            page, _ = windows.enter_context(browsers.opened(browser, path, **how))
            sign_in(page, name, password)
            return page

        yield enter


@pytest.fixture(scope="module")
def trainer(logged_in):
    """The trainer's page of the class."""
    return logged_in("tess", DASHBOARD)


@pytest.fixture(scope="module")
def lab(logged_in):
    """A learner's notebook, in whose kernel there is a variable."""
    lab = LabPage(logged_in("ben", "/hub/spawn"))
    lab.new_notebook()
    lab.close_dialogs()
    lab.run("x = 41")
    return lab


@pytest.fixture
def tab(lab):
    """Another tab of the learner's."""
    with lab.page.context.new_page() as page:
        yield page


def test_what_a_cell_says_is_before_the_trainer_and_so_is_a_hand(trainer, lab, tab, record_property):
    expect(trainer.locator("#line")).to_have_text("Live")
    expect(lab.run("5*4")).to_have_text("20")
    ran = time.monotonic()
    expect(trainer.locator(BEN)).to_contain_text("Untitled.ipynb")
    trainer.get_by_role("link", name="Untitled.ipynb", exact=True).click()
    copy = trainer.frame_locator(f"{BENS_COPY} iframe")
    expect(copy.get_by_text("20", exact=True)).to_be_visible()
    record_property("seconds from a cell that ran to the trainer's page", round(time.monotonic() - ran, 1))
    tab.goto(DASHBOARD)
    tab.get_by_role("button", name="Raise my hand").click()
    expect(trainer.locator(BENS_COPY)).to_contain_text("Hand up")
    tab.get_by_role("button", name="Take it down").click()
    expect(trainer.locator(BENS_COPY)).not_to_contain_text("Hand up")


def test_learners_open_neither_the_pages_of_the_class_nor_what_is_anothers(lab, tab):
    expect(lab.run("!ls /home/anna")).to_contain_text("Permission denied")
    tab.goto(DASHBOARD)
    expect(tab.get_by_text("ben")).not_to_have_count(0)
    expect(tab.get_by_text("anna")).to_have_count(0)
    pages = ("notebook?path=Untitled.ipynb", "whole?user=anna&filename=Untitled.ipynb")
    for path in (
        *(f"{DASHBOARD}{page}" for page in pages),
        "/user/anna/lab",
        "/hub/spawn/anna",
        "/hub/admin",
    ):
        assert tab.goto(path).status in (403, 404), path


def test_another_setting_restarts_the_hub_alone_while_notebooks_run_on_and_pages_wait(room, lab):
    def running():
        units = ("jupyterhub", "jupyterhub-proxy", "jupyter-ben")
        show = ("systemctl", "show", "--property=MainPID", "--value")
        return {unit: room.ssh(NODE, *show, unit) for unit in units}

    before = running()
    room.write({NODE: CLASS.format(7200)})
    with Load(room.site(NODE, "hub"), fresh=2, kept=2, path="/hub/login", status=200) as load:
        load.wait_for(20)
        room.done("deploy")
        load.wait_for(20)
    assert load.failures == []
    after = running()
    assert [unit for unit in before if after[unit] != before[unit]] == ["jupyterhub"]
    expect(lab.run("x + 1")).to_have_text("42")


def test_a_hub_that_is_killed_cuts_no_kernel_off_and_comes_back(room, lab, tab):
    kill(room, "jupyterhub")
    expect(lab.run("x + 1")).to_have_text("42")
    hub_is_back(tab)


def test_a_proxy_that_is_killed_comes_back_with_its_routes_and_notebooks_find_their_kernels(room, lab, tab):
    with lab.reconnects():
        kill(room, "jupyterhub-proxy")
    expect(lab.run("x + 1")).to_have_text("42")
    hub_is_back(tab)


def kill(room, unit):
    room.ssh(NODE, "systemctl", "kill", "--signal=KILL", unit)


def hub_is_back(tab):
    eventually(lambda: tab.goto("/hub/home").ok, what="the hub")
    expect(tab.get_by_role("button", name="Stop My Server")).to_be_visible()


def test_a_push_leaves_what_a_learner_edited_and_shows_both(room, lab, tab):
    lesson = room.folder / "lesson.ipynb"
    lesson.write_text(NOTEBOOK.format("1 + 1"))
    room.done("materials", "push", str(lesson), "--to", "course")
    copy = LabPage(tab)
    tab.goto("/user/ben/lab/tree/course/lesson.ipynb")
    copy.wait_for_kernel()
    expect(copy.run("  # mine")).to_have_text("2")
    tab.keyboard.press("Control+s")
    eventually(lambda: "# mine" in room.shell(NODE, "cat ~ben/course/lesson.ipynb"), what="the save")
    lesson.write_text(NOTEBOOK.format("2 + 2"))
    room.done("materials", "push", str(lesson), "--to", "course")
    tab.get_by_role("button", name="Refresh").click()
    expect(copy.file("lesson.ipynb")).to_be_visible()
    copy.file("lesson.new.ipynb").dblclick()
    expect(tab.locator(".jp-Notebook:visible")).to_contain_text("2 + 2")
    copy.file("lesson.ipynb").dblclick()
    expect(tab.locator(".jp-Notebook:visible")).to_contain_text("# mine")
    expect(lab.run("x + 1")).to_have_text("42")


def test_users_and_packages_come_while_a_kernel_runs(room, logged_in, lab, tab):
    done = room.done("users", "add", "cleo", "--json")
    password = next(event["password"] for event in done.events if event["event"] == "account")
    cleo = logged_in("cleo", "/hub/home", password)
    expect(cleo.get_by_text("cleo")).to_be_visible()
    room.done("packages", "add", "emoji")
    expect(lab.run("x + 1")).to_have_text("42")
    expect(lab.run("import emoji")).to_contain_text("ModuleNotFoundError")
    eventually(lambda: "ModuleNotFoundError" in room.shell(NODE, "cat ~ben/Untitled.ipynb"), what="the save")
    restart(tab)
    tab.goto("/user/ben/lab/tree/Untitled.ipynb")
    again = LabPage(tab)
    again.wait_for_kernel()
    expect(again.run("import emoji; emoji.__name__")).to_have_text("'emoji'")


def restart(page):
    """Stop a server and start it from the hub's page, as its user does."""
    page.goto("/hub/home")
    # The button does something from when the page's script is there.
    page.wait_for_function(
        "requirejs.defined('jquery') && requirejs('jquery')._data(document.getElementById('stop'), 'events')"
    )
    page.get_by_role("button", name="Stop My Server").click()
    page.get_by_role("button", name="Start My Server").click()
    page.wait_for_url("**/lab**", timeout=START)


def test_who_is_told_that_their_server_was_killed_starts_it_again(room, lab, tab):
    tab.goto("/user/ben/lab/tree/Untitled.ipynb")
    open_then = LabPage(tab)
    open_then.wait_for_kernel()
    kill(room, "jupyterhub-users.slice")
    expect(open_then.dialog.filter(has_text="Server unavailable or unreachable")).to_be_visible()
    lab.page.goto("/user/ben/lab/tree/Untitled.ipynb")
    lab.page.get_by_role("button", name="Launch Server").click()
    lab.wait_for_kernel()
    assert not room.shell(NODE, "systemctl list-units --failed --plain --no-legend 'jupyter*'")
