"""A release is built beside the running one, proven, and only then switched to."""

import hashlib
import io
import json
import stat
import tarfile

import pytest

from provision.node.intact import MANIFEST
from provision.node.resources import Environment, File, Release, User

WEB = "[Unit]\n[Service]\nExecReload=x\n[Install]\nWantedBy=multi-user.target\n"
LOCK = "flask==3 --hash=sha256:0\n"


def bundle(files, **member):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            for key, value in member.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(text.encode()))
    data = buffer.getvalue()
    return hashlib.sha256(data).hexdigest(), data


NAME, DATA = bundle({"hub_runtime/__init__.py": "", "hub_runtime/app/main.py": "print('hi')\n"})
BLOBS = {NAME: DATA}


def release(name, **fields):
    values = {
        "requirements": LOCK,
        "settings": f'{{"release": "{name}", "token": "SECRET"}}',
        "uv": "/opt/uv",
    }
    values |= {
        "web": "web",
        "workers": ("worker",),
        "probe_socket": "/run/{release}.sock",
        "probe_timeout": 5,
    }
    return Release("app", name, **{"bundle": NAME, **values, **fields})


def plan(name, unit=WEB, **fields):
    return [
        User("app"),
        File("/etc/systemd/system/web@.service", unit),
        File("/etc/systemd/system/worker@.service", unit),
        release(name, **fields),
    ]


def deploy(machine, name, *, fault="", **fields):
    return machine.converge(plan(name, **fields), blobs=BLOBS, fault=fault)


def serving(machine):
    """Return what serves: where `current` points, what runs and what starts at boot."""
    units = json.loads(machine.read("fake/units.json"))
    wants = machine.path("etc/systemd/system/multi-user.target.wants")
    return (
        machine.path("opt/hub/app/current").readlink().name,
        sorted(name for name, unit in units.items() if unit["active"] == "active"),
        sorted(path.name for path in wants.iterdir()),
    )


def only(name):
    units = [f"web@{name}.service", f"worker@{name}.service"]
    return (name, units, units)


def on_disk(machine):
    return sorted(path.name for path in machine.path("opt/hub/app/releases").iterdir())


@pytest.fixture
def first(machine):
    assert deploy(machine, "a1").end["result"] == "done"
    return machine


def test_the_first_release_serves(first):
    assert serving(first) == only("a1")
    folder = first.path("opt/hub/app/releases/a1")
    assert (folder / "hub_runtime/app/main.py").read_text() == "print('hi')\n"
    assert list((folder / "hub_runtime/app/__pycache__").glob("main.*.pyc"))
    assert stat.S_IMODE((folder / "settings.json").stat().st_mode) == 0o640
    assert (folder / "venv/requirements.txt").read_text() == LOCK
    assert deploy(first, "a1").changed == []


def test_the_next_release_takes_over_in_order(first):
    first.forget_calls()
    run = deploy(first, "b2")
    assert serving(first) == only("b2")
    actions = [call for call in map(tuple, first.calls("systemctl")) if "show" not in call]
    words = [" ".join(word for word in call if word[:2] != "--" or word == "--no-block") for call in actions]
    assert words == [
        "daemon-reload",
        "--no-block start web@b2.service worker@b2.service",
        "enable web@b2.service worker@b2.service",
        "reload web@b2.service",
        "reload web@a1.service",
        "--no-block stop web@a1.service",
        "--no-block stop worker@a1.service",
        "disable web@a1.service worker@a1.service",
        "daemon-reload",
    ]
    assert ("web@a1.service", "stop") in run.actions


def test_the_first_release_takes_an_environment_that_an_image_brought(machine):
    baked = [Environment("app", LOCK, "/opt/uv")]
    assert machine.converge(baked).changed == ["environment:app"]
    assert machine.converge(baked).changed == []
    machine.forget_calls()
    assert deploy(machine, "a1").end["result"] == "done"
    assert serving(machine) == only("a1")
    assert machine.calls("uv") == []


def test_a_bundle_and_an_environment_that_are_there_are_not_made_again(first):
    first.forget_calls()
    run = deploy(first, "b2", settings="{}")
    assert run.of("need") == []
    assert first.calls("uv") == []
    assert deploy(first, "c3", requirements="flask==4\n").of("need") == []
    assert len(first.calls("uv")) == 2


