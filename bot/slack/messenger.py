"""How an action speaks to people: implements `flows.actions.Messenger` over Slack."""

from datetime import datetime

from bot.slack.calls import NoAnswerError, RateLimitedError, RefusedError, SlackCallError
from bot.slack.directory import Directory
from bot.slack.posting import Letter, Poster
from flows.actions import ActionError, PermanentError, TransientError, UnknownOutcomeError
from flows.engine import Engine

AFTER_NO_ANSWER = 1.0
ADVICE = {
    "not_in_channel": "invite the bot to the channel",
    "channel_not_found": "create the channel, or correct its name",
    "is_archived": "unarchive the channel, or name another one",
    "missing_scope": "install the app again from its manifest",
    "restricted_action": "ask a workspace admin to let the bot post there",
}


class SlackMessenger:
    """Posts once per key; keys begin with the incident's id."""

    def __init__(self, engine: Engine, poster: Poster, directory: Directory) -> None:
        self._engine = engine
        self._poster = poster
        self._directory = directory

    async def post(self, *, channel: str, text: str, key: str) -> str:
        """Post `text` once under `key`; return the message's timestamp.

        Raises `TransientError`, `PermanentError`, or `UnknownOutcomeError` where the call left
        and no answer came.
        """
        try:
            letter = await self._letter(channel, text, key)
            return (await self._poster.post(lambda: letter)).ts
        except SlackCallError as error:
            raise _as_action_error(error, channel) from error

    async def find(self, *, channel: str, key: str) -> str | None:
        """Return the timestamp of the message posted under `key`, or None."""
        try:
            found = await self._poster.find(await self._letter(channel, "", key))
        except NoAnswerError as error:
            raise TransientError(str(error), delay=AFTER_NO_ANSWER) from error
        except SlackCallError as error:
            raise _as_action_error(error, channel) from error
        return found.ts if found else None

    async def _letter(self, channel: str, text: str, key: str) -> Letter:
        place = await self._directory.find_channel(channel)
        if place is None:
            name = channel.removeprefix("#")
            raise PermanentError(
                f"the bot is in no channel #{name}: create it or invite the bot to it, then retry"
            )
        return Letter(key=key, channel=place, text=text, since=self._since(key))

    def _since(self, key: str) -> datetime:
        run = self._engine.run(key.partition("/")[0])
        return run.declared_at if run else self._engine.now()


def _as_action_error(error: SlackCallError, channel: str) -> ActionError:
    match error:
        case RateLimitedError(delay=delay):
            return TransientError(str(error), delay=delay)
        case RefusedError(code=code):
            advice = ADVICE.get(code, "look it up in Slack's documentation of the method")
            return PermanentError(f"{error} for {channel}: {advice}, then retry")
        case _:
            return UnknownOutcomeError(str(error))
