"""The engine as one archive, made on the controller: the same bytes for the same sources."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from functools import cache
from pathlib import Path

PACKAGE = "hubctl_node"
_MAIN = f"import sys\n\nfrom {PACKAGE}.main import main\n\nsys.exit(main())\n"


@cache
def engine_archive() -> tuple[str, bytes]:
    """Return the sha256 (hex) of the archive and the archive, a gzipped tar.

    Unpacked into a folder it is started with `python3 -E -s FOLDER`.
    """
    source = Path(__file__).parent
    files = {
        f"{PACKAGE}/{path.relative_to(source).as_posix()}": path.read_bytes() for path in source.rglob("*.py")
    }
    files["__main__.py"] = _MAIN.encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    packed = gzip.compress(buffer.getvalue(), mtime=0)
    return hashlib.sha256(packed).hexdigest(), packed
