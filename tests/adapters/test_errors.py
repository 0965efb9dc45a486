"""What went wrong is told as permanent, transient or unknown; words help and keep secrets."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.helm import attempts, commands
from adapters.helm import errors as helm_errors
from adapters.registry import ActionRegistry
from adapters.statuspage import pages
from flows.actions import (
    ActionError,
    NotYet,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)
from tests.adapters.fakes import FakeContext
from tests.adapters.servers import ScriptedServer, write_kubeconfig

Json = Any
Make = Callable[..., FakeContext]
CHECKOUT = "/apis/apps/v1/namespaces/production/deployments/checkout"
SCALE = f"{CHECKOUT}/scale"
THREE = {
    "metadata": {"name": "checkout", "generation": 1},
    "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "checkout"}}},
    "status": {"observedGeneration": 1, "replicas": 3, "readyReplicas": 3},
}
REVIEWS = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
REFUSED = {"status": {"allowed": False}}
RECORD = {
    "settings": [
        {
            "kind": "Deployment",
            "name": "checkout",
            "of": {"kind": "Deployment", "name": "checkout"},
            "before": 3,
            "set": 0,
        }
    ]
}


def status(code: int, message: str = "no", **headers: str) -> Json:
    """Write a refusal of the API server."""
    return {"status": code, "headers": headers, "body": {"kind": "Status", "message": message}}


async def scale(registry: ActionRegistry, context: FakeContext) -> None:
    """Scale checkout to 0."""
    action = registry.find("kubernetes.scale")
    inputs = action.Inputs.model_validate({"names": ["checkout"], "replicas": 0})
    await action.apply(inputs, RECORD, context)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (status(401, "Unauthorized"), PermanentError, "does not accept Backout's credentials"),
        (
            status(403, "forbidden"),
            PermanentError,
            (
                'Add to its Role: {apiGroups: ["apps"], resources: ["deployments/scale"], '
                'verbs: ["patch"]}'
            ),
        ),
        (status(404, "gone"), PermanentError, "There is no deployments.apps/scale checkout"),
        (status(409), TransientError, "changed by someone else"),
        (status(422, "replicas: Invalid value"), PermanentError, "Invalid value"),
        (status(429, **{"Retry-After": "7"}), TransientError, "trying again in 7 s"),
        (status(503), TransientError, "busy (503)"),
        (status(500, "etcdserver: request timed out"), UnknownOutcomeError, "answered 500"),
        (status(504), UnknownOutcomeError, "answered 504"),
        ("cut", UnknownOutcomeError, "did not arrive"),
        ({"status": 200, "headers": {}, "body": "<html>"}, UnknownOutcomeError, "did not arrive"),
    ],
)
async def test_answers_to_a_change(
    registry: ActionRegistry, scripted: Make, answer: Json, kind: type[ActionError], said: str
) -> None:
    """Each answer to a write becomes the right kind of error."""
    context = scripted(observed={f"GET {CHECKOUT}": THREE, f"PATCH {SCALE}": answer})
    with pytest.raises(kind) as caught:
        await scale(registry, context)
    assert said in str(caught.value)
    assert "kube-secret" not in str(caught.value)


@pytest.mark.parametrize("answer", [status(500), status(502), "cut"])
async def test_answers_to_a_read_are_transient(
    registry: ActionRegistry, scripted: Make, answer: Json
) -> None:
    """A read that fails changed nothing."""
    with pytest.raises(TransientError):
        await scale(registry, scripted(observed={f"GET {CHECKOUT}": answer}))


async def test_several_missing_rights_are_told_together(
    registry: ActionRegistry, scripted: Make
) -> None:
    """All missing rights are named at once, those on one resource as one rule."""
    action = registry.find("kubernetes.patch_configmap")
    inputs = action.Inputs.model_validate({"name": "shop", "key": "mode", "value": "calm"})
    with pytest.raises(PermanentError) as caught:
        await action.preview(inputs, scripted(observed={REVIEWS: REFUSED}))
    assert 'resourceNames: ["shop"], verbs: ["get", "patch"]' in str(caught.value)
    assert not str(caught.value).endswith("…")


async def test_too_many_missing_rights_are_counted(
    registry: ActionRegistry, scripted: Make
) -> None:
    """A message that can't hold all rules ends in a whole sentence that says where they are."""
    action = registry.find("kubernetes.scale")
    inputs = action.Inputs.model_validate({"names": ["checkout"], "replicas": 3})
    context = scripted(observed={REVIEWS: REFUSED})
    with pytest.raises(PermanentError) as caught:
        await action.preview(inputs, context)
    assert "patch deployments.apps/scale checkout in namespace production" in str(caught.value)
    assert str(caught.value).endswith("`backout permissions` prints all rules for its Role.")
    assert "more" not in str(caught.value)
    names = [
        f"{kind}/shop-of-a-market-far-away-{n}"
        for kind in ("deployment", "statefulset")
        for n in "1234567"
    ]
    inputs = action.Inputs.model_validate({"names": names, "replicas": 3})
    with pytest.raises(PermanentError, match=r"; and \d+ more[.] `backout permissions` prints"):
        await action.preview(inputs, context)


