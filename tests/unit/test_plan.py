"""A node's plan: complete, in an order that works, and equal for equal inventories."""

from __future__ import annotations

import dataclasses
import importlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from provision import plan as plans
from provision.bundles import Bundle
from provision.errors import HubError
from provision.inventory.load import load
from provision.inventory.model import Services, service_shapes
from provision.inventory.services.limits import TaskLimits
from provision.node.resources import (
    Absent,
    Certificate,
    CheckedFiles,
    Command,
    Directory,
    File,
    Firewall,
    Group,
    Packages,
    Release,
    Resource,
    Rule,
    Unit,
    User,
)
from provision.plan import Plan, plan
from provision.services import RECIPES
from provision.steps.context import Context

ROOT = Path(__file__).parents[2]
BUNDLE = Bundle(sha256="ab" * 32, requirements="flask==3.1.3\n")


@pytest.fixture
def ctx() -> Context:
    """The node of the demo."""
    fleet = load(ROOT / "inventories" / "demo.yml")
    return Context(fleet, "apis", fleet.nodes["apis"], "https://acme.test/dir", lambda _: BUNDLE)


def with_service(ctx: Context, **changes: Any) -> Context:
    """Change settings of the node's task_api."""
    service = msgspec.structs.replace(ctx.node.services.task_api, **changes)
    return replace(ctx, node=msgspec.structs.replace(ctx.node, services=Services(task_api=service)))


def release_of(ctx: Context) -> Release:
    (release,) = (resource for resource in plan(ctx).resources if isinstance(resource, Release))
    return release


def order(result: Plan) -> list[str]:
    return [resource.id for resource in result.resources]


def every_file(result: Plan) -> dict[str, File]:
    found = {}
    for resource in result.resources:
        for file in resource.files if isinstance(resource, CheckedFiles) else (resource,):
            if isinstance(file, File):
                found[file.path] = file
    return found


def test_the_plan_is_for_the_node_and_the_same_each_time(ctx: Context) -> None:
    assert plan(ctx).node == "apis"
    assert plan(ctx) == plan(ctx)
    assert len(plan(ctx).resources) > 30


def test_ids_are_unique_and_no_file_is_written_twice(ctx: Context) -> None:
    result = plan(ctx)
    assert len(set(order(result))) == len(result.resources)
    paths = [path for resource in result.resources for path in resource.paths()]
    assert len(set(paths)) == len(paths)


def test_packages_firewall_and_accounts_come_first(ctx: Context) -> None:
    kinds = [type(resource) for resource in plan(ctx).resources]
    assert kinds[:4] == [Packages, Firewall, User, User]
    assert not {Packages, Firewall, Group, User} & set(kinds[4:])


def test_one_transaction_installs_all_packages(ctx: Context) -> None:
    (packages,) = (resource for resource in plan(ctx).resources if isinstance(resource, Packages))
    assert {"nginx", "certbot", "redis-server", "ufw", "unattended-upgrades", "python3-venv"} <= set(
        packages.names
    )
    assert list(packages.names) == sorted(set(packages.names))


def test_only_ssh_and_the_web_are_open(ctx: Context) -> None:
    (firewall,) = (resource for resource in plan(ctx).resources if isinstance(resource, Firewall))
    assert firewall.rules == (Rule(22), Rule(80), Rule(443))


def test_a_node_without_services_opens_ssh_alone(ctx: Context) -> None:
    bare = plan(replace(ctx, node=msgspec.structs.replace(ctx.node, services=Services())))
    (firewall,) = (resource for resource in bare.resources if isinstance(resource, Firewall))
    assert firewall.rules == (Rule(22),)
    assert "unit:ssh.service" in order(bare)
    assert not any("nginx" in name for name in order(bare))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("directory:/run/sshd", "checked-files:sshd"),
        ("withheld:/etc/nginx/sites-enabled/task_api.conf", "checked-files:nginx"),
        ("checked-files:nginx", "unit:nginx.service"),
        ("directory:/var/lib/nginx", "checked-files:nginx"),
        ("directory:/var/log/nginx", "checked-files:nginx"),
        ("directory:/var/www/acme", "certificate:tasks.demo.test"),
        ("unit:nginx.service", "certificate:tasks.demo.test"),
        ("certificate:tasks.demo.test", "checked-files:nginx-task_api"),
        ("checked-files:redis-task_api", "unit:redis-server@task_api.service"),
        ("unit:redis-server@task_api.service", "release:task_api"),
        ("python-env:/opt/hub/uv", "release:task_api"),
        ("checked-files:task_api", "unit:task_api.socket"),
        ("unit:task_api.socket", "release:task_api"),
        ("release:task_api", "checked-files:nginx-task_api"),
    ],
)
def test_nothing_comes_before_what_it_needs(ctx: Context, earlier: str, later: str) -> None:
    ids = order(plan(ctx))
    assert ids.index(earlier) < ids.index(later)


