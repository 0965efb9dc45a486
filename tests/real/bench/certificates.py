"""A certificate authority of the session's own, for everything of the bench that speaks TLS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


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
        self._authority = trustme.CA(organization_name="backout-bench")
        self.pair = self._pair("authority")
        self._authority.cert_pem.write_to_path(self.pair.certificate)
        self._authority.private_key_pem.write_to_path(self.pair.key)

    @property
    def certificate(self) -> Path:
        """Return the file of the authority's own certificate."""
        return self.pair.certificate

    def issue(self, name: str, *, group: str = "", names: tuple[str, ...] = ()) -> Pair:
        """Sign a certificate that serves 127.0.0.1 (and `names`), and is `name` of `group`."""
        pair = self._pair(name.replace(":", "-"))
        signed = self._authority.issue_cert(
            "127.0.0.1", *names, common_name=name, organization_name=group or None
        )
        signed.cert_chain_pems[0].write_to_path(pair.certificate)
        signed.private_key_pem.write_to_path(pair.key)
        return pair

    def _pair(self, name: str) -> Pair:
        return Pair(certificate=self._folder / f"{name}.crt", key=self._folder / f"{name}.key")
