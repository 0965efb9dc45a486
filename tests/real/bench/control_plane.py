"""The control plane: etcd, an API server and the controllers, as a production cluster runs them.

One for each pytest worker; the nodes beneath are the stand-in of `nodes`. Called by the fixtures of
tests/real/conftest.py, through `started`.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.real.bench import assets, kubeconfigs
from tests.real.bench.api import Api
from tests.real.bench.certificates import Authority
from tests.real.processes import answers, free_port, running

OFFERED = "BACKOUT_TEST_KUBECONFIG"  # a person's throw-away cluster, instead of this one
OFFERED_CONTEXT = "BACKOUT_TEST_CONTEXT"
AT_ONCE = signal.SIGKILL  # there is nothing to be saved
SERVICES = "10.96.0.0/16"  # a session makes many namespaces, each with services
ROOT = Path(__file__).resolve().parents[3]
NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")

# What a production cluster does in minutes is to happen while a test waits.
HASTE = {
    "concurrent-namespace-syncs": "20",
    "concurrent-deployment-syncs": "20",
    "concurrent-replicaset-syncs": "20",
    "horizontal-pod-autoscaler-sync-period": "1s",
    "horizontal-pod-autoscaler-initial-readiness-delay": "1s",
    "kube-api-qps": "1000",
    "kube-api-burst": "2000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """A running control plane, and a kubeconfig of somebody who may do everything."""

    server: str
    kubeconfig: Path
    logs: Path


@contextmanager
def started(folder: Path) -> Iterator[ControlPlane]:
    """Run a control plane and its nodes, with every file in `folder`, while the block runs."""
    for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
        assets.program(name)  # say what is missing before anything is started
    authority = Authority(folder)
    with ExitStack() as stack:
        etcd = stack.enter_context(_etcd(folder))
        server = stack.enter_context(_api_server(folder, authority, etcd=etcd))
        stack.enter_context(_controllers(folder, authority, server))
        stack.enter_context(_nodes(folder, authority, server))
        config = _kubeconfig(folder, authority, server, "bench:admin", group="system:masters")
        yield ControlPlane(server=server, kubeconfig=config, logs=folder)


@contextmanager
def _etcd(folder: Path) -> Iterator[str]:
    client, peer = free_port(), free_port()
    flags = {
        "data-dir": folder / "etcd",
        "listen-client-urls": f"http://127.0.0.1:{client}",
        "advertise-client-urls": f"http://127.0.0.1:{client}",
        "listen-peer-urls": f"http://127.0.0.1:{peer}",
        "initial-advertise-peer-urls": f"http://127.0.0.1:{peer}",
        "initial-cluster": f"default=http://127.0.0.1:{peer}",
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }
    command = _command("etcd", flags)
    log = folder / "etcd.log"
    with running(command, log=log, ready=lambda: answers(client), stop=AT_ONCE):
        yield f"http://127.0.0.1:{client}"


@contextmanager
def _api_server(folder: Path, authority: Authority, *, etcd: str) -> Iterator[str]:
    port = free_port()
    serving = authority.issue("kube-apiserver", names=NAMES)
    kubelets = authority.issue("kube-apiserver-kubelet-client", group="system:masters")
    accounts = authority.issue("service-accounts")
    flags = {
        "etcd-servers": etcd,
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "endpoint-reconciler-type": "none",  # no service may point at the loopback
        "secure-port": port,
        "tls-cert-file": serving.certificate,
        "tls-private-key-file": serving.key,
        "client-ca-file": authority.certificate,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": accounts.key,
        "service-account-signing-key-file": accounts.key,
        "service-cluster-ip-range": SERVICES,
        "kubelet-certificate-authority": authority.certificate,
        "kubelet-client-certificate": kubelets.certificate,
        "kubelet-client-key": kubelets.key,
        "kubelet-preferred-address-types": "InternalIP",
        "allow-privileged": "true",
        "profiling": "false",
    }
    command = _command("kube-apiserver", flags)
    server = f"https://127.0.0.1:{port}"
    api = Api(server, authority=authority.certificate, certificate=kubelets)
    log = folder / "kube-apiserver.log"
    with closing(api), running(command, log=log, ready=api.ready, seconds=90, stop=AT_ONCE):
        yield server


@contextmanager
def _controllers(folder: Path, authority: Authority, server: str) -> Iterator[None]:
    port = free_port()
    config = _kubeconfig(folder, authority, server, "system:kube-controller-manager")
    flags = {
        "kubeconfig": config,
        "authentication-kubeconfig": config,
        "authorization-kubeconfig": config,
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "cert-dir": folder / "controllers",
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": folder / "service-accounts.key",
        "root-ca-file": authority.certificate,
        "cluster-signing-cert-file": authority.pair.certificate,
        "cluster-signing-key-file": authority.pair.key,
        "profiling": "false",
        **HASTE,
    }
    command = _command("kube-controller-manager", flags)
    log = folder / "kube-controller-manager.log"
    with running(command, log=log, ready=lambda: answers(port), seconds=60, stop=AT_ONCE):
        yield


@contextmanager
def _nodes(folder: Path, authority: Authority, server: str) -> Iterator[None]:
    port = free_port()
    config = _kubeconfig(folder, authority, server, "bench:nodes", group="system:masters")
    kubelet = authority.issue("kubelet")
    command = [sys.executable, "-m", "tests.real.bench.nodes", str(config), str(port)]
    command += [str(each) for each in (kubelet.certificate, kubelet.key, authority.certificate)]
    log = folder / "nodes.log"
    with running(command, log=log, cwd=ROOT, ready=lambda: "ready" in log.read_text("utf-8")):
        yield


def _kubeconfig(
    folder: Path, authority: Authority, server: str, name: str, *, group: str = ""
) -> Path:
    pair = authority.issue(name, group=group)
    return kubeconfigs.write(
        folder / f"{name.replace(':', '-')}.kubeconfig",
        server=server,
        authority=authority.certificate,
        user={"client-certificate": str(pair.certificate), "client-key": str(pair.key)},
    )


def _command(name: str, flags: Mapping[str, object]) -> list[str]:
    return [str(assets.program(name)), *(f"--{flag}={value}" for flag, value in flags.items())]
