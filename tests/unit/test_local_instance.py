"""Instances of the local cloud: names, addresses, locks, processes and state on disk."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from provision.cloud.local import allocation, files, host, instance, lifecycle, network
from provision.cloud.local.model import Droplet, Tag
from provision.cloud.local.process import Process, start_detached
from provision.cloud.local.store import Store
from provision.errors import Exit, HubError


@pytest.fixture(autouse=True)
def base(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HUBCTL_LOCAL_DIR", str(tmp_path / "base"))
    monkeypatch.setattr(allocation, "_HOST_LOCK", tmp_path / "host.lock")
    monkeypatch.setattr(allocation, "_live_networks", list)
    return tmp_path / "base"


def make(name: str) -> instance.Instance:
    return allocation.create(name, lambda _: None)


class TestInstance:
    @pytest.mark.parametrize("name", ["", "Upper", "under_score", "-a", "a-", "a" * 33, "../etc", "a/b", "."])
    def test_a_name_that_could_harm_is_refused(self, name: str) -> None:
        for use in (instance.check_name, instance.load, lifecycle.find):
            with pytest.raises(HubError) as error:
                use(name)
            assert error.value.code == "bad-instance-name"

    def test_it_is_read_back_as_it_was_made(self) -> None:
        made = make("demo")
        assert instance.load("demo") == made
        assert instance.names() == ["demo"]

    def test_an_unknown_one_names_the_known_ones(self) -> None:
        make("demo")
        with pytest.raises(HubError, match="no local cloud named other") as error:
            instance.load("other")
        assert "known: demo" in error.value.why
        assert error.value.hint == "hubctl local up --name other"

    def test_one_that_belongs_to_root_is_known_to_everybody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make("demo")

        def refused(path: Path) -> bool:
            raise PermissionError(path)

        monkeypatch.setattr(Path, "exists", refused)
        assert instance.names() == ["demo"]

    def test_its_secrets_are_its_owners_alone(self) -> None:
        made = make("demo")
        assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((made.folder / "token").stat().st_mode) == 0o600
        assert made.token.startswith("dop_v1_")
        assert made.token not in (made.folder / "instance.json").read_text()

    def test_its_interface_name_fits_the_kernel_and_tells_checkouts_apart(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        here = make("a" * 32)
        monkeypatch.setenv("HUBCTL_LOCAL_DIR", str(tmp_path / "other-base"))
        there = make("a" * 32)
        assert len(here.bridge) <= 15
        assert here.bridge != there.bridge
        assert here.identity != there.identity

    def test_many_made_at_once_never_meet(self) -> None:
        made: list[instance.Instance] = []
        threads = [threading.Thread(target=lambda n=n: made.append(make(f"i{n}"))) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({each.subnet for each in made}) == 16
        assert len({each.subnet6 for each in made}) == 16
        assert len({each.token for each in made}) == 16

    def test_a_subnet_in_use_is_not_taken(self) -> None:
        pool = list(ipaddress.IPv4Network("10.213.0.0/16").subnets(new_prefix=24))
        assert allocation.choose_subnet(pool[:7] + pool[8:]) == pool[7]
        assert (
            allocation.choose_subnet([ipaddress.IPv4Network("10.213.0.0/17")]).network_address >= pool[128][0]
        )
        with pytest.raises(HubError, match="in use") as error:
            allocation.choose_subnet([ipaddress.IPv4Network("10.0.0.0/8")])
        assert error.value.code == "no-free-subnet"

    def test_the_computers_own_networks_are_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        assert ipaddress.IPv4Network("127.0.0.0/8") in allocation._live_networks()

    def test_a_port_that_somebody_took_is_given_up(self) -> None:
        made = make("demo")
        assert allocation.with_free_ports(made, acme_runs=False) == made
        with socket.socket() as taker:
            taker.bind(("127.0.0.1", made.api_port))
            taker.listen()
            moved = allocation.with_free_ports(made, acme_runs=False)
        assert moved.api_port != made.api_port
        assert moved.acme_management_port == made.acme_management_port
        assert instance.load("demo") == moved

    def test_clients_are_told_where_everything_is(self) -> None:
        made = make("demo")
        assert made.endpoint == f"http://127.0.0.1:{made.api_port}/v2/"
        assert made.dns_address == str(made.subnet[1])
        assert made.acme_directory == f"https://{made.subnet[1]}:14000/dir"


class TestNetwork:
    def test_only_answers_come_in_from_outside(self) -> None:
        made = make("demo")
        rules = network.ruleset(made)
        accept = rules.index(f'oifname "{made.bridge}" ct state established,related accept')
        drop = rules.index(f'oifname "{made.bridge}" drop')
        assert accept < drop
        assert f'ip saddr {made.subnet} oifname != "{made.bridge}" masquerade' in rules

    def test_a_machine_reaches_of_this_computer_what_it_needs_and_no_more(self) -> None:
        made = make("demo")
        rules = network.ruleset(made, [("192.0.2.1", 3128)])
        chain = rules[rules.index("chain input") :].partition("}\n    chain")[0]
        accepted = [line.strip() for line in chain.splitlines() if "daddr" in line and "accept" in line]
        assert accepted == [
            f"ip daddr {made.address} meta l4proto {{ tcp, udp }} th dport 53 accept",
            f"ip daddr {made.address} tcp dport 14000 accept",
            "ip daddr 192.0.2.1 tcp dport 3128 accept",
        ]
        assert chain.rstrip().endswith("reject with icmpx admin-prohibited")

    def test_the_kernel_takes_the_rules(self) -> None:
        if host.unusable() or host.find_program("nft") is None:
            pytest.skip("needs root on Linux with nft")
        done = subprocess.run(
            ["nft", "--check", "-f", "-"],
            input=network.ruleset(make("demo"), [("192.0.2.1", 3128)]),
            text=True,
            check=False,
        )
        assert done.returncode == 0


class TestHost:
    def test_everything_missing_is_one_error_with_one_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(host, "unusable", lambda: "")
        monkeypatch.setattr(
            host, "find_program", lambda name: None if name in ("nft", "pebble") else f"/bin/{name}"
        )
        assert set(host.missing()) >= {"nftables", "pebble"}
        with pytest.raises(HubError) as error:
            host.require()
        assert error.value.code == "local-host-incomplete"
        assert error.value.exit_code == Exit.NOT_ALLOWED
        assert error.value.hint.startswith("apt-get update && apt-get install -y ")
        assert "nftables pebble" in error.value.hint

    def test_an_ordinary_user_is_told_to_become_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(HubError) as error:
            host.require()
        assert "root" in error.value.why
        assert "sudo" in error.value.hint

    def test_another_system_is_told_that_it_is_no_use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("platform.system", lambda: "Darwin")
        assert "Darwin" in host.unusable()


class TestFiles:
    def test_a_lock_is_exclusive_also_when_its_holder_removes_it(self, tmp_path: Path) -> None:
        lock, inside, most = tmp_path / "lock", [0], [0]

        def work() -> None:
            for _ in range(20):
                with files.locked(lock):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    inside[0] -= 1
                    lock.unlink()

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == [1]


class TestProcess:
    def test_it_outlives_its_starter_and_is_found_again(self, tmp_path: Path) -> None:
        script = (
            "import sys; from pathlib import Path; from provision.cloud.local.process import *;"
            "p = start_detached(['sleep', '60'], Path(sys.argv[1]) / 'log');"
            "Process.of(p.pid).save(Path(sys.argv[1]) / 'process')"
        )
        subprocess.run([sys.executable, "-c", script, tmp_path], check=True)
        found = Process.load(tmp_path / "process")
        assert found is not None
        assert found.alive()
        found.stop()
        assert not found.alive()

    def test_one_whose_starter_was_killed_before_noting_it_ends(self, tmp_path: Path) -> None:
        waits = "from provision.cloud.local.process import *; print('ran' if await_starter() else 'ended')"
        noted = start_detached(
            [sys.executable, "-c", waits], tmp_path / "noted", identity=tmp_path / "process"
        )
        assert noted.wait(30) == 0
        assert (tmp_path / "noted").read_text() == "ran\n"
        unnoted = subprocess.run([sys.executable, "-c", waits], input=b"", capture_output=True, check=True)
        assert unnoted.stdout == b"ended\n"

    def test_another_process_with_its_pid_is_not_it(self) -> None:
        own = Process.of(os.getpid())
        for other in (
            Process(own.pid, own.started + 1, own.boot),
            Process(own.pid, own.started, "another boot"),
        ):
            assert not other.alive()
            other.signal(signal.SIGKILL)  # must not reach this test

    def test_a_zombie_is_not_alive(self, tmp_path: Path) -> None:
        child = subprocess.Popen(["true"])
        identity = Process.of(child.pid)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not identity.alive()
        child.wait()

    def test_one_that_ignores_the_request_is_killed(self, tmp_path: Path) -> None:
        code = (
            "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print(1, flush=True); time.sleep(60)"
        )
        started = start_detached([sys.executable, "-c", code], tmp_path / "log")
        while not (tmp_path / "log").read_text():
            assert started.poll() is None
        process = Process.of(started.pid)
        process.stop(0.2)
        assert not process.alive()


class TestStore:
    def test_what_was_stored_outlives_a_kill(self, tmp_path: Path) -> None:
        script = (
            "import os, sys; from pathlib import Path; from provision.cloud.local.store import *;"
            "s = Store(Path(sys.argv[1])); s.add(Tag(name='kept')); os.kill(os.getpid(), 9)"
        )
        done = subprocess.run([sys.executable, "-c", script, tmp_path / "db"], check=False)
        assert done.returncode == -signal.SIGKILL
        assert [tag.name for tag in Store(tmp_path / "db").find(Tag)] == ["kept"]
        assert stat.S_IMODE((tmp_path / "db").stat().st_mode) == 0o600

    def test_changes_that_belong_together_are_kept_or_dropped_together(self) -> None:
        store = Store(":memory:")

        def fail_halfway() -> None:
            with store.transaction():
                store.add(Tag(name="dropped"))
                with store.transaction():
                    store.add(Tag(name="dropped too"))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_halfway()
        assert store.find(Tag) == []

    def test_a_removed_item_is_not_revived_by_a_late_change(self) -> None:
        store = Store(":memory:")
        item = store.add(Droplet(name="a", region="r", size="s", image="i", created_at=""))
        store.remove(item)
        store.save(item)
        assert store.get(Droplet, item.id) is None


class TestSweep:
    def test_only_instances_of_gone_processes_are_removed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gone = subprocess.Popen(["true"])
        gone.wait()
        for name in (f"t-{gone.pid}-abc", f"t-{os.getpid()}-abc", "t-demo", "demo", f"other-{gone.pid}-abc"):
            make(name)
        removed: list[str] = []
        monkeypatch.setattr(lifecycle, "down", lambda name, **_: removed.append(name))
        lifecycle.sweep("t", report=lambda _: None)
        assert removed == [f"t-{gone.pid}-abc"]


def test_the_record_of_an_instance_is_plain_json() -> None:
    record = json.loads((make("demo").folder / "instance.json").read_text())
    assert set(record) >= {"name", "bridge", "subnet", "subnet6", "api_port"}
