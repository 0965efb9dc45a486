"""A plain client of the API server, for what tests prepare and look at.

It shares nothing with the adapters under test. Objects are JSON; kinds are found by discovery, so
that custom ones work as well.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.real.bench.certificates import Pair

Json = Any

MANAGER = "bench"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
SECONDS = 30.0


class RefusedError(RuntimeError):
    """The API server answered 400 or more; the message holds its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Kind(NamedTuple):
    """Where a kind's objects are."""

    base: str
    plural: str
    namespaced: bool


class Api:
    """Requests to one API server as one user: of a certificate, or of a token."""

    def __init__(
        self, server: str, *, authority: Path, certificate: Pair | None = None, token: str = ""
    ) -> None:
        trust = ssl.create_default_context(cafile=str(authority))
        if certificate:
            trust.load_cert_chain(certificate.certificate, certificate.key)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(
            base_url=server, verify=trust, headers=headers, timeout=SECONDS, trust_env=False
        )
        self._kinds: dict[str, Kind] = {}

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def ready(self) -> bool:
        """Say whether the server is ready to serve."""
        with suppress(httpx.TransportError):
            return self._client.get("/readyz").status_code == 200
        return False

    def call(
        self, method: str, path: str, body: Json = None, *, content_type: str = "application/json"
    ) -> Json:
        """Send one request and return the answer's JSON; raise `RefusedError`."""
        answer = self._client.request(
            method, path, json=body, headers={"Content-Type": content_type}
        )
        if answer.status_code >= 400:
            raise RefusedError(answer.status_code, _message(answer))
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.text

    def apply(self, namespace: str, given: Json) -> Json:
        """Make one object, or change it to what is given (a server-side apply by the bench)."""
        kind = f"{given['apiVersion']}/{given['kind']}"
        path = self.path(namespace, kind, given["metadata"]["name"])
        query = f"?fieldManager={MANAGER}&force=true"
        return self.call("PATCH", path + query, given, content_type="application/apply-patch+yaml")

    def path(self, namespace: str, kind: str, name: str = "", *, sub: str = "") -> str:
        """Return the path of an object, or without a name of all.

        `kind` is `deployment`, or with a version of the API `apps/v1/Deployment`.
        """
        found = self._kind(kind)
        scope = f"/namespaces/{namespace}" if found.namespaced else ""
        tail = "".join(f"/{part}" for part in (name, sub) if part)
        return f"{found.base}{scope}/{found.plural}{tail}"

    def _kind(self, kind: str) -> Kind:
        if kind.lower() not in self._kinds:
            self._discover()
        return self._kinds[kind.lower()]

    def _discover(self) -> None:
        # The last one wins a bare kind: the core's, and of a group the version it prefers.
        for root in ("/apis", "/api"):
            answer = self._client.get(root, headers={"Accept": DISCOVERY})
            for group in reversed(answer.json()["items"]):
                name = group["metadata"].get("name")
                for version in reversed(group["versions"]):
                    self._learn(f"{name}/{version['version']}" if name else "v1", version)

    def _learn(self, api: str, version: Json) -> None:
        base = f"/apis/{api}" if "/" in api else f"/api/{api}"
        for each in version["resources"]:
            kind = (each.get("responseKind") or {}).get("kind", "").lower()
            found = Kind(base, each["resource"], each["scope"] == "Namespaced")
            self._kinds[kind] = self._kinds[f"{api}/{kind}"] = found


def _message(answer: httpx.Response) -> str:
    with suppress(ValueError):
        return str(answer.json().get("message"))
    return answer.text