def test_a_sick_release_gets_no_traffic_and_leaves_the_former_serving(first):
    first.write("fake/sick", "b2")
    run = deploy(first, "b2", probe_timeout=1)
    assert serving(first) == only("a1")
    assert (run.status, run.error["code"]) == (1, "release-unhealthy")
    assert "GET /health at /run/b2.sock: 503 the database is away" in run.error["why"]
    assert "web@b2.service: active" in run.error["why"]
    assert "the journal of web@b2.service" in run.error["why"]
    assert "journalctl -u web@b2.service" in run.error["hint"]
    assert deploy(first, "a1").end["result"] == "done"
    assert serving(first) == only("a1")


@pytest.mark.parametrize("unit", ["web@b2.service", "worker@b2.service"])
def test_a_release_whose_process_falls_is_given_up_at_once(first, unit):
    first.write("fake/broken", unit)
    run = deploy(first, "b2", probe_timeout=60)
    assert run.error["code"] == "release-unhealthy"
    assert f"{unit}: failed" in run.error["why"]
    assert serving(first) == only("a1")


def test_a_sick_first_release_serves_nothing(machine):
    machine.write("fake/sick", "a1")
    assert deploy(machine, "a1", probe_timeout=1).error["code"] == "release-unhealthy"
    assert not machine.path("opt/hub/app/current").is_symlink()
    machine.path("fake/sick").unlink()
    deploy(machine, "a1")
    assert serving(machine) == only("a1")


STAGES = [
    "before",
    "journaled",
    "extracted",
    "env-created",
    "built",
    "started",
    "healthy",
    "switched",
    "reloaded",
]


@pytest.mark.parametrize("stage", [*STAGES, "drained", "after"])
def test_a_kill_at_any_stage_ends_in_the_same_state(first, stage):
    assert deploy(first, "b2", requirements="flask==4\n", fault=f"release:app:{stage}").killed
    deploy(first, "b2", requirements="flask==4\n")
    assert serving(first) == only("b2")
    assert on_disk(first) == ["a1", "b2"]
    assert deploy(first, "b2", requirements="flask==4\n").changed == []


@pytest.mark.parametrize("stage", [*STAGES[5:], "drained", "after"])
def test_a_reboot_at_any_stage_leaves_a_release_that_serves(first, stage):
    deploy(first, "b2", fault=f"release:app:{stage}")
    current, _, at_boot = serving(first)
    assert f"web@{current}.service" in at_boot
    assert f"worker@{current}.service" in at_boot


@pytest.mark.parametrize("stage", ["started", "switched", "reloaded"])
def test_a_release_that_proves_sick_after_a_kill_gives_way_to_the_former(first, stage):
    assert deploy(first, "b2", fault=f"release:app:{stage}").killed
    first.write("fake/sick", "b2")
    assert deploy(first, "b2", probe_timeout=1).error["code"] == "release-unhealthy"
    assert serving(first) == only("a1")


def test_another_release_after_a_kill_replaces_both(first):
    deploy(first, "b2", fault="release:app:switched")
    deploy(first, "c3")
    assert serving(first) == only("c3")


def test_a_process_that_was_stopped_by_hand_is_started(first):
    first.write(
        "fake/units.json", first.read("fake/units.json").replace('"active": "active"', '"active": "inactive"')
    )
    assert ("web@a1.service", "start") in deploy(first, "a1").actions
    assert serving(first) == only("a1")


def test_rollback_goes_to_the_release_before_and_needs_nothing(first):
    deploy(first, "b2")
    run = first.ask("rollback")
    assert (run.end["result"], run.end["changed"]) == ("done", 1)
    assert run.of("need") == []
    assert serving(first) == only("a1")
    assert on_disk(first) == ["a1", "b2"]


def test_a_deploy_after_a_rollback_switches_again(first):
    deploy(first, "b2")
    first.ask("rollback")
    assert deploy(first, "b2").changed == ["release:app"]
    assert serving(first) == only("b2")


def test_rollback_after_a_deploy_on_a_rolled_back_node_goes_to_what_served_before(first):
    deploy(first, "b2")
    first.ask("rollback")
    deploy(first, "c3")
    first.ask("rollback")
    assert serving(first) == only("a1")
    assert on_disk(first) == ["a1", "b2", "c3"]


