"""Certificates are issued when they must be, and a refusal says why in the authority's words."""

import datetime
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from provision.node.resources import Certificate, CheckedFiles, File, Unit, Withheld
from tests.support import lineage

SERVER = "https://acme.test/dir"
WANTED = Certificate("a.test", ("a.test", "www.a.test"), "ops@a.test", SERVER, "/var/www/acme")
ETC = "etc/letsencrypt"


@pytest.fixture
def issued(machine):
    def write(names=WANTED.domains, server=SERVER, **times):
        lineage.put(machine.path(ETC), names, server, **times)
        return machine

    return write


def changes(machine):
    run = machine.plan([WANTED])
    return [change["what"] for change in run.of("resource")[0]["changes"]]


def test_a_certificate_that_holds_is_left_alone_and_nobody_is_asked(issued):
    machine = issued()
    assert machine.converge([WANTED]).changed == []
    assert machine.calls("certbot") == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"names": ("a.test",)}, "issue for other names"),
        ({"days": 6}, "renew, it expires soon"),
        ({"days": -1}, "renew, it expires soon"),
        ({"days": 1, "lifetime": 6}, "renew, it expires soon"),
        ({"server": "https://other.test/dir"}, "issue by another authority"),
        ({"plugin": "dns-standalone"}, "issue by another proof"),
    ],
)
def test_a_certificate_that_does_not_hold_is_issued_anew(issued, fields, reason):
    assert changes(issued(**fields)) == [reason]


def test_a_short_lived_certificate_is_not_renewed_before_its_last_third(issued):
    assert changes(issued(days=3, lifetime=6)) == []


def test_more_names_than_wanted_are_fine(issued):
    assert changes(issued(names=("a.test", "www.a.test", "old.a.test"))) == []


def test_a_missing_or_damaged_certificate_is_issued(machine):
    assert changes(machine) == ["issue"]


def emptied(path):
    path.write_text("")


def removed(path):
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def copied(path):
    text = path.read_text()
    path.unlink()
    path.write_text(text)


def of_another(path):
    lineage.put(path.parents[2] / "other", ("a.test",), SERVER)
    path.write_text((path.parents[2] / "other/live/a.test" / path.name).read_text())


DAMAGES = [
    (removed, "live/a.test"),
    (removed, "live/a.test/privkey.pem"),
    (removed, "live/a.test/chain.pem"),
    (removed, "archive/a.test"),
    (removed, "archive/a.test/cert1.pem"),
    (removed, "renewal/a.test.conf"),
    (emptied, "renewal/a.test.conf"),
    (emptied, "live/a.test/fullchain.pem"),
    (emptied, "live/a.test/privkey.pem"),
    (copied, "live/a.test/fullchain.pem"),
    (of_another, "live/a.test/privkey.pem"),
]


@pytest.mark.parametrize(
    ("damage", "path"), DAMAGES, ids=[f"{path} {damage.__name__}" for damage, path in DAMAGES]
)
def test_whatever_is_damaged_of_a_certificate_is_made_whole_by_one_run(issued, damage, path):
    machine = issued()
    will_issue(machine)
    damage(machine.path(f"{ETC}/{path}"))
    assert changes(machine) == ["issue"]
    assert machine.converge([WANTED]).status == 0
    assert machine.converge([WANTED]).changed == []
    assert len(machine.calls("certbot")) == 1


SITE = File("/etc/nginx/sites-enabled/a.conf", "ssl_certificate ...;\n")
WITHHELD = Withheld(SITE.path, WANTED.name, SITE.content, ("nginx", "-t"))


@pytest.mark.parametrize(
    ("damage", "path"),
    [
        (removed, "live/a.test"),
        (removed, "archive/a.test"),
        (emptied, "live/a.test/fullchain.pem"),
        (of_another, "live/a.test/privkey.pem"),
    ],
)
def test_a_site_is_put_away_until_its_certificate_is_there(issued, damage, path):
    machine = issued()
    machine.converge([WITHHELD, WANTED, SITE])
    damage(machine.path(f"{ETC}/{path}"))
    machine.write("fake/certbot", "1\nthe authority is away\n")
    assert machine.converge([WITHHELD, WANTED, SITE]).error["code"] == "certificate-failed"
    assert not machine.path(SITE.path).exists()
    will_issue(machine)
    assert machine.converge([WITHHELD, WANTED, SITE]).status == 0
    assert machine.read(SITE.path) == SITE.content
    assert machine.converge([WITHHELD, WANTED, SITE]).changed == []


