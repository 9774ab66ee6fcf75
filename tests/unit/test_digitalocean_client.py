"""The DigitalOcean client against a server that behaves as the real one does on its bad days."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from provision.cloud.base import MachineSpec
from provision.cloud.digitalocean import ApiError, DigitalOcean
from provision.errors import Exit

TOKEN = "a-token-nobody-must-see"


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.answers = {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v2/"

    def answer(self, method, path, *answers):
        """Give these (status, body, headers) in turn; the last one for ever."""
        self.answers[method, path] = list(answers)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment an answer: else each waits 40 ms for an acknowledgement

    def handle_any(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        self.server.requests.append((self.command, url.path, parse_qs(url.query), body, dict(self.headers)))
        queue = self.server.answers.get(
            (self.command, url.path), [(404, {"id": "not_found", "message": "no"}, {})]
        )
        status, answer, headers = queue.pop(0) if len(queue) > 1 else queue[0]
        payload = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        for key, value in {**headers, "content-length": str(len(payload))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def cloud(server):
    return DigitalOcean(server.url, TOKEN, backoff=0.01)


def droplet(number, **fields):
    networks = {
        "v4": [
            {"ip_address": "10.0.0.2", "type": "private"},
            {"ip_address": "192.0.2.7", "type": "public"},
        ],
        "v6": [{"ip_address": "2001:db8::7", "type": "public"}],
    }
    return {
        "id": number,
        "name": "apis.demo.test",
        "status": "active",
        "tags": ["hubctl"],
        "networks": networks,
        "size_slug": "s-1vcpu-2gb",
        "image": {"slug": "debian-13-x64"},
        "region": {"slug": "fra1"},
        **fields,
    }


SPEC = MachineSpec(
    "apis.demo.test", "s-1vcpu-2gb", "debian-13-x64", "fra1", ("hubctl",), (5,), "#cloud-config", True
)


def test_a_machine_has_its_public_addresses_whatever_their_order(server, cloud):
    server.answer("GET", "/v2/droplets/7", (200, {"droplet": droplet(7)}, {}))
    assert cloud.machine(7).addresses == ("192.0.2.7", "2001:db8::7")


def test_a_missing_machine_is_none_and_deleting_it_is_no_error(server, cloud):
    assert cloud.machine(7) is None
    cloud.destroy(7)


def test_a_create_is_repeated_after_too_many_requests(server, cloud):
    accepted = {"droplet": {"id": 7}, "links": {"actions": [{"id": 9, "rel": "create"}]}}
    too_many = (429, {"id": "too_many_requests", "message": "slow down"}, {"retry-after": "0"})
    server.answer("POST", "/v2/droplets", too_many, too_many, (202, accepted, {}))
    assert cloud.create(SPEC) == (7, 9)
    assert len(server.requests) == 3


def test_a_create_is_never_repeated_after_a_server_error(server, cloud):
    server.answer("POST", "/v2/droplets", (500, {"id": "server_error", "message": "oops"}, {}))
    with pytest.raises(ApiError) as caught:
        cloud.create(SPEC)
    assert len(server.requests) == 1
    assert caught.value.exit_code == Exit.UNREACHABLE


def test_requests_have_no_trailing_slash_no_nulls_and_no_body_on_delete(server, cloud):
    server.answer(
        "POST", "/v2/droplets", (202, {"droplet": {"id": 1}, "links": {"actions": [{"id": 2}]}}, {})
    )
    server.answer("DELETE", "/v2/droplets/1", (204, None, {}))
    cloud.create(SPEC)
    cloud.destroy(1)
    (_, path, _, body, _), (_, _, _, nothing, _) = server.requests
    assert not path.endswith("/")
    assert None not in json.loads(body).values()
    assert nothing == b""


def test_all_pages_of_a_list_are_read(server, cloud):
    following = {"pages": {"next": f"{server.url}droplets?page=2&per_page=200"}}
    server.answer(
        "GET",
        "/v2/droplets",
        (200, {"droplets": [droplet(1)], "links": following, "meta": {"total": 2}}, {}),
        (200, {"droplets": [droplet(2)], "links": {}, "meta": {"total": 2}}, {}),
    )
    assert [machine.id for machine in cloud.machines("hubctl")] == [1, 2]


def test_the_token_never_follows_a_link_to_another_host(server, cloud):
    following = {"pages": {"next": "http://127.0.0.2:9/v2/droplets?page=2"}}
    server.answer("GET", "/v2/droplets", (200, {"droplets": [droplet(1)], "links": following}, {}))
    with pytest.raises(ApiError, match="another host"):
        cloud.machines("hubctl")


def test_a_list_without_an_end_is_an_error(server, cloud):
    following = {"pages": {"next": f"{server.url}droplets?page=2"}}
    server.answer("GET", "/v2/droplets", (200, {"droplets": [], "links": following}, {}))
    with pytest.raises(ApiError, match="does not end"):
        cloud.machines("hubctl")


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
def test_every_kind_of_error_keeps_its_status_and_has_a_code(server, cloud, status, body, code, exit_code):
    server.answer("GET", "/v2/droplets", (status, body, {}))
    with pytest.raises(ApiError) as caught:
        cloud.machines("hubctl")
    assert (caught.value.status, caught.value.code, caught.value.exit_code) == (status, code, exit_code)
    assert TOKEN not in str(caught.value.as_dict())


def test_endless_rate_limiting_ends_as_an_error_that_says_to_wait(server, cloud):
    server.answer(
        "GET", "/v2/droplets", (429, {"id": "too_many_requests", "message": "no"}, {"retry-after": "0"})
    )
    with pytest.raises(ApiError) as caught:
        cloud.machines("hubctl")
    assert caught.value.code == "cloud-rate-limit"
    assert len(server.requests) < 20


def test_a_cloud_that_does_not_answer_is_unreachable():
    with pytest.raises(ApiError) as caught:
        DigitalOcean("http://127.0.0.1:9/v2/", TOKEN, backoff=0.01).machines("hubctl")
    assert (caught.value.code, caught.value.exit_code) == ("cloud-unreachable", Exit.UNREACHABLE)


def test_a_key_that_is_registered_already_is_not_registered_again(server, cloud):
    listed = {"ssh_keys": [{"id": 3, "public_key": "ssh-ed25519 AAAA somebody's comment", "name": "x"}]}
    server.answer("GET", "/v2/account/keys", (200, listed, {}))
    assert cloud.ssh_key("hubctl-demo", "ssh-ed25519 AAAA hubctl-demo") == 3
    assert [request[0] for request in server.requests] == ["GET"]


def test_a_key_is_removed_from_the_account_and_a_missing_one_is_no_error(server, cloud):
    listed = {"ssh_keys": [{"id": 3, "public_key": "ssh-ed25519 AAAA x", "name": "x"}]}
    server.answer("GET", "/v2/account/keys", (200, listed, {}))
    server.answer("DELETE", "/v2/account/keys/3", (204, {}, {}))
    cloud.forget_ssh_key("ssh-ed25519 AAAA hubctl-demo")
    cloud.forget_ssh_key("ssh-ed25519 BBBB hubctl-demo")
    assert [request[:2] for request in server.requests if request[0] == "DELETE"] == [
        ("DELETE", "/v2/account/keys/3")
    ]


TAKEN = (422, {"id": "unprocessable_entity", "message": "it already exists"}, {})


def test_a_key_that_another_run_registers_in_the_same_moment_is_found(server, cloud):
    listed = {"ssh_keys": [{"id": 3, "public_key": "ssh-ed25519 AAAA x", "name": "x"}]}
    server.answer("GET", "/v2/account/keys", (200, {"ssh_keys": []}, {}), (200, listed, {}))
    server.answer("POST", "/v2/account/keys", TAKEN)
    assert cloud.ssh_key("hubctl-demo", "ssh-ed25519 AAAA hubctl-demo") == 3
    with pytest.raises(ApiError):
        cloud.ssh_key("hubctl-demo", "ssh-ed25519 BBBB refused for another reason")


def test_a_domain_that_another_run_adds_in_the_same_moment_is_served(server, cloud):
    missing = (404, {"id": "not_found", "message": "no"}, {})
    server.answer("GET", "/v2/domains/a.test", missing, (200, {"domain": {"name": "a.test"}}, {}))
    server.answer("POST", "/v2/domains", TAKEN)
    assert cloud.ensure_domain("a.test") is False
    with pytest.raises(ApiError):
        cloud.ensure_domain("somebody-elses.test")


def test_names_are_compared_exactly_and_gpu_machines_are_found_too(server, cloud):
    server.answer(
        "GET",
        "/v2/droplets",
        (200, {"droplets": [droplet(1), droplet(2, name="other.demo.test")]}, {}),
        (200, {"droplets": [droplet(3)]}, {}),
    )
    assert [machine.id for machine in cloud.machines_named("apis.demo.test")] == [1, 3]
    assert server.requests[1][2]["type"] == ["gpus"]
