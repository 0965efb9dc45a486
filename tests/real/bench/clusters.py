"""What a test gets of the cluster: a namespace of its own, and hands to prepare and look.

`Bench` is the session's administrator, `Cluster` one test's namespace. Made by the fixtures of
tests/real/conftest.py.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.real.bench import assets, kubeconfigs, manifests
from tests.real.bench.api import Api, RefusedError
from tests.real.bench.progress import progress

Json = Any

PATIENCE = 90.0  # seconds until `settled` gives up
LOOK = 0.05
DAY = 86_400
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class CommandError(RuntimeError):
    """A command of the bench failed; the message holds what it said."""


class Bench:
    """The session's cluster, as somebody who may do everything with it."""

    def __init__(self, *, server: str, authority: Path, token: str, folder: Path) -> None:
        self.server = server
        self.authority = authority
        self.token = token
        self.folder = folder
        self.api = Api(server, authority=authority, token=token)

    @contextmanager
    def cluster(self, folder: Path) -> Iterator[Cluster]:
        """Make a namespace; it is deleted afterwards, without waiting for that."""
        namespace = f"t-{secrets.token_hex(4)}"
        self.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        cluster = Cluster(self, namespace, folder)
        try:
            cluster.wait_for_account("default")
            yield cluster
        finally:
            for path in (*cluster.outside, f"/api/v1/namespaces/{namespace}"):
                self.api.call("DELETE", path)

    def kubeconfig(
        self, path: Path, namespace: str, *, token: str = "", server: str = "", authority: str = ""
    ) -> Path:
        """Write a kubeconfig for the administrator, or for the owner of a token."""
        return kubeconfigs.write(
            path,
            server=server or self.server,
            authority=Path(authority or self.authority),
            user={"token": token or self.token},
            namespace=namespace,
        )


