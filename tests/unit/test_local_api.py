"""The local cloud's API, with machines that are only remembered."""

from __future__ import annotations

import pytest

from tests.support.local_api import KEY, ORDER, Api


@pytest.fixture
def api() -> Api:
    return Api()


class TestAuthentication:
    @pytest.mark.parametrize("path", ["account", "droplets", "no/such/address"])
    def test_a_wrong_token_gets_nothing(self, api: Api, path: str) -> None:
        answer = api.send("GET", path, token="wrong")
        assert answer.status_code == 401
        assert answer.json["id"] == "unauthorized"
        assert answer.json["message"] == "Unable to authenticate you."

    def test_no_token_gets_nothing(self, api: Api) -> None:
        assert api.client.get("/v2/account").status_code == 401

    def test_an_unknown_address_is_not_found(self, api: Api) -> None:
        assert api.refused("GET", "no/such/address", status=404)

    def test_slashes_at_the_end_and_bodies_of_deletes_are_tolerated(self, api: Api) -> None:
        droplet = api.post("droplets/", ORDER, 202)["droplet"]
        api.settle()
        assert api.get(f"droplets/{droplet['id']}/")["droplet"]["name"] == "web"
        assert api.send("DELETE", f"droplets/{droplet['id']}/", {}).status_code == 204


