"""The engine on real nodes: packages, services, firewall, releases, and every way to be interrupted."""

import dataclasses

import msgspec
import pytest

from provision.actions.fleet import LoadedFleet
from provision.bundles import bundle
from provision.errors import HubError
from provision.inventory.load import load
from provision.node.manifest import dump
from provision.node.resources import CheckedFiles, Command, File, Firewall, Packages, Release, Rule, Unit
from provision.plan import plan
from provision.steps.context import Context
from provision.transport import engine
from provision.transport.connect import connect
from tests.support.machines import reboot
from tests.support.tasks import TASK_API
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

RUN = {"id": "a-test", "who": "tests@here", "from": "here", "command": "test", "started": "now"}
SERVICE = "[Unit]\n[Service]\nExecStart={}\nRestart=no\n[Install]\nWantedBy=multi-user.target\n"


class Node:
    """A node of a fleet, whose engine is asked directly."""

    def __init__(self, fleet, name, monkeypatch):
        monkeypatch.setenv("HUBCTL_CONFIG_DIR", fleet.environment["HUBCTL_CONFIG_DIR"])
        self.fleet, self.name = fleet, name
        self.bundle = bundle("task_api")

    def ask(self, op, *, on_event=None, **fields):
        loaded = LoadedFleet(load(self.fleet.inventory), self.fleet.inventory)
        events = []

        def note(said):
            event = msgspec.json.decode(msgspec.json.encode(said))
            events.append(event)
            if on_event:
                on_event(event)

        request = {
            "format": 1,
            "op": op,
            "fleet": "f",
            "node": self.name,
            "run": RUN,
            "lock_wait": 60,
            **fields,
        }
        blobs = {self.bundle.sha256: lambda: self.bundle.content}
        with connect(loaded.target(self.name)) as session:
            status = engine.run(engine.start(session), request, blobs=blobs, on_event=note)
        return Run(status, events)

    def converge(self, *resources, apply=True, **fields):
        return self.ask("converge", apply=apply, resources=dump(resources), **fields)

    def ssh(self, *argv, check=True):
        return self.fleet.ssh(self.name, *argv, check=check)

    def shell(self, script, *, check=True):
        return self.ssh("sh", "-c", script, check=check)

    def desired(self):
        """Return the plan of the node, as a deploy makes it."""
        fleet = load(self.fleet.inventory)
        return plan(
            Context(fleet, self.name, fleet.nodes[self.name], self.fleet.instance.acme_directory, bundle)
        ).resources

    def release(self, **fields):
        """Return the resources of a deploy with another release of the service."""
        return [
            dataclasses.replace(resource, **fields) if isinstance(resource, Release) else resource
            for resource in self.desired()
        ]


class Run:
    def __init__(self, status, events):
        self.status, self.events = status, events

    def of(self, event):
        return [each for each in self.events if each["event"] == event]

    @property
    def changed(self):
        return [each["id"] for each in self.of("resource") if each["status"] in ("changed", "would-change")]

    @property
    def error(self):
        (error,) = self.of("error")
        return error


@pytest.fixture(scope="module")
def bare_fleet(make_fleet):
    fleet = make_fleet({"bare": TASK_API})
    fleet.done("create-node", "bare", "--no-deploy")
    return fleet


@pytest.fixture
def bare(bare_fleet, monkeypatch):
    """A node with nothing on it but what tests put there."""
    return Node(bare_fleet, "bare", monkeypatch)


@pytest.fixture
def apis(deployed, monkeypatch):
    """A node that serves task_api. Tests leave it converged."""
    return Node(deployed, "apis", monkeypatch)


def active(node, unit):
    return node.ssh("systemctl", "is-active", unit, check=False).strip()


def test_a_dry_run_of_a_whole_plan_on_an_empty_node_says_all_and_changes_nothing(bare):
    bare.ssh("touch", "/run/before")
    run = bare.converge(*bare.desired(), apply=False)
    assert run.status == 0
    assert {"packages:apt", "release:task_api", "unit:nginx.service", "firewall:ufw"} <= set(run.changed)
    newer = "find /etc /opt /usr /var/lib /var/cache -newer /run/before -type f"
    assert bare.shell(f"{newer} | grep -v -e /var/lib/hubctl/engine/ -e /var/lib/systemd/", check=False) == ""


