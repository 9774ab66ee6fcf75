"""Every service answers behind Apache as it does behind nginx, and a node can change from one to the other."""

import http.client

import pytest

from tests.contract.jupyterhub import by_hand, user
from tests.support.contract import contract_of
from tests.support.fleet import Fleet
from tests.support.hub import NODE
from tests.support.load import Load
from tests.support.machines import reboot
from tests.support.network import ask_from, open_ports
from tests.support.runtimes import runtime_with
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

ALL = (
    "{jupyterhub: {hostname: hub}, dashboard: {}, proxy: {hostname: demos, tunnel: far, max_body_mb: 2}, "
    "task_api: {hostname: tasks, workers: 1}}"
)
FAR = "task_api: {workers: 1}"
MORE = f"tunnels:\n  far: {{from: {NODE}, to: far, service: task_api, listen: 8080}}\n"
PATHS = {"hub": "/hub/health", "tasks": "/health", "demos": "/health"}


def write(fleet: Fleet, webserver: str) -> None:
    """Have all services on one node behind a web server."""
    fleet.write({NODE: f"{ALL}\n    webserver: {webserver}", "far": FAR}, MORE)


def answers(fleet: Fleet) -> bool:
    """Whether all sites do."""
    return all(fleet.site(NODE, host).ask_raw("GET", path)[0] == 200 for host, path in PATHS.items())


@pytest.fixture(scope="module")
def fleet(make_fleet, hub_image):
    """A node with all services behind Apache, and the far end of its tunnel."""
    fleet = make_fleet({NODE: ALL, "far": FAR}, MORE, hub_image)
    write(fleet, "apache")
    for node in (NODE, "far"):
        fleet.done("create-node", node, "--no-deploy")
    fleet.done("deploy")
    by_hand(fleet)
    yield fleet
    for node in (NODE, "far"):
        fleet.done("destroy-node", node, "--yes")


def test_all_services_answer_over_verified_https(fleet):
    assert eventually(lambda: answers(fleet))
    assert fleet.ssh(NODE, "sh", "-c", "ss -Hltnp sport = :443").count("apache2") > 0
    assert fleet.done("deploy").stdout.count(" 0 changed") == 2
    for host, path in PATHS.items():
        site = fleet.site(NODE, host)
        connection = site.connection()
        connection.request("GET", path)
        assert connection.getresponse().headers["Strict-Transport-Security"] == "max-age=63072000"
        plain = http.client.HTTPConnection(site.address, timeout=30)
        plain.request("GET", "/a%2Fb?c=%2F", headers={"Host": site.host})
        answer = plain.getresponse()
        assert (answer.status, answer.headers["Location"]) == (308, f"https://{site.host}/a%2Fb?c=%2F")


def test_bodies_are_as_large_as_the_inventory_allows(fleet):
    site = fleet.site(NODE, "demos")
    assert site.ask("POST", "/task", {"x": "y" * 1_500_000})[0] == 400  # it came through, and is no task
    assert site.ask_raw("POST", "/task", {"x": "y" * 3_500_000})[0] == 413
    status, answer = site.solve()
    assert (status, answer["status"]) == (200, "COMPLETE")


def test_one_loopback_port_leads_into_the_tunnel(fleet):
    assert ask_from(fleet, NODE, "127.0.0.1", 8080).startswith("HTTP/1.1 200")


def test_a_kernel_computes_over_a_websocket_and_saves_show_at_once(fleet):
    ada = user(fleet.site(NODE, "hub"))
    assert ada.run(ada.kernel(), "5*4") == "20"
    contract = contract_of("dashboard")
    contract.kept(fleet.site(NODE, "hub"), contract.put(fleet.site(NODE, "hub")))


def test_a_deploy_of_services_fails_no_request(fleet, tmp_path):
    tasks, far = fleet.site(NODE, "tasks"), fleet.site(NODE, "demos")
    runtime = runtime_with(tmp_path, "task_api/wsgi.py", "# another version\n")
    with (
        Load(tasks, fresh=2, kept=2, path="/health", status=200) as load,
        Load(far, path="/health", status=200) as through,
    ):
        load.wait_for(20)
        through.wait_for(20)
        fleet.done("deploy", HUBCTL_RUNTIME=runtime)
        fleet.done("deploy")
        load.wait_for(20)
    assert load.failures == []
    assert through.failures == []


def test_a_key_of_the_tunnel_changes_and_no_request_fails(fleet):
    with Load(fleet.site(NODE, "demos"), path="/health", status=200) as load:
        load.wait_for(20)
        fleet.done("rotate-key", "tunnel/far")
        load.wait_for(20)
    assert load.failures == []
    assert ask_from(fleet, NODE, "127.0.0.1", 8080).startswith("HTTP/1.1 200")


def test_a_reboot_loses_nothing(fleet):
    reboot(fleet, NODE)
    assert eventually(lambda: answers(fleet), seconds=120)
    assert ask_from(fleet, NODE, "127.0.0.1", 8080).startswith("HTTP/1.1 200")


@pytest.mark.parametrize(("to", "former"), [("nginx", "apache2"), ("apache", "nginx")])
def test_a_node_changes_its_web_server(fleet, to, former):
    write(fleet, to)
    plan = fleet.hubctl("plan", NODE).stdout
    assert f"stop and disable {former}.service" in plan
    fleet.done("deploy", NODE)
    assert answers(fleet)
    assert ask_from(fleet, NODE, "127.0.0.1", 8080).startswith("HTTP/1.1 200")
    state = fleet.ssh(NODE, "systemctl", "is-enabled", former, check=False).strip()
    assert state == "disabled"
    assert "hubctl" not in fleet.shell(NODE, f"grep -rl 'Made by hubctl' /etc/{former} || true")
    assert fleet.done("deploy").stdout.count(" 0 changed") == 2
    assert open_ports(fleet.address(NODE), 22, 80, 443, 8010, 8080) == [22, 80, 443]