class TestRateLimit:
    def test_every_answer_says_what_is_left(self) -> None:
        api = Api(per_hour=10)
        headers = [api.send("GET", "account").headers for _ in range(2)]
        assert [h["ratelimit-remaining"] for h in headers] == ["9", "8"]
        assert headers[0]["ratelimit-limit"] == "10"
        assert headers[0]["ratelimit-reset"] == str(int(api.now + 3600))

    def test_a_burst_is_refused_with_the_time_to_wait(self) -> None:
        api = Api(per_minute=3)
        assert [api.send("GET", "account").status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = api.send("GET", "account")
        assert refused.json["id"] == "too_many_requests"
        api.now += int(refused.headers["retry-after"])
        assert api.send("GET", "account").status_code == 200

    def test_the_hours_limit_names_no_time_to_wait_but_its_reset(self) -> None:
        api = Api(per_hour=2)
        assert [api.send("GET", "account").status_code for _ in range(3)] == [200, 200, 429]
        refused = api.send("GET", "account")
        assert "retry-after" not in refused.headers
        api.now = float(refused.headers["ratelimit-reset"])
        assert api.send("GET", "account").status_code == 200

    def test_the_window_slides(self) -> None:
        api = Api(per_hour=2)
        api.send("GET", "account")
        api.now += 3000
        api.send("GET", "account")
        api.now += 600
        assert [api.send("GET", "account").status_code for _ in range(2)] == [200, 429]


class TestPages:
    def test_links_lead_through_all_pages_on_the_servers_own_host(self, api: Api) -> None:
        for number in range(7):
            api.post("tags", {"name": f"tag{number}"})
        seen, path = [], "tags?per_page=3"
        while path:
            page = api.get(path)
            assert page["meta"]["total"] == 7
            seen += [tag["name"] for tag in page["tags"]]
            following = page["links"].get("pages", {}).get("next", "")
            assert not following or following.startswith("http://localhost/v2/tags?")
            path = following.removeprefix("http://localhost/v2/")
        assert seen == [f"tag{number}" for number in range(7)]

    def test_the_last_page_leads_back(self, api: Api) -> None:
        for number in range(3):
            api.post("tags", {"name": f"tag{number}"})
        links = api.get("tags?per_page=2&page=2")["links"]["pages"]
        assert set(links) == {"first", "prev"}

    def test_one_page_has_no_links(self, api: Api) -> None:
        assert api.get("tags")["links"] == {}

    def test_a_page_holds_200_at_most(self, api: Api) -> None:
        for number in range(201):
            api.post("tags", {"name": f"tag{number}"})
        assert len(api.get("tags?per_page=1000")["tags"]) == 200

    @pytest.mark.parametrize("query", ["page=0", "page=x", "per_page=-1"])
    def test_a_page_that_is_no_number_is_refused(self, api: Api, query: str) -> None:
        api.refused("GET", f"tags?{query}", status=400)


class TestKeys:
    def test_a_key_is_found_by_number_and_by_fingerprint(self, api: Api) -> None:
        key = api.post("account/keys", {"name": "me", "public_key": KEY})["ssh_key"]
        assert key["fingerprint"].count(":") == 15
        for identifier in (key["id"], key["fingerprint"]):
            assert api.get(f"account/keys/{identifier}")["ssh_key"] == key
        assert api.get("account/keys")["ssh_keys"] == [key]

    def test_a_key_is_kept_to_the_letter(self, api: Api) -> None:
        key = api.post("account/keys", {"name": "me", "public_key": f"{KEY}\n"})["ssh_key"]
        assert key["public_key"] == f"{KEY}\n"
        assert api.machines.orders[api.droplet(ssh_keys=[key["id"]])["id"]].public_keys == [KEY]

    def test_a_key_is_there_once(self, api: Api) -> None:
        api.post("account/keys", {"name": "me", "public_key": KEY})
        message = api.refused(
            "POST", "account/keys", {"name": "again", "public_key": KEY.replace("operator", "x")}
        )
        assert message == "SSH Key is already in use on your account"

    @pytest.mark.parametrize(
        "key", ["", "ssh-ed25519", "ssh-ed25519 %%%", KEY.replace("ssh-ed25519", "ssh-rsa"), "a\nb"]
    )
    def test_what_is_no_key_is_refused(self, api: Api, key: str) -> None:
        assert "Key invalid" in api.refused("POST", "account/keys", {"name": "me", "public_key": key})

    def test_it_can_be_renamed_and_removed(self, api: Api) -> None:
        number = api.post("account/keys", {"name": "me", "public_key": KEY})["ssh_key"]["id"]
        assert api.send("PUT", f"account/keys/{number}", {"name": "you"}).json["ssh_key"]["name"] == "you"
        assert api.send("DELETE", f"account/keys/{number}").status_code == 204
        api.refused("GET", f"account/keys/{number}", status=404)

    def test_a_fields_absence_is_named(self, api: Api) -> None:
        assert "public_key" in api.refused("POST", "account/keys", {"name": "me"})


class TestTags:
    def test_tags_keep_their_first_spelling(self, api: Api) -> None:
        api.post("tags", {"name": "Blue"})
        assert api.post("tags", {"name": "blue"})["tag"]["name"] == "Blue"
        assert api.get("tags/BLUE")["tag"]["name"] == "Blue"

    def test_droplets_are_tagged_and_untagged(self, api: Api) -> None:
        number = api.droplet()["id"]
        api.post("tags", {"name": "red"})
        resources = {"resources": [{"resource_id": str(number), "resource_type": "droplet"}]}
        assert api.send("POST", "tags/red/resources", resources).status_code == 204
        assert api.get(f"droplets/{number}")["droplet"]["tags"] == ["red"]
        assert api.get("tags/red")["tag"]["resources"]["droplets"]["count"] == 1
        assert api.send("DELETE", "tags/red/resources", resources).status_code == 204
        assert api.get(f"droplets/{number}")["droplet"]["tags"] == []

    def test_a_removed_tag_leaves_its_droplets(self, api: Api) -> None:
        number = api.droplet(tags=["red", "blue"])["id"]
        assert api.send("DELETE", "tags/red").status_code == 204
        assert api.get(f"droplets/{number}")["droplet"]["tags"] == ["blue"]
        api.refused("GET", "tags/red", status=404)


class TestCatalog:
    def test_images_are_found_by_slug_and_number(self, api: Api) -> None:
        images = api.get("images?type=distribution")["images"]
        assert [image["slug"] for image in images] == ["debian-13-x64", "debian-12-x64"]
        assert api.get(f"images/{images[0]['id']}") == api.get("images/debian-13-x64")
        api.refused("GET", "images/none", status=404)

    def test_a_droplet_can_be_ordered_by_the_images_number(self, api: Api) -> None:
        number = api.get("images/debian-12-x64")["image"]["id"]
        assert api.droplet(image=number)["image"]["slug"] == "debian-12-x64"

    def test_there_are_sizes_and_regions(self, api: Api) -> None:
        assert "s-2vcpu-4gb" in [size["slug"] for size in api.get("sizes")["sizes"]]
        assert "nyc3" in [region["slug"] for region in api.get("regions")["regions"]]


class TestDomains:
    @pytest.fixture
    def zone(self, api: Api) -> Api:
        api.post("domains", {"name": "demo.test", "ip_address": "10.9.8.10"})
        return api

    def test_a_domain_begins_with_its_servers_and_its_address(self, zone: Api) -> None:
        records = zone.get("domains/demo.test/records")["domain_records"]
        assert [(r["type"], r["name"]) for r in records] == [("NS", "@")] * 3 + [("A", "@")]
        assert "demo.test. 1800 IN A 10.9.8.10" in zone.get("domains/demo.test")["domain"]["zone_file"]

    def test_a_domain_is_there_once(self, zone: Api) -> None:
        zone.refused("POST", "domains", {"name": "DEMO.test"})

    @pytest.mark.parametrize("name", ["", "nodots", "sp ace.test", "-.test", "under..dots.test"])
    def test_a_name_that_is_no_domain_is_refused(self, zone: Api, name: str) -> None:
        zone.refused("POST", "domains", {"name": name})

    def test_records_are_made_changed_and_removed(self, zone: Api) -> None:
        record = zone.post(
            "domains/demo.test/records", {"type": "A", "name": "www", "data": "10.9.8.11", "ttl": 60}
        )
        number = record["domain_record"]["id"]
        for method, change in (("PUT", {"data": "10.9.8.12"}), ("PATCH", {"name": "w3", "ttl": 90})):
            assert zone.send(method, f"domains/demo.test/records/{number}", change).status_code == 200
        shown = zone.get(f"domains/demo.test/records/{number}")["domain_record"]
        assert (shown["name"], shown["data"], shown["ttl"]) == ("w3", "10.9.8.12", 90)
        assert zone.send("DELETE", f"domains/demo.test/records/{number}").status_code == 204
        zone.refused("GET", f"domains/demo.test/records/{number}", status=404)

    def test_the_list_is_narrowed_by_full_name_and_type(self, zone: Api) -> None:
        zone.post("domains/demo.test/records", {"type": "TXT", "name": "www", "data": "x"})
        narrowed = lambda query: zone.get(f"domains/demo.test/records?{query}")["domain_records"]  # noqa: E731
        assert [r["type"] for r in narrowed("name=www.demo.test")] == ["TXT"]
        assert [r["name"] for r in narrowed("type=A&name=demo.test")] == ["@"]
        assert narrowed("name=www") == []

    def test_a_full_name_is_stored_relative(self, zone: Api) -> None:
        made = zone.post("domains/demo.test/records", {"type": "TXT", "name": "a.b.demo.test.", "data": "x"})
        assert made["domain_record"]["name"] == "a.b"

    @pytest.mark.parametrize(
        ("record", "message"),
        [
            ({"type": "A", "name": "x", "data": "10.9.8"}, "IPv4"),
            ({"type": "AAAA", "name": "x", "data": "10.9.8.1"}, "IPv6"),
            ({"type": "CNAME", "name": "x", "data": "nodot.test"}, "end with a dot"),
            ({"type": "MX", "name": "@", "data": "mail.test."}, "Priority can't be blank"),
            ({"type": "SRV", "name": "_x._tcp", "data": "a.test.", "priority": 1}, "Port can't be blank"),
            ({"type": "CAA", "name": "@", "data": "letsencrypt.org", "flags": 0}, "Tag can't be blank"),
            ({"type": "A", "name": "sp ace", "data": "10.9.8.1"}, "Name Only valid"),
            ({"type": "A", "name": "x", "data": ""}, "Data can't be blank"),
            ({"type": "A", "name": "x", "data": "10.9.8.1", "ttl": 1}, "TTL"),
            ({"type": "FOO", "name": "x", "data": "y"}, "Type must be one of A, AAAA"),
            ({"type": "CNAME", "name": "@", "data": "other.test."}, "cannot share a name"),
            ({"name": "x", "data": "y"}, "type"),
        ],
    )
    def test_a_bad_record_is_refused(self, zone: Api, record: dict[str, object], message: str) -> None:
        assert message in zone.refused("POST", "domains/demo.test/records", record)
        assert len(zone.get("domains/demo.test/records")["domain_records"]) == 4

    def test_a_removed_domain_takes_its_records_along(self, zone: Api) -> None:
        assert zone.send("DELETE", "domains/demo.test").status_code == 204
        zone.refused("GET", "domains/demo.test", status=404)
        zone.post("domains", {"name": "demo.test"})
        assert len(zone.get("domains/demo.test/records")["domain_records"]) == 3
