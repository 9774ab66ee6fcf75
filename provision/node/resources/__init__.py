"""The kinds of resource, one file each."""

from .base import Resource
from .certificate import Certificate
from .checked_files import CheckedFiles
from .command import Command
from .environment import Environment
from .file import Absent, Directory, File, Symlink
from .firewall import Firewall, Rule
from .packages import Packages
from .python_env import PythonEnv
from .release import Release
from .retired import Retired
from .unit import Unit
from .user import Group, User

__all__ = [
    "Absent",
    "Certificate",
    "CheckedFiles",
    "Command",
    "Directory",
    "Environment",
    "File",
    "Firewall",
    "Group",
    "Packages",
    "PythonEnv",
    "Release",
    "Resource",
    "Retired",
    "Rule",
    "Symlink",
    "Unit",
    "User",
]
