"""Whatever hubctl is started in: no traceback, an exit code from the documents, and an error that can be acted upon."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from provision import keys
from provision.transport import hostkeys
from provision.transport.hostkeys import Pin

ROOT = Path(__file__).parents[2]
NOBODY = 54321  # a user that no list of users knows
INVENTORY = """\
fleet: lab
domain: lab.test
provider: digitalocean
operator: {email: ops@lab.test}
nodes:
  apis: {size: s-1vcpu-2gb, image: debian-13-x64}
"""
COMMANDS = (
    ["--help"],
    ["schema"],
    ["plan"],
    ["deploy", "apis"],
    ["status"],
    ["create-node", "apis"],
    ["destroy-node", "apis", "--yes"],
    ["secrets", "list"],
    ["lock", "release", "--yes"],
    ["history", "apis"],
    ["rotate-key", "--all"],
    ["run", "apis", "--", "true"],
    ["releases", "--json"],
    ["local", "status", "--name", "nosuch"],
)
DOCUMENTED = {
    int(row[1])
    for row in re.finditer(r"^\| (\d+) \|", (ROOT / "docs/reference/exit-codes.md").read_text(), re.MULTILINE)
}
CODE = re.compile(r"error: .+ \[[a-z]+(-[a-z]+)*\]$", re.MULTILINE)


class Place:
    """A folder with an inventory and a pinned node that does not answer, and hubctl started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        self.inventory = folder / "lab.yml"
        self.inventory.write_text(INVENTORY)
        pin = Pin("apis", ("127.0.0.1",), "ssh-ed25519", keys.make("apis").public_base64, port=1)
        hostkeys.pin(self.inventory, pin)
        self.home = folder / "home"
        self.home.mkdir(mode=0o700)
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.home),
            "HUBCTL_INVENTORY": str(self.inventory),
        }

    def give_key(self) -> Path:
        """Put a key where the fleet's own is."""
        path = self.home / ".config/hubctl/keys/lab"
        path.parent.mkdir(parents=True, mode=0o700)
        path.write_text(keys.make("operator").private)
        path.chmod(0o600)
        return path

    def run(
        self, words: Sequence[str], redirection: str = "", user: int | None = None, **environment: str | None
    ) -> subprocess.CompletedProcess[str]:
        """Run hubctl by a shell, with streams as the shell leads them; variables that are None are unset."""
        environ = {**self.environment, **environment}
        return subprocess.run(
            ["/bin/sh", "-c", f'"$@" {redirection}', "sh", sys.executable, "-m", "provision", *words],
            cwd="/",
            env={key: value for key, value in environ.items() if value is not None},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )


