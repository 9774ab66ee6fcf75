"""When a new machine can be deployed to, and what is taken from one before its disk becomes an image."""

import fcntl
import json

import pytest

RESULT = "/run/cloud-init/result.json"


@pytest.fixture
def fresh(machine):
    """A machine on which cloud-init still works."""
    machine.write("usr/bin/cloud-init", "")
    machine.write("var/lib/dpkg/lock-frontend", "")
    machine.write("var/lib/apt/lists/lock", "")
    return machine


def finish(machine, errors="[]"):
    machine.write("run/cloud-init/.new", f'{{"v1": {{"datasource": "x", "errors": {errors}}}}}')
    machine.path("run/cloud-init/.new").rename(machine.path(RESULT))


def until_it_waits(machine, then):
    """Ask whether a machine is ready; do something when it waits; return the status and what it waited for."""
    process = machine.start()
    process.stdin.write(machine.request(op="ready"))
    process.stdin.flush()
    said = json.loads(process.stdout.readline())
    then()
    process.stdout.read()
    return process.wait(timeout=60), said["text"]


def test_a_machine_without_cloud_init_is_ready_when_apt_is(machine):
    run = machine.ask("ready")
    assert (run.status, run.of("error"), run.of("progress")) == (0, [], [])


def test_cloud_init_is_waited_for(fresh):
    assert until_it_waits(fresh, lambda: finish(fresh)) == (0, "waiting for cloud-init")


def test_cloud_init_that_is_switched_off_is_not_waited_for(fresh):
    fresh.write("run/cloud-init/disabled", "")
    assert fresh.ask("ready", seconds=0).status == 0


def test_what_went_wrong_in_cloud_init_is_told(fresh):
    finish(fresh, '["no network", "no keys"]')
    error = fresh.ask("ready").error
    assert (error["code"], error["why"]) == ("cloud-init-failed", "no network\nno keys")


def test_a_limit_is_said_with_what_was_waited_for(fresh):
    error = fresh.ask("ready", seconds=0.3).error
    assert error["code"] == "not-ready"
    assert "cloud-init" in error["message"]


@pytest.mark.parametrize("name", ["/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock"])
def test_apts_locks_are_waited_for(fresh, name):
    finish(fresh)
    with fresh.path(name).open("a") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        assert name in fresh.ask("ready", seconds=0.3).error["message"]
        waited = until_it_waits(fresh, lambda: fcntl.lockf(file, fcntl.LOCK_UN))
    assert waited == (0, f"waiting for {name}")


SECRETS = (
    "etc/ssh/ssh_host_ed25519_key",
    "etc/ssh/ssh_host_ed25519_key.pub",
    "root/.ssh/authorized_keys",
    "var/lib/cloud/seed/nocloud/user-data",
    "var/lib/hubctl/audit.jsonl",
    "var/lib/hubctl/plans/1.json",
    "var/lib/hubctl/blobs/ab",
    "tmp/left",
)


def test_an_image_holds_no_key_no_id_and_nothing_of_what_was_done(machine):
    for name in SECRETS:
        machine.write(name, "SECRET")
    machine.write("etc/machine-id", "0123")
    machine.write("etc/ssh/sshd_config", "Port 22\n")
    machine.write("var/lib/hubctl/engine/abcd/__main__.py", "pass\n")
    machine.write("var/cache/hubctl/uv/wheel", "kept")
    assert machine.ask("seal").status == 0
    left = {path for path in machine.root.rglob("*") if path.is_file()}
    assert [path for path in left if "SECRET" in path.read_text(errors="replace")] == []
    assert machine.read("etc/machine-id") == ""
    for kept in (
        "etc/ssh/sshd_config",
        "var/lib/hubctl/engine/abcd/__main__.py",
        "var/cache/hubctl/uv/wheel",
    ):
        assert machine.path(kept).exists()


def test_a_machine_that_cloud_init_does_not_forget_becomes_no_image(machine):
    machine.write("usr/bin/cloud-init", "")
    assert machine.ask("seal").error["code"] == "seal-failed"
