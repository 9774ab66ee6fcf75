"""The worked example of docs/extending.md, taken from the page as a reader would."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extending.md"
_BLOCK = re.compile(
    r"^`(?P<path>[\w./@-]+)`(?:, (?P<side>before|after) `(?P<anchor>[^`]+)`)?:\n\n```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_ROW = re.compile(r"^\| ((?:`[\w./]+`(?:, )?)+) \|", re.MULTILINE)


def named_files() -> set[str]:
    """Return the files and folders that the page's table names."""
    section = PAGE.read_text().partition("## A service")[2].partition("\n## ")[0]
    return {path for row in _ROW.findall(section) for path in re.findall(r"`([\w./]+)`", row)}


def copy_tree(folder: Path) -> Path:
    """Copy what hubctl and its tests consist of."""
    for part in ("provision", "runtime", "scripts", "tests", "pyproject.toml"):
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    return folder


def follow(tree: Path) -> set[str]:
    """Do what the page says, the lock included; return the files that were made or changed."""
    touched = set()
    for block in _BLOCK.finditer(PAGE.read_text()):
        path = tree / block["path"]
        if block["anchor"]:
            _insert(path, block["anchor"], block["text"], after=block["side"] == "after")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"])
        touched.add(block["path"])
    subprocess.run([sys.executable, "scripts/lock.py", "hello"], cwd=tree, check=True)
    return touched | {"runtime/locks/hello.lock"}


def _insert(path: Path, anchor: str, text: str, *, after: bool) -> None:
    lines = path.read_text().splitlines(keepends=True)
    (place,) = (number for number, line in enumerate(lines) if anchor in line)
    lines.insert(place + after, text)
    path.write_text("".join(lines))
