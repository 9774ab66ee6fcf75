"""Resolve dependencies again, into lock files that pin hashes and name no registry: all, or those of services named."""

import subprocess
import sys
import sysconfig
from pathlib import Path

RUNTIME = Path("runtime/locks")
"""Each service of the runtime has a list of what it needs, `<service>.in`, and its lock beside it."""
TESTED = [str(RUNTIME / f"{service}.in") for service in ("dashboard", "task_api")]
"""What tests without nodes run, in the environment of the tests."""
LOCKS = {
    "requirements-dev.lock": (
        "3.11",
        ["pyproject.toml", *TESTED, "--group", "pyproject.toml:dev"],
    ),
    "requirements.lock": ("3.11", ["pyproject.toml"]),
    **{str(source.with_suffix(".lock")): ("3.10", [str(source)]) for source in sorted(RUNTIME.glob("*.in"))},
}


def main(services: list[str]) -> None:
    """Write the lock files of these services, by default all; uv is installed for it into the virtual environment."""
    chosen = {str(RUNTIME / f"{name}.lock") for name in services} or set(LOCKS)
    if unknown := chosen - set(LOCKS):
        sys.exit(f"there is no {', '.join(sorted(unknown)).replace('.lock', '.in')}")
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
    for lock in chosen:
        python, sources = LOCKS[lock]
        subprocess.run(
            [uv, "pip", "compile", *options, "--python-version", python, *sources, "-o", lock], check=True
        )
        if "http" in Path(lock).read_text():
            sys.exit(f"{lock} names a host")


if __name__ == "__main__":
    main(sys.argv[1:])
