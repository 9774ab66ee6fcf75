"""What create-node and destroy-node do with machines and names that are there already, and with each other."""

import threading

import pytest

from provision.actions import first_contact
from provision.actions.claims import claimed
from provision.actions.pin import repin
from provision.errors import HubError
from provision.keys import own_key_path
from provision.transport import hostkeys
from tests.support.lab import running_lab
from tests.support.waiting import eventually


@pytest.fixture
def lab(tmp_path, monkeypatch):
    with running_lab(tmp_path, monkeypatch) as lab:
        yield lab


def order(lab, **fields):
    """Order a machine past hubctl, as another computer does; return its number."""
    order = {"name": "box.lab.test", "size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "nyc3"}
    return lab.behind.droplet(**order, tags=["hubctl", "hubctl-lab"], **fields)["id"]


def test_two_at_once_on_one_computer_make_one_machine_and_the_second_says_whom_it_waits_for(lab):
    lab.behind.machines.gate.clear()
    threads = [threading.Thread(target=lab.create, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    eventually(lambda: "another hubctl is at work for box" in lab.said.getvalue(), seconds=60)
    lab.behind.machines.gate.set()
    for thread in threads:
        thread.join(60)
    lab.is_made()
    assert list(lab.path.parent.glob(".*.lock")) == []


def test_a_claim_goes_with_whoever_had_it_and_another_node_does_not_wait(lab):
    job = lab.job("create-node box")
    with pytest.raises(KeyError), claimed(job, "box"), claimed(job, "front"):
        raise KeyError
    with claimed(job, "box"), claimed(job, "../../else"):
        assert len(list(lab.path.parent.glob(".lab.*.lock"))) == 2
    assert list(lab.path.parent.glob(".*.lock")) == []


def test_of_two_machines_made_on_two_computers_the_younger_goes(lab):
    """The other one's order arrives between this one's look and its own order."""
    ordered = []

    def first(number):
        if lab.proxy.calls[number].startswith("POST /v2/droplets") and not ordered:
            ordered.append(order(lab))
        return ""

    error, _ = lab.attempt(lab.create, first)
    assert error.code == "made-twice"
    assert "hubctl pin box" in error.hint
    assert [droplet.id for droplet in lab.droplets()] == ordered
    assert hostkeys.read(lab.path) == {}


def test_of_two_machines_the_older_one_stays_and_is_carried_on_with(lab):
    seen = []

    def second(number):
        if len(seen) == 1 and lab.proxy.calls[number].startswith("GET /v2/droplets?"):
            seen.append(order(lab))
        if lab.proxy.calls[number].startswith("POST /v2/droplets"):
            seen.append(0)
        return ""

    assert lab.attempt(lab.create, second)[0] is None
    assert len(lab.droplets()) == 2
    assert hostkeys.read(lab.path)["box"].addresses[0] == lab.droplets()[0].address


def test_a_machine_that_the_cloud_could_not_make_is_said_at_once_and_by_the_next_run_too(lab):
    lab.behind.machines.broken = True
    for _ in range(2):
        error, calls = lab.attempt(lab.create)
        assert error.code == "machine-not-made"
        assert "no machine today" in error.why
        assert "`hubctl destroy-node box`" in error.hint
    assert calls < 12
    lab.behind.machines.broken = False
    lab.destroy()
    lab.create()
    lab.is_made()


def test_addresses_that_are_not_the_fleets_are_asked_about_before_anything_is_made(lab):
    lab.behind.post("domains", {"name": "lab.test"})
    record = {"type": "A", "name": "tasks", "data": "203.0.113.9", "ttl": 300}
    lab.behind.post("domains/lab.test/records", record)

    def no(lines):
        assert lines == ["tasks.lab.test A 203.0.113.9 is replaced"]
        raise HubError("not-confirmed", "no", hint="--yes")

    agree, lab.asked = lab.asked, no
    assert lab.attempt(lab.create)[0].code == "not-confirmed"
    assert lab.droplets() == []
    assert hostkeys.read(lab.path) == {}
    assert not own_key_path("lab", lab.path).exists()
    lab.asked = agree
    lab.create()
    lab.is_made()
    assert lab.taken == ["tasks.lab.test A 203.0.113.9 is replaced"]
    lab.create()
    assert len(lab.taken) == 1


def test_a_zone_is_not_added_to_an_account_unasked(lab):
    text = lab.path.read_text().replace("provider: local", "provider: digitalocean")
    lab.path.write_text(text.replace("acme: {server: local}\n", ""))
    lab.create()
    assert lab.taken == ["zone lab.test is added to the account"]
    lab.create()
    assert len(lab.taken) == 1


def test_what_a_removal_leaves_is_said(lab):
    lab.create()
    assert lab.destroy() == ["zone lab.test", "key hubctl-lab of the account"]


def test_a_lost_pin_comes_back_by_its_fingerprint_and_by_nothing_else(lab, monkeypatch):
    lab.create()
    (kept,) = hostkeys.read(lab.path).values()
    text = hostkeys.path_for(lab.path).read_text()
    monkeypatch.setattr(
        first_contact, "shown_key", lambda node, address, port, gateway: (kept.key_type, kept.key)
    )
    job = lab.job("pin box")
    hostkeys.path_for(lab.path).unlink()
    with pytest.raises(HubError) as caught:
        lab.create()
    assert "hubctl pin box" in caught.value.hint
    for fingerprint, code in (("", "host-key-unknown"), ("SHA256:other", "host-key-changed")):
        with pytest.raises(HubError) as caught:
            repin(job, "box", fingerprint, lambda pin: False)
        assert caught.value.code == code
    assert f"hubctl pin box --fingerprint {kept.fingerprint}" not in caught.value.hint
    assert repin(job, "box", kept.fingerprint, lambda pin: False) == (kept, True)
    assert repin(job, "box", "", lambda pin: False) == (kept, False)
    assert own_key_path("lab", lab.path).is_file()
    lab.create()
    assert hostkeys.path_for(lab.path).read_text() == text
