"""The worked example of docs/extending.md on a real node: over HTTPS, updated and rolled back under load."""

from __future__ import annotations

import pytest

from tests.support.example import copy_tree, follow
from tests.support.load import Load
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes
HELLO = "hello: {hostname: hi, greeting: Good day}"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A hubctl with the service that the page describes."""
    folder = copy_tree(tmp_path_factory.mktemp("tree"))
    follow(folder)
    return folder


@pytest.fixture(scope="module")
def greeter(make_fleet, tree):
    """A node that runs it."""
    fleet = make_fleet({"web": HELLO}).of_tree(tree)
    fleet.done("create-node", "web")
    return fleet


def test_it_answers_over_https_and_its_worker_counts(greeter):
    site = greeter.site("web", "hi")
    assert site.ask("GET", "/hello/Ada") == (200, {"said": "Good day, Ada!"})
    token = greeter.done("secrets", "show", "service/hello").stdout.strip()

    def counts():
        _, body = site.ask_raw("GET", "/counts", headers={"Authorization": f"Bearer {token}"})
        return body

    eventually(lambda: counts() == b'{"Ada":1}\n')
    assert site.ask_raw("GET", "/counts")[0] == 401
    assert token not in greeter.ssh("web", "sh", "-c", "journalctl --no-pager -o cat; ps -eo args")


def test_a_second_deploy_changes_nothing(greeter):
    assert " 0 changed" in greeter.done("deploy").stdout


def test_an_update_and_a_rollback_fail_no_request(greeter, tree):
    site = greeter.site("web", "hi")
    module = tree / "runtime" / "hub_runtime" / "hello" / "wsgi.py"
    before = module.read_text()
    with Load(site, path="/hello/Load", status=200) as load:
        module.write_text(before.replace('name}!"', 'name}."'))
        greeter.done("deploy")
        assert site.ask("GET", "/hello/Ada") == (200, {"said": "Good day, Ada."})
        greeter.done("rollback", "web")
        assert site.ask("GET", "/hello/Ada") == (200, {"said": "Good day, Ada!"})
    module.write_text(before)
    assert load.failures == []
    assert len(load.seconds) > 20


def test_its_secret_is_rotated_with_a_release(greeter):
    site = greeter.site("web", "hi")
    greeter.done("deploy")
    former = greeter.done("secrets", "show", "service/hello").stdout.strip()
    greeter.done("rotate-key", "service/hello")
    now = greeter.done("secrets", "show", "service/hello").stdout.strip()
    assert now != former
    assert site.ask_raw("GET", "/counts", headers={"Authorization": f"Bearer {now}"})[0] == 200
    assert site.ask_raw("GET", "/counts", headers={"Authorization": f"Bearer {former}"})[0] == 401
