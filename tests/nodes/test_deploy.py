"""From nothing to an HTTPS answer, on a real node."""

import contextlib
import re
import socket
import subprocess
import time

import pytest

from provision import keys
from provision.errors import Exit
from provision.transport import hostkeys
from tests.support.network import open_ports
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes


def changed_ids(done):
    return [
        event["detail"]["id"]
        for event in done.events
        if event["event"] == "engine"
        and event["detail"]["event"] == "resource"
        and event["detail"]["status"] == "changed"
    ]


def test_create_node_waits_for_every_named_stage(deployed):
    stages = ("action complete", "address", "SSH banner", "authenticated", "cloud-init done", "apt lock free")
    places = [deployed.created.stderr.index(stage) for stage in stages]
    assert places == sorted(places)


def test_the_seeds_example_is_answered_over_verified_https(deployed):
    status, answer = deployed.site("apis", "tasks").solve()
    assert status == 200
    assert (answer["status"], answer["entropy"], answer["count"]) == ("COMPLETE", 3, 2)
    assert [config["polymers_count"] for config in answer["configs"]] == [3, 2]


def test_plain_http_is_redirected_and_unknown_names_get_nothing(deployed):
    address, host = deployed.address("apis"), f"tasks.{deployed.name}.test"
    assert http_head(address, host).startswith(("HTTP/1.1 301", "HTTP/1.1 308"))
    assert f"https://{host}/" in http_head(address, host)
    assert http_head(address, "stranger.test") == ""


def http_head(address, host):
    with socket.create_connection((address, 80), timeout=10) as sock:
        sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := sock.recv(4096):
                received += chunk
    return received.decode(errors="replace").split("\r\n\r\n")[0]


def test_a_file_changed_by_hand_is_the_only_thing_repaired(deployed):
    deployed.ssh("apis", "sh", "-c", "echo '# by hand' >> /etc/nginx/nginx.conf")
    done = deployed.done("deploy", "--json")
    assert changed_ids(done) == ["checked-files:nginx", "unit:nginx.service"]  # repaired, and reloaded for it
    assert "by hand" not in deployed.ssh("apis", "cat", "/etc/nginx/nginx.conf")
    assert changed_ids(deployed.done("deploy", "--json")) == []


def test_json_output_is_events_and_nothing_else(deployed):
    done = deployed.done("deploy", "--json")
    assert {"engine", "outcome"} <= {event["event"] for event in done.events}


def test_only_ssh_and_the_web_are_open(deployed):
    listening = deployed.ssh("apis", "ufw", "status")
    assert "Status: active" in listening
    address = deployed.address("apis")
    assert open_ports(address, 22, 80, 443, 6379, 8000, 5005) == [22, 80, 443]


def test_services_run_as_their_own_sandboxed_users(deployed):
    users = deployed.ssh("apis", "ps", "-eo", "user:20,args")
    for line in users.splitlines():
        if "hub_runtime" in line or "redis-server" in line:
            assert not line.startswith("root"), line
    for unit in ("task_api@", "task_api-worker@"):
        name = deployed.ssh("apis", "systemctl", "list-units", "--plain", "--no-legend", f"{unit}*").split()[
            0
        ]
        report = deployed.ssh("apis", "systemd-analyze", "security", "--no-pager", name)
        exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", report).group(1))
        assert exposure <= 2.5


def test_password_logins_are_off(deployed):
    effective = deployed.ssh("apis", "sshd", "-T")
    assert "passwordauthentication no" in effective
    assert "permitrootlogin without-password" in effective


ASK = """
import socket
try:
    socket.create_connection(("169.254.169.254", 80), timeout=1)
except OSError as error:
    print(type(error).__name__)
"""


def test_what_the_cloud_tells_of_a_machine_its_private_host_key_included_is_for_root_alone(deployed):
    def asked_by(user):
        return deployed.ssh("apis", "runuser", "-u", user, "--", "python3", "-c", ASK).strip()

    def both():
        return asked_by("root"), [asked_by(user) for user in ("nobody", "task_api")]

    assert both()[0] != "PermissionError"
    assert both()[1] == ["PermissionError"] * 2
    deployed.ssh("apis", "systemctl", "restart", "hubctl-metadata.service")
    assert both()[1] == ["PermissionError"] * 2
    deployed.ssh("apis", "ip", "rule", "del", "priority", "169")
    assert "command:metadata" in deployed.hubctl("plan").stdout
    deployed.done("deploy")
    assert both()[1] == ["PermissionError"] * 2


def test_a_wrong_host_key_stops_the_run_with_both_fingerprints(deployed):
    pins = hostkeys.path_for(deployed.inventory)
    right = pins.read_text()
    pinned = hostkeys.read(deployed.inventory)["apis"]
    other = keys.make("other").public_base64
    pins.write_text(right.replace(pinned.key, other))
    try:
        done = deployed.hubctl("deploy")
    finally:
        pins.write_text(right)
    assert done.status == Exit.NOT_ALLOWED
    assert pinned.fingerprint in done.stderr
    assert hostkeys.fingerprint(other) in done.stderr


def test_the_certificate_is_renewed_and_nginx_serves_the_new_one(deployed):
    host = f"tasks.{deployed.name}.test"
    before = serial(deployed.address("apis"), host)
    assert "certbot.timer" in deployed.ssh("apis", "systemctl", "list-timers", "--no-pager", "--no-legend")
    deployed.ssh("apis", "certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew", "-q")
    eventually(lambda: serial(deployed.address("apis"), host) != before)
    assert changed_ids(deployed.done("deploy", "--json")) == []


def serial(address, host):
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", f"{address}:443", "-servername", host],
        input="",
        capture_output=True,
        text=True,
        timeout=20,
    ).stdout
    return subprocess.run(
        ["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True, text=True
    ).stdout


def test_an_unreachable_node_is_said_with_the_next_command(deployed):
    pins = hostkeys.path_for(deployed.inventory)
    right = pins.read_text()
    # An address of the instance's own network that no machine has.
    nobody = deployed.address("apis").rsplit(".", 1)[0] + ".251"
    pins.write_text(right.replace(deployed.address("apis"), nobody))
    started = time.monotonic()
    try:
        done = deployed.hubctl("deploy")
    finally:
        pins.write_text(right)
    assert done.status == Exit.UNREACHABLE
    assert "hubctl create-node apis" in done.stderr
    assert time.monotonic() - started < 60


def test_create_node_again_finds_the_node_and_changes_nothing(deployed):
    done = deployed.done("create-node", "apis")
    assert "found machine" in done.text
    assert "0 changed" in done.stdout
