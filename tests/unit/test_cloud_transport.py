"""The transport of DigitalOcean's API: what it sends, what it takes for an answer, and how long it waits."""

import logging

import pytest

from provision.cloud.answers import OneDroplet
from provision.cloud.api import Api, ApiError
from provision.cloud.digitalocean import DigitalOceanMachines
from provision.cloud.patience import Patience
from provision.errors import Exit, HubError
from tests.support.bad_days import droplet, running

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
def machines(api):
    return DigitalOceanMachines(api)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("3600", "wait 3600 seconds"),
        ("Wed, 21 Oct 2099 07:28:00 GMT", "as the cloud asks"),
        ("-1", "wait a few minutes"),
        ("soon", "wait a few minutes"),
        ("9" * 5000, "wait a few minutes"),
    ],
)
def test_a_wait_that_is_too_long_is_told_at_once_and_one_that_makes_no_sense_is_not_heeded(
    server, machines, asked, shown
):
    server.answer("GET", "/v2/droplets", (429, {"message": "slow down"}, {"retry-after": asked}))
    with pytest.raises(ApiError) as caught:
        machines.find("apis.demo.test")
    assert caught.value.code == "cloud-rate-limit"
    assert shown in caught.value.hint
    assert len(server.requests) == (1 if "as the cloud asks" in caught.value.hint else QUICK.tries)


def test_what_is_waited_for_is_said(server):
    said = []
    api = Api(server.url, TOKEN, patience=QUICK, say=said.append)
    failed = (503, {"message": "maintenance"}, {})
    server.answer("GET", "/v2/droplets", failed, failed, (200, {"droplets": []}, {}))
    assert DigitalOceanMachines(api).find("apis.demo.test") == []
    assert len(said) == 2
    assert "maintenance; waiting 0 s, then try 2 of 6" in said[0]


@pytest.mark.parametrize(
    "link", ["{server}droplets?page=2", "http://127.0.0.2:9/v2/droplets?page=2", "?", "x"]
)
def test_all_pages_of_a_list_are_read_from_the_cloud_itself_wherever_its_links_lead(server, machines, link):
    following = {"pages": {"next": link.format(server=server.url)}}
    server.answer(
        "GET",
        "/v2/droplets",
        (200, {"droplets": [droplet(1)], "links": following, "meta": {"total": 2}}, {}),
        (200, {"droplets": [droplet(2)], "links": {}, "meta": {"total": 2}}, {}),
    )
    assert [machine.id for machine in machines.find("apis.demo.test")] == [1, 2]
    named = {"name": ["apis.demo.test"], "per_page": ["200"]}
    first, second, gpus = [request[2] for request in server.requests]
    assert first == named | {"page": ["1"]}
    assert second == named | {"page": ["2"]}
    assert gpus == named | {"page": ["1"], "type": ["gpus"]}


def test_an_answer_that_is_no_list_is_followed_nowhere(server, api):
    """Least of all that to an order, which would be given once more."""
    answer = {"droplet": droplet(7), "links": {"pages": {"next": f"{server.url}droplets?page=2"}}}
    server.answer("POST", "/v2/droplets", (202, answer, {}))
    server.answer("GET", "/v2/droplets/7", (200, answer, {}))
    assert api.order("droplets", {"name": "x"}, OneDroplet).droplet.id == 7
    assert api.get("droplets/7", OneDroplet).droplet.id == 7
    assert [request[:2] for request in server.requests] == [
        ("POST", "/v2/droplets"),
        ("GET", "/v2/droplets/7"),
    ]


def test_a_list_without_an_end_is_an_error(server, machines):
    following = {"pages": {"next": f"{server.url}droplets?page=2"}}
    server.answer("GET", "/v2/droplets", (200, {"droplets": [], "links": following}, {}))
    with pytest.raises(ApiError, match="does not end"):
        machines.find("apis.demo.test")


