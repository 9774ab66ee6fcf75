"""What may import what: downward only, without circles, and nothing but the standard library on a node.

Imports inside of functions and for annotations alone count as any other.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import provision

SOURCE = Path(provision.__file__).parent

# From the top to the ground. Each may import what is further down, and nothing beside it.
LAYERS = (
    {"__main__"},
    {"cli"},
    {"commands"},
    {"actions"},
    {"cloud", "transport"},
    {"plan"},
    {"services"},
    {"steps"},
    {"bundles", "render"},
    {"cloud.local", "secrets"},
    {"keys"},
    {"inventory", "output", "packing", "waiting"},
    {"reading"},
    {"distributions", "errors", "lean", "node"},
)
NODE_LAYERS = (
    {"admin"},
    {"main"},
    {"ops"},
    {"request"},
    {"engine", "manifest"},
    {"tally"},
    {"beside", "prefetch"},
    {"resources"},
    {"releases", "users"},
    {"apt", "certbot", "clock", "originals", "stopping", "ufw", "venv"},
    {"run"},
    {"audit", "facts", "journal", "lock", "systemd"},
    {"holder"},
    {"ahead", "diff", "intact", "locks", "meanwhile", "peer", "shapes", "state", "system", "x509"},
    {"files"},
    {"errors", "install", "records", "start"},
)
# Breaches that are known, as "importer imported", each with the reason why it is left.
KNOWN: dict[str, str] = {}


def module_name(path: Path) -> str:
    parts = [SOURCE.name, *path.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def sources() -> dict[str, Path]:
    paths = (path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] != "templates")
    return {module_name(path): path for path in paths}


def imported(name: str) -> Iterator[str]:
    """Yield the modules that one imports, whole names; those of packages stand for what they export."""
    path = sources()[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                yield whole if whole in sources() else module


@cache
def graph() -> dict[str, set[str]]:
    """Return who imports whom within hubctl."""
    return {name: {other for other in imported(name) if other in sources()} for name in sources()}


def place(name: str, layers: tuple[set[str], ...], package: str) -> tuple[str, int]:
    """Return the part that a module belongs to, the most exact one, and how far up it is."""
    words = name.removeprefix(f"{package}.").split(".")
    for length in range(len(words), 0, -1):
        part = ".".join(words[:length])
        for depth, layer in enumerate(reversed(layers)):
            if part in layer:
                return part, depth
    raise AssertionError(f"{name} has no place yet: give it one in the table of this test")


def breaches(layers: tuple[set[str], ...], package: str) -> list[str]:
    found = []
    inside = {name for name in graph() if name.startswith(f"{package}.")}
    for name in sorted(inside):
        part, height = place(name, layers, package)
        for other in sorted(graph()[name] & inside):
            other_part, other_height = place(other, layers, package)
            if part != other_part and other_height >= height and f"{name} {other}" not in KNOWN:
                found.append(f"{name} imports {other}, which is not below it")
    return found


def test_imports_point_downward() -> None:
    assert breaches(LAYERS, "provision") == []


def test_imports_point_downward_on_the_node() -> None:
    assert breaches(NODE_LAYERS, "provision.node") == []


def test_there_are_no_circles() -> None:
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle of imports: {' ← '.join(error.args[1])}") from None


def test_the_node_half_needs_nothing_but_itself_and_the_standard_library() -> None:
    for name in sources():
        if name.startswith("provision.node"):
            for other in imported(name):
                root = other.split(".")[0]
                assert root in sys.stdlib_module_names or other.startswith("provision.node"), (name, other)


def test_no_known_breach_is_listed_that_is_mended() -> None:
    edges = {f"{name} {other}" for name, others in graph().items() for other in others}
    assert set(KNOWN) <= edges


def test_a_circle_and_a_step_upward_would_be_seen() -> None:
    """The graph itself holds what the tests look for: imports for annotations and inside of functions."""
    assert "provision.node.run" in graph()["provision.node.resources.file"]  # for annotations alone
    assert "provision.node.releases.switch" in graph()["provision.node.resources.release"]  # in a function
    assert "provision.node.errors" in graph()["provision.node.ops"]
