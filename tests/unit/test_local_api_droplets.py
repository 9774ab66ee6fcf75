"""The local cloud's API, with machines that are only remembered."""

from __future__ import annotations

import pytest

from provision.cloud.local.model import Droplet
from provision.cloud.local.operations import NoAddressError, Operations, free_address
from provision.cloud.local.store import Store
from tests.support.local_api import KEY, ORDER, Api


@pytest.fixture
def api() -> Api:
    return Api()


class TestDroplets:
    def test_it_is_new_without_address_until_its_machine_is_up(self, api: Api) -> None:
        api.machines.gate.clear()
        answer = api.post("droplets", ORDER, 202)
        (link,) = answer["links"]["actions"]
        number = answer["droplet"]["id"]
        assert link["rel"] == "create"
        assert answer["droplet"]["status"] == "new"
        assert answer["droplet"]["networks"] == {"v4": [], "v6": []}
        assert api.get(f"actions/{link['id']}")["action"]["status"] == "in-progress"
        api.machines.gate.set()
        api.settle()
        droplet = api.get(f"droplets/{number}")["droplet"]
        assert droplet["status"] == "active"
        assert droplet["networks"]["v4"] == [
            {"ip_address": "10.9.8.10", "netmask": "255.255.255.0", "gateway": "10.9.8.1", "type": "public"}
        ]
        assert api.get(f"actions/{link['id']}")["action"]["status"] == "completed"

    def test_a_machine_that_does_not_come_up_makes_the_action_errored(self, api: Api) -> None:
        api.machines.broken = True
        assert api.droplet()["status"] == "new"
        (action,) = api.get("actions")["actions"]
        assert action["status"] == "errored"
        assert action["completed_at"]

    def test_an_action_that_failed_says_why(self, api: Api) -> None:
        api.machines.broken = True
        number = api.droplet()["id"]
        (action,) = api.get(f"droplets/{number}/actions")["actions"]
        assert action["message"] == "no machine today"

    def test_the_end_of_its_console_can_be_read(self, api: Api) -> None:
        number = api.droplet()["id"]
        assert api.get(f"droplets/{number}/console") == {"console": f"login on {number}"}
        api.refused("GET", "droplets/77/console", status=404)

    def test_the_machine_gets_what_was_ordered(self, api: Api) -> None:
        key = api.post("account/keys", {"name": "me", "public_key": KEY})["ssh_key"]
        droplet = api.droplet(ssh_keys=[key["fingerprint"]], user_data="#cloud-config\n{}", ipv6=True)
        order = api.machines.orders[droplet["id"]]
        assert (order.hostname, order.image, order.address) == ("web", "debian-13-x64", "10.9.8.10")
        assert order.user_data == "#cloud-config\n{}"
        assert order.public_keys == [KEY]
        assert droplet["networks"]["v6"][0]["ip_address"] == order.address6 == "fd00:9::a"

    def test_several_are_ordered_at_once(self, api: Api) -> None:
        answer = api.post(
            "droplets", {k: v for k, v in ORDER.items() if k != "name"} | {"names": ["a", "b"]}, 202
        )
        assert [droplet["name"] for droplet in answer["droplets"]] == ["a", "b"]
        assert len(answer["links"]["actions"]) == 2
        api.settle()
        assert {order.address for order in api.machines.orders.values()} == {"10.9.8.10", "10.9.8.11"}

    def test_nulls_count_as_absent(self, api: Api) -> None:
        api.post("droplets", ORDER | {"vpc_uuid": None, "volumes": [], "private_networking": None}, 202)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"name": "under_score"}, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"),
            ({"name": "ends-"}, "Only valid hostname characters"),
            ({"name": ""}, "Only valid hostname characters"),
            ({"name": "x" * 256}, "Only valid hostname characters"),
            ({"size": "s-9000vcpu"}, "invalid size"),
            ({"image": "windows-95"}, "invalid image"),
            ({"region": "moon1"}, "invalid region"),
            ({"region": ""}, "invalid region"),
            ({"ssh_keys": [77]}, "77 are invalid key identifiers for Droplet creation."),
            ({"user_data": "x" * 65537}, "user_data is too long"),
            ({"tags": ["no spaces"]}, "Tag name may only contain"),
            ({"names": [f"n{i}" for i in range(11)]}, "names"),
            ({"ipv6": "yes"}, "ipv6"),
        ],
    )
    def test_a_bad_order_is_refused_and_makes_nothing(
        self, api: Api, change: dict[str, object], message: str
    ) -> None:
        assert message in api.refused("POST", "droplets", ORDER | change)
        assert api.get("droplets")["droplets"] == []
        assert api.get("tags")["tags"] == []

    def test_user_data_may_have_64_kib(self, api: Api) -> None:
        api.post("droplets", ORDER | {"user_data": "x" * 65536}, 202)

    def test_a_region_may_be_named_by_its_beginning(self, api: Api) -> None:
        assert api.droplet(region="nyc")["region"]["slug"] == "nyc1"

    @pytest.mark.parametrize("body", ["text", [], 7])
    def test_a_body_that_is_no_object_is_refused(self, api: Api, body: object) -> None:
        api.refused("POST", "droplets", body, status=400)

    def test_the_list_can_be_narrowed(self, api: Api) -> None:
        api.droplet(name="a", tags=["Red"])
        api.droplet(name="b", tags=["blue"])
        names = lambda query: [droplet["name"] for droplet in api.get(f"droplets?{query}")["droplets"]]  # noqa: E731
        assert names("") == ["a", "b"]
        assert names("tag_name=red") == ["a"]
        assert names("name=b") == ["b"]
        assert names("tag_name=green") == []
        assert names("type=gpus") == []

    def test_a_removed_one_is_gone_at_once_and_so_is_its_machine_soon(self, api: Api) -> None:
        droplet = api.droplet()
        assert api.send("DELETE", f"droplets/{droplet['id']}").status_code == 204
        api.refused("GET", f"droplets/{droplet['id']}", status=404)
        api.refused("DELETE", f"droplets/{droplet['id']}", status=404)
        api.wait(lambda: api.machines.log == [f"destroy {droplet['id']}"])

    def test_ids_are_never_used_again(self, api: Api) -> None:
        first = api.droplet()["id"]
        api.send("DELETE", f"droplets/{first}")
        assert api.droplet()["id"] > first

    def test_those_of_a_tag_are_removed_together(self, api: Api) -> None:
        for name, tag in (("a", "red"), ("b", "red"), ("c", "blue")):
            api.droplet(name=name, tags=[tag])
        assert api.send("DELETE", "droplets?tag_name=red").status_code == 204
        assert [droplet["name"] for droplet in api.get("droplets")["droplets"]] == ["c"]
        api.refused("DELETE", "droplets?tag_name=none", status=404)
        api.refused("DELETE", "droplets")

    def test_an_address_is_free_again_only_when_its_machine_is_gone(self, api: Api) -> None:
        droplet = api.store.add(
            Droplet(
                name="old",
                region="nyc1",
                size="s-1vcpu-1gb",
                image="debian-13-x64",
                created_at="",
                deleted=True,
            )
        )
        api.store.save(
            Droplet(**{f: getattr(droplet, f) for f in droplet.__struct_fields__} | {"address": "10.9.8.10"})
        )
        assert api.droplet()["networks"]["v4"][0]["ip_address"] == "10.9.8.11"

    def test_a_full_network_is_said(self, api: Api) -> None:
        subnet = api.app.extensions["local-cloud"].subnet
        everything = {str(address) for address in subnet}
        assert free_address(subnet, everything - {"10.9.8.254"}) == "10.9.8.254"
        with pytest.raises(NoAddressError):
            free_address(subnet, everything - {"10.9.8.1", "10.9.8.255"})


