"""An inventory and a cloud whose machines are only remembered, behind a proxy that may misbehave: one process."""

import io
import time
from contextlib import contextmanager
from types import SimpleNamespace

from provision import waiting
from provision.actions import create as creating
from provision.actions.destroy import destroy, doomed
from provision.actions.fleet import LoadedFleet
from provision.actions.job import Caller, Job
from provision.cloud import patience as patience_of
from provision.cloud.api import Api
from provision.cloud.connect import Account
from provision.cloud.digitalocean import DigitalOceanDns, DigitalOceanMachines
from provision.cloud.local.model import Domain, Droplet, Record, SshKey
from provision.cloud.patience import Patience
from provision.errors import HubError
from provision.inventory.load import load
from provision.output import Output
from provision.transport import hostkeys
from tests.support import local_api
from tests.support.bad_cloud import Answer, in_front_of

READ = 0.4
"""Seconds that an answer may take here."""
INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  box: {size: s-1vcpu-1gb, image: debian-13-x64, services: {task_api: {hostname: tasks}}}
"""
NAMES = {"box", "tasks"}


class Lab:
    """An inventory, and a cloud whose machines are only remembered, behind a proxy that misbehaves."""

    def __init__(self, folder, proxy, behind):
        self.path, self.proxy, self.behind = folder / "lab.yml", proxy, behind
        self.path.write_text(INVENTORY)
        self.said = io.StringIO()
        self.taken = []

    def asked(self, lines):
        """Agree to what becomes of names that are somebody else's."""
        self.taken += lines

    def job(self, words):
        output = Output(io.StringIO(), self.said)
        loaded = LoadedFleet(load(self.path), self.path, output.progress)
        limits = Patience(connect=2, read=READ, pause=0.001, waiting=10)
        api = Api(self.proxy.url, local_api.TOKEN, patience=limits, say=output.progress)
        loaded.__dict__["_account"] = Account(DigitalOceanMachines(api), DigitalOceanDns(api))
        return Job(loaded, Caller(words), output)

    def create(self):
        job = self.job("create-node box")
        asks = creating.Asks(lambda pin: False, self.asked)
        creating.create(job, "box", job.loaded.fleet.nodes["box"], asks)

    def destroy(self):
        job = self.job("destroy-node box")
        return destroy(job.loaded, doomed(job.loaded, "box"), job.output)

    def attempt(self, run, bad=lambda number: ""):
        """Run a command while the cloud misbehaves; return its error, None if it succeeded, and the calls."""
        del self.proxy.calls[:]
        self.proxy.bad = bad
        try:
            run()
        except HubError as error:
            return error, len(self.proxy.calls)
        else:
            return None, len(self.proxy.calls)
        finally:
            self.proxy.bad = lambda number: ""

    def droplets(self):
        return [each for each in self.behind.store.find(Droplet) if not each.deleted]

    def records(self):
        return [each for each in self.behind.store.find(Record) if each.type in ("A", "AAAA")]

    def is_made(self):
        (droplet,) = self.droplets()
        assert sorted((each.type, each.name, each.data) for each in self.records()) == sorted(
            (kind, name, address)
            for name in NAMES
            for kind, address in (("A", droplet.address), ("AAAA", droplet.address6))
            if address
        )
        assert len(self.behind.store.find(SshKey)) == 1
        assert len(self.behind.store.find(Domain)) == 1
        assert hostkeys.read(self.path)["box"].addresses[0] == droplet.address

    def is_gone(self):
        assert self.droplets() == []
        assert self.records() == []
        assert hostkeys.read(self.path) == {}


def quick(monkeypatch, module):
    """Let a module's pauses be short."""
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: time.sleep(min(seconds, 0.002)))
    monkeypatch.setattr(module, "time", clock)


@contextmanager
def running_lab(folder, monkeypatch):
    """Have a lab for the time of a `with` block."""
    monkeypatch.setenv("HUBCTL_CONFIG_DIR", str(folder / "config"))
    monkeypatch.setattr(creating, "_enter", lambda job, name, new: None)
    quick(monkeypatch, waiting)
    quick(monkeypatch, patience_of)
    behind = local_api.Api(per_hour=10**6, per_minute=10**6)

    def cloud(request):
        headers = {"Authorization": f"Bearer {local_api.TOKEN}"}
        answer = behind.app.test_client().open(
            request.path, method=request.method, data=request.body, headers=headers
        )
        return Answer(answer.status_code, answer.data)

    with in_front_of(cloud, late=2 * READ) as proxy:
        yield Lab(folder, proxy, behind)
    behind.operations.close()
