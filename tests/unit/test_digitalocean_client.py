"""The DigitalOcean client against a server that behaves as the real one does on its bad days."""

import json
from dataclasses import replace

import pytest

from provision.cloud.api import Api, ApiError
from provision.cloud.base import DnsRecord, MachineSpec
from provision.cloud.digitalocean import DigitalOceanDns, DigitalOceanMachines
from provision.cloud.patience import Patience
from provision.errors import Exit, HubError, HubErrors
from tests.support.bad_days import Steps, droplet, running, snapshot

TOKEN = "a-token-nobody-must-see"
QUICK = Patience(pause=0.01)


@pytest.fixture
def server():
    with running() as server:
        yield server


@pytest.fixture
def api(server):
    return Api(server.url, TOKEN, patience=QUICK)


@pytest.fixture
def machines(server, api):
    listed = {"ssh_keys": [{"id": 5, "public_key": "ssh-ed25519 AAAA x", "name": "x"}]}
    server.answer("GET", "/v2/account/keys", (200, listed, {}))
    return DigitalOceanMachines(api)


@pytest.fixture
def dns(api):
    return DigitalOceanDns(api)


def sent(server, method):
    return [request for request in server.requests if request[0] == method]


SPEC = MachineSpec(
    name="apis.demo.test",
    size="s-1vcpu-2gb",
    image="debian-12-x64",
    region="fra1",
    tags=("hubctl",),
    key_name="hubctl-demo",
    public_key="ssh-ed25519 AAAA hubctl-demo",
    user_data="#cloud-config",
    ipv6=True,
)
ACCEPTED = {
    "droplet": droplet(7, status="new", networks={}),
    "links": {"actions": [{"id": 9, "rel": "create"}]},
}


def action(status, kind="create"):
    return {"id": 9, "type": kind, "status": status}


def test_a_machine_is_waited_for_until_it_is_made_and_has_its_public_addresses(server, machines):
    """Whatever the order of addresses; and a new machine may be missing for a moment."""
    missing = (404, {"id": "not_found", "message": "no"}, {})
    made = [(200, {"actions": [action(status)]}, {}) for status in ("in-progress", "completed")]
    server.answer("POST", "/v2/droplets", (202, ACCEPTED, {}))
    server.answer("GET", "/v2/droplets/7/actions", missing, *made)
    server.answer("GET", "/v2/droplets/7", (200, {"droplet": droplet(7)}, {}))
    steps = Steps()
    ready = machines.ready(machines.create(SPEC), steps)
    assert ready.addresses == ("192.0.2.7", "2001:db8::7")
    assert steps.names == ["action complete", "address"]


def test_what_the_cloud_is_at_meanwhile_is_said(server, machines):
    """The local cloud makes an image first, once, which takes longer than the machine."""
    server.answer("POST", "/v2/droplets", (202, ACCEPTED, {}))
    at_it = {**action("in-progress"), "message": "image debian-13-x64: installing packages"}
    made = [(200, {"actions": [each]}, {}) for each in (at_it, action("completed"))]
    server.answer("GET", "/v2/droplets/7/actions", *made)
    server.answer("GET", "/v2/droplets/7", (200, {"droplet": droplet(7)}, {}))
    said = []
    machines._api.say = said.append
    machines.ready(machines.create(SPEC), Steps())
    assert said == ["image debian-13-x64: installing packages"]


def test_a_machine_that_could_not_be_made_is_an_error(server, machines):
    server.answer("POST", "/v2/droplets", (202, ACCEPTED, {}))
    server.answer("GET", "/v2/droplets/7/actions", (200, {"actions": [action("errored")]}, {}))
    with pytest.raises(HubError, match="could not make"):
        machines.ready(machines.create(SPEC), Steps())


def test_what_the_cloud_says_of_a_failure_is_shown(server, machines):
    failed = {**action("errored"), "message": "the end of its console:\nno init"}
    server.answer("POST", "/v2/droplets", (202, ACCEPTED, {}))
    server.answer("GET", "/v2/droplets/7/actions", (200, {"actions": [failed]}, {}))
    with pytest.raises(HubError) as caught:
        machines.ready(machines.create(SPEC), Steps())
    assert caught.value.why == "the end of its console:\nno init"


