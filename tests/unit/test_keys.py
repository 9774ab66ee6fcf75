"""The operator's key and the hosts' keys."""

import stat
from concurrent.futures import ThreadPoolExecutor

import msgspec
import paramiko
import pytest

from provision import keys
from provision.errors import HubError
from provision.inventory.model import Fleet, Operator


@pytest.fixture
def fleet(monkeypatch, tmp_path):
    monkeypatch.setenv("HUBCTL_CONFIG_DIR", str(tmp_path / "config"))
    return Fleet(
        fleet="demo", domain="demo.test", provider="local", operator=Operator(email="ops@demo.test"), nodes={}
    )


def test_the_operator_key_is_made_once_and_readable_by_its_owner_alone(fleet):
    public, made = keys.ensure_operator_key(fleet)
    again, made_again = keys.ensure_operator_key(fleet)
    path = keys.operator_key(fleet)
    assert (made, made_again) == (True, False)
    assert public == again
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert paramiko.Ed25519Key.from_private_key_file(str(path)).get_base64() == public.split()[1]


def test_the_public_half_is_derived_when_its_file_is_gone(fleet):
    public, _ = keys.ensure_operator_key(fleet)
    path = keys.operator_key(fleet)
    path.with_name(path.name + ".pub").unlink()
    assert keys.ensure_operator_key(fleet)[0].split()[:2] == public.split()[:2]


def test_a_key_named_by_the_inventory_is_never_made(fleet, tmp_path):
    operator = Operator(email="ops@demo.test", ssh_key=str(tmp_path / "mine"))
    named = msgspec.structs.replace(fleet, operator=operator)
    with pytest.raises(HubError) as caught:
        keys.ensure_operator_key(named)
    assert caught.value.code == "no-operator-key"
    assert not (tmp_path / "mine").exists()


def test_without_a_key_the_error_says_what_makes_one(fleet):
    with pytest.raises(HubError) as caught:
        keys.operator_key(fleet)
    assert "hubctl create-node" in caught.value.hint


def test_a_key_pair_never_shows_its_private_half():
    pair = keys.make("x")
    assert "PRIVATE" in pair.private
    assert "PRIVATE" not in repr(pair)
    assert pair.private not in f"{pair}"


def test_commands_that_run_at_once_agree_on_one_key(fleet):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: keys.ensure_operator_key(fleet), range(8)))
    assert len({public.split()[1] for public, _ in made}) == 1
    assert [new for _, new in made].count(True) == 1
