"""The deploy key stays as it is while a machine may be on its way that knows no other."""

import io

import pytest

from provision import keys
from provision.actions.fleet import LoadedFleet
from provision.actions.job import Caller, Job
from provision.actions.rotate_ssh import rotate_ssh
from provision.errors import HubError
from provision.inventory.load import load
from provision.output import Output
from provision.transport import hostkeys
from provision.transport.hostkeys import Pin

INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  box: {size: s-1vcpu-1gb, image: debian-13-x64}
"""


def test_a_node_that_was_begun_and_has_no_address_yet_is_not_locked_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HUBCTL_CONFIG_DIR", str(tmp_path / "config"))
    path = tmp_path / "lab.yml"
    path.write_text(INVENTORY)
    loaded = LoadedFleet(load(path), path)
    public, _ = keys.ensure_operator_key(loaded.fleet, path)
    hostkeys.pin(path, Pin("box", (), "ssh-ed25519", keys.make("box").public_base64))
    with pytest.raises(HubError) as caught:
        rotate_ssh(Job(loaded, Caller("rotate-key ssh"), Output(io.StringIO(), io.StringIO())))
    assert caught.value.code == "node-unfinished"
    assert "hubctl create-node box" in caught.value.hint
    assert keys.ensure_operator_key(loaded.fleet, path) == (public, False)
