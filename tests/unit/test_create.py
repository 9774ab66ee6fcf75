"""create-node where a machine lets nobody in."""

from types import SimpleNamespace

import pytest

from provision.actions import create
from provision.cloud.base import Machine, MachineSpec
from provision.errors import HubError


@pytest.mark.parametrize(
    ("code", "console", "why"),
    [
        ("waited-too-long", "Failed to start ssh", "the end of its console:\nFailed to start ssh"),
        ("unreachable", "", "refused"),
        ("login-refused", "Failed to start ssh", "refused"),
    ],
)
def test_the_end_of_its_console_is_shown_if_there_is_one_and_it_may_tell_something(code, console, why):
    error = HubError(code, "no", why="" if code == "waited-too-long" else "refused")
    machines = SimpleNamespace(console=lambda machine: console)
    create._add_console(error, SimpleNamespace(machines=machines), machine=None)
    assert error.why == why


def machine(size, image, region):
    return Machine(1, "box.demo.test", "active", "192.0.2.7", "", (), size, image, region)


def test_in_what_a_machine_is_not_the_inventorys_is_told_with_both():
    wanted = MachineSpec("box.demo.test", "s-1", "debian-13-x64", "fra1", (), "key", "", "", ipv6=True)
    assert create.differences(machine("s-1", "debian-13-x64", "fra1"), wanted) == []
    assert create.differences(machine("s-2", "debian-12-x64", "nyc3"), wanted) == [
        "size s-2 and not s-1",
        "image debian-12-x64 and not debian-13-x64",
        "region nyc3 and not fra1",
    ]
    assert create.differences(machine("", "", ""), wanted) == []


def test_a_cloud_that_does_not_answer_changes_nothing():
    def console(machine):
        raise HubError("cloud-unreachable", "gone")

    error = HubError("waited-too-long", "no")
    create._add_console(error, SimpleNamespace(machines=SimpleNamespace(console=console)), machine=None)
    assert error.why == ""
