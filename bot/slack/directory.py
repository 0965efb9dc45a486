"""Who and what there is in the workspace: members and channels, kept fresh.

Loaded at start-up, changed by Slack's `user_change` events, looked up again when old.  Handlers
read it without waiting; `bot.slack.identity` decides what may be done on such knowledge.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack.calls import Calls, RefusedError, SlackCallError
from config.models.people import Person as Listed

log = logging.getLogger(__name__)
FRESH_FOR = 15 * 60.0
REFRESH_EVERY = 10 * 60.0
PAGE = 1000
MOST_PAGES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One user; a `stranger` is of another workspace."""

    id: str
    name: str
    email: str | None
    deleted: bool
    bot: bool
    guest: bool
    stranger: bool


class Directory:
    """What is known of members and channels."""

    def __init__(
        self, calls: Calls, *, team: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.team = team
        self.loaded = False
        self._calls = calls
        self._clock = clock
        self._members: dict[str, Member] = {}
        self._seen: dict[str, float] = {}
        self._names: dict[str, str] = {}

    # Members

    async def load(self) -> None:
        """Load all members and the channels that the bot is in, side by side."""
        await asyncio.gather(self._load_members(), self._load_channels())
        self.loaded = True

    async def _load_members(self) -> None:
        client, cursor = self._calls.client, ""
        for _ in range(MOST_PAGES):
            body = await self._calls.do(client.users_list, cursor=cursor, limit=PAGE)
            for user in body.get("members", ()):
                self.keep(user)
            if not (cursor := _cursor(body)):
                return
        log.warning("the workspace has more than %d members: the rest on demand", len(self._seen))

    def keep(self, user: Mapping[str, Any]) -> Member:
        """Keep a user object of Slack's."""
        member = member_of(user, self.team)
        self._members[member.id] = member
        self._seen[member.id] = self._clock()
        return member

    def member(self, user: str) -> Member | None:
        """Return a member if what is known is fresh enough to decide on."""
        fresh = self._clock() - self._seen.get(user, float("-inf")) <= FRESH_FOR
        return self._members.get(user) if fresh else None

    def known(self, user: str) -> Member | None:
        """Return a member, however old the knowledge: to show something, not to decide."""
        return self._members.get(user)

    async def fetch(self, user: str) -> Member | None:
        """Return a member, asking Slack; None where Slack knows none.  Raises `SlackCallError`."""
        try:
            body = await self._calls.do(self._calls.client.users_info, user=user)
        except RefusedError as error:
            if error.code in ("user_not_found", "user_not_visible"):
                self.forget(user)
                return None
            raise
        return self.keep(body["user"])

    def forget(self, user: str) -> None:
        """Know nothing of a user any more."""
        self._members.pop(user, None)

    def name_of(self, user: str) -> str | None:
        """Return a user's name, however old."""
        member = self.known(user)
        return member.name if member else None

    def ids(self, *, slack: str | None, email: str | None) -> tuple[str, ...]:
        """Return the active humans that a person of people.yaml may be, however old."""
        if slack is not None:
            return (slack,) if slack in self._members else ()
        wanted = (email or "").casefold()
        return tuple(
            member.id
            for member in self._members.values()
            if wanted and member.email == wanted and not (member.deleted or member.bot)
        )

    def slack_of(self, listed: Listed) -> str | None:
        """Return the Slack user of an entry of people.yaml, if there is exactly one."""
        found = self.ids(slack=listed.slack, email=listed.email)
        return found[0] if len(found) == 1 else None

    def namesakes(self, listed: Listed) -> tuple[Member, ...]:
        """Return the members whom an entry of people.yaml names, deactivated ones as well."""
        email = (listed.email or "").casefold()
        return tuple(
            member
            for member in self._members.values()
            if (member.id == listed.slack if listed.slack else email and member.email == email)
        )

    async def keep_fresh(self, users: Callable[[], Iterable[str]]) -> None:
        """Look these users up again and again, so that their clicks need no look of their own."""
        while True:
            await asyncio.sleep(REFRESH_EVERY)
            for user in tuple(users()):
                try:
                    await self.fetch(user)
                except SlackCallError as error:
                    log.info("%s is not looked up now: %s", user, error)

    # Channels

    async def _load_channels(self) -> None:
        for channel in await self.own_channels():
            self.keep_channel(channel["id"], channel["name"])

    async def own_channels(self) -> list[dict[str, Any]]:
        """Return the open public channels that the bot is in, as Slack shows them."""
        found: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(MOST_PAGES):
            body = await self._calls.do(
                self._calls.client.users_conversations,
                types="public_channel",  # private ones need a scope that we do not ask for
                exclude_archived=True,
                limit=PAGE,
                cursor=cursor,
            )
            found.extend(body.get("channels", ()))
            if not (cursor := _cursor(body)):
                break
        return found

    def keep_channel(self, channel: str, name: str) -> None:
        """Keep a channel's name."""
        self._names[channel] = name

    def channel_name(self, channel: str) -> str | None:
        """Return the name of a channel that the bot is in."""
        return self._names.get(channel)

    def channel_id(self, name: str) -> str | None:
        """Return the id of a channel by its name (or id), if the bot is in it."""
        name = name.removeprefix("#")
        if name in self._names:
            return name
        return next((one for one, known in self._names.items() if known == name), None)

    async def find_channel(self, name: str) -> str | None:
        """Return the id of a channel by name or id, asking Slack where it is not known."""
        known = self.channel_id(name)
        if known is None:
            await self._load_channels()
            known = self.channel_id(name)
        return known


def member_of(user: Mapping[str, Any], team: str = "") -> Member:
    """Read a user object of Slack's; what is missing counts against the user."""
    profile = user.get("profile") or {}
    email = profile.get("email")
    name = profile.get("real_name") or user.get("real_name") or user.get("name") or user["id"]
    foreign = bool(team) and bool(user.get("team_id")) and user["team_id"] != team
    guest = ("is_restricted", "is_ultra_restricted", "is_invited_user")
    return Member(
        id=str(user["id"]),
        name=str(name),
        email=str(email).casefold() if email else None,
        deleted=bool(user.get("deleted", False)),
        bot=bool(user.get("is_bot", False)) or user["id"] == "USLACKBOT",
        guest=any(user.get(flag) for flag in guest),
        stranger=foreign or bool(user.get("is_stranger")),
    )


def _cursor(body: Mapping[str, Any]) -> str:
    return str((body.get("response_metadata") or {}).get("next_cursor") or "")
