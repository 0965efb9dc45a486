"""The rights that come with the manifests: a real API server grants all of them and no other."""

from __future__ import annotations

import time
from typing import Any

import pytest

from adapters.kubernetes.connections import identity
from adapters.registry import ActionRegistry
from config.loader import load_systems
from config.settings import PACKAGED
from flows import rights
from flows.actions import Permission
from tests.real.bench.api import Api
from tests.real.bench.clusters import LOOK, PATIENCE, Bench, Cluster
from tests.real.deploy.manifests import KUBERNETES, applied, only, read, rendered

Json = Any
Right = tuple[str, str, str, str]  # API group, resource, name, verb
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
EVERYBODYS = "authorization.k8s.io", "authentication.k8s.io"  # asking who one is, and may do what
SYSTEMS = sorted(file.stem for file in (KUBERNETES / "rights").glob("[!k]*.yaml"))


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_account_may_do_what_the_procedures_need_and_nothing_else(
    system: str, bench: Bench, cluster: Cluster
) -> None:
    """What the API server grants the bot is what `backout permissions` computed, right by right."""
    objects = rendered(cluster, "overlays/single")
    applied(cluster, [only(objects, "Namespace"), only(objects, "ServiceAccount")])
    assert granted(bench, cluster) == set()
    applied(cluster, roles(cluster, system))
    wanted = needed(system)
    deadline = time.monotonic() + PATIENCE
    while (found := granted(bench, cluster)) != wanted:
        assert found <= wanted, "more than the procedures need"
        assert time.monotonic() < deadline, f"never granted: {sorted(wanted - found)}"
        time.sleep(LOOK)


def roles(cluster: Cluster, system: str) -> list[Json]:
    """Return a system's roles, for the test's namespace and the account in it."""
    text = cluster.kubectl("kustomize", str(KUBERNETES / "rights"))
    found = [each for each in read(text) if each["metadata"]["name"].endswith(system)]
    for each in found:
        if "namespace" in each["metadata"]:
            each["metadata"]["namespace"] = cluster.namespace
        for subject in each.get("subjects", ()):
            assert (subject["namespace"], subject["name"]) == ("backout", "backout")
            subject["namespace"] = cluster.namespace
    return found


def granted(bench: Bench, cluster: Cluster) -> set[Right]:
    """Ask the API server, as the bot, what it may do; leave out what everybody may."""
    api = Api(bench.server, authority=bench.authority, token=cluster.token("backout"))
    try:
        answer = api.call("POST", REVIEWS, {"spec": {"namespace": cluster.namespace}})
    finally:
        api.close()
    assert not answer["status"]["incomplete"]
    return {
        (group, resource, name, verb)
        for rule in answer["status"]["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or [""]
        for verb in rule["verbs"]
        if group not in EVERYBODYS
    }


def needed(system: str) -> set[Right]:
    """Return what the procedures need, as their actions say it; what holds for all covers one."""
    [bundle] = [each for each in load_systems(PACKAGED, None) if each.system.system == system]
    every = {*rights.needed(bundle, ActionRegistry()), *identity(bundle.system)}
    found = {right_of(each) for each in every if each.kind == "kubernetes"}
    return {each for each in found if not each[2] or (each[0], each[1], "", each[3]) not in found}


def right_of(permission: Permission) -> Right:
    """Take a permission apart as a rule has it."""
    named, _, sub = permission.resource.partition("/")
    plural, _, group = named.partition(".")
    return group, f"{plural}/{sub}" if sub else plural, permission.name, permission.verb