def test_a_console_is_shown_where_the_cloud_has_it(server, machines):
    server.answer("POST", "/v2/droplets", (202, ACCEPTED, {}))
    machine = machines.create(SPEC)
    assert machines.console(machine) == ""
    server.answer("GET", "/v2/droplets/7/console", (200, {"console": "login:"}, {}))
    assert machines.console(machine) == "login:"


def test_a_machine_that_is_there_already_costs_one_question(server, machines):
    server.answer("GET", "/v2/droplets", (200, {"droplets": [droplet(7)]}, {}))
    server.answer("GET", "/v2/droplets/7", (200, {"droplet": droplet(7)}, {}))
    (found,) = machines.find("apis.demo.test")
    before = len(server.requests)
    machines.ready(found, Steps())
    assert len(server.requests) == before + 1


def test_deleting_a_missing_machine_is_no_error(server, machines):
    server.answer("GET", "/v2/droplets", (200, {"droplets": [droplet(7)]}, {}))
    (found,) = machines.find("apis.demo.test")
    machines.destroy(found)


def test_a_create_is_repeated_after_too_many_requests(server, machines):
    too_many = (429, {"id": "too_many_requests", "message": "slow down"}, {"retry-after": "0"})
    server.answer("POST", "/v2/droplets", too_many, too_many, (202, ACCEPTED, {}))
    assert machines.create(SPEC).id == 7
    assert len(sent(server, "POST")) == 3


def test_a_create_is_never_repeated_where_nobody_can_look_whether_it_was_done(server, machines):
    server.answer("POST", "/v2/droplets", (500, {"id": "server_error", "message": "oops"}, {}))
    with pytest.raises(ApiError) as caught:
        machines.create(SPEC)
    assert len(sent(server, "POST")) == 1
    assert caught.value.exit_code == Exit.UNREACHABLE


def test_a_create_that_failed_is_ordered_again_when_the_machine_is_not_there(server, machines):
    oops = (500, {"id": "server_error", "message": "oops"}, {})
    server.answer("POST", "/v2/droplets", oops, (202, ACCEPTED, {}))
    server.answer("GET", "/v2/droplets", (200, {"droplets": []}, {}))
    assert machines.create(SPEC).id == 7
    assert len(sent(server, "POST")) == 2


def test_a_create_that_failed_is_not_ordered_again_when_the_machine_is_there(server, machines):
    server.answer("POST", "/v2/droplets", (500, {"id": "server_error", "message": "oops"}, {}))
    server.answer("GET", "/v2/droplets", (200, {"droplets": [droplet(8)]}, {}))
    assert machines.create(SPEC).id == 8
    assert len(sent(server, "POST")) == 1


def test_requests_have_no_trailing_slash_no_nulls_and_no_body_on_delete(server, machines):
    server.answer("POST", "/v2/droplets", (202, ACCEPTED, {}))
    server.answer("DELETE", "/v2/droplets/7", (204, None, {}))
    machines.destroy(machines.create(SPEC))
    ((_, path, _, body, _),) = sent(server, "POST")
    ((_, _, _, nothing, _),) = sent(server, "DELETE")
    assert not path.endswith("/")
    assert None not in json.loads(body).values()
    assert nothing == b""


OFFER = {
    "sizes": [
        {"slug": "s-1vcpu-2gb", "regions": ["fra1", "nyc3"], "disk": 50, "available": True},
        {"slug": "s-2vcpu-4gb", "regions": ["nyc3"], "disk": 80, "available": True},
        {"slug": "s-1vcpu-512mb-10gb", "regions": ["fra1"], "disk": 10, "available": True},
        {"slug": "c-2", "regions": ["fra1"], "disk": 25, "available": False},
    ],
    "images": [
        {"slug": "debian-12-x64", "regions": ["fra1", "nyc3"]},
        {"slug": "debian-13-x64", "regions": ["nyc3"]},
        {"slug": None, "regions": ["fra1"]},
    ],
    "regions": [{"slug": "fra1", "available": True}, {"slug": "nyc3", "available": True}],
    "snapshots": [
        snapshot("71", "lab@debian-12-x64@aaaa", "2026-11-20T08:00:00Z"),
        snapshot("72", "lab@debian-12-x64@bbbb", "2026-11-21T08:00:00Z"),
        snapshot("70", "by hand", "2026-11-19T08:00:00Z"),
    ],
}


