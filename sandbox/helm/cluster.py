"""A few calls to the API server named by a kubeconfig, with nothing but the standard library."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from sandbox.helm import records
from sandbox.helm.wire import NoAnswerError, exchange, quote

_SERVER = re.compile(r"http://(127\.0\.0\.1|localhost):(\d+)(/.*)?")


class HelmError(Exception):
    """The command failed; printed after `Error: `."""


class ApiError(HelmError):
    """The API server refused; the message is its own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Cluster:
    """One context of a kubeconfig."""

    def __init__(self, *, kubeconfig: str, context: str) -> None:
        config = _read_config(kubeconfig or os.environ.get("KUBECONFIG", ""))
        chosen = context or os.environ.get("HELM_KUBECONTEXT") or config["current-context"]
        entry = _named(config, "contexts", chosen)
        if entry is None:
            raise _unreachable(f'context "{chosen}" does not exist')
        cluster = _named(config, "clusters", entry["context"]["cluster"]) or {}
        user = _named(config, "users", entry["context"]["user"]) or {}
        self.namespace = str(entry["context"].get("namespace", "default"))
        self._server = str(cluster.get("cluster", {}).get("server", ""))
        self._token = str(user.get("user", {}).get("token", ""))
        found = _SERVER.fullmatch(self._server)
        if found is None:
            raise _unreachable("this helm is the sandbox's and talks to loopback only")
        self._address = (found[1], int(found[2]))
        self._path = found[3] or ""

    def check_reachable(self) -> None:
        """Refuse to go on when the API server doesn't answer, in Helm's words."""
        try:
            self.call("GET", "/version")
        except ApiError as error:
            raise _unreachable(str(error)) from None

    def releases(self, name: str, namespace: str) -> list[records.Release]:
        """Return all revisions of a release, oldest first."""
        query = quote(f"name={name},owner=helm")
        path = f"/api/v1/namespaces/{quote(namespace)}/secrets?labelSelector={query}"
        try:
            items = self.call("GET", path)["items"]
        except ApiError as error:
            raise HelmError(f"query: failed to query with labels: {error}") from None
        found = [records.decode(item["data"]["release"]) for item in items]
        return sorted(found, key=lambda release: int(release["version"]))

    def create_release(self, release: records.Release) -> None:
        """Store a new revision."""
        secret = records.secret(release, changed="createdAt")
        path = f"/api/v1/namespaces/{quote(release['namespace'])}/secrets"
        try:
            self.call("POST", path, secret)
        except ApiError as error:
            if error.code == 409:
                raise HelmError("release: already exists") from None
            raise HelmError(f"create: failed to create: {error}") from None

    def update_release(self, release: records.Release) -> None:
        """Store a changed revision."""
        secret = records.secret(release, changed="modifiedAt")
        name = quote(secret["metadata"]["name"])
        path = f"/api/v1/namespaces/{quote(release['namespace'])}/secrets/{name}"
        try:
            self.call("PUT", path, secret)
        except ApiError as error:
            raise HelmError(f"update: failed to update: {error}") from None

    def delete_release(self, release: records.Release) -> None:
        """Remove a revision's record."""
        name = quote(records.secret_name(release["name"], release["version"]))
        self.call("DELETE", f"/api/v1/namespaces/{quote(release['namespace'])}/secrets/{name}")

    def call(
        self, method: str, path: str, body: object = None, content: str = "application/json"
    ) -> Any:
        """Send one request and return the decoded answer."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "Content-Type": content,
            "User-Agent": "Helm/3.17.3",
        }
        try:
            status, text = exchange(self._address, f"{method} {self._path}{path}", headers, body)
        except (OSError, NoAnswerError) as error:
            url = f"{self._server}{path}"
            raise _unreachable(f'{method.capitalize()} "{url}": {_reason(error)}') from None
        return _decoded(status, text)


def _decoded(status: int, text: bytes) -> Any:
    try:
        document = json.loads(text or b"{}")
    except ValueError:
        document = {}
    if status >= 400:
        raise ApiError(status, str(document.get("message") or f"server answered {status}"))
    return document


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "dial tcp: connect: connection refused"
    if isinstance(error, TimeoutError):
        return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    return "EOF" if isinstance(error, NoAnswerError) else str(error).lower()


def _unreachable(why: str) -> HelmError:
    return HelmError(f"Kubernetes cluster unreachable: {why}")


def _read_config(paths: str) -> dict[str, Any]:
    path = next((part for part in paths.split(os.pathsep) if part), "")
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123  # pathlib is slow to import
            config: dict[str, Any] = json.load(file)
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
        raise _unreachable(f"stat {path}: {problem}") from None
    except ValueError:
        raise _unreachable(f"{path} is not the sandbox's kubeconfig (it is JSON)") from None
    return config


def _named(config: dict[str, Any], kind: str, name: str) -> dict[str, Any] | None:
    return next((item for item in config.get(kind, []) if item["name"] == name), None)
