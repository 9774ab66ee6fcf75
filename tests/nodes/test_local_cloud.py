"""The local cloud with real machines, driven by an unchanged python-digitalocean and plain ssh."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import digitalocean
import dns.message
import dns.query
import pytest
import requests

from provision.cloud.local import lifecycle
from provision.cloud.local.instance import Instance
from provision.distributions import DEFAULT
from tests.support.droplets import LIMIT, Node, banner, boot, client, processes_of, traces_of, wait_until
from tests.support.instances import temporary_instance

pytestmark = [pytest.mark.nodes, pytest.mark.usefixtures("nodes_possible")]


@pytest.fixture(scope="module")
def local_instance(nodes_possible: None) -> Iterator[Instance]:
    """An instance of its own: here it is killed and stopped."""
    with temporary_instance() as instance:
        yield instance


@pytest.fixture(scope="module")
def cloud(local_instance: Instance) -> Iterator[digitalocean.Manager]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield client(monkeypatch, local_instance)


@pytest.fixture(scope="module")
def nodes(cloud: digitalocean.Manager, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    folder = tmp_path_factory.mktemp("keys")
    made = [boot(folder / name, name, ipv6=True) for name in ("one", "two")]
    yield made
    for node in made:
        node.droplet.destroy()


class TestMachine:
    def test_the_first_connection_finds_the_host_key_that_user_data_gave(self, nodes: list[Node]) -> None:
        assert nodes[0].ssh("hostname").stdout.strip() == "one"

    def test_another_host_key_is_refused(self, nodes: list[Node], tmp_path: Path) -> None:
        known = (nodes[1].folder / "known_hosts").read_text().replace(nodes[1].address, nodes[0].address)
        (tmp_path / "known_hosts").write_text(known)
        (tmp_path / "operator").symlink_to(nodes[0].folder / "operator")
        assert Node(nodes[0].droplet, tmp_path).ssh("true", check=False).returncode != 0

    def test_the_end_of_its_console_can_be_read(self, nodes: list[Node], local_instance: Instance) -> None:
        url = f"{local_instance.endpoint}droplets/{nodes[0].droplet.id}/console"
        answer = requests.get(url, headers={"Authorization": f"Bearer {local_instance.token}"}, timeout=LIMIT)
        assert "cloud-init" in answer.json()["console"]

    def test_its_control_groups_are_those_of_todays_systems(self, nodes: list[Node]) -> None:
        assert nodes[0].ssh("stat --file-system --format %T /sys/fs/cgroup").stdout == "cgroup2fs\n"

    def test_cloud_init_ends_without_errors(self, nodes: list[Node]) -> None:
        done = nodes[0].ssh("cloud-init status --wait --long")
        assert "status: done" in done.stdout
        assert "error" not in done.stdout.lower().replace("errors: []", "").replace(
            "recoverable_errors: {}", ""
        )

    def test_no_unit_has_failed(self, nodes: list[Node]) -> None:
        nodes[0].ssh("cloud-init status --wait")
        assert nodes[0].ssh("systemctl is-system-running --wait").stdout.strip() == "running"

    def test_it_has_an_identity_of_its_own(self, nodes: list[Node]) -> None:
        identities = {node.ssh("cat /etc/machine-id").stdout.strip() for node in nodes}
        assert len(identities) == 2
        assert "" not in identities

    def test_passwords_open_nothing(self, nodes: list[Node]) -> None:
        settings = nodes[0].ssh("sshd -T").stdout
        assert "permitrootlogin without-password" in settings
        assert nodes[0].ssh("passwd --status root").stdout.split()[1] in ("L", "NP")

    def test_machines_reach_each_other_by_both_protocols(self, nodes: list[Node]) -> None:
        first, second = nodes
        nodes[0].ssh(f"ping -c 1 -W 5 {second.address}")
        first.ssh(f"ping -6 -c 1 -W 5 {second.droplet.ip_v6_address}")

    def test_of_this_computer_they_reach_no_port_that_they_do_not_need(
        self, nodes: list[Node], local_instance: Instance
    ) -> None:
        with socket.create_server(("", 0)) as server:
            port = server.getsockname()[1]
            for address in (local_instance.address, outward_address()):
                reach = f"timeout 5 bash -c 'echo > /dev/tcp/{address}/{port}'"
                assert nodes[0].ssh(reach, check=False).returncode == 1, address
            nodes[0].ssh(f"timeout 5 bash -c 'echo > /dev/tcp/{local_instance.address}/53'")
        nodes[0].ssh(f"ping -c 1 -W 5 {local_instance.address}")

    def test_the_package_archive_answers(self, nodes: list[Node]) -> None:
        assert nodes[0].ssh("apt-get update").returncode == 0
        suites = nodes[0].ssh("apt-get indextargets --format '$(SUITE) $(CODENAME)'").stdout
        assert f"{DEFAULT.suite}-security" in suites
        assert f"{DEFAULT.suite}-updates" in suites

    def test_pip_and_uv_install_by_hash_without_environment(self, nodes: list[Node]) -> None:
        """The hash is of the wheel that the host's own pip gets, so both take the same way."""
        requirement = (
            "idna==3.10 --hash=sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3"
        )
        nodes[0].ssh("apt-get update -q && apt-get install -q -y python3-venv")
        nodes[0].ssh(f"python3 -m venv /tmp/v && echo {shlex.quote(requirement)} > /tmp/requirements")
        nodes[0].ssh("env -i PATH=$PATH HOME=/root /tmp/v/bin/pip install -q uv")
        nodes[0].ssh(
            "env -i PATH=$PATH HOME=/root /tmp/v/bin/pip install -q --require-hashes -r /tmp/requirements"
        )
        done = nodes[0].ssh(
            "env -i PATH=$PATH HOME=/root /tmp/v/bin/uv pip install --no-cache --target /tmp/t "
            "--require-hashes -r /tmp/requirements"
        )
        assert "idna==3.10" in done.stderr
        assert "warning" not in done.stderr.lower()

    def test_the_disk_and_the_host_key_outlive_a_reboot(self, nodes: list[Node]) -> None:
        node = nodes[0]
        node.ssh("echo kept > /root/file")
        before = node.ssh("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1").stdout
        assert node.droplet.reboot()["action"]["status"] == "in-progress"
        wait_until("rebooted", lambda: node.droplet.get_actions()[0].status == "completed")
        wait_until("reachable", node.reachable)
        assert node.ssh("cat /root/file").stdout == "kept\n"
        assert node.ssh("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1").stdout != before

    def test_a_reboot_from_inside_comes_back(self, nodes: list[Node]) -> None:
        node = nodes[0]
        began = node.ssh("stat -c %Y /proc/1").stdout
        node.ssh("systemctl reboot", check=False)
        wait_until("rebooted", lambda: node.ssh("stat -c %Y /proc/1", check=False).stdout not in ("", began))
        assert node.droplet.load().status == "active"

    def test_an_orderly_shutdown_lets_services_finish(self, nodes: list[Node]) -> None:
        node = nodes[1]
        # The note is written late, so a machine that is cut off leaves none.
        stop = "/bin/sh -c 'sleep 1; echo finished > /root/note'"
        node.ssh(f'systemd-run --unit=slow -p ExecStop="{stop}" -p RemainAfterExit=yes true')
        node.droplet.shutdown()
        wait_until("off", lambda: node.droplet.get_actions()[0].status == "completed")
        assert node.droplet.load().status == "off"
        node.droplet.power_on()
        wait_until("reachable", node.reachable)
        assert node.ssh("cat /root/note").stdout == "finished\n"

    def test_a_power_off_from_inside_is_seen_and_power_on_undoes_it(self, nodes: list[Node]) -> None:
        node = nodes[1]
        node.ssh("systemctl poweroff", check=False)
        wait_until("off", lambda: node.droplet.load().status == "off")
        node.droplet.power_on()
        wait_until("active", lambda: node.droplet.load().status == "active")
        wait_until("reachable", node.reachable)


