"""`hubctl secrets`: values go in by stdin or an editor, and never come out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provision import keys
from provision.errors import Exit

VALUE = "correct-horse: battery # staple"
INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  front: {size: s-1vcpu-2gb, image: debian-13-x64}
"""


class Operator:
    """Somebody with an inventory and a configuration folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.inventory = folder / "lab.yml"
        self.inventory.write_text(INVENTORY)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "HUBCTL_INVENTORY": str(self.inventory),
            "HUBCTL_CONFIG_DIR": str(folder / name),
        }
        self.said = ""

    def hubctl(self, *words: str, stdin: str = "", status: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from provision.cli import main; sys.exit(main())", *words],
            input=stdin,
            capture_output=True,
            text=True,
            env={**self.environment, **environment},
            cwd=Path(__file__).parents[2],
        )
        self.said += done.stdout + done.stderr
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + (done.stderr if status else "")

    def editor(self, program: str) -> dict[str, str]:
        """Return an environment whose editor is a Python program with the file's path in `path`."""
        script = self.folder / "editor.py"
        script.write_text(f"import sys, pathlib\npath = pathlib.Path(sys.argv[1])\n{program}\n")
        return {"EDITOR": f"{sys.executable} {script}"}


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """An operator of a fleet without secrets."""
    return Operator(tmp_path, "config")


def listed(operator: Operator) -> list[tuple[str, int]]:
    events = map(json.loads, operator.hubctl("secrets", "list", "--json").splitlines())
    return [(event["name"], event["generation"]) for event in events]


def in_memory() -> set[str]:
    memory = Path("/dev/shm")
    return {path.name for path in memory.glob("hubctl-*")} if memory.is_dir() else set()


def test_a_value_is_set_from_stdin_and_never_shown(operator: Operator) -> None:
    operator.hubctl("secrets", "set", "mail/password", stdin=VALUE + "\n")
    operator.hubctl("secrets", "set", "mail/password", "--json", stdin=VALUE + "!\n")
    assert listed(operator) == [("mail/password", 2)]
    operator.hubctl("secrets", "list")
    assert VALUE not in operator.said
    assert VALUE not in operator.inventory.with_suffix(".secrets").read_text()


def test_that_there_are_no_secrets_is_said(operator: Operator) -> None:
    assert "there are no secrets yet" in operator.hubctl("secrets", "list")
    assert listed(operator) == []


def test_values_are_exactly_what_was_given(operator: Operator) -> None:
    operator.hubctl("secrets", "set", "a", stdin=" two\nlines \n\n")
    seen = operator.folder / "seen"
    look = operator.editor(f"pathlib.Path({str(seen)!r}).write_text(path.read_text())")
    operator.hubctl("secrets", "edit", **look)
    import yaml

    assert yaml.safe_load(seen.read_text()) == {"a": " two\nlines \n"}


def test_an_empty_value_is_refused(operator: Operator) -> None:
    assert "empty-secret" in operator.hubctl("secrets", "set", "a", stdin="\n", status=Exit.USAGE)


def test_tunnel_keys_are_hubctls_own(operator: Operator) -> None:
    said = operator.hubctl("secrets", "set", "tunnel/dti", stdin="x", status=Exit.USAGE)
    assert "rotate-key tunnel/dti" in said


def test_edit_adds_changes_and_removes(operator: Operator) -> None:
    for name in ("keep", "change", "drop"):
        operator.hubctl("secrets", "set", name, stdin=VALUE)
    change = "lines = [l for l in path.read_text().splitlines() if not l.startswith(('drop', 'change'))]\n"
    change += "path.write_text('\\n'.join([*lines, 'change: other', 'new: fresh']) + '\\n')"
    operator.hubctl("secrets", "edit", **operator.editor(change))
    assert listed(operator) == [("change", 2), ("keep", 1), ("new", 1)]
    assert VALUE not in operator.said


def test_edit_leaves_nothing_behind_and_lets_nobody_look(operator: Operator) -> None:
    operator.hubctl("secrets", "set", "a", stdin=VALUE)
    before, modes = in_memory(), operator.folder / "modes"
    look = "found = [oct(each.stat().st_mode & 0o777) for each in (path, path.parent)]\n"
    look += f"pathlib.Path({str(modes)!r}).write_text(' '.join(found))"
    operator.hubctl("secrets", "edit", **operator.editor(look))
    assert modes.read_text() == "0o600 0o700"
    assert in_memory() == before


@pytest.mark.parametrize(
    "program",
    ["sys.exit(1)", "path.write_text('a: [')", "path.write_text('a: 1')", "path.write_text('tunnel/dti: x')"],
)
def test_an_edit_that_cannot_be_used_changes_nothing_and_quotes_nothing(
    operator: Operator, program: str
) -> None:
    operator.hubctl("secrets", "set", "a", stdin=VALUE)
    said = operator.hubctl(
        "secrets",
        "edit",
        status=Exit.USAGE if "tunnel" in program else Exit.FAILED,
        **operator.editor(program),
    )
    assert "a: [" not in said
    assert listed(operator) == [("a", 1)]


def test_a_second_operator_reads_once_made_a_recipient_and_not_after(
    operator: Operator, tmp_path: Path
) -> None:
    operator.hubctl("secrets", "set", "a", stdin=VALUE)
    other = Operator(tmp_path, "other")
    pair = keys.make("other@desk")
    (tmp_path / "other" / "keys").mkdir(parents=True)
    (tmp_path / "other" / "keys" / "lab").write_text(pair.private)
    assert "wrong-identity" in other.hubctl("secrets", "list", status=Exit.NOT_ALLOWED)
    operator.hubctl("secrets", "recipients", "add", pair.public)
    assert "already" in operator.hubctl("secrets", "recipients", "add", pair.public)
    assert listed(other) == [("a", 1)]
    assert pair.public in other.hubctl("secrets", "recipients", "list")
    assert "rotate-key" in operator.hubctl("secrets", "recipients", "remove", "other@desk")
    assert "wrong-identity" in other.hubctl("secrets", "list", status=Exit.NOT_ALLOWED)


def test_the_last_recipient_stays(operator: Operator) -> None:
    operator.hubctl("secrets", "set", "a", stdin=VALUE)
    said = operator.hubctl("secrets", "recipients", "remove", "hubctl-lab", status=Exit.USAGE)
    assert "last-recipient" in said


def test_what_is_no_key_is_refused(operator: Operator) -> None:
    for text in ("ssh-ed25519 AAAA", "age1abc", "hello"):
        assert "bad-recipient" in operator.hubctl("secrets", "recipients", "add", text, status=Exit.USAGE)


def test_values_never_stand_in_a_process_list(operator: Operator) -> None:
    program = "path.write_text('a: x'); import os\n"
    seen = operator.folder / "ps"
    program += "lines = [p.read_bytes() for p in pathlib.Path('/proc').glob('[0-9]*/cmdline')]\n"
    program += f"pathlib.Path({str(seen)!r}).write_bytes(b'\\n'.join(lines))"
    operator.hubctl("secrets", "set", "a", stdin=VALUE)
    operator.hubctl("secrets", "edit", **operator.editor(program))
    assert b"editor.py" in seen.read_bytes()
    assert VALUE.encode() not in seen.read_bytes()
