"""The instance's daemon: the HTTP API on loopback and the DNS server on the bridge, in one process."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time

import waitress

from . import acme, images
from .api import Cloud, create_app
from .instance import Instance
from .machine import Containers
from .model import Domain, Record
from .nameserver import NameServer
from .operations import Operations
from .process import Process
from .store import STATE, Store
from .zone import Zones

log = logging.getLogger(__name__)
_THREADS = 8


def main(instance: Instance) -> None:
    """Serve until SIGTERM; machines are left as they are."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    store = Store(instance.folder / STATE)
    machines = Containers(instance)
    operations = Operations(store, machines)
    names = NameServer(lambda: _zones(store, instance), instance.dns_address)
    names.start()
    app = create_app(
        Cloud(
            name=instance.name,
            identity=instance.identity,
            token=instance.token,
            subnet=instance.subnet,
            subnet6=instance.subnet6,
            images=tuple(images.offered()),
            store=store,
            machines=machines,
            operations=operations,
            requests_per_hour=instance.requests_per_hour,
            requests_per_minute=instance.requests_per_minute,
            clock=time.time,
        )
    )
    server = waitress.create_server(app, host="127.0.0.1", port=instance.api_port, threads=_THREADS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # ends run() below, whatever connections are open
    operations.resume()
    Process.of(os.getpid()).save(instance.folder / "daemon.json")
    log.info("serving %s", instance.endpoint)
    server.run()
    operations.close()
    names.close()
    store.close()


def _zones(store: Store, instance: Instance) -> Zones:
    domains = [domain.name for domain in store.find(Domain)]
    return Zones.of(domains, store.find(Record), {acme.HOST: instance.address})
