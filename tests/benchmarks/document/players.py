"""The two who play a flow: Backout's wired core, and a shell with the document's commands."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from flows.events import PlanAsked, PlanPrepared
from flows.runs import Run
from flows.states import State, StepState
from tests.benchmarks.document.estate import Estate
from tests.benchmarks.document.flows import Flow, Scene
from tests.real.flows.stage import SHORT, Messages, Stage, bundle_in

LOOK = 0.005
# Watching is for people; both look once.  Windows stay long enough to hold a figure.
AT_ONCE = {
    "hold_for: 10m": "hold_for: 0s",
    "hold_for: 30s": "hold_for: 0s",
    "hold_for: 10s": "hold_for: 0s",
    "window: 5m": SHORT["window: 5m"],
}
Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Seconds: of making the plan, of the flow's first part, of the whole."""

    planning: float = 0.0
    written: float
    whole: float


class Posted(Messages):
    """A messenger that posts what is said where the scripts post, and keeps it."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        super().__init__()
        self._http, self._url = http, url

    async def post(self, *, channel: str, text: str, key: str) -> str:
        """Post it."""
        answer = await self._http.post(self._url, json={"text": text})
        answer.raise_for_status()
        return await super().post(channel=channel, text=text, key=key)


async def by_backout(estate: Estate, flow: Flow, scene: Scene) -> Took:
    """Declare, have it planned, approve it at once, and give every later word at once too."""
    with tempfile.TemporaryDirectory(dir=estate.folder) as name:
        folder = Path(name)
        overlay = {
            "connections": {"prometheus": {"url": estate.monitoring.url}, **scene.connections},
            "variables": scene.variables,
        }
        bundle = bundle_in(folder, overlay, AT_ONCE)
        async with httpx.AsyncClient(trust_env=False) as http:
            stage = Stage(folder, bundle, Posted(http, estate.slack.url))
            try:
                run = await _played(stage, flow, scene)
                return _read(run, stage, flow)
            finally:
                await stage.close()


async def _played(stage: Stage, flow: Flow, scene: Scene) -> Run:
    stage.declare("measured", **flow.answers)
    await stage.plan(flow.procedure, **scene.inputs)
    stage.approve(*flow.approvers)
    asked = dict(flow.gates)
    while not (run := stage.run).ended:
        if run.state is State.HOLD:
            raise RuntimeError(f"{flow.title} holds: {run.held}")
        for scope in [each for each in asked if _waits(run, each)]:
            stage.approve(*asked.pop(scope), scope=scope)
        await asyncio.sleep(LOOK)
    if run.outcome != "restored":
        raise RuntimeError(f"{flow.title} ended as {run.outcome}")
    if failed := [name for name, each in run.steps.items() if each.state is StepState.FAILED]:
        raise RuntimeError(f"{flow.title} ended with failed steps: {', '.join(failed)}")
    return run


def _waits(run: Run, step: str) -> bool:
    return step in run.steps and run.steps[step].state is StepState.WAITING


def _read(run: Run, stage: Stage, flow: Flow) -> Took:
    """Read the times where the journal has them."""
    approved, ended = _approved(run), run.ended_at
    assert ended is not None
    planned = stage.engine.events("INC-1")
    asked = next(each.at for each in planned if isinstance(each.event, PlanAsked))
    prepared = next(each.at for each in reversed(planned) if isinstance(each.event, PlanPrepared))
    ends = [found for name in flow.ends_with if (found := run.steps[name].ended_at)]
    return Took(
        planning=(prepared - asked).total_seconds(),
        written=(max(ends, default=ended) - approved).total_seconds(),
        whole=(ended - approved).total_seconds(),
    )


def _approved(run: Run) -> datetime:
    """Return when the plan was approved: then the next state was entered."""
    states = [span.state for span in run.spans]
    return run.spans[states.index(State.APPROVE) + 1].at


async def by_commands(estate: Estate, flow: Flow, scene: Scene) -> Took:
    """Run the document's commands, one after the other."""
    said = await _said(estate, ("bash", str(flow.script)), scene.environment)
    began, written, *rest = (float(word) for word in said.split())
    whole = (rest or [written])[-1]
    return Took(written=written - began, whole=whole - began)


async def aws_alone(estate: Estate) -> float:
    """Return the seconds that `aws` takes to ask who it is: its start, most of all."""
    estate.aws()
    began = time.monotonic()
    await _said(estate, (str(estate.tools / "aws"), "sts", "get-caller-identity"), {})
    return time.monotonic() - began


async def _said(estate: Estate, command: Sequence[str], more: Mapping[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=estate.environment() | dict(more),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{Path(command[-1]).name} failed: {said.decode()[-2000:]}")
    return out.decode()
