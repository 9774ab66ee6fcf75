"""Packages for users of a hub: what may be asked for, the file of it, and locks that are put together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from provision.actions.job import Job
from provision.actions.outcome import Outcome
from provision.cli import app
from provision.errors import Exit, HubError
from provision.inventory.packages import Extra, path_for, read, read_unchecked, requirement, text_of
from provision.node.locks import SPECIFIER, by_name, merged, pins, versions
from provision.node.resources import PythonEnv
from provision.node.users.places import PACKAGES
from tests.support.hub_users import Desk
from tests.support.node_engine import Machine

HASH = "    --hash=sha256:" + "0" * 64
UNREACHABLE = HubError("unreachable", "box does not answer", exit_code=Exit.UNREACHABLE)


def lock(*names: str) -> str:
    return "".join(f"{name} \\\n{HASH} \\\n{HASH}\n" for name in names)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("emoji", "emoji"),
        ("numpy >= 2, <3", "numpy>=2,<3"),
        ("pandas[excel, plot]~=3.0", "pandas[excel,plot]~=3.0"),
        ("torch==2.9.1+cpu", "torch==2.9.1+cpu"),
        ("ruamel.yaml!=0.18.*", "ruamel.yaml!=0.18.*"),
        ("emoji >= 1!2.0, == 1!2.*", "emoji>=1!2.0,==1!2.*"),
        ("emoji<3, >=2rc1 ,!=2.0-1", "emoji<3,>=2rc1,!=2.0-1"),
        (" emoji>=1, ", "emoji>=1,"),
    ],
)
def test_a_package_is_asked_for_by_name_extras_and_versions(asked: str, kept: str) -> None:
    assert requirement(asked) == kept
    if asked.strip(", ") == asked:
        assert re.fullmatch(SPECIFIER, asked)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "-rhomes.txt",
        "--index-url=https://example.org",
        "emoji @ https://example.org/emoji.whl",
        "git+https://example.org/emoji",
        "./emoji",
        "emoji; python_version < '3'",
        "emoji numpy",
        "emoji\n--pre",
        "emoji>=",
        "emoji-",
        "émoji",
        "emoji_",
        "emoji[plot_]",
        "emoji()",
        "emoji (>=1)",
        "emoji @ file:///tmp/emoji",
        "emoji>=1 ; os_name == 'posix'",
        "emoji>=1 --pre",
        "emoji>=1 # 2",
        "emoji>=1\n",
        "emoji\t>=1",
        "emoji>=\x0c1",
        "emoji==1+\N{KELVIN SIGN}",
        "emoji=1",
        "emoji===1",
        "emoji===one",
        "emoji>=one",
        "emoji>=1 <2",
        "emoji>=1 2",
        "emoji>=1,,<2",
        "emoji>=1.",
        "emoji>=1.*",
        "emoji==1rc1.*",
        "emoji==1_0",
        "emoji~=1",
        "emoji>=1+cpu",
    ],
)
def test_nothing_else_can_be_asked_for(asked: str) -> None:
    with pytest.raises(ValueError, match="is no name of a package"):
        requirement(asked)


def test_a_package_has_one_name_however_it_is_written() -> None:
    assert by_name(("Ruamel._yaml[jinja2]>=0.18", "emoji")) == {
        "ruamel-yaml": "Ruamel._yaml[jinja2]>=0.18",
        "emoji": "emoji",
    }


def test_what_both_locks_have_is_as_the_hubs_own_says() -> None:
    own, more = (
        lock("jinja2==3.1.6", "tomli==2.2 ; python_version < '3.11'"),
        lock("Jinja2==3.1.5", "flask==3.1"),
    )
    assert merged(own, more) == own + lock("flask==3.1")
    assert versions(own, more) == {"jinja2": "3.1.6", "flask": "3.1"}
    # One that the hub's own lock has on other machines only comes from the other.
    assert [pin.name for pin in pins(merged(own, lock("tomli==2.2")))] == ["jinja2", "tomli", "tomli"]
    assert merged(own, "") == own


def test_the_file_gives_back_what_was_kept(tmp_path: Path) -> None:
    inventory = tmp_path / "lab.yml"
    assert read(inventory, "box") == Extra()
    extra = Extra(("flask>=3", "emoji"), lock("emoji==2.16.0", "flask==3.1.3"), ("numpy",))
    path_for(inventory, "box").write_text(text_of("box", extra))
    assert read(inventory, "box") == extra
    assert read_unchecked(inventory, "box") == extra
    assert path_for(inventory, "box").name == "lab.box.packages"


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://example.org\n",
        "emoji==2.16.0\n",
        "emoji==2.16.0 \\\n",
        f"emoji==2.16.0 \\\n{HASH} \\\nflask==3.1 \\\n{HASH}\n",
        "emoji @ https://example.org/emoji.whl\n",
        "# asked for: -r other.txt\n",
        f"{HASH}\n",
    ],
)
def test_a_file_with_anything_but_pins_with_hashes_is_refused(tmp_path: Path, text: str) -> None:
    path_for(tmp_path / "lab.yml", "box").write_text(text)
    with pytest.raises(HubError, match="not as hubctl writes it") as caught:
        read(tmp_path / "lab.yml", "box")
    assert (caught.value.code, caught.value.exit_code) == ("packages-damaged", Exit.INVENTORY)


@pytest.fixture
def desk(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose node has a hub, with an installer; deploys are left out."""
    desk = Desk(tmp_path, machine, monkeypatch)
    inventory = tmp_path / "lab.yml"
    hub = "debian-13-x64, services: {jupyterhub: {hostname: hub}}"
    inventory.write_text(inventory.read_text().replace("debian-13-x64", hub))
    machine.write("opt/hub/uv/bin/uv", "")
    monkeypatch.setattr("provision.commands.packages.deploy_and_show", lambda *_, **__: None)
    return desk


