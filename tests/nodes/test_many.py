"""A class of machines at once: forty in the long form."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from provision.cloud.local import kernel
from provision.distributions import DEFAULT
from tests.support.instances import temporary_instance
from tests.support.waiting import eventually

pytestmark = [pytest.mark.nodes, pytest.mark.usefixtures("nodes_possible")]
AT_ONCE = 10  # names that one order may have


def make_key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)
    return path.with_suffix(".pub").read_text().strip()


class Account:
    """An instance's API."""

    def __init__(self, instance) -> None:
        self._endpoint, self._headers = instance.endpoint, {"Authorization": f"Bearer {instance.token}"}

    def call(self, method: str, path: str, body: object = None):
        answer = requests.request(method, self._endpoint + path, json=body, headers=self._headers, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def droplets(self) -> list[dict]:
        return self.call("GET", "droplets?per_page=200")["droplets"]


def used(identity: str) -> int:
    """How many inotify instances the machines of a local cloud have open."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"h{identity}-" in (process / "cgroup").read_text():
                count += sum("inotify" in str(link.readlink()) for link in (process / "fd").iterdir())
        except OSError:
            continue
    return count


@pytest.mark.soak(short=6, full=40)
def test_a_class_of_machines_comes_up_at_once_and_each_can_be_logged_into(times, tmp_path, record_property):
    limit = Path("/proc/sys/fs/inotify/max_user_instances")
    with temporary_instance() as instance:
        account = Account(instance)
        host_key, own_key = make_key(tmp_path / "host"), make_key(tmp_path / "own")
        private = "".join(f"    {line}\n" for line in (tmp_path / "host").read_text().splitlines())
        key = account.call("POST", "account/keys", {"name": "own", "public_key": own_key})["ssh_key"]["id"]
        began = time.monotonic()
        names = [f"m{number}" for number in range(times)]
        for start in range(0, times, AT_ONCE):
            order = {
                "names": names[start : start + AT_ONCE],
                "size": "s-1vcpu-1gb",
                "image": DEFAULT.slug,
                "region": "nyc3",
                "ssh_keys": [key],
                "user_data": f"#cloud-config\nssh_keys:\n  ed25519_private: |\n{private}"
                f"  ed25519_public: {host_key}\n",
            }
            account.call("POST", "droplets", order)
        eventually(
            lambda: all(item["status"] == "active" for item in account.droplets()), seconds=480, pause=1
        )
        record_property("active_seconds", round(time.monotonic() - began, 1))
        addresses = [item["networks"]["v4"][0]["ip_address"] for item in account.droplets()]
        known = "".join(f"{address} {' '.join(host_key.split()[:2])}\n" for address in addresses)
        (tmp_path / "known_hosts").write_text(known)

        def log_in(address: str) -> str:
            options = [f"UserKnownHostsFile={tmp_path}/known_hosts", "StrictHostKeyChecking=yes"]
            options += ["BatchMode=yes", "ConnectTimeout=10", "LogLevel=ERROR"]
            argv = [
                "ssh",
                "-i",
                str(tmp_path / "own"),
                *(word for option in options for word in ("-o", option)),
            ]
            done = subprocess.run(
                [*argv, f"root@{address}", "hostname"], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()

        with ThreadPoolExecutor(8) as pool:
            hostnames = list(pool.map(lambda address: eventually(lambda: log_in(address)), addresses))
        record_property("login_seconds", round(time.monotonic() - began, 1))
        assert sorted(hostnames) == sorted(names)
        taken = used(instance.identity) / times
        record_property("inotify_instances_each", round(taken, 1))
        assert taken <= kernel.SETTINGS[0].each
        assert int(limit.read_text()) >= kernel.SETTINGS[0].enough