@pytest.fixture
def offering(server, machines):
    for name, items in OFFER.items():
        server.answer("GET", f"/v2/{name}", (200, {name: items}, {}))
    return machines


@pytest.mark.parametrize(
    ("changes", "code", "shown"),
    [
        ({"size": "s-1vcpu-2g"}, "unknown-size", "it has: s-1vcpu-2gb, s-2vcpu-4gb"),
        ({"size": "c-2"}, "unknown-size", "it has: s-"),
        ({"image": "debian-11-x64"}, "unknown-image", "it has: debian-1"),
        ({"region": "fra2"}, "unknown-region", "it has: fra1, nyc3"),
        ({"size": "s-2vcpu-4gb"}, "size-not-in-region", "s-2vcpu-4gb is in: nyc3\nfra1 has: s-1vcpu-2gb"),
        (
            {"image": "debian-13-x64"},
            "image-not-in-region",
            "debian-13-x64 is in: nyc3\nfra1 has: debian-12-x64",
        ),
        ({"image": "lab", "size": "s-1vcpu-512mb-10gb"}, "disk-too-small", "large enough: s-1vcpu-2gb"),
    ],
)
def test_what_the_cloud_does_not_have_is_refused_with_what_it_has(offering, server, changes, code, shown):
    with pytest.raises(HubErrors) as caught:
        offering.resolve(replace(SPEC, **changes))
    (error,) = caught.value.errors
    assert (error.code, error.exit_code) == (code, Exit.INVENTORY)
    assert shown in error.why
    assert "nothing was made" in error.hint
    assert sent(server, "POST") == []


def test_all_that_is_not_on_offer_is_told_at_once(offering):
    with pytest.raises(HubErrors) as caught:
        offering.resolve(replace(SPEC, size="x-1", image="beos", region="mars1"))
    assert [error.code for error in caught.value.errors] == [
        "unknown-region",
        "unknown-size",
        "unknown-image",
    ]


def test_a_machine_is_made_of_the_newest_snapshot_of_a_name(offering, server):
    server.answer("POST", "/v2/droplets", (202, ACCEPTED, {}))
    for image, expected in (("lab", 72), ("by hand", 70), ("debian-12-x64", "debian-12-x64")):
        offering.create(offering.resolve(replace(SPEC, image=image)))
        assert json.loads(sent(server, "POST")[-1][3])["image"] == expected


def test_snapshots_are_not_asked_for_where_the_image_is_a_public_one(offering, server):
    offering.resolve(SPEC)
    assert "/v2/snapshots" not in [request[1] for request in server.requests]


def test_a_snapshot_is_taken_of_a_machine_that_was_switched_off(offering, server):
    begun = [(201, {"action": action("in-progress", kind)}, {}) for kind in ("shutdown", "snapshot")]
    server.answer("POST", "/v2/droplets/7/actions", *begun)
    server.answer("GET", "/v2/droplets/7/actions/9", (200, {"action": action("completed")}, {}))
    server.answer("GET", "/v2/droplets/7", (200, {"droplet": droplet(7, status="off")}, {}))
    server.answer("GET", "/v2/droplets", (200, {"droplets": [droplet(7)]}, {}))
    (machine,) = offering.find("apis.demo.test")
    taken = offering.take_snapshot(machine, "lab@debian-12-x64@bbbb", Steps())
    assert taken.id == 72
    bodies = [json.loads(request[3]) for request in sent(server, "POST")]
    assert bodies == [{"type": "shutdown"}, {"type": "snapshot", "name": "lab@debian-12-x64@bbbb"}]
    server.answer("DELETE", "/v2/snapshots/72", (204, None, {}))
    offering.remove_snapshot(taken)


def test_a_missing_scope_of_the_token_is_named(server, machines, dns):
    refused = (403, {"id": "forbidden", "message": "You are missing the required permission"}, {})
    server.answer("POST", "/v2/droplets", refused)
    server.answer("POST", "/v2/droplets/7/actions", refused)
    server.answer("PUT", "/v2/domains/a.test/records/3", refused)
    server.answer("GET", "/v2/droplets", (200, {"droplets": [droplet(7)]}, {}))
    (machine,) = machines.find("apis.demo.test")
    record = DnsRecord("A", "@", "192.0.2.7", 300, 3)
    for request, scope in (
        (lambda: machines.create(SPEC), "droplet:create"),
        (lambda: machines.take_snapshot(machine, "x", Steps()), "droplet:update"),
        (lambda: dns.set("a.test", record, replacing=[record]), "domain:update"),
    ):
        with pytest.raises(ApiError) as caught:
            request()
        assert f"`{scope}`" in caught.value.hint