def packages(*words: str) -> Result:
    return CliRunner().invoke(app, ["packages", *words])


def kept(desk: Desk) -> str:
    path = path_for(desk.folder / "lab.yml", "box")
    return path.read_text() if path.exists() else ""


def test_what_is_asked_for_is_resolved_on_the_node_and_kept_beside_the_inventory(desk: Desk) -> None:
    assert packages("add", "emoji", "Flask >= 3").exit_code == 0
    assert packages("add", "flask<4").exit_code == 0
    assert "# asked for: emoji\n# asked for: flask<4\nemoji==1.0 " in kept(desk)
    first, second = desk.machine.calls("uv")
    assert "--generate-hashes" in first
    assert "--upgrade-package=flask" in second
    assert "--upgrade-package=emoji" not in second
    listed = packages("list").output
    assert "flask<4" in listed
    assert "1.0" in listed
    assert packages("remove", "emoji").exit_code == 0
    assert "emoji" not in kept(desk)
    assert packages("remove", "flask").exit_code == 0
    assert kept(desk) == ""
    assert "and none besides" in packages("list").output


@pytest.mark.parametrize(
    ("asked", "code", "why"),
    [
        ("conflict", "packages-conflict", "your requirements are unsatisfiable"),
        ("unreachable", "install-failed", "it is unreachable"),
    ],
)
def test_what_cannot_be_had_is_shown_in_the_installers_words_and_nothing_is_kept(
    desk: Desk, asked: str, code: str, why: str
) -> None:
    packages("add", "emoji")
    before = kept(desk)
    done = packages("add", asked)
    assert done.exit_code == Exit.FAILED
    assert code in done.output
    assert why in done.output
    assert kept(desk) == before


def test_a_node_whose_lock_is_none_changes_nothing(desk: Desk) -> None:
    done = packages("add", "garbled")
    assert done.exit_code != 0
    assert kept(desk) == ""


