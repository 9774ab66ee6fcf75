# Made by hubctl; the next deploy undoes changes made here.
"""Start the engine, if what is kept of it here (install.py) is whole: `python3 -I -S -c TEXT FOLDER`."""

from __future__ import annotations

import marshal
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER

try:
    from _blake2 import blake2b  # hashlib would cost every run 10 ms
except ImportError:
    from hashlib import blake2b

NOT_THERE = 90


class Modules:
    """Finds the engine's modules in its one file."""

    def __init__(self, folder: str, code: dict[str, bytes]) -> None:
        self.folder, self.code = folder, code

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Return where a module is."""
        base = name.replace(".", "/")
        for file in (base + ".py", base + "/__init__.py"):
            if file in self.code:
                origin, package = self.folder + "/" + file, file.endswith("/__init__.py")
                spec = ModuleSpec(name, self, origin=origin, loader_state=file, is_package=package)  # type: ignore[arg-type]
                spec.has_location = True
                return spec
        return None

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: object) -> None:
        """Run a module's code."""
        self.run(module.__spec__.loader_state, vars(module))  # type: ignore[attr-defined]

    def run(self, file: str, variables: dict[str, object]) -> None:
        """Run the code of a file."""
        exec(marshal.loads(self.code[file]), variables)  # noqa: S102, S302  it is hubctl's own, and whole


def start(folder: str) -> None:
    """Run the engine, or end with a status that asks for it."""
    try:
        with open(folder + "/engine", "rb") as file:  # noqa: PTH123  each run would wait for pathlib
            hashed, kept = file.read(64), file.read()
    except OSError:
        sys.exit(NOT_THERE)
    if blake2b(MAGIC_NUMBER + kept).digest() != hashed:  # damaged, or compiled by another Python
        sys.exit(NOT_THERE)
    modules = Modules(folder, marshal.loads(kept))  # noqa: S302
    sys.meta_path.insert(0, modules)
    modules.run("__main__.py", {"__name__": "__main__"})


if __name__ == "__main__":
    start(sys.argv[1])
