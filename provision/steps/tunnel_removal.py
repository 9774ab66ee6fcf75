"""Ends of tunnels that the inventory no longer has: what is left of them on a node goes, keys first of all."""

from __future__ import annotations

from collections.abc import Sequence

from ..node.resources import Command
from ..render import render


def removal(ends: Sequence[str], folder: str) -> Command:
    """Return the command that leaves no tunnel's end but these, such as `dti-client`; `folder` is that of the keys."""
    program = ("python3", "-c", render("spiped/remove_ends.py"))
    # A node without tunnels does not even start the program to find that it never had one.
    unless = (*program, "check", *ends) if ends else ("test", "!", "-d", folder)
    return Command("remove-former-tunnels", (*program, "remove", *ends), unless=unless)
