"""What certbot keeps of a certificate: archive, links and renewal settings."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

FILES = ("cert", "chain", "fullchain", "privkey")


def put(
    etc: Path,
    names: Sequence[str],
    server: str,
    *,
    days: float = 60,
    lifetime: float = 90,
    plugin: str = "webroot",
) -> None:
    """Put a certificate that holds for `days` more of its `lifetime` below a folder like /etc/letsencrypt."""
    name = names[0]
    certificate, key = _make(names, days, lifetime)
    for folder in (f"archive/{name}", f"live/{name}", "renewal"):
        (etc / folder).mkdir(parents=True, exist_ok=True)
    for file in FILES:
        (etc / f"archive/{name}/{file}1.pem").write_text(key if file == "privkey" else certificate)
        link = etc / f"live/{name}/{file}.pem"
        link.unlink(missing_ok=True)
        link.symlink_to(f"../../archive/{name}/{file}1.pem")
    files = "".join(f"{file} = {etc}/live/{name}/{file}.pem\n" for file in FILES)
    settings = f"[renewalparams]\nauthenticator = {plugin}\nserver = {server}\n"
    (etc / f"renewal/{name}.conf").write_text(f"version = 4\n{files}{settings}")


def _make(names: Sequence[str], days: float, lifetime: float) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ends - datetime.timedelta(days=lifetime))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return built.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
