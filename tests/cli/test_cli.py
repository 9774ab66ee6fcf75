"""The command line: help, exit codes, and what it costs to start."""

import resource
import statistics
import subprocess
import sys

import pytest

from provision.errors import Exit

HUBCTL = [sys.executable, "-m", "provision"]
COMMANDS = [
    "create-node",
    "deploy",
    "plan",
    "rollback",
    "releases",
    "history",
    "destroy-node",
    "schema",
    "run",
    "image",
    "lock",
    "local",
    "users",
]
HEAVY = (
    "paramiko",
    "fabric",
    "digitalocean",
    "requests",
    "cryptography",
    "jinja2",
    "yaml",
    "msgspec",
    "rich",
    "flask",
)

GOOD = """\
fleet: demo
domain: demo.test
provider: local
operator: {email: ops@demo.test}
acme: {server: local}
nodes:
  apis:
    size: s-1vcpu-2gb
    image: debian-13-x64
    services:
      task_api: {hostname: tasks}
"""


def test_help_names_every_command(hubctl):
    shown = hubctl("--help")
    assert shown.returncode == 0
    for command in COMMANDS:
        assert f"  {command}" in shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_without_an_inventory(hubctl, command):
    shown = hubctl(command, "--help")
    assert shown.returncode == 0
    assert f"Usage: hubctl {command}" in shown.stdout


@pytest.mark.parametrize("words", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_imports_nothing_heavy(words):
    script = (
        "import sys\nfrom provision.cli import main\nsys.argv[1:] = " + repr(words) + "\nmain()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"


def test_help_is_quick():
    def once():
        """Return the processor's seconds: those of a clock are the other programs', too."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*HUBCTL, "--help"], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # The bound is 150 ms of a quiet computer (make bench); this one is generous.
    assert statistics.median(once() for _ in range(5)) < 0.6


def test_the_version_is_shown(hubctl):
    assert hubctl("--version").stdout.startswith("hubctl 0.")


@pytest.mark.parametrize(
    "words",
    [
        ["depoly"],
        ["deploy", "--paralel", "2"],
        ["create-node"],
        ["deploy", "--parallel", "0"],
        ["local", "op"],
    ],
)
def test_a_wrong_command_line_ends_with_64_and_says_what_is_wrong(hubctl, words):
    done = hubctl(*words)
    assert done.returncode == Exit.USAGE
    assert "Usage: hubctl" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_inventory_is_said(hubctl):
    done = hubctl("deploy")
    assert done.returncode == Exit.USAGE
    assert "--inventory" in done.stderr


def test_an_inventory_with_mistakes_ends_with_65_and_names_all_of_them(hubctl, tmp_path):
    path = tmp_path / "hubctl.yml"
    path.write_text(
        GOOD.replace("provider: local", "provider: lokal").replace("hostname: tasks", "hostnam: tasks")
    )
    done = hubctl("deploy")
    assert done.returncode == Exit.INVENTORY
    assert "hubctl.yml:3:11" in done.stderr
    assert "hubctl.yml:11:18" in done.stderr
    assert "hostname" in done.stderr


def test_under_github_actions_mistakes_are_annotations(hubctl, tmp_path):
    (tmp_path / "hubctl.yml").write_text(GOOD.replace("provider: local", "provider: lokal"))
    done = hubctl("deploy", GITHUB_ACTIONS="true")
    assert "::error file=hubctl.yml,line=3,col=11" in (done.stdout + done.stderr).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize("command", [["deploy", "boxx"], ["create-node", "boxx"], ["plan", "boxx"]])
def test_a_node_that_is_not_in_the_inventory_shows_the_lines_to_add(hubctl, tmp_path, command):
    (tmp_path / "hubctl.yml").write_text(GOOD)
    done = hubctl(*command)
    assert done.returncode == Exit.INVENTORY
    assert "boxx:" in done.stderr
    assert "size:" in done.stderr


def test_a_node_that_was_not_created_is_unreachable_and_the_hint_creates_it(hubctl, tmp_path):
    text = GOOD.replace("provider: local", "provider: digitalocean").replace("acme: {server: local}\n", "")
    (tmp_path / "hubctl.yml").write_text(text)
    done = hubctl("deploy")
    assert done.returncode == Exit.UNREACHABLE
    assert "hubctl create-node apis" in done.stderr


def test_a_fleet_without_its_local_cloud_says_how_to_start_it(hubctl, tmp_path):
    (tmp_path / "hubctl.yml").write_text(GOOD)
    done = hubctl("create-node", "apis")
    assert done.returncode != 0
    assert "hubctl local up" in done.stderr


def test_digitalocean_without_a_token_is_not_allowed(hubctl, tmp_path):
    text = GOOD.replace("provider: local", "provider: digitalocean").replace("acme: {server: local}\n", "")
    (tmp_path / "hubctl.yml").write_text(text)
    done = hubctl("create-node", "apis")
    assert done.returncode == Exit.NOT_ALLOWED
    assert "neither DIGITALOCEAN_ACCESS_TOKEN nor DIGITALOCEAN_TOKEN is set" in done.stderr


def test_json_errors_are_events_with_a_stable_code(hubctl, tmp_path):
    import json

    text = GOOD.replace("provider: local", "provider: digitalocean").replace("acme: {server: local}\n", "")
    (tmp_path / "hubctl.yml").write_text(text)
    done = hubctl("create-node", "apis", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["code"] for event in events if event["event"] == "error"] == ["cloud-token"]


@pytest.mark.parametrize("words", [["run", "apis"], ["run", "apis", "--"], ["run"]])
def test_run_without_a_command_says_where_to_write_it(hubctl, tmp_path, words):
    (tmp_path / "hubctl.yml").write_text(GOOD)
    done = hubctl(*words)
    assert done.returncode == Exit.USAGE
    assert "after `--`" in done.stderr


def test_words_after_the_dashes_are_no_nodes_and_no_options(hubctl, tmp_path):
    (tmp_path / "hubctl.yml").write_text(GOOD)
    done = hubctl("run", "boxx", "--", "ls", "--json", "--", "-i")
    assert done.returncode == Exit.INVENTORY
    assert "boxx" in done.stderr
    assert "`ls`" not in done.stderr
