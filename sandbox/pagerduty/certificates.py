"""A certificate for 127.0.0.1 and the authority that signed it, made anew at every start.

PagerDuty is only ever spoken to over TLS, so the sandbox's speaks TLS, too.  Who is given the
authority's file trusts it; nothing is installed on the machine.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


def make(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Write the authority's certificate into a folder; return it, and a server's settings."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Backout sandbox")
    trusted = folder / "authority.crt"
    authority.cert_pem.write_to_path(trusted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", common_name="pagerduty.sandbox").configure_cert(context)
    return trusted, context
