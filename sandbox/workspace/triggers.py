"""Short-lived permissions: trigger ids for views, and response URLs.

A trigger works once within 3 s; a response URL five times within 30 min. Both clocks run
`speed` times as fast. Payload builders issue, the views methods and the response endpoint use.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sandbox.workspace.values import Clock, SlackError, new_id

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_USES = 5


@dataclass(slots=True, kw_only=True)
class Trigger:
    """A trigger id that was handed to the app."""

    user: str
    until: float
    view: str | None = None
    used: bool = False


@dataclass(slots=True, kw_only=True)
class ResponseUrl:
    """A response URL that was handed to the app."""

    channel: str
    user: str
    until: float
    message_ts: str | None = None
    left: int = RESPONSE_USES


@dataclass(slots=True, kw_only=True)
class Triggers:
    """Issue and redeem trigger ids and response URLs."""

    clock: Clock
    base_url: str = ""
    triggers: dict[str, Trigger] = field(default_factory=dict)
    urls: dict[str, ResponseUrl] = field(default_factory=dict)

    def issue(self, user: str, *, view: str | None = None) -> str:
        """Return a new trigger id for what the user just did."""
        number = secrets.randbelow(10**12)
        trigger_id = f"{number}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        until = self.clock.monotonic() + self.clock.scaled(TRIGGER_SECONDS)
        self.triggers[trigger_id] = Trigger(user=user, until=until, view=view)
        return trigger_id

    def redeem(self, trigger_id: str) -> Trigger:
        """Use a trigger id up, or refuse it as Slack does."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock.monotonic() > trigger.until:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def response_url(self, *, channel: str, user: str, message_ts: str | None = None) -> str:
        """Return a new absolute response URL."""
        key = new_id("R") + secrets.token_hex(8)
        until = self.clock.monotonic() + self.clock.scaled(RESPONSE_SECONDS)
        self.urls[key] = ResponseUrl(channel=channel, user=user, until=until, message_ts=message_ts)
        return f"{self.base_url}response/{key}"

    def redeem_url(self, key: str) -> ResponseUrl:
        """Use a response URL once, or refuse it."""
        found = self.urls.get(key)
        if found is None or self.clock.monotonic() > found.until:
            raise SlackError("expired_url")
        if found.left == 0:
            raise SlackError("used_url")
        found.left -= 1
        return found
