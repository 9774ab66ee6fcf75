"""The host's Python package indexes, read from pip's configuration and written for pip and uv in a machine."""

from __future__ import annotations

import configparser
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
# Options of pip that say where packages come from, and those that have several values.
_LISTS = ("extra-index-url", "find-links", "trusted-host")
_SINGLE = ("index-url", "no-index", "proxy", "timeout")


@dataclass(frozen=True)
class PipSettings:
    """Where pip takes packages from on this computer: option name to values, in pip's own words."""

    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def pip_conf(self, *, own_trust: bool) -> str:
        """Write /etc/pip.conf; empty when pip's own defaults are all that is needed.

        Args:
            own_trust: the system trusts CAs that pip does not bring itself.
        """
        if not self.options and not own_trust:
            return ""
        parser = configparser.RawConfigParser()
        parser["global"] = {
            name: "\n".join(("", *values)) if len(values) > 1 else values[0]
            for name, values in self.options.items()
        }
        parser["global"]["cert"] = str(_BUNDLE)
        lines = ["[global]"]
        for name, value in parser["global"].items():
            lines.append(f"{name} = {value}".replace("\n", "\n    "))
        return "\n".join(lines) + "\n"

    def uv_toml(self) -> str:
        """Write the same for uv, which reads no pip.conf; and let it trust what the system trusts."""
        lines = ["system-certs = true"]
        if url := self.options.get("index-url"):
            lines.append(f"index-url = {json.dumps(url[0])}")
        several = [name for name in ("extra-index-url", "find-links") if name in self.options]
        lines += [f"{name} = {json.dumps(list(self.options[name]))}" for name in several]
        if "extra-index-url" in self.options:
            lines.append(
                'index-strategy = "unsafe-best-match"'
            )  # all indexes count alike, as they do for pip
        if hosts := self.options.get("trusted-host"):
            lines.append(f"allow-insecure-host = {json.dumps(list(hosts))}")
        if self.options.get("no-index", ("",))[0].lower() in ("1", "true", "yes", "on"):
            lines.append("no-index = true")
        return "\n".join(lines) + "\n"

    def folders(self) -> list[Path]:
        """Return the folders of this computer that the indexes and links name, none inside another."""
        indexes = [*self.options.get("index-url", ()), *self.options.get("extra-index-url", ())]
        paths = [_with_files(path) for place in indexes if (path := _local_path(place))]
        paths += [path for place in self.options.get("find-links", ()) if (path := _local_path(place))]
        present = list(dict.fromkeys(path for path in paths if path.is_dir()))
        return [path for path in present if not any(other in path.parents for other in present)]

    def has_credentials(self) -> bool:
        """Tell whether an address holds a user name or password."""
        return any("@" in urlsplit(value).netloc for values in self.options.values() for value in values)


def host_settings(
    environment: Mapping[str, str] = os.environ, files: Iterable[Path] | None = None
) -> PipSettings:
    """Merge pip's configuration of this computer: files, the user's over the global ones, then variables."""
    merged: dict[str, tuple[str, ...]] = {}
    for path in _pip_files(environment) if files is None else files:
        parser = configparser.RawConfigParser()
        parser.read(path)
        for section in ("global", "install"):
            if parser.has_section(section):
                merged |= {
                    name: tuple(value.split()) for name, value in parser[section].items() if value.split()
                }
    for name in (*_LISTS, *_SINGLE):
        if value := environment.get(f"PIP_{name.upper().replace('-', '_')}", "").split():
            merged[name] = tuple(value)
    return PipSettings({name: merged[name] for name in (*_LISTS, *_SINGLE) if name in merged})


def _pip_files(environment: Mapping[str, str]) -> list[Path]:
    home = Path(environment.get("HOME") or "/root")
    own = environment.get("PIP_CONFIG_FILE")
    return [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf",
        *([Path(own)] if own else []),
    ]


def _local_path(place: str) -> Path | None:
    """Return the folder that a file: address or a path stands for; None for an address on the network."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(place) if place.startswith("/") else None


def _with_files(index: Path) -> Path:
    """Return what must be reachable for an index to work: the pages of `X/simple` usually link to files beside it."""
    return index.parent if index.name == "simple" and index.parent != Path("/") else index
