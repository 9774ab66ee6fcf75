"""The host's own way to its package archives, read from its apt configuration for images and machines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .command import run

# What a machine needs of the host's `apt-config dump`: ways out, and what odd mirrors make necessary.
_HANDED_ON = re.compile(
    r"Acquire::(https?::(Proxy|Verify-\w+|CaInfo|Timeout)\b.*|Check-Valid-Until|Check-Date|Retries|ForceIPv[46])",
    re.IGNORECASE,
)
_CONFIG_LINE = re.compile(r'(?P<key>[\w:.\-/]+) "(?P<value>.*)";')


@dataclass(frozen=True)
class Source:
    """One entry of apt's sources.

    Attributes:
        uri: address of the archive.
        suites: such as `bookworm`, `bookworm-updates`.
        components: such as `main`.
        signed_by: path of the keyring, empty when the entry names none.
    """

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""

    def lines(self) -> list[str]:
        """Write the entry in apt's one-line style, one line a suite."""
        option = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return [f"deb {option}{self.uri} {suite} {' '.join(self.components)}" for suite in self.suites]


def host_sources(folder: Path = Path("/etc/apt")) -> list[Source]:
    """Read every enabled binary archive of this computer."""
    found: list[Source] = []
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        if path.suffix == ".list" and path.is_file():
            found += parse_one_line(path.read_text().splitlines())
        elif path.suffix == ".sources" and path.is_file():
            found += parse_deb822(path.read_text())
    return found


def parse_one_line(lines: Iterable[str]) -> Iterator[Source]:
    """Parse `deb [options] URI SUITE COMPONENT...` lines."""
    for line in lines:
        match = re.match(
            r"deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)\s+(?P<rest>.+)", line.split("#")[0].strip()
        )
        if match:
            suite, *components = match["rest"].split()
            keyring = re.search(r"signed-by=(/\S+)", match["options"] or "")
            yield Source(match["uri"], (suite,), tuple(components), keyring[1] if keyring else "")


def parse_deb822(text: str) -> Iterator[Source]:
    """Parse the stanzas of a `.sources` file; an embedded key counts as none named."""
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        keyring = fields.get("signed-by", "")
        for uri in fields.get("uris", "").split():
            yield Source(
                uri,
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                keyring if keyring.startswith("/") else "",
            )


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    key = ""
    for line in stanza.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0] in " \t":
            fields[key] = f"{fields.get(key, '')} {line.strip()}".strip()
        else:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            fields[key] = value.strip()
    return fields


def for_suite(sources: Iterable[Source], host_suite: str, suite: str) -> list[Source]:
    """Turn the host's entries for its own release into the same entries for another release of the distribution.

    Entries of other archives (a vendor's own) are left out.
    """
    wanted = re.compile(rf"{re.escape(host_suite)}(?P<pocket>-security|-updates)?$")
    result = []
    for source in sources:
        suites = tuple(
            f"{suite}{match['pocket'] or ''}" for name in source.suites if (match := wanted.match(name))
        )
        if suites:
            result.append(Source(source.uri, suites, source.components, source.signed_by))
    return result


def host_options() -> list[str]:
    """Return the host's apt settings that decide how archives are reached, as lines of an apt.conf file."""
    dump = run(["apt-config", "dump"], check=False)
    matches = (_CONFIG_LINE.fullmatch(line) for line in dump.splitlines())
    return [match[0] for match in matches if match and match["value"] and _HANDED_ON.match(match["key"])]