def test_a_site_stays_while_its_certificate_can_be_loaded(issued):
    machine = issued()
    machine.converge([SITE])
    machine.path(f"{ETC}/renewal/a.test.conf").unlink()
    assert machine.converge([WITHHELD]).changed == []


CHECK = ("accept-unless-bad", SITE.path, "/etc/nginx/nginx.conf")


@pytest.fixture
def web(issued):
    """A machine whose web server does not start, nor accepts other files, while a site is damaged; and its plan."""
    machine = issued()
    check = (CHECK[0], *(str(machine.path(path)) for path in CHECK[1:]))
    main = CheckedFiles("nginx", (File(CHECK[2], "http {}\n"),), check)
    site = CheckedFiles("nginx-a", (SITE,), check)
    unit = Unit("nginx.service", reload_on=(main.id, site.id))
    machine.write("etc/systemd/system/nginx.service", "[Service]\n[Install]\nWantedBy=multi-user.target\n")
    machine.write("fake/needs", f"{machine.path(SITE.path)} ssl_certificate")
    plan = [Withheld(SITE.path, WANTED.name, SITE.content, check), main, unit, WANTED, site]
    assert machine.converge(plan).status == 0
    return machine, plan


@pytest.mark.parametrize("active", ["active", "inactive", "failed"])
@pytest.mark.parametrize("main", ["BAD\n", "http {}\n"])
def test_a_site_that_is_refused_is_put_away_before_the_web_server_is_looked_at(web, active, main):
    machine, plan = web
    machine.write(SITE.path, "BAD\n")
    machine.write(CHECK[2], main)
    units = machine.read("fake/units.json").replace('"active": "active"', f'"active": "{active}"')
    machine.write("fake/units.json", units)
    run = machine.converge(plan)
    assert (run.status, run.changed[0]) == (0, WITHHELD.id)
    assert machine.read(SITE.path) == SITE.content
    assert machine.converge(plan).changed == []


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_no_site(web, make):
    machine, plan = web
    machine.path(SITE.path).unlink()
    make(machine.path(SITE.path))
    assert machine.converge(plan).changed[0] == WITHHELD.id
    assert machine.read(SITE.path) == SITE.content


def test_a_site_of_other_content_serves_until_it_is_replaced(web):
    machine, plan = web
    machine.write(SITE.path, "the former one\n")
    assert machine.converge(plan).changed == ["checked-files:nginx-a", "unit:nginx.service"]


def will_issue(machine):
    """Let certbot succeed, and put the certificate where it belongs."""
    machine.write("fake/certbot", "0\nSuccessfully received certificate.\n")
    lineage.put(machine.path("fake/issued"), WANTED.domains, SERVER)


def test_certbot_is_asked_for_all_names(machine):
    will_issue(machine)
    assert machine.converge([WANTED]).status == 0
    assert machine.converge([WANTED]).changed == []
    (argv,) = machine.calls("certbot")
    call = " ".join(argv)
    assert f"certonly --non-interactive --agree-tos --no-eff-email --server {SERVER} " in call
    assert " --email ops@a.test --authenticator webroot --webroot-path " in call
    assert call.endswith("--cert-name a.test --domain=a.test --domain=www.a.test --keep-until-expiring")


def test_names_below_one_are_proven_in_dns(machine):
    below = replace(WANTED, domains=("a.test", "*.a.test"), dns=True)
    machine.converge([below])
    (argv,) = machine.calls("certbot")
    assert (
        " --authenticator dns-standalone --cert-name a.test --domain=a.test --domain=*.a.test "
        in " ".join(argv)
    )


REFUSED = """\
Certbot failed to authenticate some domains (authenticator: webroot). The authority reported these problems:
  Domain: a.test
  Type:   {}
  Detail: {}
"""


@pytest.mark.parametrize(
    ("kind", "detail", "hint"),
    [
        ("dns", "DNS problem: NXDOMAIN looking up A for a.test", "dig +short a.test www.a.test"),
        ("connection", "Fetching http://a.test/: Connection refused", "port 80"),
        ("unauthorized", "Invalid response from http://a.test/: 404", "another machine"),
    ],
)
def test_a_refusal_shows_the_authoritys_reason(machine, kind, detail, hint):
    machine.write("fake/certbot", "1\n" + REFUSED.format(kind, detail))
    error = machine.converge([WANTED]).error
    assert error["code"] == "certificate-failed"
    assert detail in error["why"]
    assert hint in error["hint"]