@pytest.mark.parametrize(
    ("words", "code", "cure"),
    [
        (["add", "-e"], "", "No such option"),
        (["add", "emoji @ https://example.org/x.whl"], "bad-package", "hubctl packages add emoji"),
        (["add", "emoji<2", "Emoji>2"], "bad-package", "the same package twice"),
        (["remove", "emojy"], "unknown-package", "did you mean `emoji`?"),
        (["list", "--node", "bax"], "unknown-node", "did you mean `box`?"),
    ],
)
def test_what_cannot_be_is_refused_with_the_nearest_cure(
    desk: Desk, words: list[str], code: str, cure: str
) -> None:
    packages("add", "emoji")
    before = kept(desk)
    done = packages(*words)
    assert done.exit_code in (Exit.USAGE, Exit.INVENTORY, 2)
    assert code in done.output
    assert cure in done.output
    assert kept(desk) == before


def test_a_package_that_was_not_asked_for_is_gone_already(desk: Desk) -> None:
    packages("add", "emoji")
    assert packages("remove", "numpy").exit_code == 0
    assert "emoji" in kept(desk)


def test_a_node_without_a_hub_is_said(desk: Desk, machine: Machine) -> None:
    machine.path("opt/hub/uv/bin/uv").unlink()
    done = packages("add", "emoji")
    assert "not-deployed" in done.output
    assert "hubctl deploy " in done.output
    assert kept(desk) == ""


@pytest.fixture
def browser(desk: Desk) -> Callable[..., None]:
    """What adds packages on the desk's deployed node as an admin does in the browser."""
    environment = PythonEnv(
        "/opt/hub/jupyterhub/users", lock("jupyterlab==1.0"), "/opt/hub/uv/bin/uv", PACKAGES
    )
    assert desk.machine.converge([environment]).status == 0

    def add(*names: str) -> None:
        assert desk.machine.ask("packages-add", asked=list(names)).status == 0

    return add


def rows(*words: str) -> list[tuple[str, str, str]]:
    """Return name, requirement and source of what is listed."""
    listed = packages("list", "--json", *words)
    assert listed.exit_code == 0, listed.output
    events = map(json.loads, listed.stdout.splitlines())
    return [(each["name"], each["asked"], each["source"]) for each in events if each["event"] == "package"]


def test_what_admins_added_in_the_browser_is_listed_and_can_be_removed(
    desk: Desk, browser: Callable[..., None]
) -> None:
    packages("add", "emoji", "Flask>=3")
    browser("click<9", "flask")
    assert rows() == [
        ("click", "click<9", "browser"),
        ("emoji", "emoji", "command"),
        ("flask", "Flask>=3", "command"),
        ("flask", "flask", "browser"),
    ]
    assert ["click", "click<9", "1.0", "browser"] in [
        line.split() for line in packages("list").output.splitlines()
    ]
    slip = packages("remove", "clik")
    assert (slip.exit_code, "did you mean `click`?" in slip.output) == (Exit.USAGE, True)
    left = packages("remove", "emoji")
    assert (left.exit_code, "click" in left.output) == (0, True)
    packages("add", "emoji")
    assert packages("remove", "Click", "flask").exit_code == 0
    assert rows() == [("emoji", "emoji", "command")]
    assert not desk.machine.path(PACKAGES).exists()


