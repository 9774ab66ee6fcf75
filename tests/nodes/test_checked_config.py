"""Configuration is checked before it counts: what a program refuses is put back, and nothing was restarted."""

import pytest

from provision.distributions import DEFAULT
from provision.errors import Exit
from provision.node.resources import CheckedFiles, Command, File, Unit

pytestmark = pytest.mark.nodes

FOLDERS = "/etc/nginx /etc/ssh /etc/systemd/system /etc/sudoers.d /etc/apache2 /etc/postgresql"
# Content, mode, owner and time of writing of every file and link; when each unit was started and last reloaded.
FILES = (
    f"find {FOLDERS} -not -type d -printf '%p %y %m %u %g %T@ %l\\n' 2>/dev/null | sort; "
    f"find {FOLDERS} -type f 2>/dev/null | sort | xargs sha256sum"
)
UNITS = (
    "systemctl show --property=Id,MainPID,ExecMainStartTimestampMonotonic,StateChangeTimestampMonotonic,NRestarts "
    "nginx ssh redis-server@task_api task_api.socket 'task_api@*' 'task_api-worker@*'"
)


def state(fleet, node):
    return fleet.ssh(node, "sh", "-c", FILES), fleet.ssh(node, "sh", "-c", UNITS)


def assert_refused(fleet, node, patched, group, said):
    before = state(fleet, node)
    done = patched.hubctl("deploy", node, "--json")
    assert done.status == Exit.FAILED, done.text
    (error,) = [event for event in done.events if event["event"] == "error"]
    assert error["code"] == "check-failed"
    assert f"checked-files:{group}" in error["message"]
    assert said in error["why"]
    assert "nothing was restarted" in error["hint"]
    engine = [event["detail"] for event in done.events if event["event"] == "engine"]
    assert [event for event in engine if event["event"] == "unit"] == []
    assert state(fleet, node) == before


@pytest.mark.parametrize(
    ("template", "text", "group", "said"),
    [
        ("nginx/nginx.conf", "serve { }\n", "nginx", 'unknown directive "serve"'),
        ("nginx/https_site.conf", "server {\n", "nginx-task_api", "unexpected end of file"),
        ("ssh/hubctl.conf", "PermitNobody yes\n", "sshd", "PermitNobody"),
        ("systemd/web@.service", "\n[Service]\nExecStart=relative/path\n", "task_api", "relative/path"),
        (
            "systemd/web.socket",
            "\n[Socket]\nListenStream=nowhere at all\n",
            "task_api",
            "nowhere at all",
        ),
    ],
    ids=["nginx", "a site of nginx", "sshd", "a service unit", "a socket unit"],
)
def test_a_broken_template_changes_nothing(deployed, tmp_path, template, text, group, said):
    assert_refused(deployed, "apis", deployed.patched(tmp_path, templates={template: text}), group, said)
    assert "0 changed" in deployed.done("deploy").stdout


@pytest.fixture(scope="module")
def programs(fresh):
    """A machine with the programs that no service of the inventory brings yet."""
    install = "apt-get -qq update; apt-get -qq install -y --no-install-recommends sudo apache2 postgresql >/dev/null"
    fresh.ssh("one", "sh", "-c", f"export DEBIAN_FRONTEND=noninteractive; {install}")
    return fresh


SUDOERS = "/etc/sudoers.d/hubctl-test"
APACHE = "/etc/apache2/conf-enabled/hubctl-test.conf"
POSTGRES_FOLDER = f"/etc/postgresql/{DEFAULT.postgresql}/main"
POSTGRES = f"{POSTGRES_FOLDER}/conf.d/hubctl-test.conf"
POSTGRES_CHECK = (
    *("runuser", "-u", "postgres", "--", f"/usr/lib/postgresql/{DEFAULT.postgresql}/bin/postgres"),
    *("-C", "max_connections", "-D", POSTGRES_FOLDER),
)


@pytest.mark.parametrize(
    ("path", "right", "wrong", "check", "said", "unit"),
    [
        (
            SUDOERS,
            "%adm ALL=(ALL) ALL\n",
            "%adm ALL ALL ALL\n",
            ("visudo", "-c"),
            "syntax error",
            "ssh.service",
        ),
        (
            APACHE,
            "ServerName here\n",
            "Serve here\n",
            ("apachectl", "configtest"),
            "Serve",
            "apache2.service",
        ),
        (
            POSTGRES,
            "max_connections = 50\n",
            "max_connections = lots\n",
            POSTGRES_CHECK,
            "max_connections",
            "postgresql.service",
        ),
    ],
    ids=["sudoers", "Apache", "PostgreSQL"],
)
def test_a_broken_file_of_another_program_changes_nothing(
    programs, tmp_path, path, right, wrong, check, said, unit
):
    def plan(name, text):
        files = CheckedFiles("test", (File(path, text, mode=0o440 if path == SUDOERS else 0o644),), check)
        return programs.patched(
            tmp_path / name, only=True, resources=[files, Unit(unit, enabled=True, reload_on=(files.id,))]
        )

    plan("right", right).done("deploy", "one")
    assert_refused(programs, "one", plan("wrong", wrong), "test", said)
    assert programs.ssh("one", "cat", path) == right
    assert "0 changed" in plan("right", right).done("deploy", "one").stdout


def test_a_group_counts_only_as_a_whole(fresh, tmp_path):
    """The first file is put back although only the second is wrong, and what waits for the group is not due."""
    old, new = (
        CheckedFiles(
            "pair",
            (File("/etc/hubctl-pair/a", text), File("/etc/hubctl-pair/b", text)),
            ("sh", "-c", "! grep -l wrong /etc/hubctl-pair/*"),
        )
        for text in ("right\n", "wrong\n")
    )
    ran = Command("ran", ("touch", "/run/hubctl-pair-ran"), on=(old.id,))
    fresh.patched(tmp_path / "old", only=True, resources=[old, ran]).done("deploy", "two")
    fresh.ssh("two", "rm", "-f", "/run/hubctl-pair-ran")
    done = fresh.patched(tmp_path / "new", only=True, resources=[new, ran]).hubctl("deploy", "two")
    assert done.status == Exit.FAILED
    assert fresh.ssh("two", "sh", "-c", "cat /etc/hubctl-pair/*") == "right\nright\n"
    done = fresh.patched(tmp_path / "old", only=True, resources=[old, ran]).done("deploy", "two")
    assert "two: 2 ok, 0 changed" in done.stdout
    assert fresh.shell("two", "ls /run | grep -c hubctl-pair-ran; true").strip() == "0"
