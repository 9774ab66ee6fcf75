"""Settings of a service, read from the JSON file that ``HUB_SETTINGS`` names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]
S = TypeVar("S", bound=msgspec.Struct)


class SettingsError(Exception):
    """The settings file is missing or wrong."""


def load(kind: type[S]) -> S:
    """Read the file that ``HUB_SETTINGS`` names; without one, every setting has its default.

    Raises:
        SettingsError: the file cannot be read or does not hold settings, or a setting without a default has no file.
    """
    path = os.environ.get("HUB_SETTINGS")
    try:
        return msgspec.json.decode(Path(path).read_bytes() if path else b"{}", type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"{path or 'HUB_SETTINGS names no file'}: {error}") from error
