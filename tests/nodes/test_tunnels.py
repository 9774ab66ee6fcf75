"""A service behind a tunnel: who reaches it, what is on the wire, and where the key is."""

import json
import re
import secrets
import stat

import pytest

from tests.support.fleet import on_node
from tests.support.network import Wire, ask_from, knock, open_ports_from
from tests.support.secrets import current_key, files_with, generations, said_by
from tests.support.tunnels import ECHO, NODES, TUNNEL, port_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes


@pytest.fixture
def port(tunnelled):
    """The far end's port of the generation in use."""
    (generation,) = generations(tunnelled)
    return port_of(generation)


def test_the_api_behind_the_tunnel_answers_over_verified_https(tunnelled):
    status, answer = tunnelled.site("front", "demos").solve()
    assert (status, answer["status"], answer["entropy"]) == (200, "COMPLETE", 3)


def test_a_second_deploy_changes_nothing(tunnelled):
    done = tunnelled.done("deploy")
    assert re.findall(r"(\w+): \d+ ok, 0 changed", done.stdout) == ["front", "gpu", "stranger"]


def test_one_loopback_port_of_the_front_leads_into_the_tunnel(tunnelled):
    assert ask_from(tunnelled, "front", "127.0.0.1", 8080).startswith("HTTP/1.1 200")


def test_the_far_node_opens_nothing_to_others(tunnelled, port):
    address = tunnelled.address("gpu")
    ports = (22, 80, 443, 6379, 8000, 8080, 8081)
    assert open_ports_from(tunnelled, "front", address, *ports) == [22, port]
    assert open_ports_from(tunnelled, "stranger", address, *ports) == [22]
    assert "nginx" not in tunnelled.ssh("gpu", "ps", "-eo", "comm")


def test_a_stranger_gets_no_byte_even_through_an_open_port(tunnelled, port):
    """With the right key it would: so it is the key that keeps it out. Without spiped it sees random bytes alone."""
    address, stranger = tunnelled.address("gpu"), tunnelled.address("stranger")
    rule = ("allow", "proto", "tcp", "from", stranger, "to", "any", "port", str(port))
    tunnelled.ssh("gpu", "ufw", *rule)
    try:
        assert knock(tunnelled, "stranger", secrets.token_hex(32), address, port) == ""
        assert "HTTP" not in ask_from(tunnelled, "stranger", address, port)
        assert knock(tunnelled, "stranger", f"{current_key(tunnelled)}\n", address, port).startswith(
            "HTTP/1.1 200"
        )
    finally:
        tunnelled.ssh("gpu", "ufw", "delete", *rule)


def test_nothing_on_the_wire_can_be_read(tunnelled, port):
    front, gpu = tunnelled.address("front"), tunnelled.address("gpu")
    with Wire(front, gpu) as wire:
        status, _ = tunnelled.site("front", "demos").solve()
        ask_from(tunnelled, "gpu", front, 80)
    assert status == 200
    tunnelled_bytes = wire.payload[port]
    assert len(tunnelled_bytes) > 2000
    for readable in (b"HTTP", b"task", b"polymers", b"demos", b"Forwarded"):
        assert readable not in tunnelled_bytes
    assert b"HTTP/1.1" in wire.payload[80]  # what is not in a tunnel is seen


@pytest.mark.soak(short=1, full=2)
def test_the_key_is_in_its_files_and_nowhere_else(tunnelled, times):
    done = tunnelled.done("deploy", "--json")
    key = current_key(tunnelled)
    (generation,) = generations(tunnelled)
    assert key not in done.text
    for node, side in (("front", "client"), ("gpu", "server")):
        unit = f"spiped-dti-{side}@{generation}.service"
        file = f"/etc/spiped/dti-{generation}.key"
        assert files_with(tunnelled, node, key, whole_disk=times > 1) == {
            file,
            f"/run/credentials/{unit}/key",
        }
        assert key not in said_by(tunnelled, node)
        assert tunnelled.ssh(node, "stat", "-c", "%a %U:%G", file).split() == ["600", "spiped:spiped"]
    assert files_with(tunnelled, "stranger", key) == set()


def test_the_secrets_file_is_encrypted_and_private(tunnelled):
    path = tunnelled.inventory.with_suffix(".secrets")
    assert current_key(tunnelled) not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    others = [each for each in tunnelled.folder.rglob("*") if each.is_file() and each != path]
    assert not any(current_key(tunnelled).encode() in each.read_bytes() for each in others)