class Cluster:
    """One namespace.  Names without a namespace are in it; objects are plain JSON."""

    context = kubeconfigs.CONTEXT

    deployment = staticmethod(manifests.deployment)
    stateful_set = staticmethod(manifests.stateful_set)
    daemon_set = staticmethod(manifests.daemon_set)
    service = staticmethod(manifests.service)
    config_map = staticmethod(manifests.config_map)
    secret = staticmethod(manifests.secret)
    ingress = staticmethod(manifests.ingress)
    network_policy = staticmethod(manifests.network_policy)
    job = staticmethod(manifests.job)
    cron_job = staticmethod(manifests.cron_job)
    autoscaler = staticmethod(manifests.autoscaler)
    disruption_budget = staticmethod(manifests.disruption_budget)
    virtual_service = staticmethod(manifests.virtual_service)
    scaled_object = staticmethod(manifests.scaled_object)

    def __init__(self, bench: Bench, namespace: str, folder: Path) -> None:
        self.bench = bench
        self.api = bench.api
        self.namespace = namespace
        self.folder = folder
        self.server = bench.server
        self.kubeconfig = bench.kubeconfig(folder / "kubeconfig", namespace)
        self.outside: list[str] = []  # paths of objects outside of the namespace, to be deleted

    def kubectl(
        self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None
    ) -> str:
        """Run kubectl in the namespace and return what it printed; raise `CommandError`.

        With a kubeconfig of `as_user` or of a gateway it is run as that user, or through that.
        """
        options = ("--kubeconfig", str(kubeconfig or self.kubeconfig), *arguments)
        return run((assets.program("kubectl"), *options), folder=self.bench.folder, stdin=stdin)

    def apply(self, *objects: Json) -> None:
        """Make the objects, or change them to what is given."""
        for each in objects:
            self.api.apply(self.namespace, each)

    def get(self, kind: str, name: str) -> Json:
        """Return an object: `get("deployment", "checkout")`; raise `RefusedError` (404)."""
        return self.api.call("GET", self.api.path(self.namespace, kind, name))

    def all(self, kind: str, *, labels: str = "") -> list[Json]:
        """Return all objects of a kind, or those with these labels: `app=checkout`."""
        path = self.api.path(self.namespace, kind)
        found: list[Json] = self.api.call("GET", f"{path}?labelSelector={labels}")["items"]
        return found

    def patch(self, kind: str, name: str, body: Json, *, sub: str = "") -> Json:
        """Merge-patch an object (or its subresource), as somebody else would meanwhile."""
        path = self.api.path(self.namespace, kind, name, sub=sub)
        return self.api.call("PATCH", path, body, content_type="application/merge-patch+json")

    def delete(self, kind: str, name: str) -> None:
        """Delete an object; what it owns is deleted in the background."""
        path = self.api.path(self.namespace, kind, name)
        self.api.call("DELETE", path, {"propagationPolicy": "Background"})

    async def settled(self, *names: str) -> None:
        """Wait until each is as it is meant to be: `checkout` (a Deployment), `job/migrate`.

        Deployments, StatefulSets and DaemonSets have all their new pods ready and no old ones;
        jobs have ended; anything else is there.
        """
        for name in names:
            kind, _, rest = name.rpartition("/")
            await self._settled(kind or "deployment", rest)

    async def _settled(self, kind: str, name: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(RefusedError):
                if not (lacking := progress(self.get(kind, name))):
                    return
            await asyncio.sleep(LOOK)
        pods = [(each["metadata"]["name"], each["status"].get("phase")) for each in self.all("pod")]
        raise AssertionError(f"{kind}/{name} is not settled ({lacking}); the pods: {pods}")

    def as_user(self, rules: Sequence[Json], *, everywhere: Sequence[Json] = ()) -> Path:
        """Return a kubeconfig of somebody who may do just this.

        `rules` as in a Role of the namespace, `everywhere` as in a ClusterRole:
        `{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}`.
        """
        name = f"user-{secrets.token_hex(3)}"
        self.apply(manifests.made("v1", "ServiceAccount", name))
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        for kind, granted in (("Role", rules), ("ClusterRole", everywhere)):
            if granted:
                self._grant(kind, f"{self.namespace}-{name}", granted, subject)
                where = self.namespace if kind == "Role" else ""
                self._wait_for_grant(name, granted[0], where)
        token = self.token(name)
        return self.bench.kubeconfig(self.folder / name, self.namespace, token=token)

    def token(self, account: str) -> str:
        """Return a token of a service account."""
        path = self.api.path(self.namespace, "ServiceAccount", account, sub="token")
        answer = self.api.call("POST", path, {"spec": {"expirationSeconds": DAY}})
        return str(answer["status"]["token"])

    def _grant(self, kind: str, name: str, rules: Sequence[Json], subject: Json) -> None:
        group = "rbac.authorization.k8s.io"
        role = {"apiGroup": group, "kind": kind, "name": name}
        self.apply(
            manifests.made(f"{group}/v1", kind, name, rules=list(rules)),
            manifests.made(f"{group}/v1", f"{kind}Binding", name, roleRef=role, subjects=[subject]),
        )
        if kind == "ClusterRole":
            self.outside.append(self.api.path("", f"{kind}Binding", name))
            self.outside.append(self.api.path("", kind, name))

    def _wait_for_grant(self, account: str, rule: Json, namespace: str) -> None:
        """Wait until the API server knows of a rule: it hears of roles a little later."""
        resource, _, sub = str((rule.get("resources") or [""])[0]).partition("/")
        if not resource:  # paths such as /healthz
            return
        asked = {
            "namespace": namespace,
            "group": rule["apiGroups"][0],
            "resource": resource,
            "subresource": sub,
            "name": (rule.get("resourceNames") or [""])[0],
            "verb": rule["verbs"][0],
        }
        user = f"system:serviceaccount:{self.namespace}:{account}"
        body = {"spec": {"user": user, "resourceAttributes": asked}}
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.api.call("POST", REVIEWS, body)["status"].get("allowed"):
                return
            time.sleep(LOOK / 10)
        raise AssertionError(f"{account} did not get {rule}")

    def wait_for_account(self, name: str) -> None:
        """Wait until a service account is there: no pod starts without `default`."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(RefusedError):
                self.get("ServiceAccount", name)
                return
            time.sleep(LOOK / 10)
        raise AssertionError(f"{self.namespace} has no service account {name}")


@contextmanager
def administered(config: Path, *, folder: Path, context: str = "") -> Iterator[Bench]:
    """Make an administrator of the bench in the cluster of a kubeconfig; remove it afterwards."""
    name = f"bench-{secrets.token_hex(4)}"
    chosen = ("--context", context) if context else ()

    def kubectl(*arguments: str) -> str:
        command = [assets.program("kubectl"), "--kubeconfig", config, *chosen, *arguments]
        return run(command, folder=folder)

    view = json.loads(kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    cluster = view["clusters"][0]["cluster"]
    authority = folder / "cluster.crt"
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    kubectl("create", "namespace", name)
    try:
        kubectl("create", "serviceaccount", "admin", "--namespace", name)
        account = f"--serviceaccount={name}:admin"
        kubectl("create", "clusterrolebinding", name, "--clusterrole=cluster-admin", account)
        token = kubectl("create", "token", "admin", "--namespace", name, f"--duration={DAY}s")
        bench = Bench(
            server=cluster["server"], authority=authority, token=token.strip(), folder=folder
        )
        with closing(bench.api):
            yield bench
    finally:
        kubectl("delete", "clusterrolebinding", name, "--ignore-not-found")
        kubectl("delete", "namespace", name, "--wait=false")


def run(
    command: Sequence[str | Path],
    *,
    folder: Path,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run kubectl or Helm, with caches in `folder`; return what it printed."""
    homes = {"HOME": str(folder), "KUBECACHEDIR": str(folder / "kubectl")}
    done = subprocess.run(
        [str(each) for each in command],
        env={**os.environ, **homes, **(env or {})},
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        words = " ".join(Path(each).name for each in command)
        raise CommandError(f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