async def test_delay_follows_the_cluster(registry: ActionRegistry, scripted: Make) -> None:
    """Retry-After is kept to, within a minute."""
    context = scripted(observed={f"GET {CHECKOUT}": status(429, **{"Retry-After": "3600"})})
    with pytest.raises(TransientError) as caught:
        await scale(registry, context)
    assert caught.value.delay == 60


async def test_cluster_without_reviews_is_a_warning(
    registry: ActionRegistry, scripted: Make
) -> None:
    """Where the cluster does not say what is allowed, the preview warns and goes on."""
    action = registry.find("kubernetes.scale")
    inputs = action.Inputs.model_validate({"names": ["checkout"], "replicas": 3})
    context = scripted(observed={f"GET {CHECKOUT}": THREE})
    preview = await action.preview(inputs, context)
    assert "does not say" in preview.warnings[0]


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ({"context": "other", "namespace": "production"}, 'no way to the context "other"'),
        (
            {"context": "aivo-production", "namespace": "production", "server": "https://else"},
            "pins https://else",
        ),
        (
            {"context": "in-cluster", "namespace": "production"},
            "does not run in a cluster",
        ),
        (None, "has no cluster"),
    ],
)
async def test_only_the_pinned_cluster_is_touched(
    registry: ActionRegistry, scripted: Make, server: ScriptedServer, connection: Json, said: str
) -> None:
    """Another context or server than the pinned one is refused before any request."""
    context = scripted()
    context.system = type(context.system).model_validate(
        context.system.model_dump(mode="json")
        | {"connections": {"kubernetes": connection} if connection else {}}
    )
    with pytest.raises(PermanentError, match=said):
        await scale(registry, context)
    assert server.lines() == []


async def test_kubeconfig_that_is_not_there(
    registry: ActionRegistry, scripted: Make, tmp_path: Path
) -> None:
    """The missing file is named, with what to set."""
    context = scripted()
    (tmp_path / "kubeconfig").unlink()
    with pytest.raises(PermanentError, match="set KUBECONFIG"):
        await scale(registry, context)


async def test_credential_command_that_gives_nothing(
    registry: ActionRegistry, scripted: Make, server: ScriptedServer, tmp_path: Path
) -> None:
    """A kubeconfig whose credential command fails is told so, not as "unauthorized"."""
    context = scripted()
    broken = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}
    write_kubeconfig(tmp_path / "kubeconfig", server.url, exec=broken)
    with pytest.raises(PermanentError, match="gave no token"):
        await scale(registry, context)


async def test_token_of_a_credential_command_is_sent(
    registry: ActionRegistry, scripted: Make, server: ScriptedServer, tmp_path: Path
) -> None:
    """A credential command's token travels with the request."""
    said = (
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", '
        '"status": {"token": "from-command"}}'
    )
    context = scripted(observed={f"GET {CHECKOUT}": THREE, f"PATCH {SCALE}": THREE})
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "echo", "args": [said]}
    write_kubeconfig(tmp_path / "kubeconfig", server.url, exec=command)
    await scale(registry, context)
    assert {each.headers["Authorization"] for each in server.asked} == {"Bearer from-command"}


