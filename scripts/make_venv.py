"""Make the project's virtual environment from a hash-pinned lock, then add the project itself to it."""

import shlex
import subprocess
import sys
import venv
from pathlib import Path

MINIMUM = (3, 11)


def main(folder: Path, lock: Path) -> None:
    """Create `folder` (kept when it is there) and install `lock` and the project, editable, into it."""
    if sys.version_info < MINIMUM:
        sys.exit(
            f"hubctl needs Python {'.'.join(map(str, MINIMUM))} or newer; PYTHON=python3.11 make … picks one"
        )
    if not (folder / "bin" / "pip").exists():
        try:
            venv.create(folder, with_pip=True)
        except subprocess.CalledProcessError:
            sys.exit("this Python has no ensurepip: apt-get install python3-venv, then run make again")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    root = Path.cwd()
    # A path file is what an editable install comes to, and needs no build backend from the network.
    (site / "hubctl.pth").write_text(f"{root}\n{root / 'runtime'}\n")
    script = folder / "bin" / "hubctl"
    # By way of sh: the kernel reads no interpreter from a path with blanks or of more than 255 bytes.
    python = shlex.quote(str(root / folder / "bin" / "python"))
    script.write_text(f'#!/bin/sh\nexec {python} -m provision "$@"\n')
    script.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