def test_an_account_that_the_authority_forgot_is_made_again(machine):
    account = machine.write("etc/letsencrypt/accounts/acme.test/dir/abc/regr.json", "{}")
    machine.write("fake/certbot", "1\nurn:ietf:params:acme:error:accountDoesNotExist :: no such account\n")
    machine.converge([WANTED])
    assert len(machine.calls("certbot")) == 2
    assert not account.exists()


LOGGED = "DEBUG\nacme.messages.Error: urn:ietf:params:acme:error:{}\n"


def test_an_error_that_certbot_hides_is_read_from_what_it_logs(machine):
    machine.write("fake/certbot", "1\nAttributeError: can't set attribute\n")
    machine.write("fake/certbot.log", LOGGED.format("rateLimited :: too many certificates"))
    error = machine.converge([WANTED]).error
    assert "rateLimited :: too many certificates" in error["why"]
    assert "letsencrypt-staging" in error["hint"]


def test_what_former_runs_have_logged_does_not_matter(machine):
    machine.write("var/log/letsencrypt/letsencrypt.log", LOGGED.format("accountDoesNotExist :: long ago"))
    machine.write("fake/certbot", "1\nit went wrong\n")
    error = machine.converge([WANTED]).error
    assert error["why"] == "it went wrong"
    assert len(machine.calls("certbot")) == 1


def test_what_is_left_of_a_lost_certificate_is_put_away(issued):
    machine = issued()
    machine.write(f"{ETC}/archive/a.test/privkey1.pem", "PRIVATE")
    will_issue(machine)
    assert machine.converge([WANTED]).status == 0
    assert machine.read(f"{ETC}/archive/a.test/privkey1.pem") != "PRIVATE"
    (kept,) = machine.path("var/lib/hubctl/replaced").rglob("privkey1.pem")
    assert kept.read_text() == "PRIVATE"


def test_a_certificate_that_certbot_puts_elsewhere_is_an_error_and_no_endless_issuing(machine):
    machine.write("fake/certbot", "0\nSuccessfully received certificate.\n")
    assert machine.converge([WANTED]).error["code"] == "certificate-failed"


THANKS = """\
Saving debug log to /var/log/letsencrypt/letsencrypt.log
Requesting a certificate for a.test
The order was not ready.
- - - - - - - - - - - - - - - - - - - -
If you like Certbot, please consider supporting our work by:
 * Donating to ISRG / Let's Encrypt:   https://letsencrypt.org/donate
 * Donating to EFF:                    https://eff.org/donate-le
- - - - - - - - - - - - - - - - - - - -
Ask for help or search for solutions at https://community.letsencrypt.org.
"""


def test_an_error_is_what_certbot_says_of_the_matter_and_not_its_thanks(machine):
    machine.write("fake/certbot", "1\n" + THANKS)
    assert machine.converge([WANTED]).error["why"] == "The order was not ready."
    machine.write("fake/certbot", "0\n" + THANKS)
    assert machine.converge([WANTED]).error["why"] == "still due: issue"


def asked_at(time):
    caller = {"id": "5f0c0f3e-0000", "who": "ann@laptop", "from": "laptop", "command": "deploy"}
    return {**caller, "started": time.isoformat(timespec="seconds")}


@pytest.mark.parametrize("days", [-365, -1, 1, 365])
def test_nothing_is_issued_while_the_clocks_disagree_and_both_are_named(issued, days):
    machine = issued(days=-1)
    will_issue(machine)
    now = datetime.datetime.now(datetime.UTC)
    error = machine.converge([WANTED], run=asked_at(now + datetime.timedelta(days=days))).error
    assert error["code"] == "clock-wrong"
    for time in (now, now + datetime.timedelta(days=days)):
        assert f"{time:%Y-%m-%d %H:}" in error["why"]
    assert "timedatectl set-ntp true" in error["hint"]
    assert machine.calls("certbot") == []
    assert machine.converge([WANTED], run=asked_at(now - datetime.timedelta(minutes=20))).status == 0


def test_a_certificate_that_holds_needs_no_clock(issued):
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=365)
    assert issued().converge([WANTED], run=asked_at(then)).changed == []
