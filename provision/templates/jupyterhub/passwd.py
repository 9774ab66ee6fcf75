# Made by hubctl; the next deploy undoes changes made here.
"""Give a user another password who knows the present one: JSON in, JSON out. systemd starts it for each who asks."""

import grp
import json
import subprocess
import sys

import pamela
from names import password_problem

_LONGEST = 10_000


def changed(name: str, old: str, new: str) -> str:
    """Change a password; return why it was not changed, or nothing."""
    if name not in grp.getgrnam("hub-users").gr_mem:
        return "this account is not the hub's"
    try:
        pamela.authenticate(name, old, service="jupyterhub")
    except pamela.PAMError:
        return "the present password is another one"
    if problem := password_problem(name, new):
        return f"the new password: {problem}"
    done = subprocess.run(["/usr/sbin/chpasswd"], input=f"{name}:{new}\n", stdout=2, text=True, check=False)
    return "the node could not change it: its journal says why" if done.returncode else ""


asked = json.loads(sys.stdin.read(_LONGEST))
json.dump({"problem": changed(*(str(asked[key]) for key in ("name", "old", "new")))}, sys.stdout)