def test_folders_come_before_the_files_in_them(ctx: Context) -> None:
    seen: set[str] = set()
    made = {resource.path for resource in plan(ctx).resources if isinstance(resource, Directory)}
    for resource in plan(ctx).resources:
        if isinstance(resource, Directory):
            seen.add(resource.path)
        for path in resource.paths():
            assert not (made - seen) & {str(parent) for parent in Path(path).parents}, path


def test_a_service_that_a_node_has_no_more_goes_before_its_tunnels(ctx: Context) -> None:
    assert "retired:task_api" not in order(plan(ctx))
    bare = order(plan(replace(ctx, node=msgspec.structs.replace(ctx.node, services=Services()))))
    assert bare.index("retired:task_api") < bare.index("spiped-ends:/etc/spiped")


def test_nginx_serves_no_site_that_the_inventory_has_no_more(ctx: Context) -> None:
    (files,) = (each.files for each in plan(ctx).resources if each.id == "checked-files:nginx")
    absent = {file.path for file in files if isinstance(file, Absent)}
    assert "/etc/nginx/sites-enabled/proxy.conf" in absent
    assert "/etc/nginx/sites-enabled/task_api.conf" not in absent


def test_nginx_reloads_for_new_certificates_sites_and_folders(ctx: Context) -> None:
    (nginx,) = (unit for unit in plan(ctx).resources if unit.id == "unit:nginx.service")
    assert isinstance(nginx, Unit)
    assert set(nginx.reload_on) == {
        "checked-files:nginx",
        "certificate:tasks.demo.test",
        "checked-files:nginx-task_api",
        "directory:/var/lib/nginx",
        "directory:/var/log/nginx",
    }
    assert nginx.restart_on == ()


def test_no_changed_file_restarts_what_holds_the_traffic(ctx: Context) -> None:
    restarted = {unit.name for unit in plan(ctx).resources if isinstance(unit, Unit) and unit.restart_on}
    assert restarted == {
        "hubctl-connections.service",
        "hubctl-metadata.service",
        "redis-server@task_api.service",
        "systemd-journald.service",
    }


def test_the_certificate_is_for_the_name_and_www_where_asked(ctx: Context) -> None:
    def certificate(of: Context) -> Certificate:
        (found,) = (resource for resource in plan(of).resources if isinstance(resource, Certificate))
        return found

    assert certificate(ctx).domains == ("tasks.demo.test",)
    asked = certificate(with_service(ctx, www=True))
    assert asked.name == "tasks.demo.test"
    assert asked.domains == ("tasks.demo.test", "www.tasks.demo.test")
    assert asked.email == "ops@demo.test"
    assert asked.server == "https://acme.test/dir"
    assert certificate(with_service(ctx, hostname="@")).domains == ("demo.test",)


def test_a_node_without_ipv6_does_not_listen_on_it(ctx: Context) -> None:
    without = replace(ctx, node=msgspec.structs.replace(ctx.node, ipv6=False))
    assert "[::]" in every_file(plan(ctx))["/etc/nginx/sites-enabled/00-default.conf"].content
    assert not any("[::]" in file.content for file in every_file(plan(without)).values())


