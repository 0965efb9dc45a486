"""Golden cases: inputs and what was observed → exactly these requests, and this answer.

A case is `golden/<action>/<name>.json`.  With RECORD_GOLDEN=1 in the environment a case without
`result` gets what this run saw, for a person to read before it is committed.
"""

import json
import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import ActionRegistry
from flows.actions import Action, ActionError, Preview
from tests.adapters import aws_answers
from tests.adapters.aws_answers import AwsAnswers
from tests.adapters.fakes import FakeContext
from tests.adapters.servers import ScriptedServer, helm_calls

pytestmark = pytest.mark.golden

GOLDEN = Path(__file__).with_name("golden")
CASES = sorted(GOLDEN.glob("*/*.json"))
RECORD = "RECORD_GOLDEN"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SEEN = ("requests", "helm_calls", "aws_calls", "posts", "result")
Json = Any


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_case(
    case: Path,
    registry: ActionRegistry,
    scripted: Callable[..., FakeContext],
    server: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The action asks exactly what the case records, and answers what it records."""
    told = _read(case)
    monkeypatch.setattr("adapters.kubernetes.clocks.now", lambda: NOON)
    monkeypatch.setattr("adapters.prometheus.clocks.now", lambda: NOON)
    monkeypatch.setattr("adapters.aws.clocks.now", lambda: NOON)
    aws = AwsAnswers(deepcopy(told.get("aws", {})))
    monkeypatch.setattr("adapters.aws.sessions.new_session", aws.new_session)
    action = registry.find(case.parent.name)
    context = scripted(
        observed=deepcopy(told.get("observed")),  # answers in turn are used up
        helm=told.get("helm"),
        secrets=told.get("secrets"),
        files=told.get("files"),
        captures=told.get("captures", {}),
        values={"incident": {"id": "INC-7", "reason": "checkout 5xx <!channel>"}},
    )
    context.system = aws_answers.pinned(context.system)
    for each in told.get("posted", ()):
        await context.messenger.post(**each)
    result = await _call(action, told, context, server.url)
    seen = {
        "requests": _requests(server),
        "helm_calls": _helm_calls(tmp_path / "helm"),
        "aws_calls": aws.asked,
        "posts": context.messenger.posted[len(told.get("posted", ())) :],
        "result": _plain(result, server.url),
    }
    seen = {key: value for key, value in seen.items() if value or key == "result"}
    if os.environ.get(RECORD) and "result" not in told:
        _write(case, told | seen)
    assert seen == {key: value for key, value in told.items() if key in SEEN}


def _read(case: Path) -> Json:
    return json.loads(case.read_text(encoding="utf-8"))


def _write(case: Path, told: Json) -> None:
    case.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


async def _call(action: Action, told: Json, context: FakeContext, url: str) -> Json:
    given = json.loads(json.dumps(told["inputs"]).replace("http://server", url))
    inputs = action.Inputs.model_validate(given)
    captured = told.get("captured", {})
    try:
        match told["verb"]:
            case "preview":
                return await action.preview(inputs, context)
            case "capture":
                return await action.capture(inputs, context)
            case "apply":
                return await action.apply(inputs, captured, context)
            case "verify":
                return await action.verify(inputs, captured, context)
            case "undo":
                return await action.undo(inputs, captured, context)
            case other:
                raise AssertionError(f"no such verb: {other}")
    except ActionError as error:
        return error


def _requests(server: ScriptedServer) -> list[Json]:
    """Return reads sorted (they are sent side by side), then writes in order."""
    reads = sorted(each.line for each in server.asked if each.line.startswith("GET"))
    writes = [
        {"line": each.line, "type": each.headers.get("Content-Type", ""), "body": each.body}
        for each in server.asked
        if not each.line.startswith("GET")
    ]
    if reviews := [each for each in writes if "selfsubjectaccessreviews" in each["line"]]:
        reviews.sort(key=lambda each: json.dumps(each["body"], sort_keys=True))
        writes = [*reviews, *(each for each in writes if each not in reviews)]
    return [*reads, *writes]


def _helm_calls(folder: Path) -> list[str]:
    """Return the calls, without what pins them; what a release holds is read side by side."""
    pins = " --namespace production --kube-context aivo-production"
    calls = helm_calls(folder)
    assert all(pins in call for call in calls)
    plain = [call.replace(pins, "") for call in calls]
    reads = iter(sorted(call for call in plain if call.startswith("get ")))
    return [next(reads) if call.startswith("get ") else call for call in plain]


def _plain(result: Json, url: str) -> Json:
    if result is None or isinstance(result, str | dict):
        plain: Json = result
    elif isinstance(result, ActionError):
        plain = {"error": type(result).__name__, "message": str(result)}
    else:
        plain = {"verdict": type(result).__name__, **asdict(result)}
        if plain.get("final") is False:
            del plain["final"]  # the rule; a case names it where a look proves more
        if isinstance(result, Preview):
            plain = {key: value for key, value in plain.items() if key != "verdict"}
    text = json.dumps(plain, ensure_ascii=False).replace(url, "http://server")
    text = text.replace(url.removeprefix("http://"), "server")
    return _without_latency(json.loads(text))


def _without_latency(plain: Json) -> Json:
    output = plain.get("output") if isinstance(plain, dict) else None
    if isinstance(output, dict) and "latency_ms" in output:
        told = f"{output['latency_ms']:g} ms"
        text = json.dumps(plain | {"output": output | {"latency_ms": 1.0}}, ensure_ascii=False)
        return json.loads(text.replace(told, "1 ms"))
    return plain


def test_every_action_has_a_case_and_one_with_nothing_to_do(registry: ActionRegistry) -> None:
    """Each action has golden cases, and each that changes something one where nothing is needed."""
    for action in registry.all():
        cases = {path.stem for path in (GOLDEN / action.uses).glob("*.json")}
        assert cases, f"{action.uses} has no golden case"
        if action.effect != "reads":
            assert any(name.startswith("nothing") for name in cases), action.uses


def test_every_case_belongs_to_an_action(registry: ActionRegistry) -> None:
    """No golden case is left over from an action that is gone."""
    assert {path.parent.name for path in CASES} <= set(registry.names())
