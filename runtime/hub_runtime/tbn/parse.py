"""The text of a network: one monomer a row, one constraint a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import errors
from .model import Constraint, Monomer, Network, Site

ANY_NUMBER = -1
ARGUMENT_COUNT = {
    "TOGETHER": ANY_NUMBER,
    "NOTTOGETHER": 2,
    "FREE": 1,
    "NOTFREE": 1,
    "PAIRED": 2,
    "NOTPAIRED": 2,
    "ANYPAIRED": 1,
    "NOTANYPAIRED": 1,
}
ON_SITES = frozenset({"PAIRED", "NOTPAIRED", "ANYPAIRED", "NOTANYPAIRED"})


def parse(monomers: Iterable[Sequence[str]], constraints: Iterable[Sequence[str]] = ()) -> Network:
    """Read a network from rows of tokens.

    Tokens of a row are joined by blanks and split again, so one string may hold several. ``#`` starts a
    comment. A row without sites is no monomer. ``>name`` names the monomer and ends its row.

    Raises:
        TBNError: a name is empty, twice or unknown, or a constraint is none.
    """
    parsed = _parse_monomers(monomers)
    if not parsed:
        raise errors.EmptyProblemError
    return Network.of(parsed, _parse_constraints(constraints, parsed))


def _line(row: Sequence[str]) -> tuple[str, list[str]]:
    """Return a row as messages repeat it, and its tokens."""
    line = " ".join(row).strip()
    return errors.shortened(line), line.partition("#")[0].split()


def _parse_monomers(rows: Iterable[Sequence[str]]) -> list[Monomer]:
    monomers: list[Monomer] = []
    monomer_names: set[str] = set()
    site_names: set[str] = set()
    for row in rows:
        line, tokens = _line(row)
        monomer = _parse_monomer(line, tokens)
        for site in monomer.sites:
            if site.name in site_names:
                raise errors.DuplicateBindingSiteNameError(line)
            if site.name is not None:
                site_names.add(site.name)
        if not monomer.sites:
            continue
        if monomer.name in monomer_names:
            raise errors.DuplicateMonomerNameError(line)
        if monomer.name is not None:
            monomer_names.add(monomer.name)
        monomers.append(monomer)
    return monomers


def _parse_monomer(line: str, tokens: list[str]) -> Monomer:
    sites: list[Site] = []
    for token in tokens:
        if token.startswith(">"):
            name = token[1:]
            if not name:
                raise errors.EmptyMonomerNameError(line)
            return Monomer(tuple(sites), name)
        sites.append(_parse_site(line, token))
    return Monomer(tuple(sites))


def _parse_site(line: str, token: str) -> Site:
    text, colon, name = token.partition(":")
    domain, star, more = text.partition("*")
    if not domain or more or (colon and not name):
        raise errors.InvalidBindingSiteNameError(line)
    return Site(domain, bool(star), name or None)


def _parse_constraints(rows: Iterable[Sequence[str]], monomers: list[Monomer]) -> list[Constraint]:
    monomer_names = {monomer.name for monomer in monomers}
    site_names = {site.name for monomer in monomers for site in monomer.sites}
    constraints = []
    for row in rows:
        line, tokens = _line(row)
        if not tokens:
            continue
        kind, arguments = tokens[0], tokens[1:]
        if kind not in ARGUMENT_COUNT:
            raise errors.InvalidConstraintError(line, kind)
        expected = ARGUMENT_COUNT[kind]
        if expected not in (ANY_NUMBER, len(arguments)):
            raise errors.ConstraintArgumentCountError(line, kind, expected, len(arguments))
        for argument in arguments:
            if kind in ON_SITES and argument not in site_names:
                raise errors.NonexistentBindingSiteError(line, argument)
            if kind not in ON_SITES and argument not in monomer_names:
                raise errors.NonexistentMonomerError(line, argument)
        constraints.append(Constraint(kind, tuple(arguments)))
    return constraints
