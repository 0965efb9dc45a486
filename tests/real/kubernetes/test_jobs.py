"""`kubernetes.run_job` against a real control plane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.kubernetes.run_job import RunJob
from flows.actions import Holds, NotYet, PermanentError, Refuted, Verdict
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults

Json = Any
MIGRATE = {"image": "shop/migrate:1.0.0", "command": ["migrate", "down"]}


async def settled_in(use: Use, told: str) -> NotYet:
    """Look until the Job is on its way in these words."""
    while True:
        verdict = await use.verify()
        assert isinstance(verdict, NotYet), verdict
        if told in verdict.progress:
            return verdict
        await asyncio.sleep(0.05)


async def test_a_job_runs_once_and_its_log_is_kept(
    cluster: Cluster, use: Callable[..., Use]
) -> None:
    """It completes; its log is evidence; another attempt or plan finds it and runs nothing."""
    cluster.apply(cluster.secret("db", url="postgres://u:hunter2@db/shop"))
    env = {"DATABASE_URL": {"secret": "db", "key": "url"}, "KEEP": "42"}
    run = use("kubernetes.run_job", "migrate", **MIGRATE, env=env, loses="the column plan")
    before = await run.preview()
    assert (before.in_place, before.losses) == (False, "the column plan")
    assert cluster.all("job") == []
    assert "hunter2" not in repr(before)
    await run.apply()
    done = await run.outcome()
    assert isinstance(done, Holds), done
    assert done.output["exit_code"] == 0
    assert done.output["image"].startswith("shop/migrate@sha256:")
    assert done.output["job"].startswith("inc-7-migrate-")
    log = await run.context.surroundings.evidence.read(done.output["log"])
    assert b"shop/migrate:1.0.0" in log
    assert "shop/migrate:1.0.0" not in done.summary
    cluster.delete("pod", cluster.all("pod")[0]["metadata"]["name"])
    while cluster.all("pod"):
        await asyncio.sleep(0.05)
    run.context.plan = "another"
    assert (await run.preview()).in_place
    await run.apply()
    again = await run.outcome()
    assert isinstance(again, Holds)
    assert (again.output["log"], again.output["exit_code"]) == (done.output["log"], None)
    assert len(cluster.all("job")) == 1
    with pytest.raises(PermanentError, match="can't be undone"):
        await run.undo()


async def test_a_failed_job_is_told_and_a_retry_runs_it_again(
    cluster: Cluster, use: Callable[..., Use]
) -> None:
    """Its reason and exit code are told; the same attempt changes nothing, the next one runs."""
    run = use("kubernetes.run_job", "migrate", image="shop/crash-migrate:1")
    await run.apply()
    failed = await run.outcome()
    assert isinstance(failed, Refuted)
    assert failed.final
    assert "failed (BackoffLimitExceeded)" in failed.why
    assert "exit code 1" in failed.why
    await run.action.apply(run.inputs, run.captured, run.context)
    assert len(cluster.all("job")) == 1
    told = await run.preview()
    assert (told.in_place, told.touches) == (False, 1)
    assert any("runs again" in warning for warning in told.warnings)
    run.context.key = "INC-7/migrate/2"
    before = await run.action.verify(run.inputs, run.captured, run.context)
    assert isinstance(before, Refuted)
    assert not before.final
    assert "this attempt began no other" in before.why
    await run.action.apply(run.inputs, run.captured, run.context)
    names = sorted(job["metadata"]["name"] for job in cluster.all("job"))
    assert names[1] == f"{names[0]}-2"
    cluster.delete("job", names[0])
    again = await ended(run)
    assert isinstance(again, Refuted)
    assert names[1] in again.why
    run.context.key = "INC-7/migrate/3"
    await run.action.apply(run.inputs, run.captured, run.context)
    assert f"{names[0]}-3" in [job["metadata"]["name"] for job in cluster.all("job")]


async def ended(use: Use) -> Verdict:
    """Look, in the same attempt, until the Job has ended."""
    while True:
        verdict = await use.action.verify(use.inputs, use.captured, use.context)
        if not isinstance(verdict, NotYet):
            return verdict
        await asyncio.sleep(0.05)


async def test_a_job_that_can_not_begin_says_why_and_is_left_alone(
    cluster: Cluster, use: Callable[..., Use]
) -> None:
    """The image can't be pulled: that is its progress, also after its time; nothing ends it."""
    run = use("kubernetes.run_job", image="shop/bad:1", timeout="1s")
    await run.apply()
    await settled_in(run, "image can't be pulled")
    late = await settled_in(run, "longer than 1s: it is left running")
    assert "image can't be pulled" in late.progress
    assert "conditions" not in cluster.all("job")[0]["status"]


