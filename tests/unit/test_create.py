"""create-node where a machine lets nobody in."""

from types import SimpleNamespace

import pytest

from provision.actions import create
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


def test_a_cloud_that_does_not_answer_changes_nothing():
    def console(machine):
        raise HubError("cloud-unreachable", "gone")

    error = HubError("waited-too-long", "no")
    create._add_console(error, SimpleNamespace(machines=SimpleNamespace(console=console)), machine=None)
    assert error.why == ""