HELM_WORDS = [
    ("Error: release: not found", PermanentError, "no Helm release"),
    ("Error: release has no 41 version", PermanentError, "Revision 41 of app is gone"),
    (
        "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
        TransientError,
        "Another Helm operation",
    ),
    (
        (
            'Error: Kubernetes cluster unreachable: Get "http://127.0.0.1:1/version": dial tcp: '
            "connect: connection refused"
        ),
        TransientError,
        "not there for Helm",
    ),
    (
        'Error: Kubernetes cluster unreachable: context "x" does not exist',
        PermanentError,
        "does not find the cluster's context",
    ),
    (
        (
            'Error: query: failed to query with labels: secrets is forbidden: User "u" cannot list '
            'resource "secrets" in API group "" in the namespace "production"'
        ),
        PermanentError,
        'let Helm list secrets in namespace production. Add to its Role: {apiGroups: [""]',
    ),
    ("Error: Unauthorized", PermanentError, "does not accept the credentials"),
    ("Error: something else token=abc123 Bearer xyz", PermanentError, "Helm refused: Error:"),
]


@pytest.mark.parametrize(("said", "kind", "told"), HELM_WORDS)
def test_words_of_helm(said: str, kind: type[ActionError], told: str) -> None:
    """Helm's complaints are told apart by its words, and credentials masked."""
    error = helm_errors.from_output("app", said, writes=True)
    assert type(error) is kind
    assert told in str(error)
    assert "abc123" not in str(error)
    assert "xyz" not in str(error)


@pytest.mark.parametrize(("writes", "kind"), [(True, UnknownOutcomeError), (False, TransientError)])
def test_helm_that_stopped_waiting(writes: bool, kind: type[ActionError]) -> None:
    """A write that timed out has an unknown outcome; a read just failed."""
    said = "Error: release app failed: timed out waiting for the condition"
    assert type(helm_errors.from_output("app", said, writes=writes)) is kind


async def test_helm_that_is_not_installed(registry: ActionRegistry, scripted: Make) -> None:
    """A missing binary is named before anything happened."""
    context = scripted()
    context.surroundings = replace(context.surroundings, helm="no-such-helm")
    for uses, inputs in (
        ("helm.history", {"release": "aivo-platform"}),
        ("helm.rollback", {"release": "aivo-platform", "revision": 41}),
    ):
        action = registry.find(uses)
        with pytest.raises(PermanentError, match="helm is not installed or not on PATH"):
            await action.verify(action.Inputs.model_validate(inputs), {}, context)


