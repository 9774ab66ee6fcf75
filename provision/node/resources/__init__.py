"""The kinds of resource, one file each."""

from __future__ import annotations

from .base import Resource
from .certificate import Certificate
from .checked_files import CheckedFiles
from .command import Command
from .environment import Environment
from .file import Absent, Directory, File, Symlink
from .firewall import Firewall, Rule
from .former import Former
from .hub_users import HubUsers
from .packages import Packages
from .python_env import PythonEnv
from .release import Release
from .retired import Retired
from .spiped_ends import SpipedEnds
from .tree import Tree
from .unit import Unit
from .user import Group, User
from .withheld import Withheld

KINDS: tuple[type[Resource], ...] = (
    Absent,
    Certificate,
    CheckedFiles,
    Command,
    Directory,
    Environment,
    File,
    Firewall,
    Former,
    Group,
    HubUsers,
    Packages,
    PythonEnv,
    Release,
    Retired,
    SpipedEnds,
    Symlink,
    Tree,
    Unit,
    User,
    Withheld,
)
"""All kinds that a plan may hold. A new one is a file here and a line in this list."""

__all__ = [
    "KINDS",
    "Absent",
    "Certificate",
    "CheckedFiles",
    "Command",
    "Directory",
    "Environment",
    "File",
    "Firewall",
    "Former",
    "Group",
    "HubUsers",
    "Packages",
    "PythonEnv",
    "Release",
    "Resource",
    "Retired",
    "Rule",
    "SpipedEnds",
    "Symlink",
    "Tree",
    "Unit",
    "User",
    "Withheld",
]
