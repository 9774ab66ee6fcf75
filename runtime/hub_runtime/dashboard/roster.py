"""Who may use the hub: accounts of the node, who are in the class before they did anything."""

from __future__ import annotations

import grp


def learners(users: str, admins: str) -> set[str]:
    """Return the members of one group who are not in the other as well; a group that is missing has none."""
    return _members(users) - _members(admins)


def _members(group: str) -> set[str]:
    try:
        return set(grp.getgrnam(group).gr_mem)
    except KeyError:
        return set()
