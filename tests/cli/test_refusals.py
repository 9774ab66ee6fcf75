"""What is refused in a way that says how to go on."""

from __future__ import annotations

import pytest

from provision import keys
from provision.errors import Exit
from provision.transport import hostkeys
from provision.transport.hostkeys import Pin

INVENTORY = """\
fleet: lab
domain: lab.test
provider: existing
operator: {email: ops@lab.test}
nodes:
  apis: {address: 192.0.2.1, services: {task_api: {hostname: tasks, operator_token: true}}}
  box: {address: 192.0.2.2}
"""


@pytest.fixture
def lab(tmp_path):
    path = tmp_path / "hubctl.yml"
    path.write_text(INVENTORY)
    return path


@pytest.mark.parametrize("more", [[], ["box"], ["--force"], ["apis", "box", "--force"]])
def test_nobody_is_asked_without_a_terminal_and_the_hint_does_it(hubctl, lab, more):
    done = hubctl("lock", "release", *more)
    assert done.returncode == Exit.NOT_ALLOWED
    assert "[not-confirmed]" in done.stderr
    assert f"hint: `{' '.join(['hubctl lock release', *more])} --yes`" in done.stderr
    assert "what works on box" in done.stderr


def test_a_node_that_is_nowhere_cannot_be_destroyed_and_the_nearest_are_named_first(hubctl, lab):
    hostkeys.pin(lab, Pin("boxx", ("192.0.2.3",), "ssh-ed25519", keys.make("x").public_base64))
    done = hubctl("destroy-node", "boxxy", "--yes")
    assert done.returncode == Exit.INVENTORY
    assert "[unknown-node]" in done.stderr
    assert "the nodes are: boxx, box, apis" in done.stderr


def test_a_node_that_is_gone_already_is_no_mistake(hubctl, lab):
    done = hubctl("destroy-node", "box", "--yes")
    assert done.returncode == 0
    assert "there is nothing of node box" in done.stdout


def test_an_editor_is_not_waited_for_without_a_terminal(hubctl, lab):
    done = hubctl("secrets", "edit", EDITOR="", VISUAL="")
    assert done.returncode != 0
    assert "there is no terminal" in done.stderr
    assert "`EDITOR=nano hubctl secrets edit`" in done.stderr


def test_a_secret_that_no_node_uses_is_said_to_be_so(hubctl, lab):
    done = hubctl("secrets", "edit", EDITOR="sh -c 'echo services/task_api: x >> $0'")
    assert done.returncode == 0, done.stderr
    assert "no node uses services/task_api; what they use is service/task_api" in done.stdout
