"""The instance's certificate authority: Pebble, which issues to whoever proves control of a name in its DNS."""

from __future__ import annotations

import json
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from ...errors import HubError
from ...node.files import write_file
from . import guest
from .command import run
from .host import find_program
from .instance import ACME_PORT, Instance
from .process import Process, start_detached

HOST = "acme.local-cloud"
_CERTIFICATE_SECONDS = 90 * 24 * 3600
_YEARS = "3650"
_START_SECONDS = 15.0


def ensure(instance: Instance) -> None:
    """Start Pebble unless it runs, wait until it answers, and note its root certificate.

    Pebble makes a new root and forgets its accounts whenever it starts.

    Raises:
        HubError: `acme-not-up`.
    """
    folder = instance.acme_ca.parent
    folder.mkdir(mode=0o700, exist_ok=True)
    if not (folder / "server.pem").exists():
        _make_certificates(folder, instance.address)
    running = Process.load(folder / "process.json")
    if running is None or not running.alive():
        _start(instance, folder)
    root = _fetch_root(instance)
    roots = guest.certificates_of(instance.acme_roots) if instance.acme_roots.exists() else []
    merged = list(dict.fromkeys([*roots, *root]))
    if merged != roots:
        write_file(instance.acme_roots, "\n".join(merged) + "\n", 0o644)


def stop(instance: Instance) -> None:
    """End Pebble, if it runs."""
    record = instance.acme_ca.parent / "process.json"
    running = Process.load(record)
    if running is not None:
        running.stop()
        record.unlink()


def answers(instance: Instance) -> bool:
    """Tell whether the ACME directory can be read."""
    try:
        return b"newOrder" in _read(instance.acme_directory, instance.acme_ca)
    except (OSError, urllib.error.URLError):
        return False


def _start(instance: Instance, folder: Path) -> None:
    settings = {
        "listenAddress": f"{instance.address}:{ACME_PORT}",
        "managementListenAddress": f"127.0.0.1:{instance.acme_management_port}",
        "certificate": str(folder / "server.pem"),
        "privateKey": str(folder / "server.key"),
        "httpPort": 80,
        "tlsPort": 443,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
        "certificateValidityPeriod": _CERTIFICATE_SECONDS,
        # Newer releases take the period from a profile and leave the field above unread.
        "profiles": {"default": {"description": "90 days", "validityPeriod": _CERTIFICATE_SECONDS}},
    }
    write_file(folder / "pebble.json", json.dumps({"pebble": settings}))
    environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    program = find_program("pebble") or "pebble"
    argv = [program, "-config", str(folder / "pebble.json"), "-dnsserver", f"{instance.dns_address}:53"]
    Process.of(start_detached(argv, folder / "pebble.log", environment).pid).save(folder / "process.json")


def _fetch_root(instance: Instance) -> list[str]:
    """Return the root certificate of the running Pebble, waiting until it serves it."""
    deadline = time.monotonic() + _START_SECONDS
    url = f"https://127.0.0.1:{instance.acme_management_port}/roots/0"
    while True:
        try:
            return guest.split_bundle(_read(url, instance.acme_ca).decode())
        except (OSError, urllib.error.URLError) as error:
            if time.monotonic() > deadline:
                log = (instance.acme_ca.parent / "pebble.log").read_text(errors="replace").splitlines()
                raise HubError(
                    "acme-not-up", f"Pebble does not answer: {error}", why="\n".join(log[-5:])
                ) from None
            time.sleep(0.05)


def _read(url: str, ca: Path) -> bytes:
    context = ssl.create_default_context(cafile=str(ca))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(url, timeout=5) as response:
        content: bytes = response.read()
    return content


def _make_certificates(folder: Path, address: str) -> None:
    """Make a CA for Pebble's own HTTPS, and the certificate that it signs; the CA's key is not kept."""
    extensions = (
        f"subjectAltName=IP:{address},IP:127.0.0.1,DNS:{HOST}\n"
        "extendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        work = Path(scratch)
        (work / "extensions").write_text(extensions)
        ca = ["-keyout", str(work / "ca.key"), "-out", str(work / "ca.pem")]
        usage = [
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ]
        run(
            ["openssl", "req", "-x509", *key, "-days", _YEARS, "-subj", "/CN=hubctl local cloud", *ca, *usage]
        )
        request = ["-keyout", str(work / "server.key"), "-out", str(work / "request")]
        run(["openssl", "req", *key, "-subj", f"/CN={HOST}", *request])
        signed_by = ["-CA", str(work / "ca.pem"), "-CAkey", str(work / "ca.key"), "-CAcreateserial"]
        output = ["-in", str(work / "request"), "-out", str(work / "server.pem"), "-days", _YEARS]
        run(["openssl", "x509", "-req", *output, *signed_by, "-extfile", str(work / "extensions")])
        for name in ("ca.pem", "server.key", "server.pem"):
            (work / name).rename(folder / name)
