"""Units run as they shall, and no restart is forgotten."""

import pytest

from provision.node.resources import Certificate, Command, File, Unit

PATH = "/etc/systemd/system/app.service"
TEXT = "[Unit]\n[Service]\nExecReload=x\n[Install]\nWantedBy=multi-user.target\n"
CONFIG = "file:/etc/app.conf"


def plan(config, text=TEXT, **unit):
    return [
        File(PATH, text),
        File("/etc/app.conf", config),
        Unit("app.service", **{"restart_on": (CONFIG,), **unit}),
    ]


@pytest.fixture
def app(machine):
    machine.converge(plan("1"))
    machine.forget_calls()
    return machine


def systemctl(machine):
    return [
        tuple(word for word in call if not word.startswith("--"))
        for call in machine.calls("systemctl")
        if "show" not in call
    ]


def test_a_new_unit_is_read_enabled_and_started(machine):
    run = machine.converge(plan("1"))
    assert systemctl(machine) == [
        ("daemon-reload",),
        ("enable", "app.service"),
        ("start", "app.service"),
        ("daemon-reload",),
    ]
    assert run.actions == [("app.service", "start")]


def test_a_changed_unit_file_is_read_before_the_restart(app):
    app.converge(plan("1", TEXT + "# new\n", restart_on=(f"file:{PATH}",)))
    assert systemctl(app) == [("daemon-reload",), ("restart", "app.service")]


def test_a_changed_unit_file_that_restarts_nothing_is_read_all_the_same(app):
    app.converge(plan("1", TEXT + "# new\n"))
    assert systemctl(app) == [("daemon-reload",)]


def test_what_an_enabled_socket_starts_is_not_enabled_besides(machine):
    wants = machine.root / "etc/systemd/system/sockets.target.wants"
    wants.mkdir(parents=True)
    (wants / "app.socket").symlink_to("/usr/lib/systemd/system/app.socket")
    machine.converge(plan("1", started_by="app.socket"))
    assert ("enable", "app.service") not in systemctl(machine)
    assert ("start", "app.service") in systemctl(machine)


def test_where_there_is_no_such_socket_it_is_enabled(machine):
    machine.converge(plan("1", started_by="app.socket"))
    assert ("enable", "app.service") in systemctl(machine)


def test_it_can_be_enabled_without_its_aliases(machine):
    machine.converge(plan("1", wanted_by="multi-user.target"))
    assert ("add-wants", "multi-user.target", "app.service") in systemctl(machine)
    assert ("enable", "app.service") not in systemctl(machine)
    assert machine.converge(plan("1", wanted_by="multi-user.target")).changed == []


def test_a_restart_says_why(app):
    run = app.converge(plan("2"))
    assert run.of("unit") == [{"event": "unit", "name": "app.service", "action": "restart", "why": [CONFIG]}]


def test_a_unit_that_cannot_reload_is_restarted(app):
    text = TEXT.replace("ExecReload=x\n", "")
    app.converge(plan("1", text))
    app.forget_calls()
    app.converge(plan("2", text, restart_on=(), reload_on=(CONFIG,)))
    assert ("restart", "app.service") in systemctl(app)


def test_reload_of_a_stopped_unit_starts_it(app):
    app.converge(plan("1", running=False))
    run = app.converge(plan("2", restart_on=(), reload_on=(CONFIG,)))
    assert run.actions == [("app.service", "start")]


def test_a_change_later_in_the_list_restarts_at_the_end(app):
    resources = plan("2")
    run = app.converge([resources[0], resources[2], resources[1]])
    assert run.actions == [("app.service", "restart")]
    assert (run.end["ok"], run.end["changed"]) == (1, 2)
    planned = app.plan([resources[0], resources[2], File("/etc/app.conf", "3")])
    assert planned.changed == [CONFIG, "unit:app.service"]


@pytest.mark.parametrize("fault", [f"{CONFIG}:journaled", f"{CONFIG}:after", "unit:app.service:journaled"])
def test_a_restart_that_a_kill_prevented_is_done_by_the_next_run(app, fault):
    assert app.converge(plan("2"), fault=fault).killed
    run = app.converge(plan("2"))
    assert run.of("start")[0]["pending"] == ["unit:app.service"]
    assert run.actions == [("app.service", "restart")]
    assert app.converge(plan("2")).actions == []


def test_a_restart_that_a_failure_prevented_is_done_by_the_next_run(app):
    broken = [*plan("2")[:2], Command("x", ("fail",), creates="/nowhere"), plan("2")[2]]
    run = app.converge(broken)
    assert run.end["pending"] == ["unit:app.service"]
    assert app.converge(plan("2")).actions == [("app.service", "restart")]


