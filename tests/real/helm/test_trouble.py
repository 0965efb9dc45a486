"""What goes wrong around a rollback by real Helm: it dies, others are at work, the API fails."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.helm import attempts, commands
from flows.actions import (
    ActionError,
    Holds,
    PermanentError,
    Refuted,
    TransientError,
    UnknownOutcomeError,
)
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use
from tests.real.bench import assets
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.bench.helms import Helm
from tests.real.helm.checkout import NEW, OLD, add_later, image, newest

Json = Any
Make = Callable[..., Use]
DEPLOYMENTS = r"/apis/apps/v1/namespaces/[^/]+/deployments"
SECRETS = r"/api/v1/namespaces/[^/]+/secrets"
EVERY = 1000
FORBIDDEN = (
    'secrets is forbidden: User "bot" cannot list resource "secrets" in API group "" in the '
    'namespace "shop"'
)
TAKEN = 'secrets "sh.helm.release.v1.checkout.v3" already exists'
TELLS_ITS_NUMBER = """\
#!/bin/sh
[ "$1" = rollback ] && echo $$ > "{pid}"
exec "{helm}" "$@"
"""


@pytest.fixture
def released(helm: Helm, chart: Path) -> Helm:
    """Checkout, released twice; the second time with one more object."""
    add_later(chart)
    helm.release("checkout", chart, "--wait")
    helm.release("checkout", chart, "--wait", image=NEW, later=True)
    return helm


@pytest.fixture
def back(released: Helm, use_through: Make) -> Use:
    """The rollback to the first revision, through the gateway."""
    return use_through("helm.rollback", release="checkout", revision=1, timeout="30s")


@pytest.fixture
def pid(through: FakeContext, tmp_path: Path) -> Path:
    """Where the number of the process that rolls back is written."""
    command, pid = tmp_path / "helm-with-number", tmp_path / "pid"
    text = TELLS_ITS_NUMBER.format(pid=pid, helm=assets.program("helm"))
    command.write_text(text, encoding="utf-8")
    command.chmod(0o755)
    through.surroundings = replace(through.surroundings, helm=str(command))
    return pid


async def attempt(use: Use) -> None:
    """Capture and apply once, without the engine's patience."""
    use.captured = await use.action.capture(use.inputs, use.context)
    await use.action.apply(use.inputs, use.captured, use.context)


async def fails(use: Use) -> ActionError:
    """Apply, and return the error."""
    with pytest.raises(ActionError) as caught:
        await attempt(use)
    return caught.value


async def killed(use: Use, gateway: Gateway, pid: Path) -> ActionError:
    """Kill Helm between its first change and its second; return what apply said."""
    hangs = gateway.hang(method="PATCH", path=DEPLOYMENTS)
    applying = asyncio.create_task(fails(use))
    while not hangs.hits:
        await asyncio.sleep(0.05)
    number = await asyncio.to_thread(pid.read_text)
    os.kill(int(number), signal.SIGKILL)
    error = await applying
    gateway.mend()
    return error


async def test_killed_in_the_middle(
    back: Use, gateway: Gateway, cluster: Cluster, released: Helm, pid: Path
) -> None:
    """At once known as ended half-way; a retry goes on, and what nobody removed is named."""
    error = await killed(back, gateway, pid)
    assert isinstance(error, UnknownOutcomeError)
    assert "ended by signal 9" in str(error)
    assert newest(released) == (3, "pending-rollback")
    verdict = await back.verify()
    assert isinstance(verdict, Refuted)
    assert verdict.final
    assert "its Helm is gone" in verdict.why
    back.context.key = "INC-7/step/2"
    await back.action.apply(back.inputs, back.captured, back.context)
    done = await back.verify()
    assert isinstance(done, Holds)
    assert (done.output["revision"], done.output["left_over"]) == (4, ["ConfigMap/later"])
    assert image(cluster) == OLD


async def test_killed_in_the_middle_and_undone(
    back: Use, gateway: Gateway, cluster: Cluster, released: Helm, pid: Path
) -> None:
    """What was done of it is turned back without waiting for a Helm that is dead."""
    await killed(back, gateway, pid)
    assert "carries revision 2" in await back.undo()
    assert image(cluster) == NEW


async def test_lost_answer_of_the_last_record(
    back: Use, gateway: Gateway, cluster: Cluster, released: Helm
) -> None:
    """All was done but the record of it: unknown, then refuted, and a retry completes it."""
    gateway.answer(500, method="PUT", path=rf"{SECRETS}/.*v3$", times=EVERY)
    assert isinstance(await fails(back), UnknownOutcomeError)
    gateway.mend()
    verdict = await back.verify()
    assert isinstance(verdict, Refuted)
    back.context.key = "INC-7/step/2"
    await back.action.apply(back.inputs, back.captured, back.context)
    assert isinstance(await back.outcome(), Holds)
    assert newest(released) == (4, "deployed")


async def test_lost_answer_of_the_first_record(
    back: Use, gateway: Gateway, cluster: Cluster, released: Helm
) -> None:
    """Recorded, and nothing done: unknown, then refuted, and a retry does it."""
    gateway.lose_answer(method="POST", path=SECRETS)
    assert isinstance(await fails(back), UnknownOutcomeError)
    assert (newest(released), image(cluster)) == ((3, "pending-rollback"), NEW)
    verdict = await back.verify()
    assert isinstance(verdict, Refuted)
    assert verdict.final
    back.context.key = "INC-7/step/2"
    await back.action.apply(back.inputs, back.captured, back.context)
    assert isinstance(await back.outcome(), Holds)