def test_rollback_twice_goes_further_back_and_never_to_a_sick_one(first):
    deploy(first, "b2")
    first.write("fake/sick", "c3")
    deploy(first, "c3", probe_timeout=1)
    deploy(first, "d4")
    first.ask("rollback")
    assert serving(first) == only("b2")
    first.ask("rollback")
    assert serving(first) == only("a1")
    assert first.ask("rollback").error["code"] == "no-release"


def test_rollback_to_a_named_release(first):
    deploy(first, "b2")
    deploy(first, "c3")
    assert first.ask("rollback", service="app", to="a1").end["result"] == "done"
    assert serving(first) == only("a1")
    assert first.ask("rollback", service="app", to="zz").error["code"] == "unknown-release"
    assert first.ask("rollback", service="nobody").error["code"] == "unknown-service"


def test_a_rollback_to_a_sick_release_leaves_the_running_one(first):
    deploy(first, "b2")
    first.write("fake/sick", "a1")
    release_file = first.path("opt/hub/app/releases/a1/release.json")
    release_file.write_text(release_file.read_text().replace('"probe_timeout": 5', '"probe_timeout": 1'))
    (release_file.parent / MANIFEST).unlink()
    assert first.ask("rollback").error["code"] == "release-unhealthy"
    assert serving(first) == only("b2")


def test_releases_are_listed(first):
    deploy(first, "b2")
    listed = first.ask("releases").of("data")[0]["data"]["releases"]
    assert [(each["release"], each["current"], each["previous"]) for each in listed] == [
        ("a1", False, True),
        ("b2", True, False),
    ]
    assert all(each["service"] == "app" and each["healthy"] and each["made"] for each in listed)


def test_the_last_releases_stay_with_their_unit_files_and_the_rest_goes(first):
    for name in ("b2", "c3", "d4", "e5"):
        deploy(first, name, requirements=f"flask=={name}\n")
    assert on_disk(first) == ["c3", "d4", "e5"]
    assert len(list(first.path("opt/hub/app/envs").iterdir())) == 3
    assert len(list(first.path("etc/systemd/system").glob("web@*.service"))) == 4
    assert first.path(f"var/lib/hubctl/blobs/{NAME}").exists()


def test_a_release_keeps_the_unit_files_it_was_proven_with(first):
    first.write("fake/sick", "b2")
    machine_run = first.converge(plan("b2", unit=WEB + "# broken\n", probe_timeout=1), blobs=BLOBS)
    assert machine_run.error["code"] == "release-unhealthy"
    assert first.read("etc/systemd/system/web@a1.service") == WEB
    assert first.read("etc/systemd/system/web@b2.service") == WEB + "# broken\n"


def test_a_damaged_bundle_is_refused(machine):
    run = machine.converge(plan("a1"), blobs={NAME: DATA + b"x"})
    assert run.error["code"] == "bundle-damaged"
    assert not machine.path("opt/hub/app/releases/a1").exists()


@pytest.mark.parametrize(
    ("files", "member"),
    [
        ({"../evil": "x"}, {}),
        ({"/etc/evil": "x"}, {}),
        ({"hub_runtime/link": ""}, {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ({"hub_runtime/device": ""}, {"type": tarfile.CHRTYPE}),
    ],
)
def test_a_bundle_that_reaches_outside_is_refused(machine, files, member):
    name, data = bundle(files, **member)
    run = machine.converge(plan("a1", bundle=name), blobs={name: data})
    assert run.error["code"] == "bundle-unsafe"
    assert not machine.path("etc/evil").exists()
    assert not machine.path("opt/hub/app/evil").exists()


def test_settings_are_nowhere_but_in_the_release(first):
    deploy(first, "b2")
    found = [
        path
        for path in first.root.rglob("*")
        if path.is_file() and "SECRET" in path.read_text(errors="replace")
    ]
    assert {path.name for path in found} == {"settings.json"}


def test_a_dry_run_says_what_is_new(first):
    run = first.plan(plan("b2", requirements="flask==4\n"))
    assert run.changed == ["release:app"]
    news = [change["what"] for change in run.of("resource")[-1]["changes"]]
    assert news[:2] == ["build b2: dependencies, release", "switch a1 → b2"]
    assert "SECRET" not in str(run.events)
    assert serving(first) == only("a1")
