"""Files that are there whole or not at all, also after a kill or a power cut. The controller uses this too."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path


def temporary(path: Path) -> Path:
    """Name the file that becomes `path`; hidden, so that `*.conf` and `*` patterns of programs pass it by."""
    return path.with_name(f".{path.name}.hubctl-new")


def sync_directory(path: Path) -> None:
    """Make renames and removals in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(
    path: Path,
    data: bytes | str,
    mode: int = 0o600,
    owner: tuple[int, int] | None = None,
    times: tuple[int, int] | None = None,
) -> None:
    """Put a file in place in one step, with its mode and owner; nobody else can read it before that.

    Two processes that may write the same file hold `alone_in` its folder, or a lock of their own.

    Args:
        path: the file. What is there, a link too, is replaced.
        data: the content; text is written as UTF-8.
        mode: permission bits.
        owner: user and group ids, or those of the engine.
        times: access and modification time in nanoseconds, or now.

    Raises:
        OSError: such as a full disk; what was there is unharmed and the temporary file is gone.
    """
    new = temporary(path)
    with naming(path), _undone(new):
        new.unlink(missing_ok=True)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            rest = memoryview(data.encode() if isinstance(data, str) else data)
            while rest:
                rest = rest[os.write(handle, rest) :]
            if owner is not None:
                os.fchown(handle, *owner)
            os.fchmod(handle, mode)
            if times is not None:
                os.utime(handle, ns=times)
            os.fsync(handle)
        finally:
            os.close(handle)
        new.replace(path)
    sync_directory(path.parent)


@contextlib.contextmanager
def _undone(new: Path) -> Iterator[None]:
    """Take a temporary file back if it does not get its place."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def sweep(folder: Path) -> None:
    """Remove temporary files that a killed run has left in a folder of which this is the only user."""
    for path in folder.glob(".*.hubctl-new"):
        path.unlink()


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have errors of the system name the file that they are about: a full disk names none."""
    try:
        yield
    except OSError as error:
        if error.errno:
            error.filename = str(path)
            del error.filename2
        raise


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the only process that writes in a folder; wait for another. No file is left behind."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_link(path: Path, target: str) -> None:
    """Put a symbolic link in place in one step; a file or link that is there is replaced."""
    new = temporary(path)
    with naming(path), _undone(new):
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(path)
    sync_directory(path.parent)


def remove(path: Path) -> None:
    """Remove a file or link if there is one."""
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_directory(path.parent)


def set_access(path: Path, mode: int, owner: tuple[int, int], *, directory: bool = False) -> None:
    """Set mode and owner of a file or directory in place; never through a link.

    Raises:
        OSError: `path` has become something else.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags | (os.O_DIRECTORY if directory else 0))
    try:
        if not directory and not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path} is no longer a regular file")
        os.fchown(handle, *owner)
        os.fchmod(handle, mode)
    finally:
        os.close(handle)


def make_directories(path: Path) -> None:
    """Make a directory and its parents, 0755, where they are missing."""
    if path.is_dir():
        return
    make_directories(path.parent)
    path.mkdir(mode=0o755, exist_ok=True)
    path.chmod(0o755)
    sync_directory(path.parent)


def remove_tree(path: Path) -> None:
    """Remove a directory, if there is one, with all that is in it."""
    import shutil  # takes long to import, and most runs remove nothing

    if path.is_dir():
        shutil.rmtree(path)


def move_tree(path: Path, to: Path) -> None:
    """Move a directory to a free place beside it: by copying where a layered file system cannot rename it."""
    import shutil  # takes long to import, and most runs move nothing

    shutil.move(str(path), str(to))


def kind_of(path: Path) -> tuple[str, os.stat_result | None]:
    """Return what is at a path, itself and not what a link points to: absent, file, link, directory or special file."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return "absent", None
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISLNK, "link"), (stat.S_ISDIR, "directory"))
    return next((name for test, name in kinds if test(found.st_mode)), "special file"), found
