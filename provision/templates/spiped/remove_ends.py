# Removes the ends of tunnels that are no longer wanted: units, keys, and all else of them.
# $1: `check` only says by its exit status whether there is something to remove; then those to keep, such as dti-client.
import pathlib
import re
import subprocess
import sys

UNITS = pathlib.Path("/etc/systemd/system")
FILES = pathlib.Path("/etc/spiped")

keep = set(sys.argv[2:])
ends = {path.name[len("spiped-") : -len("@.service")]: path for path in UNITS.glob("spiped-*@.service")}
unwanted = {end: path for end, path in ends.items() if end not in keep}
if sys.argv[1] == "check":
    sys.exit(bool(unwanted))
for end, template in unwanted.items():
    subprocess.run(["systemctl", "stop", f"spiped-{end}@*.service"], check=True)
    for link in UNITS.glob(f"*.wants/spiped-{end}@*.service"):
        link.unlink()
    own = re.compile(re.escape(end.rpartition("-")[0]) + r"-[0-9]+\.(key|env)")
    for path in filter(lambda path: own.fullmatch(path.name), FILES.iterdir()):
        subprocess.run(["shred", "--iterations=1", "--zero", "--remove", path], check=True)
    template.unlink()
subprocess.run(["systemctl", "daemon-reload"], check=True)
if not keep:
    FILES.rmdir()