def test_a_node_that_cannot_be_asked_hides_only_what_it_alone_knows(
    desk: Desk, browser: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    packages("add", "emoji")
    browser("click")
    monkeypatch.setattr(Job, "ask", lambda _, __, node: Outcome(node, error=UNREACHABLE))
    listed = packages("list")
    assert listed.exit_code == Exit.UNREACHABLE
    assert "emoji" in listed.output
    assert "what admins added in the browser: it is not listed" in listed.output
    assert "[unreachable]" in listed.output
    events = [json.loads(line) for line in packages("list", "--json").stdout.splitlines()]
    assert [each.get("name", each.get("code")) for each in events] == ["emoji", "unreachable"]
    before = kept(desk)
    assert packages("remove", "emoji", "click").exit_code == Exit.UNREACHABLE
    assert kept(desk) == before


def test_a_node_that_was_never_made_has_none_of_the_browser(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the desk's machine stands in for the node no more
    monkeypatch.setenv("HUBCTL_INVENTORY", str(desk.folder / "lab.yml"))
    monkeypatch.setenv("HUBCTL_CONFIG_DIR", str(desk.folder / "config"))
    assert rows() == []
    assert "and none besides" in packages("list").output


def in_inventory(desk: Desk, keys: str) -> None:
    """Let the inventory say more of the hub."""
    path = desk.folder / "lab.yml"
    path.write_text(path.read_text().replace("hostname: hub", f"hostname: hub, {keys}"))


def test_the_inventorys_packages_are_resolved_with_those_that_are_added(desk: Desk) -> None:
    in_inventory(desk, 'packages: ["numpy >= 2"], requirements: class.txt')
    (desk.folder / "class.txt").write_text("# the class\nFlask<4  # pages\n\n")
    assert packages("add", "emoji").exit_code == 0
    head = "# in the inventory: Flask<4\n# in the inventory: numpy>=2\n# asked for: emoji\n"
    assert head in kept(desk)
    assert {"Flask==1.0", "numpy==1.0", "emoji==1.0"} <= {
        line.split(" ")[0] for line in kept(desk).splitlines()
    }
    rows = [line.split() for line in packages("list").output.splitlines()]
    assert ["flask", "Flask<4", "1.0", "inventory"] in rows
    assert ["emoji", "emoji", "1.0", "command"] in rows
    assert packages("remove", "emoji").exit_code == 0
    assert "asked for" not in kept(desk)
    assert "in the inventory: numpy>=2" in kept(desk)


def test_of_the_inventorys_packages_a_command_changes_none_and_renews_any(desk: Desk) -> None:
    in_inventory(desk, 'packages: ["numpy>=2"], requirements: class.txt')
    (desk.folder / "class.txt").write_text("# the class\nFlask<4\n")
    packages("add", "emoji")
    before = kept(desk)
    for words, place in (
        (("remove", "numpy"), "lab.yml:7:100: error: numpy"),
        (("add", "numpy<3"), "lab.yml:7:100: error: numpy"),
        (("remove", "flask"), "class.txt:2:1: error: flask"),
    ):
        done = packages(*words)
        assert (done.exit_code, place in done.output) == (Exit.INVENTORY, True), done.output
    assert kept(desk) == before
    assert packages("add", "NumPy").exit_code == 0
    assert "--upgrade-package=numpy" in desk.machine.calls("uv")[-1]
    assert kept(desk) == before


@pytest.mark.parametrize(
    ("keys", "text", "code", "place"),
    [
        ("packages: [numpy, NumPy]", "", "named-twice", "lab.yml:7:107"),
        ("packages: [numpy], requirements: class.txt", "numpy<3\n", "named-twice", "class.txt:1:1"),
        ("packages: [emoji>=one]", "", "bad-package", "lab.yml:7:100"),
        ("packages: [-rx.txt]", "", "bad-value", "lab.yml:7:100"),
        ("requirements: class.txt", "emoji\n-r more.txt\n", "bad-package", "class.txt:2:1"),
        ("requirements: class.txt", "emoji @ https://example.org/x.whl\n", "bad-package", "class.txt:1:1"),
        ("requirements: none.txt", "", "requirements-missing", "lab.yml:7:103"),
    ],
)
def test_what_the_inventory_cannot_ask_for_is_told_with_its_place(
    desk: Desk, keys: str, text: str, code: str, place: str
) -> None:
    (desk.folder / "class.txt").write_text(text)
    in_inventory(desk, keys)
    done = packages("add", "flask")
    assert done.exit_code == Exit.INVENTORY
    assert f"{place}: error: " in done.output
    assert f"[{code}]" in done.output
    assert kept(desk) == ""