def test_the_settings_are_what_the_runtime_reads(ctx: Context) -> None:
    runtime = importlib.import_module("hub_runtime.task_api.settings")
    given = with_service(ctx, workers=3, timeout=120, result_expires=600, cors_origins=("https://a.test",))
    settings = msgspec.json.decode(release_of(given).settings, type=runtime.Settings)
    assert (settings.workers, settings.timeout, settings.result_expires) == (3, 120, 600)
    assert list(settings.cors_origins) == ["https://a.test"]
    assert settings.redis_url == "unix:///run/redis-task_api/redis.sock?db=0"
    assert (
        f"client_max_body_size {settings.limits.body_bytes};"
        in every_file(plan(given))["/etc/nginx/sites-enabled/task_api.conf"].content
    )


def test_the_limits_of_the_inventory_are_those_of_the_web_server_and_of_the_service(ctx: Context) -> None:
    runtime = importlib.import_module("hub_runtime.task_api.settings")
    given = with_service(
        ctx, limits=TaskLimits(requests=7, connections=9, client_bytes=200_000, result_bytes=5_000)
    )
    settings = msgspec.json.decode(release_of(given).settings, type=runtime.Settings)
    assert (settings.limits.client_bytes, settings.limits.result_bytes) == (200_000, 5_000)
    site = every_file(plan(given))["/etc/nginx/sites-enabled/task_api.conf"].content
    assert "rate=7r/s" in site
    assert "burst=35 nodelay" in site
    assert "limit_conn task_api_connections 9;" in site


@pytest.mark.parametrize(("requests", "connections"), [(9, 2_048), (4_096, 8_192)])
def test_an_address_has_more_connections_than_requests_under_way(
    ctx: Context, requests: int, connections: int
) -> None:
    asked = with_service(ctx, limits=TaskLimits(connections=requests))
    unit = every_file(plan(asked))["/etc/systemd/system/hubctl-connections.service"].content
    assert unit.count(f"--connlimit-above {connections} ") == 2


def test_a_worker_has_time_to_finish_its_longest_task(ctx: Context) -> None:
    worker = every_file(plan(with_service(ctx, timeout=500)))["/etc/systemd/system/task_api-worker@.service"]
    (line,) = (line for line in worker.content.splitlines() if line.startswith("TimeoutStopSec="))
    assert int(line.partition("=")[2]) > 500


def test_equal_content_has_one_address(ctx: Context) -> None:
    address = release_of(ctx).release
    assert address == release_of(ctx).release
    assert len(address) >= 12
    assert set(address) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "changed",
    [
        lambda ctx: replace(ctx, bundle=lambda _: replace(BUNDLE, sha256="cd" * 32)),
        lambda ctx: replace(ctx, bundle=lambda _: replace(BUNDLE, requirements="flask==3.1.4\n")),
        lambda ctx: with_service(ctx, workers=2),
        lambda ctx: with_service(ctx, timeout=91),
        lambda ctx: with_service(ctx, result_expires=301),
        lambda ctx: with_service(ctx, cors_origins=("https://a.test",)),
    ],
)
def test_other_content_is_another_release(ctx: Context, changed: Callable[[Context], Context]) -> None:
    assert release_of(changed(ctx)).release != release_of(ctx).release


