"""Values stay values, whatever they hold: each filter is read back by the program it quotes for."""

from __future__ import annotations

import copy
import http.client
import json
import os
import pickle
import re
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision import render
from provision.errors import Exit, HubError
from provision.secrets.value import MASK, Secret
from tests.support.programs import program

HOSTILE = [
    "",
    " ",
    "two words",
    " leading and trailing ",
    'say "hello"',
    "it's",
    "back\\slash",
    "ends with a backslash\\",
    "\\n \\t \\x41 \\u00e9",
    "100% %i %n %%",
    "$HOME ${HOME} $$ $(id) `id`",
    "a; b",
    '"; } server { listen 1; } #',
    "'; DROP TABLE task; --",
    "' \" ' \" \\' \\\"",
    "# no comment",
    "{{ 7 * 7 }} {% raw %}",
    "naïve Straße 日本語 🙂",
    "a&b|c>d<e*f?g[h]i~j!k",
    "-rf",
]
LINES = ["a\nb", "a\rb", "nul\0", "\x1b[31m", "next\x85line", "line\u2028separator"]
ONE_LINE = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=60)


@pytest.mark.parametrize("value", LINES)
@pytest.mark.parametrize("name", sorted(set(render.FILTERS) - {"json"}))
def test_line_breaks_and_control_characters_are_refused(name: str, value: str) -> None:
    with pytest.raises(HubError, match="cannot be written") as caught:
        render.FILTERS[name](value)
    assert caught.value.exit_code is Exit.INVENTORY
    assert "control character" in caught.value.why


@pytest.mark.parametrize("value", [None, 1.5, True, b"x", ["x"], "\ud800"])
@pytest.mark.parametrize("name", sorted(set(render.FILTERS) - {"json"}))
def test_only_texts_and_whole_numbers_are_quoted(name: str, value: object) -> None:
    with pytest.raises(HubError, match="cannot be written"):
        render.FILTERS[name](value)


@settings(max_examples=60, deadline=None)
@given(st.lists(ONE_LINE, max_size=8))
def test_a_shell_reads_each_value_as_one_word(values: list[str]) -> None:
    assert _words(" ".join(map(render.shell, [*values, *HOSTILE]))) == [*values, *HOSTILE]


@given(ONE_LINE)
def test_sql_reads_a_literal_as_the_value(value: str) -> None:
    literal = render.sql_literal(value)
    # SQLite has no E'…' strings, which are there for backslashes alone.
    plain = literal.removeprefix("E").replace("\\\\", "\\")
    assert literal.startswith("E") == ("\\" in value)
    assert sqlite3.connect(":memory:").execute(f"SELECT {plain}").fetchone() == (value,)


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=15))
def test_sql_reads_an_identifier_as_the_name(name: str) -> None:
    cursor = sqlite3.connect(":memory:").execute(f"SELECT 1 AS {render.sql_identifier(name)}")
    assert cursor.description[0][0] == name


@pytest.mark.parametrize("name", ["", "x" * 64, "é" * 32])
def test_names_that_postgresql_would_cut_are_refused(name: str) -> None:
    with pytest.raises(HubError, match="cannot be written"):
        render.sql_identifier(name)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=10))
def test_json_carries_any_data_in_one_line(value: object) -> None:
    text = render.as_json(value)
    assert json.loads(text) == value
    assert "\n" not in text
    assert text.isascii()


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """A folder that other users can read, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_systemd_reads_each_value_as_one_word(readable_folder: Path) -> None:
    environment = [f"V{index}={value}" for index, value in enumerate(HOSTILE)]
    arguments = [value for value in HOSTILE if value]
    (readable_folder / "probe.service").write_text(
        "[Unit]\nDefaultDependencies=no\n[Service]\n"
        + "".join(f"Environment={render.systemd(entry)}\n" for entry in environment)
        + f"ExecStart=/bin/echo {' '.join(map(render.systemd_argument, arguments))}\n"
    )
    dump = _systemd_dump(readable_folder)
    assert re.findall(r"^\t\tEnvironment: (.*)$", dump, re.MULTILINE) == environment
    (command,) = re.findall(r"^\t\t\tCommand Line: (.*)$", dump, re.MULTILINE)
    # What is shown is quoted for a shell, and still has the doubled dollar signs that systemd halves at the start.
    shown = [word.replace("$$", "$") for word in _words(command)]
    assert shown == ["/bin/echo", *arguments]


def _words(line: str) -> list[str]:
    """Split a line as a shell does."""
    done = subprocess.run(["sh", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


def _systemd_dump(units: Path) -> str:
    """Return what systemd itself understood of probe.service."""
    manager = program("systemd")
    for name in ("basic", "shutdown", "sysinit"):
        (units / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    runtime = units / "runtime"
    runtime.mkdir()
    # A user's manager refuses to be tested by root.
    user = "nobody" if os.geteuid() == 0 else None
    units.chmod(0o755)
    runtime.chmod(0o777)
    done = subprocess.run(
        [manager, "--test", "--user", "--unit=probe.service", "--log-target=console"],
        env={"SYSTEMD_UNIT_PATH": str(units), "XDG_RUNTIME_DIR": str(runtime), "HOME": str(units)},
        capture_output=True,
        text=True,
        user=user,
        cwd="/",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout[done.stdout.index("-> Unit probe.service") :].split("\n\t-> Unit ")[0]


def test_nginx_reads_each_value_as_one_parameter(tmp_path: Path) -> None:
    values = [value for value in HOSTILE if "$" not in value]
    places = "".join(
        f"location = /{index} {{ return 200 {render.nginx(value)}; }}\n" for index, value in enumerate(values)
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; server {{ listen unix:{tmp_path}/s;\n{places}}} }}\n"
    )
    with subprocess.Popen(
        [program("nginx"), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], stderr=subprocess.PIPE
    ) as server:
        try:
            answers = [_ask(tmp_path / "s", f"/{index}") for index in range(len(values))]
        finally:
            server.terminate()
    assert answers == values


def _ask(path: Path, target: str) -> str:
    connection = http.client.HTTPConnection("localhost", timeout=20)
    connection.sock = _connected(path)
    connection.request("GET", target)
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read().decode()


def _connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    for _ in range(1200):
        try:
            client.connect(str(path))
        except OSError:
            time.sleep(0.05)
        else:
            return client
    raise AssertionError(f"nothing listens at {path}")


@pytest.mark.parametrize("value", ["$host", "a${b}", "$"])
def test_nginx_variables_are_refused(value: str) -> None:
    with pytest.raises(HubError, match="cannot be written") as caught:
        render.nginx(value)
    assert "variable" in caught.value.why


def test_apache_arguments_are_quoted() -> None:
    assert render.apache('a "b" \\ c\\') == r'"a \"b\" \\ c\\"'
    assert render.apache("100% $HOME") == '"100% $HOME"'


@pytest.mark.parametrize("value", ["${HOME}", "%{HTTP_HOST}"])
def test_apache_variables_are_refused(value: str) -> None:
    with pytest.raises(HubError, match="cannot be written"):
        render.apache(value)


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of templates."""
    monkeypatch.setattr(render, "TEMPLATES", tmp_path)
    render._environment.cache_clear()
    yield tmp_path
    render._environment.cache_clear()


