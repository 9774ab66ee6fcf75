"""A certificate is issued while what comes after its web server is made."""

import dataclasses

import pytest

from provision.node.resources import Certificate, Command, File, Unit
from tests.support import lineage

SERVER = "https://acme.test/dir"
UNIT = File("/etc/systemd/system/web.service", "[Service]\nExecStart=/bin/web\nExecReload=/bin/true\n")
CERTIFICATE = Certificate("a.test", ("a.test",), "ops@a.test", SERVER, "/var/www/acme", answers="web.service")
OTHER = dataclasses.replace(CERTIFICATE, name="b.test", domains=("b.test",))
BETWEEN = File("/etc/between", "made meanwhile\n")
WEB = Unit("web.service", enabled=False, reload_on=(CERTIFICATE.id,))
MEANWHILE = Command("meanwhile", ("await-certbot",), creates=BETWEEN.path)
PLAN = [UNIT, WEB, MEANWHILE, BETWEEN, CERTIFICATE]


@pytest.fixture
def willing(machine):
    """Return a machine whose certbot succeeds as soon as what is between is made."""
    machine.write("fake/certbot", "0\nSuccessfully received certificate.\n")
    machine.write("fake/certbot-awaits", str(machine.path(BETWEEN.path)))
    for each in (CERTIFICATE, OTHER):
        lineage.put(machine.path("fake/issued"), each.domains, SERVER)
    return machine


def test_what_is_between_is_made_meanwhile_and_the_certificate_is_told_in_its_turn(willing):
    run = willing.converge(PLAN)
    assert run.status == 0, run.events
    told = [each["id"] for each in run.of("resource")]
    assert told[:5] == [each.id for each in PLAN]
    assert ("web.service", "reload") in run.actions
    assert willing.converge(PLAN).changed == []


def test_certificates_are_issued_one_after_the_other(willing):
    plan = [*PLAN, OTHER]
    assert willing.converge(plan).status == 0
    assert len(willing.calls("certbot")) == 2
    assert willing.converge(plan).changed == []


@pytest.mark.parametrize("stage", ["before", "journaled", "after"])
def test_a_kill_at_any_time_is_carried_on(willing, stage):
    assert willing.converge(PLAN, fault=f"{CERTIFICATE.id}:{stage}").killed
    willing.path("fake/certbot-running").unlink(missing_ok=True)  # it ended with the engine
    run = willing.converge(PLAN)
    assert run.status == 0, run.events
    assert ("web.service", "reload") in run.actions
    assert willing.converge(PLAN).changed == []


def test_a_failure_is_told_in_its_turn_and_makes_nothing_due(willing):
    willing.write("fake/certbot", "1\nthe authority is away\n")
    willing.path("fake/issued").rename(willing.path("fake/not-issued"))
    run = willing.converge(PLAN)
    assert (run.error["id"], run.error["why"]) == (CERTIFICATE.id, "the authority is away")
    assert BETWEEN.id in run.changed
    assert run.end["pending"] == []


def test_a_failure_before_its_turn_waits_for_what_was_begun(willing):
    failing = [UNIT, WEB, MEANWHILE, BETWEEN, Command("broken", ("fail",), creates="/nowhere"), CERTIFICATE]
    assert willing.converge(failing).error["id"] == "command:broken"
    assert not willing.path("fake/certbot-running").exists()
    assert willing.path("etc/letsencrypt/live/a.test").exists()
    run = willing.converge(PLAN)
    assert ("web.service", "reload") in run.actions
    assert willing.converge(PLAN).changed == []