@contextmanager
def upgrade_that_waits(
    helm: Helm, chart: Path, cluster: Cluster
) -> Iterator[subprocess.Popen[str]]:
    """Run an upgrade whose pods are never ready."""
    words = ["upgrade", "checkout", chart, "--wait", "--set=image=shop/checkout:unready"]
    where = ["--kubeconfig", cluster.kubeconfig, "--namespace", cluster.namespace]
    with subprocess.Popen(
        [str(each) for each in (helm.path, *words, *where)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_somebody_elses_upgrade_is_waited_for_until_it_is_abandoned(
    back: Use, chart: Path, cluster: Cluster, released: Helm, use: Make
) -> None:
    """Helm would roll back beside it; we do not, until its time is over."""
    with upgrade_that_waits(released, chart, cluster):
        while newest(released) != (3, "pending-upgrade"):
            await asyncio.sleep(0.1)
        warnings = (await back.preview()).warnings
        assert "Revision 3 is pending-upgrade: Helm may be at work" in " ".join(warnings)
        error = await fails(back)
        assert isinstance(error, TransientError)
        assert "another Helm operation is at work" in str(error)
    assert newest(released) == (3, "pending-upgrade")
    over = use(
        "helm.rollback",
        release="checkout",
        revision=1,
        timeout="30s",
        abandoned_after="1s",
    )
    await over.apply()
    assert isinstance(await over.outcome(), Holds)
    assert image(cluster) == OLD
    assert newest(released) == (4, "deployed")


async def test_reads_that_fail(back: Use, gateway: Gateway, use_through: Make) -> None:
    """The look fails for the moment, or with the rule that is missing; nothing is written."""
    look = use_through("helm.history", release="checkout")
    for status, message, kind, said in (
        (403, FORBIDDEN, PermanentError, "does not let Helm list secrets in namespace shop"),
        (401, "Unauthorized", PermanentError, "does not accept the credentials"),
        (429, "too many requests", TransientError, "not well"),
        (500, "Internal error occurred: no quorum", TransientError, "not well"),
        (503, "the server is currently unable to handle the request", TransientError, "not well"),
    ):
        gateway.answer(status, method="GET", path=SECRETS, times=EVERY, message=message)
        for verb in (look.verify, back.preview):
            with pytest.raises(kind, match=said):
                await verb()
        gateway.mend()
    gateway.hang(method="GET", path=SECRETS, times=EVERY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "READ_SECONDS", 1.0)
        with pytest.raises(TransientError, match="did not end within 1 s"):
            await look.verify()
    gateway.mend()
    assert gateway.writes() == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((403, FORBIDDEN.replace("list", "create")), PermanentError),
        ((409, TAKEN), TransientError),
        ((422, "it is too large"), PermanentError),
        ((500, "Internal error occurred: no quorum"), TransientError),
    ],
    ids=["403", "409", "422", "500"],
)
async def test_record_that_is_refused(
    back: Use,
    gateway: Gateway,
    cluster: Cluster,
    released: Helm,
    answer: tuple[int, str],
    kind: type[ActionError],
) -> None:
    """Helm records before it changes anything: refused, nothing happened."""
    status, message = answer
    gateway.answer(status, method="POST", path=SECRETS, times=EVERY, message=message)
    error = await fails(back)
    assert type(error) is kind, error
    gateway.mend()
    verdict = await back.verify()
    assert isinstance(verdict, Refuted)
    assert verdict.final
    assert (newest(released), image(cluster)) == ((2, "deployed"), NEW)


@pytest.mark.parametrize("status", [403, 409, 422, 500])
async def test_object_that_is_refused(
    back: Use, gateway: Gateway, cluster: Cluster, released: Helm, status: int
) -> None:
    """Helm records its failure, and so it is known; the undo brings the rest back."""
    gateway.answer(status, method="PATCH", path=DEPLOYMENTS, times=EVERY)
    error = await fails(back)
    assert isinstance(error, PermanentError)
    assert "revision 3 failed" in str(error)
    assert "as the test wants it" in str(error)
    gateway.mend()
    verdict = await back.verify()
    assert isinstance(verdict, Refuted)
    assert "carries revision 2" in await back.undo()
    assert (newest(released), image(cluster)) == ((4, "deployed"), NEW)


async def test_helm_that_outlives_its_time_is_left_running(
    back: Use, gateway: Gateway, released: Helm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not ended: no second one is started beside it, and what it did is found."""
    monkeypatch.setattr(attempts, "GRACE", timedelta(seconds=-30))
    hangs = gateway.hang(method="PATCH", path=DEPLOYMENTS)
    error = await fails(back)
    assert isinstance(error, UnknownOutcomeError)
    assert "left running" in str(error)
    with pytest.raises(ActionError, match=r"at work|still rolling back"):
        await back.action.apply(back.inputs, back.captured, back.context)
    while not hangs.hits:
        await asyncio.sleep(0.05)
    gateway.mend()