@pytest.mark.parametrize(
    ("status", "body", "code", "exit_code"),
    [
        (
            401,
            {"id": "unauthorized", "message": "Unable to authenticate you."},
            "cloud-token",
            Exit.NOT_ALLOWED,
        ),
        (403, {"id": "forbidden", "message": "no"}, "cloud-forbidden", Exit.NOT_ALLOWED),
        (422, {"id": "unprocessable_entity", "message": "size is bad"}, "cloud-refused", Exit.FAILED),
        (400, {"error": "route not found", "root_causes": []}, "cloud-refused", Exit.FAILED),
        (400, None, "cloud-refused", Exit.FAILED),
        (503, {"id": "x", "message": "later"}, "cloud-refused", Exit.UNREACHABLE),
    ],
)
def test_every_kind_of_error_keeps_its_status_and_has_a_code(server, machines, status, body, code, exit_code):
    server.answer("GET", "/v2/droplets", (status, body, {}))
    with pytest.raises(ApiError) as caught:
        machines.find("apis.demo.test")
    assert (caught.value.status, caught.value.code, caught.value.exit_code) == (status, code, exit_code)
    assert TOKEN not in str(caught.value.as_dict())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, None),
        (204, None),
        (200, {}),
        (200, []),
        (200, "droplets"),
        (200, 7),
        (200, {"droplets": None}),
        (200, {"droplets": [{**droplet(1), "id": "1"}]}),
        (200, {"droplets": [{**droplet(1), "id": 1.0}]}),
        (200, {"droplets": [{**droplet(1), "id": True}]}),
        (200, {"droplets": [], "links": []}),
        (200, {"droplets": [], "links": "x"}),
        (200, {"droplets": [], "links": {"pages": "x"}}),
        (200, {"droplets": [], "links": {"pages": {"next": 7}}}),
    ],
)
def test_an_answer_of_another_shape_is_unreadable(server, status, body):
    machines = DigitalOceanMachines(Api(server.url, TOKEN, patience=Patience(tries=1)))
    server.answer("GET", "/v2/droplets", (status, body, {}))
    with pytest.raises(ApiError, match="what is no answer to this") as caught:
        machines.find("apis.demo.test")
    assert (caught.value.code, caught.value.exit_code) == ("cloud-unreadable", Exit.UNREACHABLE)


def test_what_is_sent_is_not_logged(server, api, caplog):
    caplog.set_level(logging.DEBUG)
    server.answer("POST", "/v2/droplets", (202, {"droplet": droplet(7)}, {}))
    api.order("droplets", {"user_data": "a host key"}, OneDroplet)
    assert "POST /v2/droplets" in caplog.text  # by the library of HTTP: that it was sent, not what
    assert "digitalocean" not in {record.name for record in caplog.records}
    assert "a host key" not in caplog.text
    assert TOKEN not in caplog.text


def test_endless_rate_limiting_ends_as_an_error_that_says_to_wait(server, machines):
    server.answer(
        "GET", "/v2/droplets", (429, {"id": "too_many_requests", "message": "no"}, {"retry-after": "0"})
    )
    with pytest.raises(ApiError) as caught:
        machines.find("apis.demo.test")
    assert caught.value.code == "cloud-rate-limit"
    assert len(server.requests) < 20


def test_a_cloud_that_does_not_answer_is_unreachable():
    with pytest.raises(ApiError) as caught:
        DigitalOceanMachines(Api("http://127.0.0.1:9/v2/", TOKEN, patience=QUICK)).find("x")
    assert (caught.value.code, caught.value.exit_code) == ("cloud-unreachable", Exit.UNREACHABLE)


@pytest.mark.parametrize("endpoint", ["", "api.digitalocean.com", "/v2/", "http://["])
def test_an_endpoint_that_is_no_url_is_refused_before_anything_is_asked(endpoint):
    with pytest.raises(HubError, match="no URL of a cloud") as caught:
        Api(endpoint, TOKEN)
    assert caught.value.code == "cloud-endpoint"