def test_a_key_that_is_registered_already_is_not_registered_again(server, machines):
    server.answer("POST", "/v2/droplets", (202, ACCEPTED, {}))
    machines.create(SPEC)
    assert json.loads(sent(server, "POST")[-1][3])["ssh_keys"] == [5]
    assert [request[1] for request in sent(server, "POST")] == ["/v2/droplets"]


def test_a_key_is_removed_from_the_account_and_a_missing_one_is_no_error(server, machines):
    server.answer("DELETE", "/v2/account/keys/5", (204, {}, {}))
    machines.forget_key("ssh-ed25519 AAAA hubctl-demo")
    machines.forget_key("ssh-ed25519 BBBB hubctl-demo")
    assert [request[1] for request in sent(server, "DELETE")] == ["/v2/account/keys/5"]


TAKEN = (422, {"id": "unprocessable_entity", "message": "it already exists"}, {})


def test_a_key_that_another_run_registers_in_the_same_moment_is_found(server, machines):
    listed = {"ssh_keys": [{"id": 3, "public_key": "ssh-ed25519 AAAA x", "name": "x"}]}
    server.answer("GET", "/v2/account/keys", (200, {"ssh_keys": []}, {}), (200, listed, {}))
    server.answer("POST", "/v2/account/keys", TAKEN)
    server.answer("POST", "/v2/droplets", (202, ACCEPTED, {}))
    machines.create(SPEC)
    assert json.loads(sent(server, "POST")[-1][3])["ssh_keys"] == [3]
    with pytest.raises(ApiError):
        machines.create(replace(SPEC, public_key="ssh-ed25519 BBBB refused for another reason"))


MISSING = (404, {"id": "not_found", "message": "no"}, {})
RECORD_ITEM = {"id": 1, "type": "A", "name": "www", "data": "192.0.2.7", "ttl": 300}
WRITTEN = (201, {"domain_record": RECORD_ITEM}, {})
RECORD = DnsRecord("A", "www", "192.0.2.7", 300)


def test_a_domain_that_is_not_served_yet_is_added_with_its_first_record(server, dns):
    assert dns.records("a.test") == []
    server.answer("POST", "/v2/domains", (201, {"domain": {"name": "a.test"}}, {}))
    server.answer("POST", "/v2/domains/a.test/records", MISSING, WRITTEN)
    dns.set("a.test", RECORD)
    dns.set("a.test", RECORD)
    records = "/v2/domains/a.test/records"
    assert [request[1] for request in sent(server, "POST")] == [records, "/v2/domains", records, records]


def test_a_domain_that_another_run_adds_in_the_same_moment_is_served(server, dns):
    server.answer("GET", "/v2/domains/a.test", (200, {"domain": {"name": "a.test"}}, {}))
    server.answer("POST", "/v2/domains", TAKEN)
    server.answer("POST", "/v2/domains/a.test/records", MISSING, WRITTEN)
    dns.set("a.test", RECORD)
    with pytest.raises(ApiError):
        dns.set("somebody-elses.test", RECORD)


def test_a_record_takes_the_place_of_those_it_replaces(server, dns):
    server.answer("PUT", "/v2/domains/a.test/records/3", (200, {"domain_record": RECORD_ITEM}, {}))
    dns.set("a.test", RECORD, replacing=[replace(RECORD, id=3), replace(RECORD, id=4)])
    assert [request[:2] for request in server.requests] == [
        ("PUT", "/v2/domains/a.test/records/3"),
        ("DELETE", "/v2/domains/a.test/records/4"),
    ]


def test_names_are_compared_exactly_and_gpu_machines_are_found_too(server, machines):
    server.answer(
        "GET",
        "/v2/droplets",
        (200, {"droplets": [droplet(1), droplet(2, name="other.demo.test")]}, {}),
        (200, {"droplets": [droplet(3)]}, {}),
    )
    assert [machine.id for machine in machines.find("apis.demo.test")] == [1, 3]
    assert server.requests[1][2]["type"] == ["gpus"]
