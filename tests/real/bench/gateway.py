"""A gateway to the API server that keeps what clients ask, and breaks what a test wants broken.

It speaks TLS and has kubeconfigs of its own, so that the Python client, kubectl and Helm all go
through it. Made by the `gateway` fixture of tests/real/conftest.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.real.bench import kubeconfigs
from tests.real.bench.certificates import Authority
from tests.real.bench.clusters import Cluster
from tests.real.bench.faults import Effect, Fault, Request, refusal
from tests.real.bench.proxies import Proxy

Json = Any


class Gateway:
    """The gateway's controls.

    A fault meets requests of a method whose path, with the query, matches a regular expression;
    it ends after `times` of them.
    """

    context = kubeconfigs.CONTEXT

    def __init__(self, cluster: Cluster, proxy: Proxy, authority: Path) -> None:
        self.authority = authority
        self._cluster = cluster
        self._proxy = proxy

    @property
    def server(self) -> str:
        """Return its address, which stands for the API server's."""
        return self._proxy.server

    @property
    def kubeconfig(self) -> Path:
        """Return a kubeconfig of the administrator, through the gateway."""
        return self.kubeconfig_for(self._cluster.kubeconfig)

    def kubeconfig_for(self, other: Path) -> Path:
        """Return a kubeconfig like another one of the bench (`as_user`), through the gateway."""
        user = json.loads(other.read_text(encoding="utf-8"))["users"][0]["user"]
        return kubeconfigs.write(
            other.with_name(f"{other.name}-through-gateway"),
            server=self.server,
            authority=self.authority,
            user=user,
            namespace=self._cluster.namespace,
        )

    @property
    def requests(self) -> list[Request]:
        """Return what came through, in the order of its arrival; clear it to begin anew."""
        return self._proxy.requests

    def asked(self, method: str = "", path: str = "") -> list[Request]:
        """Return the requests of a method whose path matches a regular expression."""
        wanted = Fault(effect=Effect.ANSWER, method=method, path=path)
        return [each for each in self.requests if wanted.meets(each.method, each.path)]

    def writes(self) -> list[Request]:
        """Return the requests that may have changed something: no reads, dry runs or reviews."""
        return [
            each
            for each in self.requests
            if each.method not in ("GET", "HEAD")
            and "dryRun=" not in each.path
            and "/apis/authorization.k8s.io/" not in each.path
        ]

    def answer(
        self,
        status: int,
        *,
        method: str = "",
        path: str = "",
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        message: str = "as the test wants it",
        body: Json = None,
    ) -> Fault:
        """Answer in the server's place: with a Status, or with `body` (JSON, or text)."""
        return self._add(
            Effect.ANSWER,
            method=method,
            path=path,
            times=times,
            status=status,
            headers=dict(headers or {}),
            body=refusal(status, message) if body is None else body,
        )

    def hang(self, *, method: str = "", path: str = "", times: int = 1) -> Fault:
        """Answer nothing until the client gives up; nothing reaches the server."""
        return self._add(Effect.HANG, method=method, path=path, times=times)

    def lose_answer(self, *, method: str = "", path: str = "", times: int = 1) -> Fault:
        """Let the server act, then cut the connection."""
        return self._add(Effect.LOSE_ANSWER, method=method, path=path, times=times)

    def before(
        self, act: Callable[[], object], *, method: str = "", path: str = "", times: int = 1
    ) -> Fault:
        """Do something just before a request is forwarded: somebody else was faster."""
        return self._add(Effect.BEFORE, method=method, path=path, times=times, act=act)

    def mend(self) -> None:
        """End all faults."""
        self._proxy.faults.clear()

    def _add(self, effect: Effect, **parts: Any) -> Fault:
        self._proxy.faults.append(fault := Fault(effect=effect, **parts))
        return fault


@contextmanager
def opened(cluster: Cluster, authority: Authority) -> Iterator[Gateway]:
    """Run a gateway to the cluster while the block runs."""
    pair = authority.issue("gateway")
    proxy = Proxy(cluster.server, authority=cluster.bench.authority, pair=pair)
    with proxy.running():
        yield Gateway(cluster, proxy, authority.certificate)
