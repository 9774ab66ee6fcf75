"""The files of a node, shown to the programs that will read them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.programs import accepted, program
from tests.support.waiting import eventually

UNITS = "/etc/systemd/system"


def test_systemd_accepts_all_units_without_a_warning(node_files: dict[str, str], tmp_path: Path) -> None:
    units = [
        path for path in node_files if path.startswith(UNITS) and "/" not in path.removeprefix(UNITS + "/")
    ]
    for path in units:
        (tmp_path / Path(path).name).write_text(node_files[path])
    verify = [program("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no"]
    done = accepted(*verify, *(tmp_path / Path(path).name for path in units))
    assert done.stderr == ""
    assert len(units) == 7


@pytest.mark.parametrize(
    ("unit", "correct", "broken"),
    [
        ("task_api@.service", "ExecStart=", "ExecStrat="),
        ("task_api@.service", "Type=notify", "Type=notfy"),
        ("task_api-worker@.service", "TimeoutStopSec=150", "TimeoutStopSec=soon"),
        ("task_api-worker@.service", "/usr/bin/env", "/no/such/program"),
        ("task_api.socket", "ListenStream=", "Listen="),
    ],
)
def test_systemd_refuses_a_broken_unit(
    node_files: dict[str, str], tmp_path: Path, unit: str, correct: str, broken: str
) -> None:
    text = node_files[f"{UNITS}/{unit}"]
    assert correct in text
    (tmp_path / unit).write_text(text.replace(correct, broken))
    verify = [program("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", str(tmp_path / unit)]
    assert subprocess.run(verify, capture_output=True, timeout=60).returncode != 0


@pytest.mark.parametrize("unit", ["task_api@.service", "task_api-worker@.service"])
def test_services_are_exposed_as_little_as_can_be(
    node_files: dict[str, str], tmp_path: Path, unit: str
) -> None:
    name = unit.replace("@", "@release")
    (tmp_path / name).write_text(node_files[f"{UNITS}/{unit}"])
    done = accepted(program("systemd-analyze"), "security", "--no-pager", "--offline=yes", tmp_path / name)
    (level,) = re.findall(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert float(level) <= 1.0


def test_sshd_takes_keys_only(node_files: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "key"
    accepted(program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key)
    # What a cloud's own drop-in may say comes later, and is too late.
    text = (
        node_files["/etc/ssh/sshd_config.d/10-hubctl.conf"]
        + "PasswordAuthentication yes\nPermitRootLogin yes\n"
    )
    config = tmp_path / "sshd_config"
    config.write_text(f"HostKey {key}\n{text}")
    sshd = program("sshd")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    accepted(sshd, "-t", "-f", config)
    settings = dict(
        line.split(" ", 1) for line in accepted(sshd, "-T", "-f", config).stdout.splitlines() if " " in line
    )
    assert settings["passwordauthentication"] == "no"
    assert settings["kbdinteractiveauthentication"] == "no"
    assert settings["permitrootlogin"] in ("without-password", "prohibit-password")
    assert settings["authenticationmethods"] == "publickey"


def test_apt_installs_security_updates_and_never_reboots(node_files: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "52-hubctl"
    config.write_text(node_files["/etc/apt/apt.conf.d/52-hubctl"])
    dump = accepted(program("apt-config"), "-c", config, "dump").stdout
    assert 'APT::Periodic::Unattended-Upgrade "1";' in dump
    assert 'Unattended-Upgrade::Automatic-Reboot "false";' in dump
    assert 'DPkg::Options:: "--force-confold";' in dump


def test_the_renewal_hook_is_a_shell_script(node_files: dict[str, str], tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text(node_files["/etc/letsencrypt/renewal-hooks/deploy/hubctl-nginx"])
    accepted("sh", "-n", hook)


def test_redis_listens_on_its_socket_alone_and_writes_before_it_answers(
    node_files: dict[str, str], tmp_path: Path, running: Callable[..., subprocess.Popen[bytes]]
) -> None:
    import redis

    text = node_files["/etc/redis/redis-task_api.conf"]
    text = text.replace("/run/redis-task_api/", f"{tmp_path}/").replace(
        "/var/lib/redis/task_api", str(tmp_path)
    )
    (tmp_path / "redis.conf").write_text(text)
    server = running(program("redis-server"), tmp_path / "redis.conf")
    client = redis.Redis(unix_socket_path=str(tmp_path / "redis.sock"))

    def ping() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError as error:
            raise OSError from error

    assert eventually(ping, pause=0.02)
    wanted = {"port": "0", "appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    assert {name: client.config_get(name)[name] for name in wanted} == wanted
    assert (tmp_path / "redis.sock").stat().st_mode & 0o777 == 0o770
    for number in range(100):
        client.rpush("queue", number)
    server.kill()
    server.wait()
    running(program("redis-server"), tmp_path / "redis.conf")
    assert eventually(ping, pause=0.02)
    assert client.llen("queue") == 100