def test_what_failed_without_a_change_makes_nothing_due(app):
    app.write("fake/certbot", "1\nthe authority is away\n")
    certificate = Certificate("a.test", ("a.test",), "ops@a.test", "https://acme.test/dir", "/var/www")
    resources = [*plan("1", restart_on=("certificate:a.test",)), certificate]
    assert app.converge(resources).end["pending"] == []
    app.converge(plan("2"), fault=f"{CONFIG}:after")
    failing = [*plan("2", restart_on=(CONFIG, "certificate:a.test"))[:2], certificate]
    assert app.converge(failing).end["pending"] == ["unit:app.service"]
    assert app.converge(plan("2")).actions == [("app.service", "restart")]


def test_a_pending_restart_of_a_unit_that_is_no_longer_listed_is_done_while_it_runs(app):
    app.converge(plan("2"), fault=f"{CONFIG}:after")
    assert app.converge([File("/etc/other", "x")]).actions == [("app.service", "restart")]


def test_a_unit_that_does_not_start_shows_its_state_and_journal(machine):
    machine.write("fake/broken", "app.service")
    run = machine.converge(plan("1"))
    assert (run.status, run.error["code"], run.error["id"]) == (1, "unit-failed", "unit:app.service")
    assert "app.service: failed" in run.error["why"]
    assert "the journal of app.service" in run.error["why"]
    assert run.error["hint"] == "on the node: journalctl -u app.service -n 100"


def test_a_restart_that_failed_is_tried_again(app):
    app.write("fake/broken", "app.service")
    assert app.converge(plan("2")).status == 1
    app.path("fake/broken").unlink()
    assert app.converge(plan("2")).end["result"] == "done"
    assert app.converge(plan("2")).changed == []


def test_a_unit_that_is_not_wanted_is_stopped_and_disabled(app):
    run = app.converge(plan("1", enabled=False, running=False))
    assert run.of("resource")[2]["changes"] == [{"what": "disable", "diff": ""}, {"what": "stop", "diff": ""}]
    assert app.converge(plan("1", enabled=False, running=False)).changed == []


def test_a_unit_that_had_to_be_killed_to_stop_is_no_failure_and_leaves_none(app):
    app.write("fake/stubborn", "app.service")
    run = app.converge(plan("1", enabled=False, running=False))
    assert run.end["result"] == "done"
    assert ("reset-failed", "app.service") in systemctl(app)
    assert app.converge(plan("1", enabled=False, running=False)).changed == []


def test_a_unit_that_failed_and_is_not_wanted_is_forgotten(app):
    app.write(
        "fake/units.json", app.read("fake/units.json").replace('"active": "active"', '"active": "failed"')
    )
    run = app.converge(plan("1", enabled=False, running=False))
    assert [change["what"] for change in run.of("resource")[2]["changes"]] == ["disable", "reset-failed"]
    assert app.converge(plan("1", enabled=False, running=False)).changed == []


def test_a_unit_that_is_not_there_and_not_wanted_is_fine(machine):
    assert machine.converge([Unit("gone.service", enabled=False, running=False)]).end["ok"] == 1


def test_a_unit_that_is_not_there_and_not_wanted_is_fine_while_unit_files_wait_to_be_read(machine):
    run = machine.converge([File(PATH, TEXT), Unit("gone.service", enabled=False, running=False)])
    assert run.end["failed"] == 0


def test_a_unit_that_is_not_there_is_named(machine):
    run = machine.converge([Unit("typo.service")])
    assert run.error["code"] == "unit-not-found"


def test_a_unit_stopped_by_hand_is_started(app):
    units = app.read("fake/units.json").replace('"active": "active"', '"active": "inactive"')
    app.write("fake/units.json", units)
    assert app.converge(plan("1")).actions == [("app.service", "start")]


def test_a_command_that_follows_from_a_change_survives_a_kill(machine):
    resources = [File("/etc/a", "1"), Command("note", ("succeed",), on=("file:/etc/a",))]
    assert machine.converge(resources, fault="file:/etc/a:after").killed
    assert machine.converge(resources).changed == ["command:note"]
    assert len(machine.calls("succeed")) == 1
    assert machine.converge(resources).changed == []


def test_commands_run_when_something_is_missing_or_asks_for_it(machine):
    machine.write("etc/there", "x")
    resources = [
        Command("made", ("succeed",), creates="/etc/there"),
        Command("missing", ("succeed",), creates="/etc/not-there"),
        Command("content", ("succeed",), unless=("succeed",)),
        Command("asked", ("succeed",), unless=("fail",)),
        Command("said", ("succeed",), unless=("say", "169: prohibit"), says="prohibit"),
        Command("unsaid", ("succeed",), unless=("say", ""), says="prohibit"),
    ]
    assert machine.converge(resources).changed == ["command:missing", "command:asked", "command:unsaid"]
