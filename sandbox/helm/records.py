"""Releases as Helm keeps them: gzipped JSON in Secrets of type `helm.sh/release.v1`.

The estate seeds them, the simulated `helm` reads and writes them over the API, and the real
`helm` reads them too.
"""

from __future__ import annotations

import binascii
import json
import zlib
from datetime import UTC, datetime
from typing import Any

Release = dict[str, Any]
SECRET_TYPE = "helm.sh/release.v1"  # noqa: S105  # a kind of Secret, none itself
_GZIP = 31  # zlib's number for the gzip format


def secret_name(release: str, revision: int) -> str:
    """Return the name of the Secret that holds a revision."""
    return f"sh.helm.release.v1.{release}.v{revision}"


def encode(release: Release) -> str:
    """Return a release as the Secret's `data.release` (base64 twice, as Helm does)."""
    packer = zlib.compressobj(9, wbits=_GZIP)
    text = json.dumps(release, separators=(",", ":"))
    packed = packer.compress(text.encode()) + packer.flush()
    once = binascii.b2a_base64(packed, newline=False)
    return binascii.b2a_base64(once, newline=False).decode()


def decode(data: str) -> Release:
    """Return the release that a Secret's `data.release` holds."""
    packed = binascii.a2b_base64(binascii.a2b_base64(data))
    release: Release = json.loads(zlib.decompress(packed, _GZIP))
    return release


def secret(release: Release, *, changed: str) -> dict[str, Any]:
    """Return the Secret that holds a release; `changed` is `createdAt` or `modifiedAt`."""
    name, revision = str(release["name"]), int(release["version"])
    labels = {
        changed: str(int(datetime.now(UTC).timestamp())),
        "name": name,
        "owner": "helm",
        "status": str(release["info"]["status"]),
        "version": str(revision),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret_name(name, revision),
            "namespace": release["namespace"],
            "labels": labels,
        },
        "type": SECRET_TYPE,
        "data": {"release": encode(release)},
    }


def go_time(moment: datetime) -> str:
    """Return a time as Go writes it in JSON: UTC, no trailing zeros in the fraction."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0")
    return text.rstrip(".") + "Z"


def ansi_time(text: str) -> str:
    """Return a time that Go wrote, as Helm's tables show it (day padded with a space)."""
    moment = datetime.fromisoformat(f"{text[:19]}+00:00")
    return f"{moment:%a %b} {moment.day:2d} {moment:%H:%M:%S %Y}"


def now() -> str:
    """Return the present time as Go writes it."""
    return go_time(datetime.now(UTC))


def go_json(value: Any) -> str:
    """Return JSON as Go's encoder writes it: compact, `<`, `>` and `&` escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