@pytest.fixture
def place() -> Iterator[Place]:
    """A folder that others can enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        yield Place(Path(folder))


def told(done: subprocess.CompletedProcess[str], *, silent: bool = False) -> None:
    """Assert the property that holds wherever hubctl runs."""
    shown = done.stdout + done.stderr
    assert "Traceback" not in shown, shown
    assert done.returncode in DOCUMENTED, f"{done.returncode}: {shown}"
    if done.returncode in (0, 2) or silent:
        return
    assert CODE.search(done.stderr), shown
    assert "hint: " in done.stderr or "expected: " in done.stderr, shown


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")

ENVIRONMENTS: dict[str, dict[str, object]] = {
    "no home": {"HOME": None},
    "a home that is no folder": {"HOME": "/dev/null"},
    "a home that cannot be written": {"HOME": "/proc"},
    "the locale C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a dumb, narrow terminal": {"TERM": "dumb", "COLUMNS": "10"},
    "standard output is closed": {"redirection": ">&-"},
    "standard output is full": {"redirection": ">/dev/full"},
    "standard error is closed": {"redirection": "2>&-"},
    "standard error is full": {"redirection": "2>/dev/full"},
    "all streams are closed": {"redirection": ">&- 2>&- <&-"},
    "nobody reads": {"redirection": "| true"},
    "an empty environment": {"PATH": "", "HOME": None, "TERM": None},
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_command_ends_well(place: Place, name: str, request: pytest.FixtureRequest) -> None:
    """Every environment has some of the commands, every command is in some of the environments."""
    first = list(ENVIRONMENTS).index(name)
    environment = dict(ENVIRONMENTS[name])
    for words in itertools.islice(itertools.cycle(COMMANDS), first, first + 3 * 4, 4):
        done = place.run(words, **environment)  # type: ignore[arg-type]
        told(done, silent="2>" in str(environment.get("redirection")) or "|" in str(environment))


@needs_root
@pytest.mark.parametrize(
    "words", [["plan"], ["deploy"], ["secrets", "list"], ["create-node", "apis"], ["schema"]]
)
def test_a_user_without_a_name_or_a_home_is_told_what_to_set(place: Place, words: list[str]) -> None:
    done = place.run(words, user=NOBODY, HOME=None)
    told(done)
    if words in (["plan"], ["deploy"]):
        assert "HUBCTL_CONFIG_DIR" in done.stderr


def test_a_user_without_a_name_can_deploy(place: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    key = place.give_key()
    config = place.folder / "config"
    (config / "keys").mkdir(parents=True)
    (config / "keys/lab").write_text(key.read_text())
    (config / "keys/lab").chmod(0o600)
    for path in (config, config / "keys", config / "keys/lab"):
        os.chown(path, NOBODY, NOBODY)
    done = place.run(["deploy"], user=NOBODY, HOME=None, HUBCTL_CONFIG_DIR=str(config))
    told(done)
    assert "[unreachable]" in done.stderr


@pytest.mark.parametrize("stream", [">&-", ">/dev/full"])
def test_results_that_nobody_can_read_are_said_to_be_lost(place: Place, stream: str) -> None:
    done = place.run(["schema"], stream)
    assert done.returncode == 1
    assert "[output-lost]" in done.stderr


@pytest.mark.parametrize("mask", ["000", "777"])
def test_any_umask_will_do(place: Place, mask: str) -> None:
    for words in (["plan"], ["secrets", "list"], ["deploy"]):
        argv = ["/bin/sh", "-c", f'umask {mask}; "$@"', "sh", sys.executable, "-m", "provision", *words]
        told(subprocess.run(argv, env=place.environment, capture_output=True, text=True, timeout=60))


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00" + bytes(range(256)) * 8)


def _endless_link(path: Path) -> None:
    path.symlink_to(path)


NO_FILES: list[Callable[[Path], None]] = [_pipe, _folder, _device, _bytes, _endless_link]


@pytest.mark.parametrize("make", NO_FILES)
@pytest.mark.parametrize("what", ["lab.yml", "lab.known_hosts", "lab.secrets"])
def test_what_is_no_file_of_hubctls_is_named(place: Place, what: str, make: Callable[[Path], None]) -> None:
    place.give_key()
    path = place.folder / what
    path.unlink(missing_ok=True)
    make(path)
    done = place.run(["secrets", "list"] if what.endswith("secrets") else ["plan"])
    told(done)
    assert done.returncode != 0
    assert what in done.stderr


def _half(path: Path) -> None:
    path.write_text(keys.make("x").private[:200])


def _public(path: Path) -> None:
    path.write_text(keys.make("x").public)


def _empty(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize("make", [*NO_FILES, _half, _public, _empty])
def test_a_damaged_key_is_named(place: Place, make: Callable[[Path], None]) -> None:
    path = place.folder / "my-key"
    make(path)
    place.inventory.write_text(INVENTORY.replace("lab.test}", f"lab.test, ssh_key: {path}}}"))
    told(done := place.run(["secrets", "list"]))
    assert done.returncode != 0
    assert "my-key" in done.stderr
    told(place.run(["deploy"]))


@pytest.mark.parametrize("path", ["~nouser/x", "x" * 5000, "x" * 300, '"\\0"', "/dev/null", "/proc/self/mem"])
def test_a_key_that_cannot_be_is_told(place: Place, path: str) -> None:
    place.inventory.write_text(INVENTORY.replace("lab.test}", f"lab.test, ssh_key: {path}}}"))
    for words in (["deploy"], ["secrets", "list"]):
        told(done := place.run(words))
        assert done.returncode != 0


@needs_root
@pytest.mark.parametrize("what", ["lab.yml", "lab.secrets", "lab.known_hosts"])
def test_a_file_of_another_owner_is_named(place: Place, what: str) -> None:
    place.folder.chmod(0o755)
    path = place.folder / what
    path.touch()
    path.chmod(0o600)
    done = place.run(["secrets", "list"] if what.endswith("secrets") else ["plan"], user=NOBODY, HOME="/tmp")
    told(done)
    assert done.returncode != 0
    assert what in done.stderr


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_somebody_who_is_not_root_is_not_told_that_there_are_no_local_clouds(place: Place, mode: int) -> None:
    clouds = place.folder / "clouds"
    (clouds / "demo").mkdir(parents=True, mode=0o700)
    (clouds / "demo" / "instance.json").touch()
    clouds.chmod(mode)
    done = place.run(["local", "status", "--name", "dmo"], user=NOBODY, HUBCTL_LOCAL_DIR=str(clouds))
    told(done)
    assert "known: demo" in done.stderr or "[local-not-allowed]" in done.stderr
    assert "none" not in done.stderr.split("known:")[-1]
