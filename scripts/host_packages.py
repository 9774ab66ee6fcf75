"""Install the Debian packages that the local cloud, and with --tests the tests, need and this computer lacks."""

import shutil
import subprocess
import sys

import archive_keys

from provision.cloud.local import host

# program -> package
FOR_TESTS = {
    "apache2": "apache2-bin",
    "redis-server": "redis-server",
    "nginx": "nginx-light",
    "sshd": "openssh-server",
}


def main(tests: bool) -> None:
    """Install what is missing; do nothing, quietly, where that cannot be done."""
    if host.unusable():
        return
    packages = host.missing()
    if tests:
        archive_keys.install_missing()
        packages += [package for program, package in FOR_TESTS.items() if not host.find_program(program)]
        if host.distribution() != "ubuntu" and not host.find_program("chromium"):
            packages.append("chromium")  # Ubuntu's is a snap; there, Google Chrome does as well
    if not packages:
        return
    if not shutil.which("apt-get"):
        sys.exit(f"please install: {' '.join(packages)}")
    print(f"installing {' '.join(packages)}", flush=True)
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    _run(*apt, "update")
    # RUNLEVEL=1 keeps a service that comes with a package from being started on this computer.
    surroundings = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
    _run(*surroundings, *apt, "install", "--no-install-recommends", *packages)


def _run(*argv: str) -> None:
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main(tests="--tests" in sys.argv[1:])