def test_both_ends_run_as_their_own_user_in_a_sandbox(tunnelled):
    (generation,) = generations(tunnelled)
    for node, side in (("front", "client"), ("gpu", "server")):
        processes = tunnelled.ssh(node, "ps", "-eo", "user,comm").splitlines()
        assert [line.split()[0] for line in processes if line.endswith(" spiped")] == ["spiped"]
        unit = f"spiped-dti-{side}@{generation}.service"
        report = tunnelled.ssh(node, "systemd-analyze", "security", "--no-pager", unit)
        assert float(re.search(r"exposure level for \S+: ([0-9.]+)", report).group(1)) <= 2.5


def test_an_end_that_dies_comes_back_by_itself(tunnelled):
    for node in ("front", "gpu"):
        tunnelled.ssh(node, "pkill", "-9", "-x", "spiped")
        eventually(lambda: tunnelled.site("front", "demos").ask_raw("GET", "/health")[0] == 200)


def test_one_generation_carries_250_connections_at_once(tunnelled):
    assert tunnelled.python("front", "many", 250).strip() == "250"


def test_requests_are_as_large_as_the_inventory_allows(tunnelled):
    site = tunnelled.site("front", "demos")
    assert site.ask("POST", "/task", {"x": "y" * 1_500_000})[0] == 400  # it came through, and is no task
    assert site.ask_raw("POST", "/task", {"x": "y" * 3_500_000})[0] == 413


def test_a_far_end_that_is_gone_is_said_and_shown(tunnelled):
    tunnelled.ssh("gpu", "systemctl", "stop", "spiped-dti-server@*")
    try:
        assert tunnelled.site("front", "demos").ask_raw("GET", "/health")[0] == 503
        assert re.search(r"tunnel dti: the far end does not answer", tunnelled.hubctl("status", "front").text)
    finally:
        tunnelled.done("deploy", "gpu")
    assert tunnelled.site("front", "demos").ask("GET", "/health")[0] == 200
    assert re.search(r"tunnel dti: the far end answers in \d+ ms", tunnelled.done("status", "front").text)


@pytest.mark.parametrize("by", ["ipv6", "name"])
def test_the_far_end_is_found_by_its_ipv6_address_and_by_name(tunnelled, by):
    pinned = [word for word in tunnelled.pinned("gpu") if ":" in word]
    address = pinned[0] if by == "ipv6" else f"gpu.{tunnelled.name}.test"
    tunnelled.write(NODES, TUNNEL.format(address=f", address: '{address}'"))
    try:
        tunnelled.done("deploy", "front")
        assert address in tunnelled.ssh("front", "ps", "-eo", "args")
        eventually(lambda: tunnelled.site("front", "demos").ask_raw("GET", "/health")[0] == 200)
    finally:
        tunnelled.write(NODES, TUNNEL.format(address=""))
        tunnelled.done("deploy", "front")


def test_a_tunnel_carries_any_tcp_service_from_several_nodes_and_its_key_changes_unnoticed(tunnelled):
    tunnelled.write(NODES, TUNNEL.format(address="") + ECHO)
    tunnelled.ssh("gpu", "systemd-run", "--unit=echo", *on_node("echo_server"))
    try:
        tunnelled.done("deploy")
        clients = {node: tunnelled.start_python(node, "echo_client") for node in ("front", "stranger")}
        rotation = tunnelled.start("rotate-key", "tunnel/echo", "--json")
        # The former generation waits for connections that began with it.
        seen = [json.loads(line) for line in iter_until(rotation.stdout, '"retired"')]
        assert seen[-1]["generations"] == {"1": "retired", "2": "current"}
        for node, client in clients.items():
            stdout, stderr = client.communicate("stop\n", timeout=60)
            sent, lost = map(int, stdout.split() or [0, 0])
            assert sent > 20, stderr
            assert lost == 0, node
        _, stderr = rotation.communicate(timeout=120)
        assert rotation.returncode == 0, stderr
    finally:
        tunnelled.write(NODES, TUNNEL.format(address=""))
        key = current_key(tunnelled, "tunnel/echo")
        tunnelled.ssh("gpu", "systemctl", "stop", "echo")
        tunnelled.done("deploy")
    # A tunnel that the inventory no longer has leaves nothing behind.
    for node in NODES:
        assert files_with(tunnelled, node, key) == set()
        assert "echo" not in tunnelled.ssh(
            node, "sh", "-c", "systemctl list-units --all --type=service; ls /etc/systemd/system"
        )
    assert open_ports_from(tunnelled, "stranger", tunnelled.address("gpu"), 9000, 9001) == []
    assert "0 changed" in tunnelled.done("deploy", "stranger").stdout


def iter_until(lines, text):
    """Yield lines up to the first with a text."""
    for line in lines:
        yield line
        if text in line:
            return