class TestSnapshot:
    def test_a_machine_is_made_of_the_disk_as_it_was(
        self, cloud: digitalocean.Manager, nodes: list[Node], local_instance: Instance, tmp_path: Path
    ) -> None:
        node = nodes[0]
        node.ssh("echo before > /root/state; rm /etc/issue; rm -r /usr/share/doc; mkdir /usr/share/doc")
        node.droplet.take_snapshot("kept")
        wait_until("taken", lambda: node.droplet.get_actions()[0].status == "completed")
        node.ssh("echo after > /root/state")
        (snapshot,) = cloud.get_droplet_snapshots()
        made = boot(tmp_path, "made", image=int(snapshot.id))
        assert made.ssh("hostname; cat /root/state; ls -A /usr/share/doc").stdout.split() == [
            "made",
            "before",
        ]
        assert made.ssh("test -e /etc/issue", check=False).returncode == 1
        made.ssh("cloud-init status --wait")
        assert made.ssh("systemctl is-system-running --wait").stdout.strip() == "running"
        assert snapshot.destroy()
        made.ssh("systemctl reboot", check=False)
        wait_until("reachable", lambda: made.ssh("cat /root/state", check=False).stdout == "before\n")
        assert list(local_instance.snapshots.iterdir())
        made.droplet.destroy()
        wait_until("gone", lambda: not list(local_instance.snapshots.iterdir()))

    def test_one_that_cannot_start_is_told_with_the_end_of_its_console(
        self, cloud: digitalocean.Manager, nodes: list[Node], local_instance: Instance
    ) -> None:
        node = nodes[0]
        node.ssh("mv /usr/lib/systemd/systemd /root/systemd")
        node.droplet.take_snapshot("without init")
        wait_until("taken", lambda: node.droplet.get_actions()[0].status == "completed")
        node.ssh("mv /root/systemd /usr/lib/systemd/systemd")
        (snapshot,) = cloud.get_droplet_snapshots()
        droplet = digitalocean.Droplet(
            name="broken", size="s-1vcpu-1gb", image=int(snapshot.id), region="nyc3", ssh_keys=[]
        )
        droplet.create()
        wait_until("errored", lambda: droplet.get_actions()[0].status == "errored")
        url = f"{local_instance.endpoint}droplets/{droplet.id}/actions"
        answer = requests.get(url, headers={"Authorization": f"Bearer {local_instance.token}"}, timeout=LIMIT)
        message = answer.json()["actions"][0]["message"]
        assert "ended while it was starting" in message
        assert "init" in message.partition("the end of its console")[2]
        snapshot.destroy()
        droplet.destroy()


