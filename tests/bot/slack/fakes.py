"""Slack's Web API without Slack: answers what a test puts in, and remembers what was asked."""

from collections.abc import Awaitable, Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.calls import Call, Calls

Answer = dict[str, Any] | Exception | Callable[[dict[str, Any]], dict[str, Any]]


class FakeCalls(Calls):
    """Answers by method name; what is not put in is answered with `ok`."""

    def __init__(self) -> None:
        super().__init__(AsyncWebClient("xoxb-test", retry_handlers=[]))
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, list[Answer]] = {}

    def answer(self, method: str, *answers: Answer) -> None:
        """Have a method answer these in turn; the last one again and again."""
        self.answers[method] = list(answers)

    async def do(self, call: Call, **arguments: Any) -> dict[str, Any]:
        """Answer, or raise what was put in."""
        name = call.__name__
        self.asked.append((name, arguments))
        waiting = self.answers.get(name)
        if not waiting:
            return {
                "ok": True,
                "channel": arguments.get("channel", "C1"),
                "ts": f"{len(self.asked)}.0",
            }
        given = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(given, Exception):
            raise given
        return given(arguments) if callable(given) else given

    def names(self) -> list[str]:
        """Return the methods that were asked, in order."""
        return [name for name, _ in self.asked]


class Clock:
    """A clock that a test moves; `sleep` moves it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


def response(
    status: int, data: Any, headers: dict[str, str] | None = None
) -> Callable[..., Awaitable[AsyncSlackResponse]]:
    """Return a call that answers as the SDK does, errors raised."""

    async def chat_update(**arguments: Any) -> AsyncSlackResponse:
        answered = AsyncSlackResponse(
            client=None,
            http_verb="POST",
            api_url="https://slack.example/api/chat.update",
            req_args=arguments,
            data=data,
            headers=headers or {},
            status_code=status,
        )
        answered.validate()  # type: ignore[no-untyped-call]  # the SDK has no types there
        return answered

    return chat_update
