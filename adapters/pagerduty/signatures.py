"""Signatures of PagerDuty's webhooks (v3): HMAC-SHA256 of the body, as `v1=` and hex digits.

While a secret is being changed a request carries several, with commas between.
"""

import hashlib
import hmac

HEADER = "X-PagerDuty-Signature"
VERSION = "v1="


def sign(body: bytes, secret: str) -> str:
    """Return the signature of a body."""
    return VERSION + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, header: str, secret: str) -> bool:
    """Say whether one of the signatures in a header is right.  An empty secret signs nothing."""
    right = sign(body, secret).encode()
    given = [each.strip().encode() for each in header.split(",")]
    return bool(secret) and any(hmac.compare_digest(right, each) for each in given)
