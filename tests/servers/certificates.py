"""Certificates: an authority of the tests' own, what it signs well, and what is wrong with others.

Nobody trusts them until told to: a client by `Authority.bundle`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HOSTS = ("127.0.0.1", "localhost")
ELSEWHERE = "elsewhere.example"
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of one certificate, in PEM: the chain that is shown with it, and its key."""

    chain: Path
    key: Path

    @property
    def both(self) -> tuple[str, str]:
        """As the ``cert`` of requests."""
        return str(self.chain), str(self.key)


class Authority:
    """A certificate authority.

    Attributes:
        bundle: its own certificate, in PEM, for those who are to trust it.
    """

    def __init__(self, folder: Path) -> None:
        """Make one whose files, and those of all that it signs, are written into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._authority = trustme.CA()
        self.bundle = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.bundle))

    def server(self, *hosts: str) -> Certificate:
        """A good certificate: of this machine, unless other `hosts` are named."""
        return self._write("server", self._authority.issue_cert(*hosts or HOSTS))

    def wrong_host(self) -> Certificate:
        """A good certificate of somebody else."""
        return self._write("wrong-host", self._authority.issue_cert(ELSEWHERE))

    def expired(self) -> Certificate:
        """A certificate of this machine whose time was over yesterday."""
        end = datetime.now(UTC) - DAY
        issued = self._authority.issue_cert(*HOSTS, not_before=end - DAY, not_after=end)
        return self._write("expired", issued)

    def client(self, name: str = "alice") -> Certificate:
        """What a client identifies itself with."""
        return self._write(f"client-{name}", self._authority.issue_cert(f"{name}@{ELSEWHERE}"))

    def _write(self, name: str, issued: trustme.LeafCert) -> Certificate:
        chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
        return _written(self._folder / name, chain, issued.private_key_pem.bytes())


def self_signed(folder: Path) -> Certificate:
    """A certificate of this machine that no authority vouches for, only itself."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    hosts = [x509.IPAddress(ipaddress.ip_address(HOSTS[0])), x509.DNSName(HOSTS[1])]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return _written(folder / "self-signed", certificate.public_bytes(Encoding.PEM), secret)


def _written(path: Path, chain: bytes, key: bytes) -> Certificate:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = Certificate(path.with_suffix(".pem"), path.with_suffix(".key"))
    written.chain.write_bytes(chain)
    written.key.write_bytes(key)
    return written