def test_packages_are_installed_and_their_services_wait_for_their_units(bare):
    packages = Packages(("nginx-light",))
    bare.converge(packages)
    assert active(bare, "nginx.service") == "inactive"
    assert "policy-rc.d" not in bare.ssh("ls", "/usr/sbin")
    run = bare.converge(packages, Unit("nginx.service"))
    assert run.changed == ["unit:nginx.service"]
    assert active(bare, "nginx.service") == "active"
    assert bare.converge(packages, Unit("nginx.service")).changed == []


def test_apt_waits_for_another_holder_of_the_lock(bare):
    bare.shell("setsid flock /var/lib/dpkg/lock-frontend sleep 6 >/dev/null 2>&1 & sleep 0.5")
    assert bare.converge(Packages(("tree",))).status == 0
    assert bare.ssh("tree", "--version")


def test_a_kill_in_the_middle_of_an_installation_is_finished_by_the_next_run(bare):
    killed = []

    def kill(event):
        if event["event"] == "progress" and not killed:
            killed.append(event)
            wait = "for _ in $(seq 3000); do pgrep -x dpkg >/dev/null && break; sleep 0.01; done"
            engine_pid = "$(sed 's/.*\"pid\": \\([0-9]*\\).*/\\1/' /run/hubctl/lock)"
            bare.shell(f"{wait}; kill -9 {engine_pid}; pkill -9 -x dpkg; true")

    packages = Packages(("sqlite3", "telnet", "pv", "dc"))
    with pytest.raises(HubError):
        bare.converge(packages, on_event=kill)
    run = bare.converge(packages)
    assert run.status == 0
    assert bare.shell("dpkg --audit").strip() == ""
    assert bare.ssh("sqlite3", "--version")


def test_a_package_that_does_not_exist_is_named(bare):
    run = bare.converge(Packages(("no-such-package-here",)))
    assert run.error["code"] == "apt-failed"
    assert "no-such-package-here" in run.error["why"]


def test_nginx_refuses_a_broken_file_and_nothing_has_happened(bare):
    bare.converge(Packages(("nginx-light",)), Unit("nginx.service"))
    look = (
        "sh",
        "-c",
        "ls -l --time-style=full-iso /etc/nginx/conf.d; systemctl show -p MainPID,ExecReload nginx",
    )
    before = bare.ssh(*look)
    group = CheckedFiles("web", (File("/etc/nginx/conf.d/x.conf", "serve { }\n"),), ("/usr/sbin/nginx", "-t"))
    run = bare.converge(group, Unit("nginx.service", reload_on=(group.id,)))
    assert run.error["code"] == "check-failed"
    assert 'unknown directive "serve"' in run.error["why"]
    assert run.of("unit") == []
    assert bare.ssh(*look) == before


def test_a_service_that_falls_shows_its_state_and_its_last_words(bare):
    unit = File("/etc/systemd/system/falls.service", SERVICE.format("/bin/sh -c 'echo the reason; exit 3'"))
    run = bare.converge(unit, Unit("falls.service"))
    assert run.error["code"] == "unit-failed"
    assert "exit status 3" in run.error["why"]
    assert "the reason" in run.error["why"]


def test_a_service_that_falls_right_after_its_start_is_noticed(bare):
    unit = File("/etc/systemd/system/falls2.service", SERVICE.format("/bin/sh -c 'sleep 0.2; exit 4'"))
    assert bare.converge(unit, Unit("falls2.service")).error["code"] == "unit-failed"


def test_templates_timers_and_sockets_are_units_like_others(bare):
    system = "/etc/systemd/system"
    resources = (
        File(f"{system}/each@.service", SERVICE.format("/bin/sleep 1000")),
        File(f"{system}/often.service", SERVICE.format("/bin/true")),
        File(f"{system}/often.timer", "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"),
        File(
            f"{system}/listen.socket",
            "[Socket]\nListenStream=/run/listen.sock\n[Install]\nWantedBy=sockets.target\n",
        ),
        File(f"{system}/listen.service", SERVICE.format("/bin/sleep 1000")),
        Unit("each@one.service"),
        Unit("often.timer"),
        Unit("listen.socket"),
    )
    assert bare.converge(*resources).status == 0
    assert [active(bare, unit) for unit in ("each@one.service", "often.timer", "listen.socket")] == [
        "active"
    ] * 3
    assert bare.converge(*resources).changed == []
    off = [dataclasses.replace(unit, enabled=False, running=False) for unit in resources[-3:]]
    bare.converge(*resources[:5], *off)
    assert (
        bare.shell(
            "ls /etc/systemd/system/*.wants | grep -c -e each@ -e often -e listen", check=False
        ).strip()
        == "0"
    )


