"""A service's bundle: its own package and what that imports, so that nothing else ever releases it."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from provision import bundles
from provision.errors import HubError
from provision.services import RECIPES


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small runtime with two services; `one` imports a part of its own and one that both share."""
    texts = {
        "__init__.py": "",
        "shared.py": "from . import deeper\n",
        "deeper.py": "import os\n",
        "unused.py": "",
        "one/__init__.py": "",
        "one/web.py": "from .. import shared\nfrom ..numbers.sums import add\nfrom .own import x\n",
        "one/own.py": "import shared_by_nobody\n",
        "one/page.html": "<p>",
        "numbers/__init__.py": "",
        "numbers/sums.py": "",
        "two/__init__.py": "def late():\n    from hub_runtime import shared\n",
    }
    for path, text in texts.items():
        file = tmp_path / "hub_runtime" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "locks").mkdir()
    for name in ("one", "two"):
        (tmp_path / "locks" / f"{name}.lock").write_text(f"needed-by-{name}==1\n")
    monkeypatch.setenv("HUBCTL_RUNTIME", str(tmp_path))
    return tmp_path


def names(service: str) -> set[str]:
    content = bundles.bundle.__wrapped__(service).content
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        return {name.removeprefix("hub_runtime/") for name in packed.getnames()}


def test_it_holds_the_package_and_all_that_it_imports(runtime: Path) -> None:
    own = {"one/__init__.py", "one/web.py", "one/own.py", "one/page.html"}
    assert names("one") == {
        "__init__.py",
        "shared.py",
        "deeper.py",
        "numbers/__init__.py",
        "numbers/sums.py",
        *own,
    }
    assert names("two") == {"__init__.py", "shared.py", "deeper.py", "two/__init__.py"}


@pytest.mark.parametrize(
    ("changed", "released"),
    [
        ("one/own.py", {"one"}),
        ("numbers/sums.py", {"one"}),
        ("deeper.py", {"one", "two"}),
        ("unused.py", set()),
    ],
)
def test_a_change_releases_those_who_use_it(runtime: Path, changed: str, released: set[str]) -> None:
    pack = bundles.bundle.__wrapped__
    before = {name: pack(name).sha256 for name in ("one", "two")}
    (runtime / "hub_runtime" / changed).write_text("# changed\n")
    # A part that is no longer imported is a change of whoever imported it, too.
    assert {name for name in before if pack(name).sha256 != before[name]} == released


def test_each_service_has_its_own_lock(runtime: Path) -> None:
    pack = bundles.bundle.__wrapped__
    assert {name: pack(name).requirements for name in ("one", "two")} == {
        "one": "needed-by-one==1\n",
        "two": "needed-by-two==1\n",
    }


def test_a_runtime_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBCTL_RUNTIME", str(tmp_path))
    with pytest.raises(HubError, match="the bundled runtime is missing"):
        bundles.runtime_folder()


@pytest.mark.parametrize("service", [recipe.name for recipe in RECIPES if recipe.released])
def test_every_module_of_a_service_finds_what_it_imports_in_its_bundle(service: str, tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(bundles.bundle(service).content)) as packed:
        packed.extractall(tmp_path, filter="data")
    modules = [".".join(path.relative_to(tmp_path).with_suffix("").parts) for path in tmp_path.rglob("*.py")]
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    path = f"import sys; sys.path[:] = [{str(tmp_path)!r}, *(p for p in sys.path if not p.endswith('/runtime'))]; "
    done = subprocess.run(
        [sys.executable, "-c", path + code, *sorted(modules)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