class TestNames:
    def test_records_answer_inside_the_machines(
        self, cloud: digitalocean.Manager, nodes: list[Node], local_instance: Instance
    ) -> None:
        digitalocean.Domain(name="names.test").create()
        domain = cloud.get_domain("names.test")
        domain.create_new_domain_record(type="A", name="one", data=nodes[0].address)
        domain.create_new_domain_record(type="CNAME", name="www", data="one.names.test.")
        assert nodes[1].ssh("getent ahostsv4 www.names.test").stdout.split()[0] == nodes[0].address
        assert nodes[1].ssh("getent hosts nothing.names.test", check=False).returncode != 0
        nodes[1].ssh("getent ahostsv4 acme.local-cloud")
        domain.destroy()

    def test_names_of_others_are_asked_of_the_hosts_resolvers(self, local_instance: Instance) -> None:
        archive = next(line.split("/")[2] for line in archive_lines())
        query = dns.message.make_query(archive, "A")
        answer = dns.query.udp(query, local_instance.dns_address, timeout=LIMIT)
        assert socket.gethostbyname(archive) in str(answer)

    def test_a_certificate_request_reaches_the_machine(
        self, nodes: list[Node], local_instance: Instance
    ) -> None:
        code = f"import urllib.request as u; print(u.urlopen('{local_instance.acme_directory}').status)"
        assert nodes[0].ssh(f"python3 -c {shlex.quote(code)}").stdout.strip() == "200"


