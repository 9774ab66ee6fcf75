"""Keep the engine on the node as one file: `python3 -I -S -c TEXT FOLDER SHA256`, its archive on stdin.

The file is a BLAKE2b hash and what it is of: the compiled code of each module, by name. So a start reads one file, and
knows whether it is whole (start.py). It is on disk under its name only when it is on disk whole.
"""

from __future__ import annotations

import hashlib
import io
import marshal
import os
import shutil
import sys
import tarfile
from importlib.util import MAGIC_NUMBER
from pathlib import Path

NAME = "engine"


def packed(archive: bytes) -> bytes:
    """Return the file's content."""
    code = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            source = files.extractfile(member)
            if source is not None:
                code[member.name] = marshal.dumps(
                    compile(source.read(), member.name, "exec", dont_inherit=True)
                )
    kept = marshal.dumps(code)
    return hashlib.blake2b(MAGIC_NUMBER + kept).digest() + kept


def install(folder: Path, content: bytes) -> None:
    """Write the file, to disk before it has its name; what is in the place of its folders or of itself goes.

    Raises:
        OSError: it cannot be written.
    """
    os.umask(0o077)
    for place in (folder.parent, folder):
        if os.path.lexists(place) and not place.is_dir():
            place.unlink()
    if (folder / NAME).is_dir() and not (folder / NAME).is_symlink():
        shutil.rmtree(folder / NAME)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{NAME}.{os.getpid()}"
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / NAME)
    finally:
        unfinished.unlink(missing_ok=True)
    for place in (folder, folder.parent, folder.parent.parent):
        handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(handle)
        os.close(handle)


def main(folder: str, sha256: str) -> None:
    """Install what comes, if it is what was sent."""
    archive = sys.stdin.buffer.read()
    if hashlib.sha256(archive).hexdigest() != sha256:
        sys.exit("the engine did not arrive whole")
    try:
        install(Path(folder), packed(archive))
    except OSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