class TestActions:
    @pytest.mark.parametrize(
        ("kind", "log"),
        [
            ("reboot", ["stop 1 softly", "start 1"]),
            ("power_cycle", ["stop 1 hard", "start 1"]),
            ("power_on", ["start 1"]),
            ("shutdown", ["stop 1 softly"]),
            ("power_off", ["stop 1 hard"]),
        ],
    )
    def test_power_actions_reach_the_machine(self, api: Api, kind: str, log: list[str]) -> None:
        number = api.droplet()["id"]
        action = api.post(f"droplets/{number}/actions", {"type": kind})["action"]
        api.settle()
        assert api.machines.log == log
        assert api.get(f"droplets/{number}/actions/{action['id']}")["action"]["status"] == "completed"
        expected = "off" if kind in ("shutdown", "power_off") else "active"
        assert api.get(f"droplets/{number}")["droplet"]["status"] == expected

    def test_a_droplet_does_one_thing_at_a_time(self, api: Api) -> None:
        api.machines.gate.clear()
        number = api.post("droplets", ORDER, 202)["droplet"]["id"]
        message = api.refused("POST", f"droplets/{number}/actions", {"type": "reboot"})
        assert message == "Droplet already has a pending event."
        api.machines.gate.set()

    def test_it_can_be_renamed(self, api: Api) -> None:
        number = api.droplet()["id"]
        api.refused("POST", f"droplets/{number}/actions", {"type": "rename", "name": "no_name"})
        api.post(f"droplets/{number}/actions", {"type": "rename", "name": "other"})
        assert api.get(f"droplets/{number}")["droplet"]["name"] == "other"

    def test_it_can_be_rebuilt_from_another_image(self, api: Api) -> None:
        number = api.droplet()["id"]
        api.post(f"droplets/{number}/actions", {"type": "rebuild", "image": "debian-12-x64"})
        api.settle()
        assert api.machines.orders[number].image == "debian-12-x64"
        assert api.get(f"droplets/{number}")["droplet"]["status"] == "active"

    @pytest.mark.parametrize("kind", ["create", "resize", "fly"])
    def test_what_is_not_offered_is_refused(self, api: Api, kind: str) -> None:
        number = api.droplet()["id"]
        assert "power_cycle" in api.refused("POST", f"droplets/{number}/actions", {"type": kind})

    def test_all_of_a_tag_act_together(self, api: Api) -> None:
        for name in ("a", "b"):
            api.droplet(name=name, tags=["red"])
        assert len(api.post("droplets/actions?tag_name=red", {"type": "reboot"})["actions"]) == 2

    def test_what_a_killed_daemon_left_is_carried_on(self, tmp_path) -> None:
        store = Store(tmp_path / "state.db")
        before = Api(store)
        before.machines.gate.clear()
        number = before.post("droplets", ORDER, 202)["droplet"]["id"]
        gone = before.store.add(
            Droplet(
                name="gone",
                region="nyc1",
                size="s-1vcpu-1gb",
                image="debian-13-x64",
                created_at="",
                deleted=True,
            )
        )
        after = Api(Store(tmp_path / "state.db"))
        Operations(after.store, after.machines).resume()
        after.settle()
        assert after.get(f"droplets/{number}")["droplet"]["status"] == "active"
        assert f"destroy {gone.id}" in after.machines.log
        before.machines.broken = True
        before.machines.gate.set()
        before.operations.close()
