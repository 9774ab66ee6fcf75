"""What users of a real hub can import, and who they are: who starts a server has it, running kernels notice nothing."""

import pytest

from provision.errors import Exit
from tests.support.hub import NODE, User, add_user
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

HUB = "jupyterhub: {{hostname: hub, users: [anna, ben]{}}}"
PASSWORD = "quite-a-long-one"
ENVIRONMENTS = "ls -d /opt/hub/jupyterhub/users-????????????"


@pytest.fixture(scope="module")
def hub(make_fleet, hub_image):
    """A fleet whose node has the hub, with the accounts that the inventory names."""
    fleet = make_fleet({NODE: HUB.format("")}, image=hub_image)
    fleet.created = fleet.done("create-node", NODE)
    for name in ("anna", "ben"):
        add_user(fleet, NODE, name, PASSWORD)
    yield fleet
    fleet.done("destroy-node", NODE, "--yes")


@pytest.fixture
def starts(hub):
    """Start servers; they are stopped after the test, and the hub has its own packages again."""
    users = []

    def start(name):
        user = User(hub.site(NODE, "hub"), name, PASSWORD)
        users.append(user)
        user.log_in()
        user.start()
        return user

    yield start
    for user in users:
        user.stop()
    if asked := listed(hub):
        hub.done("packages", "remove", *asked)


def listed(hub):
    events = hub.done("packages", "list", "--json").events
    return {event["name"]: event["version"] for event in events if event["event"] == "package"}


def changes(hub):
    """What a deploy still changes."""
    events = hub.done("deploy", "--json").events
    return [event["id"] for event in events if event["event"] == "resource" and event["status"] != "ok"]


def state(hub):
    """What a refusal must leave as it is: the file, and the users' environment."""
    path = hub.inventory.with_name(f"{hub.name}.{NODE}.packages")
    environment = hub.shell(NODE, f"readlink /opt/hub/jupyterhub/users; {ENVIRONMENTS}")
    return (path.read_text() if path.exists() else None), environment


def test_whoever_the_inventory_names_has_an_account_while_the_hub_runs_on(hub):
    assert "`hubctl users passwd anna ben`" in hub.created.stdout
    process = hub.ssh(NODE, "systemctl", "show", "--property=MainPID", "jupyterhub")
    hub.write({NODE: HUB.format(", admins: [tom]")})
    try:
        assert "who cannot log in: tom\n" in hub.done("deploy").stdout
        assert "tom" not in hub.done("deploy").stdout
        add_user(hub, NODE, "tom", PASSWORD, admin=True)
        tom = User(hub.site(NODE, "hub"), "tom", PASSWORD)
        tom.log_in()
        assert tom.ask("GET", "/hub/api/users", headers=tom.headers).status_code == 200
        assert hub.hubctl("users", "admin", "tom", "--no").status == Exit.INVENTORY
        # What nobody says any more stays, until somebody takes it away; the one who is logged in loses it at once.
        hub.write({NODE: HUB.format("")})
        assert changes(hub) == []
        hub.done("users", "admin", "tom", "--no")
        assert eventually(lambda: tom.ask("GET", "/hub/api/users", headers=tom.headers).status_code == 403)
        assert not tom.serves()  # of their own they see what they did
        assert hub.ssh(NODE, "systemctl", "show", "--property=MainPID", "jupyterhub") == process
    finally:
        hub.write({NODE: HUB.format("")})
        hub.done("users", "remove", "tom", "--yes")


