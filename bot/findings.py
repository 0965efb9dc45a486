"""What a look at something outside found, for `backout check --live`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: what was seen, and what to do where it is not `ok`."""

    ok: bool
    text: str
