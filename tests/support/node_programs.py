"""Runs the engine on a folder instead of this machine; started as a program by `node_engine.py`.

The programs that the engine calls are played here, with their state in the folder, so that it outlives a kill. Their
calls are appended to `fake/calls.jsonl`. Runs on any Python that the engine supports.
"""

import json
import re
import shutil
import sys
import tarfile
import threading
import time
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer

from hubctl_node import admin
from hubctl_node.main import main
from hubctl_node.system import Completed, System
from node_accounts import Accounts

SYSTEM = "etc/systemd/system"


class Programs(Accounts):
    """Plays the programs of a machine."""

    def __init__(self, root):
        self.root = Path(root)
        self.state = self.root / "fake"
        self.servers = {}
        for name, unit in self.units().items():
            if unit["active"] == "active":
                self.listen(name)

    def __call__(self, argv, *, stdin="", env=None, timeout=600, on_line=None):
        with (self.state / "calls.jsonl").open("a") as calls:
            calls.write(json.dumps([Path(argv[0]).name, *argv[1:]]) + "\n")
        name = Path(argv[0]).name.replace("-", "_")
        play = getattr(self, name, None)
        if play is None:
            return Completed(127, f"{argv[0]}: No such file or directory")
        self.stdin = stdin
        status, output = play(*argv[1:])
        for line in output.splitlines():
            if on_line:
                on_line(line)
        return Completed(status, output)

    def words(self, name):
        path = self.state / name
        return path.read_text().split() if path.exists() else []

    # systemd

    def units(self):
        path = self.state / "units.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def save(self, units):
        (self.state / "units.json").write_text(json.dumps(units))

    def unit_file(self, name):
        stem, _, suffix = name.rpartition(".")
        template = f"{stem.split('@')[0]}@.{suffix}"
        return next(
            (self.root / SYSTEM / n for n in (name, template) if (self.root / SYSTEM / n).exists()), None
        )

    def unit(self, units, name):
        return units.setdefault(name, {"active": "inactive", "loaded": None})

    def systemctl(self, *argv):
        action, names = (
            next(w for w in argv if not w.startswith("-")),
            [w for w in argv if not w.startswith("-")][1:],
        )
        units = self.units()
        if action == "show":
            return 0, "\n".join(self.show(units, name) for name in names)
        play = getattr(self, f"do_{action.replace('-', '_')}")
        results = [play(units, name) for name in names] if names else [play(units, None)]
        self.save(units)
        return 0 if "--no-block" in argv else max(results), ""

    def show(self, units, name):
        unit, path = self.unit(units, name), self.unit_file(name)
        text = path.read_text() if path else None
        stale = unit["loaded"] is not None and unit["loaded"] != text
        fields = {
            "LoadState": "loaded" if path else "not-found",
            "ActiveState": {"looping": "activating"}.get(unit["active"], unit["active"]),
            "SubState": {
                "active": "running",
                "inactive": "dead",
                "failed": "failed",
                "looping": "auto-restart",
            }[unit["active"]],
            "UnitFileState": "disabled" if text and "[Install]" in text else "static",
            "NeedDaemonReload": "yes" if stale else "no",
            "CanReload": "yes" if text and "ExecReload" in text else "no",
            "NRestarts": 0,
        }
        return "".join(f"{key}={value}\n" for key, value in fields.items())

    def do_daemon_reload(self, units, _):
        for name, unit in units.items():
            path = self.unit_file(name)
            unit["loaded"] = path.read_text() if path else None
        return 0

    def do_start(self, units, name):
        unit, path = self.unit(units, name), self.unit_file(name)
        if unit["active"] == "looping":
            return 0  # the job waits for systemd's own restart
        broken = path is None or name in self.words("broken") or not self.needs_met()
        unit["active"] = "failed" if broken else "active"
        unit["loaded"] = path.read_text() if path else None
        if not broken:
            self.listen(name)
        return int(broken)

    def needs_met(self):
        """Whether a file, if it is there, says what services cannot do without: a path and a word, in `fake/needs`."""
        needs = self.words("needs")
        return not needs or not Path(needs[0]).exists() or needs[1] in Path(needs[0]).read_text()

    def do_reset_failed(self, units, name):
        if self.unit(units, name)["active"] == "failed":
            units[name]["active"] = "inactive"
        return 0

    def do_restart(self, units, name):
        return self.do_start(units, name)

    def do_reload(self, units, name):
        # Its program starts in the release's folder.
        folder = next(self.root.glob(f"opt/hub/*/releases/{name.partition('@')[2].partition('.')[0]}"), None)
        return 0 if self.unit(units, name)["active"] == "active" and ("@" not in name or folder) else 1

    def do_stop(self, units, name):
        # What systemd has to kill at its limit has failed.
        self.unit(units, name)["active"] = "failed" if name in self.words("stubborn") else "inactive"
        if name in self.servers:
            self.servers.pop(name).shutdown()
        return 0

    def do_unmask(self, *_):
        return 0

    def link(self, name):
        folder = self.root / SYSTEM / "multi-user.target.wants"
        folder.mkdir(exist_ok=True)
        return folder / name

    def do_enable(self, _, name):
        if not self.link(name).is_symlink():
            self.link(name).symlink_to(f"../{self.unit_file(name).name}")
        return 0

    def do_add_wants(self, units, name):
        return 0 if name.endswith(".target") else self.do_enable(units, name)

    def do_disable(self, _, name):
        if self.link(name).is_symlink():
            self.link(name).unlink()
        return 0

    def do_is_enabled(self, _, name):
        return 0 if self.link(name).is_symlink() else 1

    def journalctl(self, *argv):
        return 0, f"the journal of {argv[-1].partition('=')[2]}\n"

    def listen(self, name):
        """Answer at a release's own socket, as its web unit would."""
        process, _, instance = name.partition("@")
        if process not in ("web", "http") or name in self.servers:
            return
        release = instance.partition(".")[0]
        path = self.root / "run" / f"{release}.sock"
        path.unlink(missing_ok=True) if path.exists() else None
        sick = release in self.words("sick")

        class Handler(StreamRequestHandler):  # http.server takes longer to import than all else
            def handle(self):
                while self.rfile.readline().strip():
                    pass
                status, body = (b"503 no", b"the database is away") if sick else (b"200 OK", b"fine")
                self.wfile.write(b"HTTP/1.0 %s\r\n\r\n%s" % (status, body))

        server = ThreadingUnixStreamServer(str(path), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.servers[name] = server

    # programs that run others

    def setpriv(self, *argv):
        """Programs that are run meanwhile."""
        if (self.state / "meanwhile-fails").exists():
            return 1, "the index is away\n"
        while (self.state / "meanwhile-hangs").exists():
            time.sleep(0.05)
        if (self.state / "meanwhile-slow").exists():
            time.sleep(0.5)
        done = self(argv[argv.index("--") + 1 :])
        return done.status, done.output

    def nice(self, *argv):
        done = self(argv)
        return done.status, done.output

    def env(self, chdir, *argv):
        self.folder = Path(chdir.partition("=")[2])
        done = self(argv)
        return done.status, done.output

    # packages and accounts

    def apt_get(self, *argv):
        if "download" in argv:
            (self.folder / f"{argv[-1]}.deb").touch()
            return 0, ""
        if "update" in argv:
            lists = self.root / "var/lib/apt/lists"
            lists.mkdir(parents=True, exist_ok=True)
            (lists / "x_Packages").touch()
            return 0, ""
        policy = self.root / "usr/sbin/policy-rc.d"
        (self.state / "policy").write_text(policy.read_text())
        failure = self.state / "apt-fails"
        if failure.exists():
            return 100, failure.read_text()
        deadline = time.monotonic() + 60
        for awaited in self.words("apt-waits-for"):
            while not any(self.root.glob(awaited)):
                if time.monotonic() > deadline:
                    return 100, f"{awaited} never came\n"
                time.sleep(0.02)
        status = self.root / "var/lib/dpkg/status"
        for name in argv[argv.index("--") + 1 :]:
            text = status.read_text() if status.exists() else ""
            status.write_text(f"{text}Package: {name}\nStatus: install ok installed\nVersion: 1\n\n")
        return 0, "Setting up things\n"

    def du(self, *argv):
        return 0, "".join(f"4096\t{path}\n" for path in argv[argv.index("--") + 1 :])

    def tar(self, *argv):
        if (self.state / "tar-fails").exists():
            Path(argv[argv.index("--file") + 1]).write_text("half")
            return 2, "tar: the disk says no\n"
        with tarfile.open(argv[argv.index("--file") + 1], "w:gz") as archive:
            archive.add(Path(argv[argv.index("--directory") + 1], argv[-1]), argv[-1])
        return 0, ""

    def systemd_run(self, *argv):
        if (uid := next(word for word in argv if word.startswith("--uid="))) in self.words("pull-fails"):
            return (
                1,
                "a traceback\nfatal: no such repository\n/srv/course: could not be brought up to date within 40 s\n",
            )
        return 0, f"pulled as {uid}\n"

    def dpkg(self, *_):
        return 0, ""

    def dpkg_deb(self, _, package, folder):
        wheels = Path(folder, "usr/share/python-wheels")
        wheels.mkdir(parents=True)
        (wheels / "pip-25-py3-none-any.whl").write_text(package)
        return 0, ""

    def ufw(self, *_):
        return 0, ""

    def certbot(self, *argv):
        status, _, output = (self.state / "certbot").read_text().partition("\n")
        if (self.state / "certbot.log").exists():
            log = self.root / "var/log/letsencrypt/letsencrypt.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a") as file:
                file.write((self.state / "certbot.log").read_text())
        running, awaited = self.state / "certbot-running", self.state / "certbot-awaits"
        if running.exists():
            return 1, "Another instance of Certbot is already running.\n"
        running.touch()
        deadline = time.monotonic() + 60
        while awaited.exists() and not Path(awaited.read_text()).exists():
            if time.monotonic() > deadline:
                return 1, "what is awaited does not come\n"
            time.sleep(0.01)
        running.unlink()
        issued, etc = self.state / "issued", self.root / "etc/letsencrypt"
        name = argv[argv.index("--cert-name") + 1]
        if (etc / f"live/{name}").exists() and not (etc / f"renewal/{name}.conf").exists():
            return 1, f"live directory exists for {name}\n"
        if issued.exists():
            for place in (f"live/{name}", f"archive/{name}"):
                shutil.rmtree(etc / place, ignore_errors=True)
                shutil.copytree(issued / place, etc / place, symlinks=True)
            (etc / "renewal").mkdir(exist_ok=True)
            shutil.copy(issued / f"renewal/{name}.conf", etc / "renewal")
        return int(status), output

    def await_certbot(self):
        """Ends when certbot is running, which in turn may await what is made after this."""
        deadline = time.monotonic() + 60
        while not (self.state / "certbot-running").exists():
            if time.monotonic() > deadline:
                return 1, "certbot is not running\n"
            time.sleep(0.01)
        return 0, ""

    def shred(self, *argv):
        if (self.state / "shred-fails").exists():
            return 1, "shred: Input/output error\n"
        Path(argv[-1]).unlink()
        return 0, ""

    # environments

    def uv(self, *argv):
        if "compile" in argv:
            return self.resolve(Path(argv[-1]), Path(argv[argv.index("--output-file") + 1]))
        if "venv" in argv:
            Path(argv[-1], "bin").mkdir(parents=True)
        if (self.state / "install-fails").exists():
            return 1, "no solution found\n"
        if "install" in argv:
            package = Path(argv[argv.index("--requirement") + 1]).parent / "lib/flask"
            package.mkdir(parents=True, exist_ok=True)
            (package / "app.py").write_text("import this\n")
        return 0, ""

    python = python3 = uv

    def resolve(self, asked, lock):
        """Pin what is asked for to 1.0, but for what cannot be."""
        names = [re.match("[A-Za-z0-9-]+", line)[0] for line in asked.read_text().splitlines()]
        if "conflict" in names:
            return 1, "error: No solution found: your requirements are unsatisfiable\n"
        if "unreachable" in names:
            return 2, "error: Failed to fetch: it is unreachable\n"
        sha = f" \\\n    --hash=sha256:{'0' * 64}\n"
        lock.write_text("".join(f"{name}==1.0{'' if name == 'garbled' else sha}" for name in sorted(names)))
        return 0, ""

    # checks and commands

    def accept_unless_bad(self, *argv):
        """A checker: refuses when one of its files holds BAD."""
        bad = [name for name in argv if Path(name).exists() and "BAD" in Path(name).read_text()]
        return (1, f"{bad[0]}: line 1: BAD is not known\n") if bad else (0, "")

    def succeed(self, *_):
        return 0, ""

    def say(self, *words):
        return 0, " ".join(words)

    def fail(self, *_):
        return 1, "it went wrong\n"


if __name__ == "__main__":
    serve = admin.main if sys.argv[3:] == ["admin"] else main
    sys.exit(serve(System(sys.argv[1], Programs(sys.argv[1]), settle=0.01)))