def test_a_package_comes_while_a_kernel_runs_which_keeps_what_it_has(hub, starts):
    anna = starts("anna")
    kernel = anna.kernel()
    anna.run(kernel, "x = 41")
    first = anna.run(kernel, "import sys; sys.prefix")

    hub.done("packages", "add", "emoji<2.15", "click")
    assert set(listed(hub)) == {"emoji", "click"}
    assert anna.run(kernel, "x + 1") == "42"
    assert anna.run(kernel, "import emoji") == "ModuleNotFoundError"

    ben = starts("ben")
    bens = ben.kernel()
    assert ben.run(bens, "import emoji; emoji.__version__") == repr(listed(hub)["emoji"])
    assert not listed(hub)["emoji"].startswith("2.15")
    assert changes(hub) == []

    # Two environments later the first is there still, since a kernel runs from it.
    hub.done("packages", "add", "emoji")
    hub.done("packages", "remove", "click")
    assert set(listed(hub)) == {"emoji"}
    assert anna.run(kernel, "import sqlite3, mailbox, ipykernel.inprocess; x + 1") == "42"
    assert anna.run(kernel, "sys.prefix") == first
    assert anna.run(anna.kernel(), "import sys; sys.prefix") == first
    assert ben.run(bens, "import emoji.unicode_codes; 5*4") == "20"
    assert first.strip("'") in hub.shell(NODE, ENVIRONMENTS)

    anna.stop()
    anna.start()
    assert anna.run(anna.kernel(), "import emoji; emoji.__version__") == repr(listed(hub)["emoji"])


def test_packages_of_the_inventory_come_by_a_deploy_and_live_with_those_that_are_added(hub, starts):
    (hub.folder / "class.txt").write_text("# the class\nemoji<2.15\n")
    hub.done("packages", "add", "tabulate")
    hub.write({NODE: HUB.format(", packages: [click], requirements: class.txt")})
    try:
        assert hub.hubctl("plan").status == Exit.CHANGES
        hub.done("deploy")
        assert set(listed(hub)) == {"click", "emoji", "tabulate"}
        hub.shell(NODE, "/opt/hub/jupyterhub/users/bin/python -c 'import click, emoji, tabulate'")
        assert changes(hub) == []
        assert hub.hubctl("packages", "remove", "emoji").status == Exit.INVENTORY

        before = state(hub)
        hub.write({NODE: HUB.format(', packages: [click, "jinja2<3"], requirements: class.txt')})
        refused = hub.hubctl("deploy")
        assert (refused.status, "packages-conflict" in refused.text) == (Exit.FAILED, True)
        assert state(hub) == before
    finally:
        hub.write({NODE: HUB.format("")})
    hub.done("deploy")
    assert set(listed(hub)) == {"tabulate"}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["flask==3.1", "werkzeug<3"], "werkzeug"),
        (["jinja2<3"], "you require jinja2<3"),
        (["no-such-package-of-hubctl"], "was not found"),
    ],
)
def test_what_does_not_go_together_is_said_and_changes_nothing(hub, starts, asked, why):
    hub.done("packages", "add", "emoji")
    before = state(hub)
    refused = hub.hubctl("packages", "add", *asked)
    assert refused.status == Exit.FAILED
    assert "packages-conflict" in refused.text
    assert "unsatisfiable" in refused.text
    assert why in refused.text
    assert state(hub) == before
    assert changes(hub) == []


@pytest.mark.parametrize("stage", ["env-created", "switched"])
def test_a_run_that_is_killed_is_carried_on_by_the_same_command(hub, starts, stage):
    fault = f"python-env:/opt/hub/jupyterhub/users:{stage}"
    assert hub.hubctl("packages", "add", "tabulate", HUBCTL_FAULT=fault).status == Exit.UNREACHABLE
    for verb, there in (("add", {"tabulate"}), ("remove", set())):
        hub.hubctl("packages", verb, "tabulate", HUBCTL_FAULT=fault)
        hub.done("packages", verb, "tabulate")
        assert set(listed(hub)) == there
        assert changes(hub) == []
        imported = "/opt/hub/jupyterhub/users/bin/python -c 'import tabulate' 2>&1 || true"
        assert ("ModuleNotFoundError" in hub.shell(NODE, imported)) == (not there)


def test_two_who_add_at_once_lose_neither(hub, starts):
    both = [hub.start("packages", "add", name, "--lock-wait", "300") for name in ("emoji", "click")]
    for process in both:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert set(listed(hub)) == {"emoji", "click"}
    assert changes(hub) == []