async def test_helm_that_hangs_is_ended(
    scripted: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that does not end is ended, and the child with it."""
    context = scripted()
    command = tmp_path / "helm" / "helm"
    command.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    monkeypatch.setattr(commands, "READ_SECONDS", 0.5)
    with pytest.raises(TransientError, match="did not end"):
        await commands.history(context, "aivo-platform")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_helm_gets_no_secret_of_ours(scripted: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot's tokens are not in Helm's environment; the pinned kubeconfig is."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("AWS_PROFILE", "production")
    context = scripted()
    env = commands.environment(context)
    assert "SLACK_BOT_TOKEN" not in env
    assert env["AWS_PROFILE"] == "production"
    assert env["KUBECONFIG"] == str(context.surroundings.kubeconfig)


async def test_rollback_past_its_limit_is_left_running(
    registry: ActionRegistry, scripted: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Helm that outlives its own timeout is not ended: the outcome is unknown."""
    monkeypatch.setattr(attempts, "GRACE", timedelta(seconds=-1))
    line = {"revision": 41, "status": "superseded", "description": "Upgrade complete"}
    context = scripted(
        helm={"history aivo-platform --output json --max 256": [line, {**line, "revision": 42}]},
    )
    action = registry.find("helm.rollback")
    inputs = action.Inputs.model_validate(
        {"release": "aivo-platform", "revision": 41, "timeout": "1s"}
    )
    with pytest.raises(UnknownOutcomeError, match="left running"):
        await action.apply(inputs, {}, context)


@pytest.mark.parametrize(
    ("observed", "said"),
    [
        ("cut", "unknown: "),
        (
            {"status": 302, "headers": {"Location": "http://elsewhere.example/"}, "body": ""},
            "answered 302",
        ),
        ({"status": 302, "headers": {"Location": "/loop"}, "body": ""}, "answered 302"),
    ],
)
async def test_health_that_leads_elsewhere(
    registry: ActionRegistry, scripted: Make, server: ScriptedServer, observed: Json, said: str
) -> None:
    """Redirects to another host, and without end, are answers; nothing is followed there."""
    context = scripted(observed={"GET /health": observed, "GET /loop": observed})
    action = registry.find("http.check")
    inputs = action.Inputs.model_validate({"url": f"{server.url}/health"})
    verdict = await action.verify(inputs, {}, context)
    assert isinstance(verdict, NotYet)
    assert said in verdict.progress
    assert len(server.asked) <= 4


async def test_redirect_on_the_same_host_is_followed(
    registry: ActionRegistry, scripted: Make, server: ScriptedServer
) -> None:
    """A redirect on the same host leads to the answer."""
    there = {"status": 307, "headers": {"Location": "/health/"}, "body": ""}
    ok = {"status": 200, "headers": {}, "body": {"status": "ok"}}
    context = scripted(observed={"GET /health": there, "GET /health/": ok})
    action = registry.find("http.check")
    given = {"url": f"{server.url}/health", "field": "status", "equals": "ok"}
    verdict = await action.verify(action.Inputs.model_validate(given), {}, context)
    assert not isinstance(verdict, NotYet)


async def test_nothing_listens(
    registry: ActionRegistry, scripted: Make, server: ScriptedServer
) -> None:
    """No server: the check is unknown, and a status page that is away is transient."""
    context = scripted()
    await server.stop()
    check = registry.find("http.check")
    verdict = await check.verify(check.Inputs.model_validate({"url": server.url}), {}, context)
    assert isinstance(verdict, NotYet)
    assert "can't be reached" in verdict.progress
    assert verdict.output == {}
    page = registry.find("statuspage.create_incident")
    inputs = page.Inputs.model_validate({"name": "x", "body": "y"})
    with pytest.raises(TransientError, match="can't be reached"):
        await page.apply(inputs, {}, context)


async def test_status_page_is_asked_once_a_second(
    registry: ActionRegistry, scripted: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second request of the same token waits for its turn."""
    assert pages.SPACING == 1.0
    monkeypatch.setattr(pages, "SPACING", 60.0)  # which a busy machine does not use up in between
    context = scripted(
        observed={
            "GET /v1/pages/xyz/incidents/unresolved": {"status": 200, "headers": {}, "body": []},
            "POST /v1/pages/xyz/incidents": {"id": "i1"},
        }
    )
    page = registry.find("statuspage.create_incident")
    await page.apply(page.Inputs.model_validate({"name": "x", "body": "y"}), {}, context)
    (waited,) = context.pauses
    assert 0 < waited <= 60


async def test_tokens_are_sent_and_never_told(
    registry: ActionRegistry, scripted: Make, server: ScriptedServer
) -> None:
    """Each service gets its own token, and an error that echoes it is masked."""
    echo = {"status": 401, "headers": {}, "body": "OAuth statuspage-secret refused"}
    bearer = {"status": 403, "headers": {}, "body": "Bearer prometheus-secret refused"}
    context = scripted(
        observed={
            "GET /v1/pages/xyz/incidents/unresolved": echo,
            "POST /api/v1/query": bearer,
        }
    )
    page, query = registry.find("statuspage.create_incident"), registry.find("prometheus.query")
    with pytest.raises(PermanentError) as refused:
        await page.apply(page.Inputs.model_validate({"name": "x", "body": "y"}), {}, context)
    with pytest.raises(PermanentError) as denied:
        await query.verify(query.Inputs.model_validate({"query": "up"}), {}, context)
    assert "secret" not in f"{refused.value} {denied.value}"
    assert [each.headers["Authorization"] for each in server.asked] == [
        "OAuth statuspage-secret",
        "Bearer prometheus-secret",
    ]
