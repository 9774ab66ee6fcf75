"""The firewall's rules are read from ufw's files, and only the differences are told to ufw."""

import pytest

from provision.node.resources import Firewall, Rule

V4 = "### tuple ### allow {} 0.0.0.0/0 any {} in\n-A ufw-user-input -j ACCEPT\n"
V6 = "### tuple ### allow {} ::/0 any {} in\n"


@pytest.fixture
def ufw(machine):
    """A machine with ufw, on, that lets SSH in."""

    def write(*rules, enabled="yes", policy="DROP", ipv6="yes"):
        machine.write("etc/ufw/ufw.conf", f"# ENABLED=no\nENABLED={enabled}\n")
        machine.write("etc/default/ufw", f'IPV6={ipv6}\nDEFAULT_INPUT_POLICY="{policy}"\n')
        machine.write("etc/ufw/user.rules", "*filter\n" + "".join(V4.format(r, "0.0.0.0/0") for r in rules))
        machine.write("etc/ufw/user6.rules", "*filter\n" + "".join(V6.format(r, "::/0") for r in rules))
        machine.path("proc/sys/net/ipv6").mkdir(parents=True, exist_ok=True)
        return machine

    return write


def changes(machine, *rules):
    run = machine.plan([Firewall(rules)])
    return [change["what"] for change in run.of("resource")[0]["changes"]]


def test_the_wanted_rules_are_no_change(ufw):
    assert changes(ufw("tcp 22", "tcp 80", "udp 53"), Rule(22), Rule(80), Rule(53, "udp")) == []


def test_differences_are_named(ufw):
    found = changes(ufw("tcp 22", "tcp 6379", enabled="no", policy="ACCEPT"), Rule(22), Rule(443))
    assert found == [
        "enable",
        "deny what is not allowed",
        "allow 443/tcp",
        "remove allow tcp 6379 0.0.0.0/0 any 0.0.0.0/0 in",
        "remove allow tcp 6379 ::/0 any ::/0 in",
    ]


def test_files_of_ufw_that_are_gone_or_empty_come_back_with_its_package(ufw):
    machine = ufw("tcp 22")
    machine.write("usr/sbin/ufw", "")
    for chain in ("before", "before6", "after", "after6"):
        machine.write(f"etc/ufw/{chain}.rules", "*filter\n")
    assert changes(machine) == []
    machine.write("etc/ufw/user.rules", "")
    machine.path("etc/default/ufw").unlink()
    assert changes(machine) == ["restore /etc/default/ufw, /etc/ufw/user.rules"]
    machine.converge([Firewall(())])
    (call,) = (call for call in machine.calls("apt-get") if "--reinstall" in call)
    assert call[-1] == "ufw"


def test_ssh_stays_open_even_if_nobody_asks_for_it(ufw):
    assert changes(ufw("tcp 22", "tcp 80"), Rule(80)) == []
    assert changes(ufw("tcp 80"), Rule(80)) == ["allow 22/tcp"]


def test_sources_are_addresses_and_networks(ufw):
    machine = ufw("tcp 22")
    rules = machine.path("etc/ufw/user.rules")
    rules.write_text(
        rules.read_text() + V4.format("tcp 5432", "10.0.0.0/8") + V4.format("tcp 5433", "10.0.0.7")
    )
    wanted = (Rule(5432, source="10.0.0.0/8"), Rule(5433, source="10.0.0.7"))
    assert changes(machine, *wanted) == []
    assert (
        changes(machine, wanted[0], Rule(5434, source="2001:db8::/32"))[0]
        == "allow 5434/tcp from 2001:db8::/32"
    )


def test_without_ipv6_only_ipv4_counts(ufw):
    machine = ufw("tcp 22", ipv6="no")
    machine.path("etc/ufw/user6.rules").unlink()
    assert changes(machine, Rule(22)) == []


def test_comments_of_rules_do_not_matter(ufw):
    machine = ufw("tcp 22", ipv6="no")
    machine.write(
        "etc/ufw/user.rules", "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=737368\n"
    )
    assert changes(machine, Rule(22)) == []


def test_before_ufw_is_installed_there_is_everything_to_do(machine):
    assert changes(machine, Rule(22)) == ["set up ufw"]
    assert machine.converge([Firewall((Rule(22),))]).error["code"] == "no-ufw"


def test_ssh_is_allowed_first_and_what_is_not_wanted_goes_last(ufw):
    machine = ufw("tcp 6379", enabled="no", policy="ACCEPT")
    machine.converge([Firewall((Rule(80), Rule(5432, source="10.0.0.7")))])
    assert [" ".join(call) for call in machine.calls("ufw")] == [
        "allow proto tcp from any to any port 22",
        "allow proto tcp from any to any port 80",
        "allow proto tcp from 10.0.0.7 to any port 5432",
        "default deny incoming",
        "--force enable",
        "--force delete allow in proto tcp from any to any port 6379",
        "--force delete allow in proto tcp from any to any port 6379",
    ]
