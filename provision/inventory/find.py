"""Which inventory a command means when it is not told."""

from __future__ import annotations

from pathlib import Path

from ..errors import Exit, HubError

_HINT = "name one with --inventory PATH, or in the environment variable HUBCTL_INVENTORY"


def find(given: Path | None, start: Path | None = None) -> Path:
    """Return the path of the inventory.

    Args:
        given: what the operator named, by option or environment; taken as it is.
        start: the folder to look from, by default the working directory. It and the folders above it are
            searched for `hubctl.yml` and `inventories/*.yml`; the nearest folder that has any decides.

    Raises:
        HubError: there is none, or there are several in one folder.
    """
    if given is not None:
        return given
    start = (start or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        candidates = _inventories(folder)
        if len(candidates) == 1:
            return candidates[0].relative_to(start) if folder == start else candidates[0]
        if candidates:
            raise HubError(
                "several-inventories",
                "there are several inventories, and none was named",
                why="\n".join(str(candidate) for candidate in candidates),
                hint=f"name one: --inventory {candidates[0]}, or export HUBCTL_INVENTORY={candidates[0]}",
                exit_code=Exit.USAGE,
            )
    raise HubError(
        "no-inventory",
        "there is no inventory",
        why=f"looked for hubctl.yml and inventories/*.yml in {start} and the folders above it",
        hint=_HINT,
        exit_code=Exit.USAGE,
    )


def _inventories(folder: Path) -> list[Path]:
    patterns = ("hubctl.yml", "hubctl.yaml", "inventories/*.yml", "inventories/*.yaml")
    return sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
