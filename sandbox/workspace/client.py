"""A client of the control API for tests: act as a person, look, wait, break things.

It speaks HTTP only, so it works on a workspace in this process or in another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp

from sandbox.workspace.values import Json

T = TypeVar("T")
POLL = 0.01


class WorkspaceError(Exception):
    """The workspace refused an act; `body` holds its whole answer."""

    def __init__(self, act: str, body: Json) -> None:
        super().__init__(f"{act}: {body}")
        self.body = body
        self.code = str(body.get("error"))


class WorkspaceClient:
    """Use as `async with WorkspaceClient(workspace.url) as people:`."""

    def __init__(self, url: str) -> None:
        self.url = url if url.endswith("/") else f"{url}/"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> WorkspaceClient:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # Acting

    async def act(self, act: str, **body: Any) -> Json:
        """Do anything that the control API knows."""
        async with self._http().post(f"{self.url}control/{act}", json=body) as response:
            answer: Json = await response.json()
        if not answer.get("ok"):
            raise WorkspaceError(act, answer)
        return answer

    async def say(self, user: str, channel: str, text: str, **more: Any) -> str:
        """Post a message as a person and return its ts (`thread_ts=`, `raw=`)."""
        answer = await self.act("say", user=user, channel=channel, text=text, **more)
        return str(answer["ts"])

    async def click(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        value: Any = None,
        block_id: str = "",
    ) -> Json:
        """Press a button or choose a value in a message."""
        return await self.act(
            "click",
            user=user,
            channel=channel,
            ts=ts,
            action_id=action_id,
            value=value,
            block_id=block_id,
        )

    async def click_view(
        self, user: str, view_id: str, action_id: str, *, value: Any = None
    ) -> Json:
        """Press a button or choose a value in a modal or an App Home."""
        return await self.act("click", user=user, view_id=view_id, action_id=action_id, value=value)

    async def slash(
        self, user: str, channel: str, text: str = "", *, command: str = "/incident"
    ) -> Json:
        """Run a slash command."""
        return await self.act("slash", user=user, channel=channel, command=command, text=text)

    async def shortcut(self, user: str, callback_id: str) -> Json:
        """Use a global shortcut."""
        return await self.act("shortcut", user=user, callback_id=callback_id)

    async def open_home(self, user: str) -> Json:
        """Open the app's Home."""
        return await self.act("open_home", user=user)

    async def submit(self, user: str, view_id: str, values: Json | None = None) -> Json:
        """Fill in and submit a modal; see `forms.fill` for the shape of `values`."""
        return await self.act("submit", user=user, view_id=view_id, values=values or {})

    async def dismiss(self, user: str, view_id: str) -> Json:
        """Close a modal."""
        return await self.act("close", user=user, view_id=view_id)

    # Looking

    async def read(self, what: str, **query: Any) -> Json:
        """Read `state`, a part of it, `calls`, `deliveries` or `sockets`."""
        params = {key: str(value) for key, value in query.items()}
        async with self._http().get(f"{self.url}control/{what}", params=params) as response:
            body: Json = await response.json()
            return body

    async def state(self) -> Json:
        """Return the whole state."""
        return await self.read("state")

    async def channels(self) -> dict[str, Json]:
        """Return the channels by name."""
        return {one["name"]: one for one in (await self.read("channels"))["channels"]}

    async def messages(self, channel: str, *, thread_ts: str | None = None) -> list[Json]:
        """Return a channel's messages (by id or name) in order, or a thread's; none if unknown."""
        found = (await self.read("messages", channel=channel)).get("messages", [])
        if thread_ts is None:
            return list(found)
        return [one for one in found if thread_ts in (one["ts"], one.get("thread_ts"))]

    async def ephemerals(self, user: str, *, channel: str = "") -> list[Json]:
        """Return what only this user sees, in order."""
        found: list[Json] = (await self.read("messages", user=user, channel=channel))["messages"]
        return found

    async def modal(self, user: str) -> Json | None:
        """Return the modal on a user's screen."""
        found: Json | None = (await self.read("screen", user=user))["modal"]
        return found

    async def home(self, user: str) -> Json | None:
        """Return a user's App Home."""
        found: Json | None = (await self.read("screen", user=user))["home"]
        return found

    async def calls(self, method: str = "", *, since: float = 0) -> list[Json]:
        """Return the app's Web API calls: method, args, t (arrival), done (effect), error."""
        body = await self.read("calls", method=method, since=since)
        calls: list[Json] = body["calls"]
        return calls

    async def deliveries(self, *, since: float = 0) -> list[Json]:
        """Return every delivery attempt to the app: kind, what, t, attempt, ok, took."""
        body = await self.read("deliveries", since=since)
        sent: list[Json] = body["deliveries"]
        return sent

    async def wait_for(
        self,
        look: Callable[[], Awaitable[T | None]],
        timeout: float = 30.0,  # noqa: ASYNC109  # a test names how long it is willing to wait
        *,
        what: str = "",
    ) -> T:
        """Look again and again until the answer is truthy, and return it."""
        last: T | None = None
        try:
            async with asyncio.timeout(timeout):
                while not (last := await look()):  # noqa: ASYNC110  # other processes too
                    await asyncio.sleep(POLL)
        except TimeoutError:
            name = what or getattr(look, "__name__", "condition")
            message = f"waited {timeout} s in vain for {name}; last: {last!r}"
            raise AssertionError(message) from None
        return last

    async def wait_sockets(self, count: int = 1, *, within: float = 5.0) -> None:
        """Wait until the app has opened its Socket Mode connections."""

        async def connected() -> bool:
            return int((await self.read("sockets"))["count"]) >= count

        await self.wait_for(connected, within, what=f"{count} sockets")

    # Breaking

    async def fault(self, method: str = "*", **fault: Any) -> None:
        """Set a fault; see `faults.Fault` for its fields."""
        await self.act("fault", method=method, **fault)

    async def clear_faults(self) -> None:
        """Clear all faults and the delay."""
        await self.act("clear_faults")

    async def delay(self, ms: float) -> None:
        """Delay every Web API call."""
        await self.act("delay", ms=ms)

    async def redeliver(self, count: int = 1, *, new_ids: bool = False, what: str = "") -> int:
        """Send the last payload again and return how often it was acknowledged."""
        answer = await self.act("redeliver", count=count, new_ids=new_ids, what=what)
        return int(answer["acked"])

    async def change_user(self, user: str, **changes: Any) -> None:
        """Change a user, for instance `deleted=True` or `is_restricted=True`."""
        await self.act("user", user=user, **changes)

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        return self._session


def buttons(blocks: list[Json]) -> dict[str, Json]:
    """Return the elements of blocks by action id, for `click`."""
    found: dict[str, Json] = {}
    for block in blocks:
        held = block.get("elements") if block.get("type") == "actions" else None
        for element in [*(held or []), block.get("accessory"), block.get("element")]:
            if isinstance(element, dict) and "action_id" in element:
                found[element["action_id"]] = element
    return found


def shown(value: Any) -> str:
    """Return all the text in blocks, a message or a view, for assertions."""
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        rest = [shown(entry) for entry in value.values() if isinstance(entry, dict | list)]
        return "\n".join(part for part in [*own, *rest] if part)
    if isinstance(value, list):
        return "\n".join(part for part in map(shown, value) if part)
    return ""