@pytest.mark.parametrize(
    "value", [*(value for value in HOSTILE if not re.fullmatch(r"[-\w.:/@+=,]*", value)), *LINES]
)
def test_a_bare_value_that_is_no_plain_word_stops_the_rendering(templates: Path, value: str) -> None:
    (templates / "t").write_text("setting {{ value }}\n")
    with pytest.raises(HubError, match="cannot be written") as caught:
        render.render("t", value=value)
    assert "without a quoting filter" in caught.value.why


@pytest.mark.parametrize("value", ["tasks.demo.test", "/run/web.sock", "a_b-c", "1m", 0, 42, "user@host", ""])
def test_a_plain_word_may_stand_bare(templates: Path, value: object) -> None:
    (templates / "t").write_text("setting {{ value }}\n")
    assert render.render("t", value=value) == f"setting {value}\n"


@pytest.mark.parametrize("value", [None, True, 1.5, ["a"], {"a": 1}, b"a"])
def test_other_data_may_not_stand_bare(templates: Path, value: object) -> None:
    (templates / "t").write_text("setting {{ value }}\n")
    with pytest.raises(HubError, match="cannot be written"):
        render.render("t", value=value)


def test_filtering_a_value_makes_it_safe_and_changing_it_afterwards_does_not(templates: Path) -> None:
    (templates / "t").write_text("{{ value | shell }}")
    assert render.render("t", value="a b") == "'a b'"
    (templates / "u").write_text("{{ (value | shell) ~ ' ; id' }}")
    with pytest.raises(HubError, match="cannot be written"):
        render.render("u", value="a b")


def test_a_value_that_was_not_given_stops_the_rendering(templates: Path) -> None:
    (templates / "t").write_text("{{ missing }}")
    with pytest.raises(jinja2.UndefinedError, match="missing"):
        render.render("t")


def test_a_secret_is_written_by_a_filter_alone(templates: Path) -> None:
    secret = Secret("hunter2 $")
    (templates / "quoted").write_text("{{ secret | shell }}")
    (templates / "bare").write_text("{{ secret }}")
    assert render.render("quoted", secret=secret) == "'hunter2 $'"
    with pytest.raises(HubError) as caught:
        render.render("bare", secret=secret)
    assert "hunter2" not in f"{caught.value} {caught.value.as_dict()}"


def test_an_unquotable_secret_is_not_shown(templates: Path) -> None:
    with pytest.raises(HubError) as caught:
        render.nginx(Secret("hunter2$"))
    assert "hunter2" not in f"{caught.value} {caught.value.as_dict()}"


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("hunter2")
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>20}", f"{[secret]}", "%s" % secret]  # noqa: UP031
    shown.append(json.dumps({"password": secret}, default=str))
    assert not any("hunter2" in text for text in shown)
    assert all(MASK in text for text in shown)
    assert secret.reveal() == "hunter2"


def test_a_secret_cannot_be_used_as_a_text_by_mistake() -> None:
    secret = Secret("hunter2")
    for misuse in (
        lambda: "x" + secret,
        lambda: "".join([secret]),
        lambda: json.dumps(secret),
        lambda: secret.encode(),
    ):
        with pytest.raises((TypeError, AttributeError)) as caught:
            misuse()
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("leak", [pickle.dumps, copy.deepcopy])
def test_a_secret_cannot_be_pickled(leak: object) -> None:
    with pytest.raises(TypeError, match="secret"):
        leak(Secret("hunter2"))


def test_secrets_are_equal_by_value_and_never_to_a_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
