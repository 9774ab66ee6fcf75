"""Certificates are issued when they must be, and a refusal says why in the authority's words."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provision.node.resources import Certificate

SERVER = "https://acme.test/dir"
WANTED = Certificate("a.test", ("a.test", "www.a.test"), "ops@a.test", SERVER, "/var/www/acme")


def certificate(names, days, lifetime):
    """Return a certificate that holds for `days` more of its `lifetime`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ends - datetime.timedelta(days=lifetime))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def issued(machine):
    def write(names=("a.test", "www.a.test"), days=60, lifetime=90, server=SERVER):
        machine.write("etc/letsencrypt/live/a.test/fullchain.pem", certificate(names, days, lifetime))
        machine.write(
            "etc/letsencrypt/renewal/a.test.conf", f"[renewalparams]\nserver = {server}\naccount = x\n"
        )
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
    machine.write("etc/letsencrypt/live/a.test/fullchain.pem", "torn")
    assert changes(machine) == ["issue"]


def will_issue(machine):
    """Let certbot succeed, and put the certificate where it belongs."""
    machine.write("fake/certbot", "0\nSuccessfully received certificate.\n")
    machine.write("fake/issued.pem", certificate(WANTED.domains, 90, 90))


def test_certbot_is_asked_for_all_names(machine):
    will_issue(machine)
    assert machine.converge([WANTED]).status == 0
    assert machine.converge([WANTED]).changed == []
    (argv,) = machine.calls("certbot")
    call = " ".join(argv)
    assert f"certonly --non-interactive --agree-tos --no-eff-email --server {SERVER} " in call
    assert " --email ops@a.test --webroot --webroot-path " in call
    assert call.endswith("--cert-name a.test --domain=a.test --domain=www.a.test --keep-until-expiring")


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
    machine.write("etc/letsencrypt/archive/a.test/privkey1.pem", "PRIVATE")
    machine.path("etc/letsencrypt/live/a.test/fullchain.pem").unlink()
    will_issue(machine)
    assert machine.converge([WANTED]).status == 0
    assert not machine.path("etc/letsencrypt/archive/a.test").exists()
    (kept,) = machine.path("var/lib/hubctl/replaced").rglob("privkey1.pem")
    assert kept.read_text() == "PRIVATE"


def test_a_certificate_that_certbot_puts_elsewhere_is_an_error_and_no_endless_issuing(machine):
    machine.write("fake/certbot", "0\nSuccessfully received certificate.\n")
    assert machine.converge([WANTED]).error["code"] == "certificate-failed"
