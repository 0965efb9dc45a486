"""Carry payloads to the app and wait for their acknowledgement.

`Delivery` chooses the transport (signed HTTP when a request URL is set, else Socket Mode),
repeats unacknowledged events as Slack does, keeps what was sent so that it can be sent again on
request, and lets interactions fail without a repeat: a click is never retried.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.workspace.values import Clock, Json, new_id

ACK_SECONDS = 3.0
# Slack repeats an unacknowledged event at once, after a minute and after five.
RETRY_SECONDS = (0.0, 60.0, 300.0)
EVENTS = "events_api"
INTERACTIVE = "interactive"
SLASH = "slash_commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One payload on its way, with how often it was tried before and why."""

    kind: str
    payload: Json
    attempt: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """What the app answered: `body` may be empty, text or a structure."""

    ok: bool
    body: Any = None
    error: str = ""


class Transport(Protocol):
    """A way to the app."""

    async def send(self, envelope: Envelope) -> Ack:
        """Deliver once and wait for the acknowledgement."""
        ...


@dataclass(slots=True, kw_only=True)
class Sent:
    """A record of one delivery attempt, read by tests."""

    kind: str
    what: str
    t: float
    attempt: int
    ok: bool | None = None
    error: str = ""
    took: float = 0.0


class Delivery:
    """Deliver events with repeats, and interactions without."""

    def __init__(
        self,
        *,
        clock: Clock,
        sockets: Transport,
        http: Transport,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self.clock = clock
        self.use_http = False
        self.retry_seconds = tuple(retry_seconds)
        self.log: deque[Sent] = deque(maxlen=20_000)
        self.last: deque[Envelope] = deque(maxlen=200)
        self._sockets = sockets
        self._http = http
        self._tasks: set[asyncio.Task[None]] = set()

    def event(self, payload: Json) -> None:
        """Send an event in the background, repeated until it is acknowledged."""
        self.spawn(self._until_acked(Envelope(kind=EVENTS, payload=payload)))

    async def ask(self, kind: str, payload: Json) -> Ack:
        """Send an interaction once and return what the app answered."""
        return await self._once(Envelope(kind=kind, payload=payload))

    async def redeliver(self, *, count: int, new_ids: bool, what: str = "") -> int:
        """Send the last payload (of a type, if named) again; return how often it was acked."""
        found = next((one for one in reversed(self.last) if not what or name_of(one) == what), None)
        if found is None:
            return 0
        acked = 0
        for number in range(1, count + 1):
            payload = copy.deepcopy(found.payload)
            if new_ids and "event_id" in payload:
                payload["event_id"] = new_id("Ev")
            reason = "" if new_ids else "timeout"
            again = Envelope(
                kind=found.kind,
                payload=payload,
                attempt=0 if new_ids else min(number, len(self.retry_seconds)),
                reason=reason,
            )
            acked += (await self._once(again, remember=False)).ok
        return acked

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the background until the workspace stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Cancel what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _until_acked(self, envelope: Envelope) -> None:
        ack = await self._once(envelope)
        for number, pause in enumerate(self.retry_seconds, start=1):
            if ack.ok:
                return
            await asyncio.sleep(self.clock.scaled(pause))
            again = Envelope(
                kind=envelope.kind, payload=envelope.payload, attempt=number, reason=ack.error
            )
            ack = await self._once(again, remember=False)

    async def _once(self, envelope: Envelope, *, remember: bool = True) -> Ack:
        if remember:
            self.last.append(envelope)
        record = Sent(
            kind=envelope.kind,
            what=name_of(envelope),
            t=self.clock.now(),
            attempt=envelope.attempt,
        )
        self.log.append(record)
        transport = self._http if self.use_http else self._sockets
        started = self.clock.monotonic()
        ack = await transport.send(envelope)
        record.took = self.clock.monotonic() - started
        record.ok, record.error = ack.ok, ack.error
        return ack


def name_of(envelope: Envelope) -> str:
    """Return the type by which tests and people know a payload."""
    payload = envelope.payload
    if envelope.kind == EVENTS:
        return str(payload["event"]["type"])
    if envelope.kind == SLASH:
        return str(payload["command"])
    return str(payload["type"])
