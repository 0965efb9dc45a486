"""A certificate for 127.0.0.1 and the authority that signed it, made anew at every start.

PagerDuty is only ever spoken to over TLS, so the sandbox's speaks TLS, too.  Who is given the
authority's file trusts it; nothing is installed on the machine.
"""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=30)
LEEWAY = timedelta(hours=1)
Key = ec.EllipticCurvePrivateKey


def make(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Write the authority's certificate into a folder; return it, and a server's settings."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, server_key = _key(), _key()
    authority = _name("Backout sandbox")
    signed = _builder(authority, authority, authority_key)
    signed = signed.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    signed = signed.add_extension(_usage(signs=True), critical=True)
    trusted = folder / "authority.crt"
    trusted.write_bytes(_pem(signed.sign(authority_key, hashes.SHA256())))
    served = _server(authority, authority_key, server_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = folder / "pagerduty.pem"
    pair.touch(mode=0o600)
    pair.write_bytes(_private(server_key) + _pem(served))
    context.load_cert_chain(pair)
    return trusted, context


def _server(authority: x509.Name, authority_key: Key, key: Key) -> x509.Certificate:
    here = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = _builder(_name("pagerduty.sandbox"), authority, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    builder = builder.add_extension(issuer, critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([here]), critical=False)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return builder.add_extension(purpose, critical=False).sign(authority_key, hashes.SHA256())


def _key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(now + LIFE)
    )
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(own, critical=False)


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


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
