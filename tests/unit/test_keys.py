"""The operator's key and the hosts' keys."""

import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor

import msgspec
import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provision import keys
from provision.errors import HubError
from provision.inventory.model import Fleet, Operator
from provision.transport import hostkeys
from provision.transport.hostkeys import Pin


@pytest.fixture
def fleet(monkeypatch, tmp_path):
    monkeypatch.setenv("HUBCTL_CONFIG_DIR", str(tmp_path / "config"))
    return Fleet(
        fleet="demo", domain="demo.test", provider="local", operator=Operator(email="ops@demo.test"), nodes={}
    )


@pytest.fixture
def inventory(tmp_path):
    return tmp_path / "lab.yml"


def test_the_operator_key_is_made_once_and_readable_by_its_owner_alone(fleet, inventory):
    public, made = keys.ensure_operator_key(fleet, inventory)
    again, made_again = keys.ensure_operator_key(fleet, inventory)
    path = keys.operator_key(fleet, inventory)
    assert (made, made_again) == (True, False)
    assert public == again
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert paramiko.Ed25519Key.from_private_key_file(str(path)).get_base64() == public.split()[1]


def test_the_public_half_is_derived_when_its_file_is_gone(fleet, inventory):
    public, _ = keys.ensure_operator_key(fleet, inventory)
    path = keys.operator_key(fleet, inventory)
    path.with_name(path.name + ".pub").unlink()
    assert keys.ensure_operator_key(fleet, inventory)[0].split()[:2] == public.split()[:2]


def test_a_key_named_by_the_inventory_is_never_made(fleet, inventory, tmp_path):
    operator = Operator(email="ops@demo.test", ssh_key=str(tmp_path / "mine"))
    named = msgspec.structs.replace(fleet, operator=operator)
    with pytest.raises(HubError) as caught:
        keys.ensure_operator_key(named, inventory)
    assert caught.value.code == "no-operator-key"
    assert not (tmp_path / "mine").exists()


WRONG = {
    "folder": ("bad-operator-key", "which is a folder"),
    "pipe": ("bad-operator-key", "which is no file"),
    "mine.pub": ("bad-operator-key", "which is a public key"),
    "notes": ("bad-operator-key", "which is no private key"),
    "nothing": ("no-operator-key", "which does not exist"),
    "notes/mine": ("bad-operator-key", "which cannot be read: Not a directory"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_an_inventory_names_as_a_key_and_is_none_is_told_with_its_place(
    fleet, inventory, tmp_path, name
):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "mine.pub").write_text(keys.make("mine").public)
    (tmp_path / "notes").write_text("my key is on the other computer\n")
    inventory.write_text(f"fleet: demo\noperator: {{email: ops@demo.test, ssh_key: {tmp_path / name}}}\n")
    operator = Operator(email="ops@demo.test", ssh_key=str(tmp_path / name))
    named = msgspec.structs.replace(fleet, operator=operator)
    for ask in (keys.ensure_operator_key, keys.operator_key):
        with pytest.raises(HubError) as caught:
            ask(named, inventory)
        code, what = WRONG[name]
        assert (caught.value.code, str(caught.value.where)) == (code, f"{inventory}:2:43")
        assert caught.value.message.endswith(what)


def test_without_a_key_the_error_says_what_makes_one(fleet, inventory):
    with pytest.raises(HubError) as caught:
        keys.operator_key(fleet, inventory)
    assert "hubctl create-node" in caught.value.hint


def test_a_key_pair_never_shows_its_private_half():
    pair = keys.make("x")
    assert "PRIVATE" in pair.private
    assert "PRIVATE" not in repr(pair)
    assert pair.private not in f"{pair}"


def test_commands_that_run_at_once_agree_on_one_key(fleet, inventory):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: keys.ensure_operator_key(fleet, inventory), range(8)))
    assert len({public.split()[1] for public, _ in made}) == 1
    assert [new for _, new in made].count(True) == 1


def pinned(inventory, public=""):
    hostkeys.pin(inventory, Pin("box", ("192.0.2.7",), "ssh-ed25519", keys.make("box").public_base64))
    if public:
        hostkeys.note_operator(inventory, public)


def test_two_inventories_of_one_fleet_name_have_a_key_each(fleet, tmp_path):
    one, other = tmp_path / "one.yml", tmp_path / "other.yml"
    assert keys.ensure_operator_key(fleet, one)[0] != keys.ensure_operator_key(fleet, other)[0]
    assert keys.operator_key(fleet, one) != keys.operator_key(fleet, other)


