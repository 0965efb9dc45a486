"""Jobs end, commands run in pods, and new clients find all kinds at once."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import ClientSession, WSMsgType

from sandbox.estate.aggregated import CONTENT_TYPE
from sandbox.estate.commands import PROTOCOLS
from sandbox.estate.resources import PODS
from sandbox.estate.server import Estate
from sandbox.estate.values import Object, clone

PLACE = "/namespaces/production"


@pytest.mark.parametrize(("code", "ending"), [(0, "Complete"), (3, "Failed")])
async def test_a_job_ends_as_its_pods_do(
    http: ClientSession, estate: Estate, code: int, ending: str
) -> None:
    """A Job's pod runs, ends with a code, and the Job says how it ended."""
    template = {
        "metadata": {"annotations": {"sandbox/exit-code": str(code)}},
        "spec": {"containers": [{"name": "a", "image": "a:1"}], "restartPolicy": "Never"},
    }
    body = {"metadata": {"name": "migrate"}, "spec": {"template": template, "backoffLimit": 0}}
    jobs = f"{estate.kubernetes_url}/apis/batch/v1{PLACE}/jobs"
    answer = await http.post(jobs, json=body)
    assert answer.status == 201
    async with asyncio.timeout(20):
        while ending not in await _conditions(http, f"{jobs}/migrate"):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("command", "ended"), [("id", "Success"), ("date", "Failure")])
async def test_a_command_runs_in_a_pod(
    http: ClientSession, estate: Estate, command: str, ended: str
) -> None:
    """A pod's annotation says how a command ends; any other is not found."""
    pod = clone(estate.cluster.store.list(PODS, "production")[0])
    pod["metadata"].setdefault("annotations", {})["sandbox/exec"] = json.dumps(
        {"id": [0, "me", ""]}
    )
    estate.cluster.store.put(PODS, pod)
    url = f"{estate.kubernetes_url}/api/v1{PLACE}/pods/{pod['metadata']['name']}/exec"
    async with http.ws_connect(url, params={"command": command}, protocols=PROTOCOLS) as socket:
        said = [message.data async for message in socket if message.type is WSMsgType.BINARY]
    assert json.loads(said[-1][1:])["status"] == ended


async def test_all_kinds_come_in_one_document(http: ClientSession, estate: Estate) -> None:
    """Who says that it reads the aggregated document gets it."""
    headers = {"Accept": CONTENT_TYPE}
    async with http.get(f"{estate.kubernetes_url}/apis", headers=headers) as answer:
        found: Object = json.loads(await answer.text())
    groups = {item["metadata"]["name"] for item in found["items"]}
    assert {"apps", "batch", "networking.istio.io"} <= groups


async def _conditions(http: ClientSession, url: str) -> set[str]:
    async with http.get(url) as answer:
        status = (await answer.json()).get("status") or {}
    return {each["type"] for each in status.get("conditions") or []}