def test_the_firewall_has_exactly_the_wanted_rules(bare):
    ufw, wide = Packages(("ufw",)), Firewall((Rule(80), Rule(5432, source="10.0.0.0/8"), Rule(53, "udp")))
    assert bare.converge(ufw, wide).status == 0
    assert bare.converge(ufw, wide).changed == []
    shown = bare.ssh("ufw", "status")
    assert all(words in shown for words in ("Status: active", "22/tcp", "80/tcp", "53/udp", "10.0.0.0/8"))
    bare.ssh("ufw", "limit", "from", "192.0.2.1", "to", "any", "port", "99", "proto", "tcp")
    narrow = Firewall((Rule(443),))
    bare.converge(ufw, narrow)
    assert bare.converge(ufw, narrow).changed == []
    shown = bare.ssh("ufw", "status")
    assert not any(words in shown for words in ("80/tcp", "53/udp", "5432", "99/tcp"))
    assert all(words in shown for words in ("22/tcp", "443/tcp"))


def test_a_lost_connection_ends_the_run_after_the_resource_in_hand(bare):
    class LostError(Exception):
        pass

    def cut(event):
        if event.get("id") == "file:/etc/cut-1":
            raise LostError

    resources = [
        File("/etc/cut-1", "x\n"),
        Command("slow", ("sleep", "3"), creates="/etc/never"),
        File("/etc/cut-2", "x\n"),
    ]
    with pytest.raises(LostError):
        bare.converge(*resources, on_event=cut)
    eventually(lambda: bare.ask("lock-status").of("data")[0]["data"]["holder"] is None)
    assert "cut-2" not in bare.ssh("ls", "/etc")
    assert bare.ask("history", last=1).of("data")[0]["data"]["runs"][0]["result"] == "interrupted"


def test_a_release_that_cannot_start_leaves_the_old_one_serving(apis):
    run = apis.converge(*apis.release(release="bad0bad0bad0bad0", settings="torn {"))
    assert run.error["code"] == "release-unhealthy"
    for shown in ("GET /health", "task_api@bad0bad0bad0bad0.service: ", "Traceback"):
        assert shown in run.error["why"]
    assert "journalctl -u task_api" in run.error["hint"]
    assert apis.fleet.site("apis", "tasks").solve()[0] == 200
    assert active(apis, "task_api@bad0bad0bad0bad0.service") in ("inactive", "failed")
    assert apis.converge(*apis.desired()).changed == []


FULL_ALONE = pytest.mark.soak(short=0, full=1)


@pytest.mark.parametrize(
    "stage",
    [pytest.param("healthy", marks=FULL_ALONE), "switched", pytest.param("reloaded", marks=FULL_ALONE)],
)
def test_a_reboot_in_the_middle_of_a_release_leaves_a_service_that_answers(apis, stage):
    number = {"healthy": "aa", "switched": "bb", "reloaded": "cc"}[stage] * 8
    with pytest.raises(HubError):
        apis.converge(*apis.release(release=number), fault=f"release:task_api:{stage}")
    reboot(apis.fleet, "apis")
    eventually(lambda: apis.fleet.site("apis", "tasks").solve()[0] == 200, seconds=120)
    assert apis.converge(*apis.desired()).status == 0
    assert apis.converge(*apis.desired()).changed == []


def test_a_lost_certificate_and_a_forgotten_account_are_made_again(apis):
    host = apis.fleet.site("apis", "tasks").host
    regr = "$(find /etc/letsencrypt/accounts -name regr.json)"
    apis.shell(f"sed -i 's#my-account/[0-9a-z]*#my-account/0#' {regr}; rm -r /etc/letsencrypt/live/{host}")
    assert f"certificate:{host}" in apis.converge(*apis.desired()).changed
    assert apis.fleet.site("apis", "tasks").solve()[0] == 200
    assert apis.converge(*apis.desired()).changed == []
    assert apis.ssh("ls", "/etc/letsencrypt/live").split() == ["README", host]
