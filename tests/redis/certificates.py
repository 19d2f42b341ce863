"""A certificate authority of the test's own, and what it signs."""

from __future__ import annotations

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """Writes its own certificate to `ca`, and those that it signs beside it."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.ca = folder / f"{name}.pem"
        mine = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        self.ca.write_bytes(mine.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def signed(
        self, name: str, address: str = "127.0.0.1", ended: timedelta = -DAY, name_of_host: str = "api.example.com"
    ) -> tuple[Path, Path]:
        """Certificate and key of a server at an address, or of a client. `ended`: for how long it is out of date."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        at = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address)), x509.DNSName(name_of_host)])
        made = self._builder(subject, key, ended).add_extension(at, False).sign(self._key, SHA256())
        certificate, secret = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(made.public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, secret

    def server(self, *, clients: bool) -> ssl.SSLContext:
        """Of a server; `clients`: it takes only those that this authority signed."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.signed("server"))
        if clients:
            context.load_verify_locations(self.ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, ended: timedelta = -DAY
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC) - ended - DAY
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        return builder.not_valid_before(now - DAY).not_valid_after(now + DAY)

    def own(self) -> tuple[Path, Path]:
        """Its own certificate, and the key to it."""
        secret = self.ca.with_suffix(".key")
        secret.write_bytes(self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return self.ca, secret


def trust_folder(authority: Authority, patch: pytest.MonkeyPatch) -> None:
    """`SSL_CERT_DIR` names a folder with the authority in it, by the name that OpenSSL looks for."""
    told = ["openssl", "x509", "-hash", "-noout", "-in", str(authority.ca)]
    name = subprocess.run(told, capture_output=True, text=True, check=True).stdout.strip()
    folder = authority.ca.parent / "authorities"
    folder.mkdir()
    (folder / f"{name}.0").write_bytes(authority.ca.read_bytes())
    patch.delenv("SSL_CERT_FILE", raising=False)
    patch.setenv("SSL_CERT_DIR", str(folder))
