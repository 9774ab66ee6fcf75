"""Resolve the dependencies again, into lock files that pin hashes and name no registry."""

import subprocess
import sys
import sysconfig
from pathlib import Path

RUNTIME = Path("runtime/locks")
"""Each service of the runtime has a list of what it needs, `<service>.in`, and its lock beside it."""
LOCKS = {
    "requirements-dev.lock": (
        "3.11",
        ["pyproject.toml", "runtime/locks/task_api.in", "--group", "pyproject.toml:dev"],
    ),
    "requirements.lock": ("3.11", ["pyproject.toml"]),
    **{str(source.with_suffix(".lock")): ("3.10", [str(source)]) for source in sorted(RUNTIME.glob("*.in"))},
}


def main() -> None:
    """Write all lock files; uv is installed for it into the virtual environment."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    options = [
        "--system-certs",
        "--universal",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--quiet",
    ]
    for lock, (python, sources) in LOCKS.items():
        subprocess.run(
            [uv, "pip", "compile", *options, "--python-version", python, *sources, "-o", lock], check=True
        )
        if "http" in Path(lock).read_text():
            sys.exit(f"{lock} names a host")


if __name__ == "__main__":
    main()