def shared_key(fleet):
    """A key as it lay before keys belonged to inventories, and as it is handed to others."""
    pair, path = keys.make("hubctl-demo"), keys.config_folder() / "keys" / fleet.fleet
    path.parent.mkdir(parents=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(pair.private)
    path.with_name("demo.pub").write_text(pair.public)
    return path, pair


def test_a_key_by_the_fleets_name_is_used_by_inventories_that_have_nodes_and_copied_before_it_changes(
    fleet, tmp_path
):
    shared, pair = shared_key(fleet)
    one, other, new = (tmp_path / name for name in ("one.yml", "other.yml", "new.yml"))
    for inventory in (one, other):
        pinned(inventory)
        assert keys.ensure_operator_key(fleet, inventory)[0] == pair.public
    assert keys.ensure_operator_key(fleet, new)[0] != pair.public
    own = keys.adopt(fleet, one)
    assert own.read_text() == shared.read_text() == pair.private
    assert (keys.operator_key(fleet, one), keys.operator_key(fleet, other)) == (own, shared)
    assert keys.adopt(fleet, one) == own


def test_an_inventory_that_was_moved_finds_its_key_by_what_its_pins_note(fleet, tmp_path):
    before, after = tmp_path / "lab.yml", tmp_path / "moved" / "lab.yml"
    public, _ = keys.ensure_operator_key(fleet, before)
    keys.ensure_operator_key(fleet, tmp_path / "another.yml")
    pinned(before, public)
    pinned(before)
    after.parent.mkdir()
    shutil.move(hostkeys.path_for(before), hostkeys.path_for(after))
    assert keys.ensure_operator_key(fleet, after) == (public, False)


def test_a_key_that_was_handed_on_by_itself_is_used_where_the_pins_note_it(fleet, inventory):
    shared, pair = shared_key(fleet)
    shared.with_name("demo.pub").unlink()
    pinned(inventory, pair.public)
    assert keys.operator_key(fleet, inventory) == shared
    shared.with_name("demo.pub").write_text(keys.make("another inventory's").public)
    with pytest.raises(HubError) as caught:
        keys.operator_key(fleet, inventory)
    assert caught.value.code == "operator-key-lost"


def test_a_lost_key_that_nodes_trust_is_said_and_not_made_anew(fleet, inventory):
    public, _ = keys.ensure_operator_key(fleet, inventory)
    pinned(inventory, public)
    path = keys.operator_key(fleet, inventory)
    path.unlink()
    for ask in (keys.ensure_operator_key, keys.operator_key):
        with pytest.raises(HubError) as caught:
            ask(fleet, inventory)
        assert caught.value.code == "operator-key-lost"
        assert public.split()[1] in caught.value.why
        assert "destroy-node" in caught.value.hint
        assert "pull the newer pins" in caught.value.hint
    assert not path.exists()


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_keys_and_their_folders_have_exact_modes_whatever_the_umask(fleet, inventory, umask, tmp_path):
    old = os.umask(umask)
    try:
        keys.ensure_operator_key(fleet, inventory)
    finally:
        os.umask(old)
    path = keys.operator_key(fleet, inventory)
    places = (path, path.with_name(path.name + ".pub"), path.parent, path.parent.parent)
    assert [stat.S_IMODE(place.stat().st_mode) for place in places] == [0o600, 0o644, 0o700, 0o700]


@pytest.mark.parametrize(("above", "mode"), [(0, 0o640), (1, 0o770), (2, 0o777)])
def test_a_key_that_others_can_read_or_replace_is_refused(fleet, inventory, above, mode):
    keys.ensure_operator_key(fleet, inventory)
    path = keys.operator_key(fleet, inventory)
    place = [path, *path.parents][above]
    place.chmod(mode)
    for ask in (keys.ensure_operator_key, keys.operator_key):
        with pytest.raises(HubError) as caught:
            ask(fleet, inventory)
        assert caught.value.code == "key-too-open"
        assert f"chmod go-rwx {place}" in caught.value.hint


def test_new_machines_never_trust_what_lies_beside_the_key(fleet, inventory):
    public, _ = keys.ensure_operator_key(fleet, inventory)
    path = keys.operator_key(fleet, inventory)
    path.with_name(path.name + ".pub").write_text(keys.make("theirs").public)
    assert keys.ensure_operator_key(fleet, inventory)[0] == public


def test_a_damaged_key_is_to_be_restored_and_one_with_a_passphrase_to_get_its_public_half(tmp_path):
    damaged, locked = tmp_path / "damaged", tmp_path / "locked"
    damaged.write_bytes(b"")
    key = Ed25519PrivateKey.generate()
    secret = serialization.BestAvailableEncryption(b"secret")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, secret)
    locked.write_bytes(key.private_bytes(*form))
    hints = {}
    for path in (damaged, locked):
        with pytest.raises(HubError) as raised:
            keys.public_of(path)
        assert raised.value.code == "bad-operator-key"
        hints[path] = raised.value.hint
    assert "backup" in hints[damaged]
    assert f"ssh-keygen -y -f {locked}" in hints[locked]