def test_a_changed_unit_file_is_another_release(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    before = release_of(ctx).release
    module = importlib.import_module("provision.steps.released")
    rendered = module.render
    monkeypatch.setattr(module, "render", lambda name, **values: rendered(name, **values) + "# changed\n")
    assert release_of(ctx).release != before


def test_a_changed_host_name_or_authority_is_the_same_release(ctx: Context) -> None:
    address = release_of(ctx).release
    assert release_of(with_service(ctx, hostname="jobs", www=True)).release == address
    assert release_of(replace(ctx, acme_directory="https://other.test/dir")).release == address


def test_the_content_address_knows_where_one_part_ends() -> None:
    address = importlib.import_module("provision.steps.runtime").content_address
    parts = [
        ("a", "bc", ["d"]),
        ("ab", "c", ["d"]),
        ("a", "b", ["c", "d"]),
        ("a", "b", ["cd"]),
        ("a", "bcd", []),
    ]
    bundles = [(Bundle("s", requirements), settings, files) for requirements, settings, files in parts]
    assert len({address(*each) for each in bundles}) == len(parts)


def test_the_plan_is_plain_data(ctx: Context) -> None:
    data = json.loads(json.dumps(plan(ctx).as_list()))
    assert [entry["kind"] for entry in data] == [resource.kind for resource in plan(ctx).resources]
    by_kind = {entry["kind"]: entry for entry in data}
    assert {"port": 22, "protocol": "tcp", "source": "any"} in by_kind["firewall"]["rules"]
    (sshd,) = (entry for entry in data if entry.get("name") == "sshd")
    assert sshd["files"][0]["kind"] == "file"
    assert sshd["files"][0]["path"] == "/etc/ssh/sshd_config.d/10-hubctl.conf"


def test_every_service_of_the_inventory_has_a_recipe_of_its_name_and_shape() -> None:
    shapes = service_shapes()
    assert {recipe.name: recipe.shape for recipe in RECIPES} == shapes
    for recipe in RECIPES:
        assert recipe.steps.__module__ == f"provision.services.{recipe.name}"
        assert recipe.shape.__module__ == f"provision.inventory.services.{recipe.name}"


def assembled(*resources: Resource) -> tuple[Resource, ...]:
    return plans.assemble("apis", resources).resources


def test_steps_that_agree_share_a_resource() -> None:
    rules = Firewall((Rule(22), Rule(80))), Firewall((Rule(80), Rule(443)))
    shared = assembled(
        Directory("/srv"), Packages(("b", "a")), rules[0], Directory("/srv"), Packages(("c", "a")), rules[1]
    )
    assert shared == (
        Packages(("a", "b", "c")),
        Firewall((Rule(22), Rule(80), Rule(443))),
        Directory("/srv"),
    )


def test_steps_that_disagree_are_an_error() -> None:
    with pytest.raises(HubError, match="two steps want different things of directory:/srv"):
        assembled(Directory("/srv"), Directory("/srv", mode=0o700))


def test_waiting_for_what_is_not_there_is_an_error() -> None:
    for waiting in (Unit("a.service", restart_on=("file:/x",)), Unit("a.service", reload_on=("file:/x",))):
        with pytest.raises(HubError, match="waits for file:/x, which is not in the plan"):
            assembled(waiting)
    with pytest.raises(HubError, match="command:c waits for"):
        assembled(Command("c", ("true",), on=("file:/x",)))
    assert assembled(Unit("a.service", restart_on=("directory:/x",)), Directory("/x"))


def test_the_order_of_the_steps_holds_for_all_the_rest() -> None:
    rest: list[Resource] = [Directory(f"/srv/{index}") for index in range(20)]
    mixed = [*rest, User("u"), Group("g"), Firewall(()), Packages(())]
    random.Random(1).shuffle(mixed)
    ordered = assembled(*mixed)
    assert ordered[:4] == (Packages(()), Firewall(()), Group("g"), User("u"))
    assert list(ordered[4:]) == [resource for resource in mixed if isinstance(resource, Directory)]


def test_importing_the_plan_loads_no_template_engine() -> None:
    code = "import sys, provision.plan; sys.exit(any(name in sys.modules for name in ('jinja2', 'yaml', 'paramiko')))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_every_file_is_owned_and_protected(ctx: Context) -> None:
    files = every_file(plan(ctx))
    assert all(file.owner == "root" for file in files.values())
    assert all(file.mode & 0o022 == 0 for file in files.values())
    assert files["/etc/redis/redis-task_api.conf"].mode == 0o640
    assert files["/etc/letsencrypt/renewal-hooks/deploy/hubctl-nginx"].mode == 0o755


def test_the_folders_that_only_redis_may_enter_follow_its_user(ctx: Context) -> None:
    """Made again without its home it has other ids, and could not even read its settings."""
    resources = plan(ctx).resources
    ids = [resource.id for resource in resources]
    folders = {folder.path: folder for folder in resources if isinstance(folder, Directory)}
    for path in ("/etc/redis", "/var/lib/redis", "/var/lib/redis/task_api"):
        assert (folders[path].owner, folders[path].group) == ("redis", "redis")
        user, unit = ids.index("user:redis"), ids.index("unit:redis-server@task_api.service")
        assert user < ids.index(f"directory:{path}") < unit


def test_no_resource_holds_a_mutable_value(ctx: Context) -> None:
    for resource in plan(ctx).resources:
        assert isinstance(hash(resource), int)
        with pytest.raises(dataclasses.FrozenInstanceError):
            resource.kind = "other"
