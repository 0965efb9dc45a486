"""Every action works with the rights that it names, and says which one is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.clients import ClientPool
from adapters.kubernetes import roles
from adapters.registry import ActionRegistry
from flows.actions import Action, ActionError, PermanentError, Permission, Refuted
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.faults import Request
from tests.real.bench.gateway import Gateway
from tests.real.conftest import uses_in
from tests.real.kubernetes.stories import STORIES, Story

VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
OBJECT = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/v[^/]+(?:/namespaces/(?P<namespace>[^/?]+))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/?]+))?(?:/(?P<sub>[^?]+))?(?:[?].*)?$"
)
CREATED = 201
SPEAKS_KUBERNETES = ("kubernetes.", "istio.", "helm.")


def use_with(
    story: Story,
    permissions: Iterable[Permission],
    registry: ActionRegistry,
    real: FakeContext,
    cluster: Cluster,
) -> Use:
    """Return the story's use by somebody who has just these rights."""
    granted = roles.rules(permissions)
    kubeconfig = cluster.as_user(
        [rule.plain() for rule in granted if rule.scope],
        everywhere=[rule.plain() for rule in granted if not rule.scope],
    )
    real.surroundings = replace(real.surroundings, kubeconfig=kubeconfig)
    return story.use(uses_in(registry, real))


def needed(story: Story, registry: ActionRegistry, real: FakeContext) -> tuple[Permission, ...]:
    """Return the rights that the action names for the story's inputs."""
    action: Action = registry.find(story.uses)
    return action.permissions(action.Inputs.model_validate(story.inputs), real.system)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.uses)
async def test_the_least_rights_suffice(
    story: Story, registry: ActionRegistry, real: FakeContext, cluster: Cluster, tmp_path: Path
) -> None:
    """With the Role that `backout permissions` prints, every verb works."""
    await story.before(cluster, tmp_path)
    rights = needed(story, registry, real)
    await story.tell(use_with(story, rights, registry, real, cluster))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.uses)
async def test_each_missing_right_is_named_before_anything_changed(
    story: Story, registry: ActionRegistry, real: FakeContext, cluster: Cluster, tmp_path: Path
) -> None:
    """Without any one of them, the preview (or the look) says which rule to add."""
    await story.before(cluster, tmp_path)
    rights = needed(story, registry, real)
    seldom = {each for each in rights if rule_of(each) in story.seldom}
    silent = []
    for missing in rights:
        use = use_with(story, set(rights) - {missing}, registry, real, cluster)
        said = await refusal(use)
        rule = rule_of(missing)
        if not names(said, missing) and missing not in seldom:
            silent.append(f"without {rule}: {said or 'nothing was said'}")
        await new_connections(real)
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.uses)
async def test_no_right_is_asked_for_that_is_not_used(
    story: Story,
    registry: ActionRegistry,
    through: FakeContext,
    gateway: Gateway,
    cluster: Cluster,
    tmp_path: Path,
) -> None:
    """What the verbs ask of the cluster is what the action names as its rights, all of it."""
    await story.before(cluster, tmp_path)
    rights = needed(story, registry, through)
    await story.tell(story.use(uses_in(registry, through)))
    used = [right for each in gateway.requests for right in used_by(each)]
    unused = [right for right in rights if not any(covers(right, each) for each in used)]
    assert sorted(map(rule_of, unused)) == sorted(story.seldom)


def rule_of(permission: Permission) -> str:
    """Write one right as the rule that grants it."""
    return str(roles.rules([permission])[0])


def used_by(request: Request) -> list[Permission]:
    """Return the rights that a request needs; discovery and reviews are everybody's."""
    found = OBJECT.match(request.path)
    if found is None or found["plural"] == "selfsubjectaccessreviews":
        return []
    named = f"{found['plural']}.{found['group']}" if found["group"] else found["plural"]
    sub, name = found["sub"] or "", found["name"] or ""
    verb = VERBS[request.method]
    if request.method == "GET" and not name:
        verb = "watch" if "watch=" in request.path else "list"
    made = ["create"] if (verb, request.status) == ("patch", CREATED) else []  # by an apply
    return [
        Permission(
            kind="kubernetes",
            verb=each,
            resource=f"{named}/{sub}" if sub else named,
            scope=found["namespace"] or "",
            name=name,
        )
        for each in [verb, *made]
    ]


def covers(right: Permission, used: Permission) -> bool:
    """Say whether a right is what a request needed."""
    return replace(right, name="") == replace(used, name="") and right.name in ("", used.name)


async def refusal(use: Use) -> str:
    """Return what a preview, or a look, says to the missing right."""
    try:
        await use.preview()
        if use.action.effect == "reads":
            verdict = await use.verify()
            return verdict.why if isinstance(verdict, Refuted) else ""
    except PermanentError as error:
        return str(error)
    except ActionError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def names(said: str, missing: Permission) -> bool:
    """Say whether a sentence names the verb and the resource of a right."""
    resource = missing.resource.partition("/")[0].partition(".")[0]
    return missing.verb in said and resource in said and "does not let" in said


async def new_connections(context: FakeContext) -> None:
    """Forget the login, as another process would."""
    await context.clients.close()
    context.clients = ClientPool()


def test_every_action_that_speaks_kubernetes_has_a_story(registry: ActionRegistry) -> None:
    """No action is left out of what holds for all."""
    spoken = {name for name in registry.names() if name.startswith(SPEAKS_KUBERNETES)}
    assert spoken == {story.uses for story in STORIES}