async def test_the_cluster_ends_a_job_in_time_where_it_is_asked_to(
    cluster: Cluster, use: Callable[..., Use]
) -> None:
    """With `stop_at_timeout` it has failed by its deadline."""
    run = use("kubernetes.run_job", image="shop/bad:1", timeout="1s", stop_at_timeout=True)
    await run.apply()
    ended = await run.outcome()
    assert isinstance(ended, Refuted)
    assert "failed (DeadlineExceeded)" in ended.why
    assert cluster.all("job")[0]["spec"]["activeDeadlineSeconds"] == 1


async def test_another_command_or_step_is_another_job(
    cluster: Cluster, use: Callable[..., Use]
) -> None:
    """The name follows from who runs what; a Job of this name that is not the step's is refused."""
    run = use("kubernetes.run_job", "a" * 60, **MIGRATE)
    await run.apply()
    other = use("kubernetes.run_job", "a" * 60, **{**MIGRATE, "command": ["migrate", "up"]})
    assert not (await other.preview()).in_place
    assert not (await use("kubernetes.run_job", "a" * 61, **MIGRATE).preview()).in_place
    name = cluster.all("job")[0]["metadata"]["name"]
    cluster.patch("job", name, {"metadata": {"labels": {"backout.dev/series": "other"}}})
    for verb in (run.preview, run.apply):
        with pytest.raises(PermanentError, match=f"a Job {name} .* is not this step's"):
            await verb()
    assert isinstance(await run.verify(), Refuted)


async def test_a_job_of_the_same_moment_is_taken_for_what_it_is(
    cluster: Cluster, use_through: Callable[..., Use], gateway: Gateway
) -> None:
    """Somebody else makes the Job between the look and the request: one Job, no error."""
    run = use_through("kubernetes.run_job", **MIGRATE)
    await run.preview()
    body = gateway.asked("POST", "/jobs[?]")[0].body
    path = cluster.api.path(cluster.namespace, "job")
    theirs = gateway.before(
        lambda: cluster.api.call("POST", path, body), method="POST", path="/jobs[?](?!.*dryRun)"
    )
    await run.apply()
    assert theirs.hits == 1
    assert len(cluster.all("job")) == 1
    assert isinstance(await run.outcome(), Holds)


async def test_a_failing_api_server(
    cluster: Cluster, use_through: Callable[..., Use], gateway: Gateway
) -> None:
    """Every failure of the API server is what it is, and never a second Job."""
    await faults.check(use_through("kubernetes.run_job", **MIGRATE), gateway)
    assert len(cluster.all("job")) == 1


async def test_what_it_refers_to_must_be_there(cluster: Cluster, use: Callable[..., Use]) -> None:
    """A service account that is not there is told before anything is created."""
    run = use("kubernetes.run_job", **MIGRATE, service_account="migrator")
    with pytest.raises(PermanentError, match="There is no serviceaccounts migrator"):
        await run.preview()
    cluster.api.apply(
        cluster.namespace,
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "migrator"}},
    )
    await run.preview()


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"env": {"DB_PASSWORD": "hunter2"}}, "env.DB_PASSWORD looks like a secret"),
        ({"env": {"URL": "postgres://u:hunter2@db/x"}}, "env.URL looks like a secret"),
        ({"command": ["psql", "postgres://u:hunter2@db/x"]}, "the command holds what looks like"),
        ({"image": "two words"}, "image"),
        ({"timeout": "0s"}, "timeout"),
        ({"memory": "lots"}, "memory"),
        ({"ttl": "1h"}, "ttl"),
    ],
)
def test_inputs_are_checked(inputs: Json, said: str) -> None:
    """Secrets in the clear, and what Kubernetes would refuse, are refused before."""
    with pytest.raises(ValidationError, match=said):
        RunJob.Inputs.model_validate({"image": "shop/migrate:1", **inputs})
