"""Who pods may still speak to while they are cut off, as people name it and as policies hold it.

Called by `isolate_network`.  Pure.
"""

import ipaddress
import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from adapters.kubernetes import labels
from adapters.values import listed
from config.models.base import Model

PORT = re.compile(
    r"(?P<first>[0-9]{1,5})(?:-(?P<last>[0-9]{1,5}))?(?:/(?P<protocol>TCP|UDP|SCTP))?"
)
HIGHEST = 65535
NAMESPACE = "kubernetes.io/metadata.name"
"""The label that every namespace has, with its own name."""
Json = Any


def _port(text: str) -> str:
    found = PORT.fullmatch(text)
    if found is None:
        raise ValueError(f"“{text}” is no port: write 5432, 53/UDP or 8000-8080/TCP")
    first, last = int(found["first"]), int(found["last"] or found["first"])
    if not 1 <= first <= last <= HIGHEST:
        raise ValueError(f"“{text}” is no port: they go from 1 to {HIGHEST}, upwards")
    return text


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"“{text}” is no network such as 10.20.0.0/16: {error}") from None


Port = Annotated[str, AfterValidator(_port)]
Network = Annotated[str, AfterValidator(_network)]
NamespaceName = Annotated[str, Field(pattern=r"^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$")]


class Peer(Model):
    """Somebody to speak to: pods here or in other namespaces, or addresses, at some ports."""

    pods: labels.Selector = Field(
        default="", description="Label selector of pods, of this namespace or of `namespaces`."
    )
    namespaces: tuple[NamespaceName, ...] = Field(
        default=(), description="Names of namespaces; without `pods`, all pods of theirs."
    )
    cidr: Network | None = Field(default=None, description="Addresses: `10.20.0.0/16`.")
    ports: tuple[Port, ...] = Field(
        default=(),
        description="`5432`, `53/UDP`, `8000-8080/TCP`; TCP is understood.  None means all.",
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        is_pods = bool(self.pods or self.namespaces)
        if is_pods == bool(self.cidr):
            raise ValueError("give either cidr, or pods or namespaces or both")
        return self

    def __str__(self) -> str:
        """Write it for people: `pods with app=db at 5432`."""
        if self.cidr:
            who = self.cidr
        else:
            who = f"pods with {self.pods}" if self.pods else "all pods"
            who += f" of {listed(self.namespaces)}" if self.namespaces else ""
        return f"{who} at {', '.join(self.ports)}" if self.ports else who


DNS = Peer(namespaces=("kube-system",), ports=("53/UDP", "53/TCP"))


def rule(peer: Peer, side: str) -> Json:
    """Return the rule that lets a peer through; `side` is `from` or `to`."""
    found: Json = {side: [_peer(peer)]}
    if peer.ports:
        found["ports"] = [_ports(each) for each in peer.ports]
    return found


def _peer(peer: Peer) -> Json:
    if peer.cidr:
        return {"ipBlock": {"cidr": peer.cidr}}
    found: Json = {}
    if peer.namespaces:
        among = {"key": NAMESPACE, "operator": "In", "values": list(peer.namespaces)}
        found["namespaceSelector"] = {"matchExpressions": [among]}
    if peer.pods:
        found["podSelector"] = labels.parse(peer.pods)
    return found


def _ports(text: str) -> Json:
    found = PORT.fullmatch(text)
    assert found is not None  # validated when it was read
    port: Json = {"protocol": found["protocol"] or "TCP", "port": int(found["first"])}
    if found["last"] and found["last"] != found["first"]:
        port["endPort"] = int(found["last"])
    return port


def told(peers: tuple[Peer, ...]) -> str:
    """Write peers for people."""
    return " or ".join(map(str, peers))
