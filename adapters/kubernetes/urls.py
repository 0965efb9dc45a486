"""Addresses inside of URLs, changed without touching (or showing) the credentials beside them.

Called by `patch_configmap`.
"""

import re
from dataclasses import dataclass

HOST = (
    r"(?:[A-Za-z0-9](?:[-A-Za-z0-9.]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
URL = re.compile(
    r"(?P<head>[A-Za-z][-A-Za-z0-9+.:]*://(?:[^/?#\s]*@)?)(?P<host>[^/?#@\s,]+)"
    r"(?P<tail>(?:[/?#][^@\s]*)?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A URL in three parts; `host` holds the port, where there is one."""

    head: str
    host: str
    tail: str

    def at(self, host: str) -> str:
        """Return the URL at another host; a port of before stays where none is given."""
        port = _port(self.host) if not _port(host) else ""
        return f"{self.head}{host}{port}{self.tail}"


def parse(text: str) -> Address | None:
    """Take a URL apart; None where it has no host, or several, or where that is ambiguous."""
    found = URL.fullmatch(text.strip())
    if found is None or not re.fullmatch(HOST, found["host"]):
        return None
    return Address(head=found["head"], host=found["host"], tail=found["tail"])


def _port(host: str) -> str:
    found = re.search(r":[0-9]{1,5}$", host.rpartition("]")[2])
    return found[0] if found else ""
