"""The rules of a VirtualService that split traffic by weights.  Pure: JSON in, rules out.

Called by `weights` and `set_route_weights`.  A rule is known by its match, its name and its
destinations, never by its place in the list, which moves when somebody adds another one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes.json_patches import Part
from adapters.values import fingerprint_of

SECTIONS = ("http", "tcp", "tls")
DOMAIN = "svc.cluster.local"
HEADERS = ("headers", "withoutHeaders")
VEIL = "***"
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule with its destinations, their full names and how they are written there.

    A weight is None where none is written: 0 beside others, everything where it is the only one.
    `whole` is the rule itself, `nth` tells rules apart that are the same but for their weights.
    """

    section: str
    index: int
    identity: str
    nth: int
    title: str
    names: tuple[str, ...]
    shown: tuple[str, ...]
    weights: tuple[int | None, ...]
    whole: Object

    @property
    def path(self) -> tuple[Part, ...]:
        """Return where the rule stands."""
        return ("spec", self.section, self.index)

    @property
    def shares(self) -> tuple[int, ...]:
        """Return the weights as numbers."""
        return tuple(weight or 0 for weight in self.weights)

    def told(self, weights: tuple[int, ...]) -> str:
        """Write weights of this rule: `checkout/stable 90, checkout/canary 10`."""
        return ", ".join(f"{name} {n}" for name, n in zip(self.shown, weights, strict=True))


def full_name(destination: str, namespace: str) -> str:
    """Return `host/subset` with the host's whole name; a bare one is of the namespace."""
    host, slash, subset = destination.partition("/")
    whole = host if "." in host else f"{host}.{namespace}.{DOMAIN}"
    return f"{whole}{slash}{subset}"


def rules(found: Object, namespace: str) -> tuple[Rule, ...]:
    """Return every rule that has destinations; redirects and direct answers have none."""
    spec = found.get("spec") or {}
    seen: dict[tuple[str, str], int] = {}
    every: list[Rule] = []
    for section in SECTIONS:
        for index, whole in enumerate(spec.get(section) or ()):
            route = whole.get("route") or ()
            if not route:
                continue
            shown = tuple(_shown(each.get("destination") or {}) for each in route)
            identity = _identity(whole)
            nth = seen[section, identity] = seen.get((section, identity), -1) + 1
            every.append(
                Rule(
                    section=section,
                    index=index,
                    identity=identity,
                    nth=nth,
                    title=_title(section, index, whole),
                    names=tuple(full_name(name, namespace) for name in shown),
                    shown=shown,
                    weights=tuple(each.get("weight") for each in route),
                    whole=whole,
                )
            )
    return tuple(every)


def _shown(destination: Object) -> str:
    host, subset = str(destination.get("host", "")), destination.get("subset")
    return f"{host}/{subset}" if subset else host


def _identity(whole: Object) -> str:
    destinations = [each.get("destination") for each in whole["route"]]
    return fingerprint_of([whole.get("name"), whole.get("match"), destinations])


def _title(section: str, index: int, whole: Object) -> str:
    name = f" “{whole['name']}”" if whole.get("name") else ""
    headers = {h for match in whole.get("match") or () for h in match.get("headers") or ()}
    only = f" (header {', '.join(sorted(headers))})" if headers else ""
    return f"{section} rule {index + 1}{name}{only}"


def mirrors(found: Object, namespace: str) -> Iterator[tuple[str, str, str]]:
    """Return each rule that copies its traffic, and where to: as written, and the full name."""
    for index, whole in enumerate((found.get("spec") or {}).get("http") or ()):
        copies = [each.get("destination") or {} for each in whole.get("mirrors") or ()]
        if whole.get("mirror"):
            copies.append(whole["mirror"])
        for each in copies:
            shown = _shown(each)
            yield _title("http", index, whole), shown, full_name(shown, namespace)


def veiled(value: Any, *, inside: bool = False) -> Any:
    """Return a rule without the values of headers, which may be secrets; their names stay."""
    if isinstance(value, Mapping):
        return {k: veiled(each, inside=inside or k in HEADERS) for k, each in value.items()}
    if isinstance(value, list):
        return [veiled(each, inside=inside) for each in value]
    return VEIL if inside and isinstance(value, str) else value
