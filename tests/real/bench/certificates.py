"""A certificate authority of the session's own, for everything of the bench that speaks TLS."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = dt.timedelta(days=2)
LEEWAY = dt.timedelta(hours=1)  # for a clock that is set back while the session runs
LOOPBACK = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Files, in PEM, of a certificate and its private key."""

    certificate: Path
    key: Path

    def context(self, *, trusts: Path) -> ssl.SSLContext:
        """Return TLS settings of a server that asks its clients for a certificate of `trusts`."""
        found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(trusts))
        found.load_cert_chain(self.certificate, self.key)
        found.verify_mode = ssl.CERT_REQUIRED
        return found


class Authority:
    """Signs certificates for 127.0.0.1 and for people, and keeps all files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("backout-bench")
        builder = _builder(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False
        )
        builder = builder.add_extension(_usage(signs=True), True)
        self.pair = self._write("authority", builder.sign(self._key, hashes.SHA256()), self._key)

    @property
    def certificate(self) -> Path:
        """Return the file of the authority's own certificate."""
        return self.pair.certificate

    def issue(self, name: str, *, group: str = "", names: tuple[str, ...] = ()) -> Pair:
        """Sign a certificate that serves 127.0.0.1 (and `names`), and is `name` of `group`."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name, group), self._name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        builder = builder.add_extension(_usage(signs=False), True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
        )
        builder = builder.add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            False,
        )
        builder = builder.add_extension(
            x509.SubjectAlternativeName([LOOPBACK, *(x509.DNSName(each) for each in names)]), False
        )
        return self._write(name.replace(":", "-"), builder.sign(self._key, hashes.SHA256()), key)

    def _write(self, name: str, signed: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
        pair = Pair(certificate=self._folder / f"{name}.crt", key=self._folder / f"{name}.key")
        pair.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        return pair


def _name(name: str, group: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(parts)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(now + LIFE)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
