"""The pinned host keys of an inventory."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import paramiko
import pytest

from provision import keys
from provision.errors import HubError
from provision.transport import hostkeys
from provision.transport.hostkeys import Pin


def a_pin(node, *addresses):
    return Pin(node, addresses, "ssh-ed25519", keys.make(node).public_base64)


def test_a_pin_is_read_back_as_it_was_written(tmp_path):
    inventory = tmp_path / "demo.yml"
    pin = a_pin("apis", "192.0.2.7", "2001:db8::7")
    hostkeys.pin(inventory, pin)
    assert hostkeys.read(inventory) == {"apis": pin}


def test_a_user_and_a_port_are_kept_with_the_pin_as_ssh_reads_them(tmp_path):
    inventory = tmp_path / "demo.yml"
    pin = replace(a_pin("box", "192.0.2.8", "2001:db8::8"), user="debian", port=2222)
    hostkeys.pin(inventory, pin)
    assert hostkeys.read(inventory) == {"box": pin}
    known = paramiko.HostKeys(str(tmp_path / "demo.known_hosts"))
    assert known.lookup("[2001:db8::8]:2222")["ssh-ed25519"].get_base64() == pin.key


def test_a_pin_of_former_files_is_of_root_at_port_22(tmp_path):
    key = keys.make("box").public_base64
    (tmp_path / "demo.known_hosts").write_text(f"box,192.0.2.8 ssh-ed25519 {key} box\n")
    pin = hostkeys.read(tmp_path / "demo.yml")["box"]
    assert (pin.addresses, pin.user, pin.port) == (("192.0.2.8",), "root", 22)


def test_a_new_pin_takes_the_place_of_the_former_one_alone(tmp_path):
    inventory = tmp_path / "demo.yml"
    hostkeys.pin(inventory, a_pin("apis", "192.0.2.7"))
    other = a_pin("box", "192.0.2.8")
    hostkeys.pin(inventory, other)
    newer = a_pin("apis", "192.0.2.9")
    hostkeys.pin(inventory, newer)
    assert hostkeys.read(inventory) == {"apis": newer, "box": other}


def test_a_machine_that_is_still_being_made_is_pinned_without_an_address(tmp_path):
    inventory = tmp_path / "demo.yml"
    hostkeys.pin(inventory, a_pin("apis"))
    assert hostkeys.read(inventory)["apis"].addresses == ()


def test_the_last_unpin_leaves_no_file(tmp_path):
    inventory = tmp_path / "demo.yml"
    hostkeys.pin(inventory, a_pin("apis", "192.0.2.7"))
    assert hostkeys.unpin(inventory, "apis")
    assert not hostkeys.unpin(inventory, "apis")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "apis,192.0.2.7 ssh-ed25519",
        "a b c d e",
        "apis ssh-ed25519 *** apis",
        "[apis]:22,[192.0.2.7]:2222 ssh-ed25519 QQ== apis",
    ],
)
def test_a_line_that_is_no_pin_is_named_with_its_number(tmp_path, line):
    path = tmp_path / "demo.known_hosts"
    path.write_text(f"# pins\n{line}\n")
    with pytest.raises(HubError, match=r"demo\.known_hosts:2"):
        hostkeys.read(tmp_path / "demo.yml")


def test_ssh_itself_accepts_the_file(tmp_path):
    inventory = tmp_path / "demo.yml"
    pin = a_pin("apis", "192.0.2.7")
    hostkeys.pin(inventory, pin)
    known = paramiko.HostKeys(str(tmp_path / "demo.known_hosts"))
    assert known.lookup("192.0.2.7")["ssh-ed25519"].get_base64() == pin.key
    assert known.lookup("192.0.2.7")["ssh-ed25519"].fingerprint == pin.fingerprint


def test_nodes_that_are_created_at_once_lose_no_pin(tmp_path):
    inventory = tmp_path / "lab.yml"
    names = [f"n{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: hostkeys.pin(inventory, a_pin(name)), names))
    assert sorted(hostkeys.read(inventory)) == sorted(names)
    assert [path.name for path in tmp_path.iterdir()] == ["lab.known_hosts"]
