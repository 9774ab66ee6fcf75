"""Snapshots in the local cloud's API, without machines."""

from __future__ import annotations

import pytest

from tests.support.local_api import ORDER, Api


@pytest.fixture
def api() -> Api:
    return Api()


def taken(api: Api, number: int, name: str = "kept") -> int:
    """Take a snapshot of a droplet and return its number."""
    api.post(f"droplets/{number}/actions", {"type": "snapshot", "name": name})
    api.settle()
    return max(api.get(f"droplets/{number}")["droplet"]["snapshot_ids"])


class TestTaking:
    def test_it_is_listed_everywhere_that_snapshots_are(self, api: Api) -> None:
        droplet = api.droplet()["id"]
        number = taken(api, droplet)
        (snapshot,) = api.get("snapshots?resource_type=droplet")["snapshots"]
        assert (snapshot["id"], snapshot["name"], snapshot["resource_id"]) == (
            str(number),
            "kept",
            str(droplet),
        )
        assert (snapshot["size_gigabytes"], snapshot["min_disk_size"]) == (3.0, 25)
        assert api.get(f"snapshots/{number}")["snapshot"] == snapshot
        assert [item["id"] for item in api.get(f"droplets/{droplet}/snapshots")["snapshots"]] == [number]
        (image,) = api.get("images?private=true")["images"]
        assert (image["id"], image["slug"], image["public"], image["type"]) == (
            number,
            None,
            False,
            "snapshot",
        )
        assert api.get(f"images/{number}")["image"] == image
        assert number in [item["id"] for item in api.get("images")["images"]]
        assert number not in [item["id"] for item in api.get("images?type=distribution")["images"]]
        assert api.get("snapshots?resource_type=volume")["snapshots"] == []

    def test_it_is_there_only_when_it_is_whole(self, api: Api) -> None:
        droplet = api.droplet()["id"]
        api.machines.gate.clear()
        api.post(f"droplets/{droplet}/actions", {"type": "snapshot", "name": "kept"})
        assert api.get("snapshots")["snapshots"] == []
        api.machines.gate.set()
        api.settle()
        assert len(api.get("snapshots")["snapshots"]) == 1

    def test_one_that_fails_leaves_nothing(self, api: Api) -> None:
        droplet = api.droplet()["id"]
        api.machines.broken = True
        api.post(f"droplets/{droplet}/actions", {"type": "snapshot", "name": "kept"})
        api.settle()
        assert api.get("actions")["actions"][0]["status"] == "errored"
        api.machines.broken = False
        taken(api, droplet, "second")
        assert [item["name"] for item in api.get("snapshots")["snapshots"]] == ["second"]

    def test_it_can_get_another_name(self, api: Api) -> None:
        number = taken(api, api.droplet()["id"])
        assert api.send("PUT", f"images/{number}", {"name": "other"}).status_code == 200
        assert api.get(f"snapshots/{number}")["snapshot"]["name"] == "other"


class TestMakingOfIt:
    def test_a_droplet_lies_over_the_layers(self, api: Api) -> None:
        number = taken(api, api.droplet()["id"])
        made = api.droplet(name="two", image=number)
        assert made["image"]["id"] == number
        order = api.machines.orders[made["id"]]
        assert order.image == "debian-13-x64"
        assert list(order.lowers) == [f"/snapshots/{number}", "/images/base"]

    def test_a_snapshot_of_that_one_has_one_layer_more(self, api: Api) -> None:
        first = taken(api, api.droplet()["id"])
        second = taken(api, api.droplet(name="two", image=first)["id"])
        made = api.droplet(name="three", image=str(second))
        lowers = list(api.machines.orders[made["id"]].lowers)
        assert lowers == [f"/snapshots/{second}", f"/snapshots/{first}", "/images/base"]

    def test_a_droplet_can_be_rebuilt_from_it(self, api: Api) -> None:
        droplet = api.droplet()["id"]
        number = taken(api, droplet)
        api.post(f"droplets/{droplet}/actions", {"type": "rebuild", "image": number})
        api.settle()
        assert list(api.machines.orders[droplet].lowers) == [f"/snapshots/{number}", "/images/base"]

    def test_a_smaller_disk_is_refused(self, api: Api) -> None:
        number = taken(api, api.droplet(size="s-2vcpu-4gb")["id"])
        message = api.refused("POST", "droplets", ORDER | {"image": number, "size": "s-1vcpu-1gb"})
        assert "smaller disk" in message


class TestRemoving:
    @pytest.mark.parametrize("kind", ["snapshots", "images"])
    def test_one_that_nothing_is_made_of_goes_at_once(self, api: Api, kind: str) -> None:
        number = taken(api, api.droplet()["id"])
        assert api.send("DELETE", f"{kind}/{number}").status_code == 204
        api.refused("GET", f"snapshots/{number}", status=404)
        api.refused("POST", "droplets", ORDER | {"image": number})
        assert api.machines.snapshots == set()

    def test_its_layer_stays_as_long_as_a_droplet_is_made_of_it(self, api: Api) -> None:
        number = taken(api, api.droplet()["id"])
        made = api.droplet(name="two", image=number)["id"]
        api.send("DELETE", f"snapshots/{number}")
        assert api.machines.snapshots == {number}
        assert api.get(f"droplets/{made}")["droplet"]["image"]["name"] == "kept"
        api.send("DELETE", f"droplets/{made}")
        api.wait(lambda: api.machines.snapshots == set())

    def test_its_layer_stays_as_long_as_a_snapshot_lies_over_it(self, api: Api) -> None:
        first = taken(api, api.droplet()["id"])
        two = api.droplet(name="two", image=first)["id"]
        second = taken(api, two)
        api.send("DELETE", f"droplets/{two}")
        api.send("DELETE", f"snapshots/{first}")
        assert api.machines.snapshots == {first, second}
        api.send("DELETE", f"snapshots/{second}")
        api.wait(lambda: api.machines.snapshots == set())

    def test_a_base_image_is_nobodys_to_remove(self, api: Api) -> None:
        number = api.get("images/debian-13-x64")["image"]["id"]
        api.refused("DELETE", f"images/{number}", status=404)
