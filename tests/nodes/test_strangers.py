"""What strangers ask of task_api, however much, leaves it answering, and finishing what it has accepted."""

import contextlib
import json
import resource
import socket

import pytest

from tests.support.load import Load
from tests.support.tasks import ENDLESS, Posted, redis
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

WAITING = 128_000_000
SIZE = 1_900_000


def memory(fleet) -> dict[str, int]:
    """What Redis says of its memory."""
    lines = (line.split(":") for line in redis(fleet, "apis", "INFO", "memory") if ":" in line)
    return {name: int(value) for name, value in lines if value.isdecimal()}


@pytest.mark.soak(short=3, full=40)
def test_a_flood_of_large_tasks_fills_the_queue_to_its_limit_and_no_further(deployed, times, record_property):
    site = deployed.site("apis", "tasks")
    posted = Posted(site)
    (endless,) = posted.post(ENDLESS)
    eventually(lambda: posted.running(endless), pause=0.05)  # the one worker: nothing else ends meanwhile
    with Load(site, fresh=1, kept=1, path="/health", status=200) as load:
        flood = json.loads(deployed.python("apis", "flood", f"tasks.{deployed.name}.test", 50, times, SIZE))
        waiting = int(redis(deployed, "apis", "HGET", "task_api:waiting", "all")[0])
        assert site.ask("DELETE", f"/terminate/{endless}")[0] == 200
        for task in flood["tasks"]:
            status, answer = site.final(task, seconds=120)
            assert (status, answer["count"]) == (200, 1)
    assert load.failures == []
    record_property("answers to 1.9 MB posts", json.dumps(flood["statuses"], sort_keys=True))
    record_property("slowest /health in seconds", round(max(load.seconds), 2))
    assert flood["wrong"] == []
    assert set(flood["statuses"]) == {"202", "503"}
    assert len(flood["tasks"]) == flood["statuses"]["202"] > 50
    assert waiting <= WAITING
    found = memory(deployed)
    record_property("most memory of Redis in bytes", found["used_memory_peak"])
    assert found["used_memory_peak"] < found["maxmemory"]
    assert redis(deployed, "apis", "HGETALL", "task_api:waiting") == []


MOST = 2_048


@pytest.fixture
def files():
    """Let this process open as many files as a test holds connections."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, MOST + 1_000), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def hold(stack, address):
    """Open connections until one is refused; return how many there are."""
    for held in range(MOST + 1):
        try:
            stack.enter_context(socket.create_connection((address, 443), 5))
        except ConnectionError:
            return held
    return MOST + 1


@pytest.mark.usefixtures("files")
def test_one_address_holds_so_many_connections_without_a_request_and_others_are_answered(deployed):
    site = deployed.site("apis", "tasks")
    another = f"import socket; socket.create_connection(('{site.address}', 443), 5); print('open')"
    with contextlib.ExitStack() as stack:
        # What a test before has not closed yet counts, too.
        assert MOST - 50 < hold(stack, site.address) <= MOST
        assert deployed.ssh("apis", "python3", "-c", another).strip() == "open"
    assert eventually(lambda: site.ask("GET", "/health")[0] == 200)
    deployed.ssh("apis", "systemctl", "restart", "hubctl-connections.service")
    rules = deployed.ssh("apis", "iptables-save")
    assert (rules.count("--connlimit-above"), rules.count("-j hubctl-connections")) == (1, 1)


def test_a_service_that_was_flooded_is_as_it_was_deployed(deployed):
    assert "0 changed" in deployed.done("deploy").stdout
    assert deployed.site("apis", "tasks").solve()[0] == 200