def outward_address() -> str:
    """Return this computer's address on the way to others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def archive_lines() -> list[str]:
    from provision.cloud.local import images

    return [source.uri for source in images.sources(images.offered()[0])]


class TestInstance:
    def test_machines_outlive_a_killed_daemon_and_are_found_again(
        self, nodes: list[Node], local_instance: Instance
    ) -> None:
        node = nodes[0]
        began = node.ssh("stat -c %Y /proc/1").stdout
        daemon = json.loads((local_instance.folder / "daemon.json").read_text())["pid"]
        os.kill(daemon, signal.SIGKILL)
        assert node.ssh("stat -c %Y /proc/1").stdout == began
        assert not lifecycle.status(local_instance.name).running
        again = lifecycle.up(local_instance.name, report=print)
        assert again.endpoint == local_instance.endpoint
        assert node.ssh("stat -c %Y /proc/1").stdout == began
        assert node.droplet.load().status == "active"
        assert json.loads((local_instance.folder / "daemon.json").read_text())["pid"] != daemon

    def test_a_creation_that_the_daemon_did_not_survive_is_finished(
        self, cloud: digitalocean.Manager, nodes: list[Node], local_instance: Instance, tmp_path: Path
    ) -> None:
        droplet = digitalocean.Droplet(
            name="interrupted", size="s-1vcpu-1gb", image=DEFAULT.slug, region="nyc3", ssh_keys=[]
        )
        droplet.create()
        os.kill(json.loads((local_instance.folder / "daemon.json").read_text())["pid"], signal.SIGKILL)
        lifecycle.up(local_instance.name, report=print)
        wait_until("active", lambda: droplet.load().status == "active")
        wait_until("listening", lambda: banner(str(droplet.ip_address)))
        assert [action.status for action in droplet.get_actions()] == ["completed"]
        droplet.destroy()

    def test_a_second_up_changes_nothing(self, nodes: list[Node], local_instance: Instance) -> None:
        daemon = (local_instance.folder / "daemon.json").read_text()
        roots = local_instance.acme_roots.read_text()
        assert lifecycle.up(local_instance.name, report=print) == local_instance
        assert (local_instance.folder / "daemon.json").read_text() == daemon
        assert local_instance.acme_roots.read_text() == roots

    def test_it_comes_back_with_its_machines_after_down(
        self, nodes: list[Node], local_instance: Instance
    ) -> None:
        kept, off = nodes
        kept.ssh("echo kept > /root/file; sync")
        off.droplet.shutdown()
        wait_until("off", lambda: off.droplet.load().status == "off")
        roots = local_instance.acme_roots.read_text()
        lifecycle.down(local_instance.name, destroy=False, report=print)
        assert not lifecycle.status(local_instance.name).running
        assert processes_of(local_instance) == []
        lifecycle.up(local_instance.name, report=print)
        wait_until("reachable", kept.reachable)
        assert kept.ssh("cat /root/file").stdout == "kept\n"
        assert off.droplet.load().status == "off"
        # Each start of the CA makes a new root; those before stay known.
        assert local_instance.acme_roots.read_text().startswith(roots)
        assert local_instance.acme_roots.read_text() != roots
        off.droplet.power_on()
        wait_until("reachable", off.reachable)

    def test_two_instances_are_apart_and_destroy_leaves_nothing(
        self, nodes: list[Node], local_instance: Instance, tmp_path: Path
    ) -> None:
        name = f"t-{os.getpid()}-{secrets.token_hex(3)}"
        other = lifecycle.up(name, report=print)
        try:
            assert other.endpoint != local_instance.endpoint
            assert other.bridge != local_instance.bridge
            assert not other.subnet.overlaps(local_instance.subnet)
            with pytest.MonkeyPatch.context() as monkeypatch:
                manager = client(monkeypatch, other)
                assert manager.get_all_droplets() == []
                node = boot(tmp_path / "keys", "one")
                assert [droplet.name for droplet in manager.get_all_droplets()] == ["one"]
            assert node.ssh(f"ping -c 1 -W 2 {nodes[0].address}", check=False).returncode != 0
            reach = f"timeout 3 bash -c 'echo > /dev/tcp/{nodes[0].address}/22'"
            assert node.ssh(reach, check=False).returncode != 0
        finally:
            lifecycle.down(name, destroy=True, report=print)
        assert traces_of(other) == []
        assert nodes[0].ssh("hostname").stdout.strip() == "one"

    def test_a_destroyed_machine_leaves_nothing(
        self, cloud: digitalocean.Manager, local_instance: Instance, tmp_path: Path
    ) -> None:
        node = boot(tmp_path, "short")
        folder = local_instance.machines / str(node.droplet.id)
        assert folder.exists()
        node.droplet.destroy()
        with pytest.raises(digitalocean.NotFoundError):
            node.droplet.load()
        wait_until("gone", lambda: not folder.exists())
        machine = f"h{local_instance.identity}-{node.droplet.id}"
        wait_until("stopped", lambda: not [line for line in processes_of(local_instance) if machine in line])
        assert (
            machine not in subprocess.run(["ip", "link"], capture_output=True, text=True, check=True).stdout
        )
