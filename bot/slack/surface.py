"""The Slack surface as one object: wires the parts, starts, stops.

Built by `bot.wiring` around the engine; gives the core its messenger and the performers of
`OpenChannel` and `Announce`.  Slack may be slow, limited or away at any time, at the start as
well: what was begun goes on, and what people see catches up.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.deciding import Deciding, Reply
from bot.factors import Factors
from bot.rosters import Rosters, Source, Unasked
from bot.slack.announcing import Announcer
from bot.slack.answers import Answers
from bot.slack.app import NOBODY, Installation, Me, build_app
from bot.slack.background import Background
from bot.slack.calls import (
    Calls,
    RateLimitedError,
    RefusedError,
    SlackCallError,
    web_client,
    web_session,
)
from bot.slack.cards import Cards
from bot.slack.channels import ChannelOpener
from bot.slack.declaring import Declaring
from bot.slack.desk import Desk
from bot.slack.directory import Directory
from bot.slack.entrance import Entrance
from bot.slack.groups import Groups
from bot.slack.handlers import Handlers
from bot.slack.homes import Homes
from bot.slack.identity import resolve, slack_ids
from bot.slack.messenger import SlackMessenger
from bot.slack.modals import Modals, choices
from bot.slack.paging import DirectMessages
from bot.slack.posting import Poster
from bot.slack.requests import Requests
from bot.slack.uploads import Uploads
from bot.views.announcements import announcement, settled
from bot.views.card import Card, CardPolicy, FollowUp, card
from bot.views.home import home
from bot.views.paging import page_message
from config.models.bundles import Bundle
from flows.authorizing import RolesOf
from flows.engine import Engine
from flows.gates import Person
from flows.runs import Run

log = logging.getLogger(__name__)
AFTER_NO_ANSWER = 2.0
ENTER_WITHIN = 5.0


class SlackRefusesError(Exception):
    """Slack does not let the bot in.  The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How Slack is reached, and told from those who pretend to be it."""

    token: str = field(repr=False)
    base_url: str | None = None
    signing_secret: str = field(default="", repr=False)


class SlackSurface:
    """Everything of Slack.  To be made inside the event loop; `close` ends it."""

    def __init__(
        self,
        engine: Engine,
        bundles: Mapping[str, Bundle],
        login: Login,
        *,
        factors: Factors | None = None,
        on_call: Source | None = None,
    ) -> None:
        self._engine = engine
        self._bundles = bundles
        self._factors = factors
        self._session = web_session()
        self._background = Background()
        self._me = NOBODY
        self._loaded = False
        self._lasting: list[asyncio.Task[None]] = []
        self.calls = Calls(web_client(login.token, login.base_url, self._session))
        self.directory = Directory(self.calls)
        groups = Groups(self.calls, bundles.values())
        self.rosters = Rosters(groups, on_call or Unasked())
        self.deciding = Deciding(engine, bundles, self.directory.slack_of)
        self.poster = Poster(engine, self.calls)
        self.messenger = SlackMessenger(engine, self.poster, self.directory)
        self.cards = Cards(
            engine,
            self.calls,
            self.poster,
            self._render_card,
            progress=engine.progress.of,
            background=self._background,
        )
        self.announcer = Announcer(
            engine, self.calls, self.poster, self.cards, announcement, settled
        )
        self.uploads = Uploads(engine, self.calls, self.poster, self._session)
        self.answers = Answers(self.calls, self._background, self._session)
        self.homes = Homes(self.calls, self._render_home, self._background)
        self.opener = self._opener()
        self.line = DirectMessages(engine, self.calls, self._user_of, page_message)
        self.handlers = self._handlers()
        self.app = build_app(
            # Without a token of its own: bolt would warn that authorization makes it useless.
            web_client(None, login.base_url, self._session),
            signing_secret=login.signing_secret,
            handlers=self.handlers,
            installation=Installation(lambda: self._me, login.token),
        )
        self.entrance = Entrance(self.app, login.signing_secret)
        engine.listen(self.cards.changed)
        engine.listen(self.homes.changed)

    # Wiring

    def _opener(self) -> ChannelOpener:
        return ChannelOpener(
            self._engine,
            self.calls,
            self.directory,
            poster=self.poster,
            cards=self.cards,
            bundles=self._bundles,
            bot_user=lambda: self._me.bot_user,
            tell=self._tell_declarer,
        )

    def _handlers(self) -> Handlers:
        desk = Desk(self.deciding, self._factors)
        declaring = Declaring(desk, self.directory)
        return Handlers(
            desk=desk,
            declaring=declaring,
            requests=Requests(desk, declaring),
            directory=self.directory,
            rosters=self.rosters,
            answers=self.answers,
            modals=Modals(self._engine, self.calls, self._bundles, self._background),
            homes=self.homes,
            welcome=self._welcome,
            background=self._background,
        )

    # For the core

    async def roles_now(self, bundle: Bundle) -> RolesOf:
        """Return who of a system's people has roles by user groups and schedules now."""
        return await self.rosters.roles_now(bundle, self.directory.slack_of)

    @property
    def ready(self) -> bool:
        """Whether Slack has let us in and told us who is there."""
        return self._loaded

    # Start and stop

    async def start(self) -> None:
        """Log in, learn who is there, show every open incident afresh.

        Where Slack does not answer, this goes on in the background.  Raises
        `SlackRefusesError` where Slack refuses the token.
        """
        entering = asyncio.get_running_loop().create_task(self._enter())
        await asyncio.wait({entering}, timeout=ENTER_WITHIN)
        if entering.done() and isinstance(error := entering.exception(), RefusedError):
            raise SlackRefusesError(_refused(error)) from error
        self._last(self._entered(entering))
        self._last(self.cards.catch_up())
        self._last(self.cards.tick())
        self._last(self.directory.keep_fresh(self._people))

    async def _enter(self) -> None:
        _, me = await asyncio.gather(self.directory.load(), self._who_am_i())
        self._me, self.directory.team = me, me.team
        self._loaded = True

    async def _who_am_i(self) -> Me:
        body = await self.calls.do(self.calls.client.auth_test)
        return Me(
            team=str(body.get("team_id", "")),
            bot_user=str(body.get("user_id", "")),
            bot_id=str(body.get("bot_id", "")),
        )

    async def _entered(self, entering: asyncio.Task[None]) -> None:
        """See to it that we get in, however long Slack is away."""
        while not self._loaded:
            try:
                await entering
            except SlackCallError as error:
                pause = error.delay if isinstance(error, RateLimitedError) else AFTER_NO_ANSWER
                log.warning("%s; going on without, again in %.0f s", error, pause)
                await asyncio.sleep(pause)
                entering = asyncio.get_running_loop().create_task(self._enter())

    def _last(self, work: Coroutine[Any, Any, None]) -> None:
        self._lasting.append(asyncio.get_running_loop().create_task(work))

    async def close(self) -> None:
        """End what goes on by itself, give what is on its way a moment, close connections."""
        for task in self._lasting:
            task.cancel()
        await asyncio.gather(*self._lasting, return_exceptions=True)
        await self._background.drain()
        await self._session.close()

    def _people(self) -> list[str]:
        ids = (slack_ids(self.directory, bundle) for bundle in self._bundles.values())
        return sorted({user for found in ids for user in found.values()})

    # Views

    def _render_card(self, run: Run) -> Card:
        bundle = self._bundles.get(run.system)
        return card(
            run,
            now=self._engine.now(),
            progress=self._engine.progress.of(run.id),
            policy=card_policy(bundle) if bundle else CardPolicy(),
        )

    def _render_home(self, user: str) -> dict[str, Any]:
        member = self.directory.known(user)
        roster = self.rosters.known()
        found = {name: resolve(member, each, roster) for name, each in self._bundles.items()}
        return home(
            self._engine.runs(),
            {name: person for name, person in found.items() if isinstance(person, Person)},
            self._engine.now(),
            systems=choices(self._bundles),
            control={n: b.policy.authorization.control for n, b in self._bundles.items()},
            owing=[run for system in self._bundles for run in self._engine.unreviewed(system)],
        )

    # Telling

    def _user_of(self, run: Run, person: Person) -> str | None:
        bundle = self._bundles.get(run.system)
        return slack_ids(self.directory, bundle).get(person.id) if bundle else None

    def _tell_declarer(self, run: Run, text: str) -> None:
        if run.declared_by.slack:
            self.answers.send(run.declared_by.slack, run.origin, Reply(text=text))

    def _welcome(self, user: str, channel: str) -> None:
        self._background.spawn(self.opener.invite(channel, [user]), f"invitation of {user}")


def card_policy(bundle: Bundle) -> CardPolicy:
    """Return what the card shows of a system's policy."""
    roles, policy = bundle.people.roles, bundle.policy
    return CardPolicy(
        control=tuple(roles[r].title for r in policy.authorization.control if r in roles),
        follow_ups=tuple(
            FollowUp(title=each.title, due=each.due.total_seconds()) for each in policy.follow_ups
        ),
        links=tuple((link.title, link.url) for link in bundle.system.links),
    )


def _refused(error: RefusedError) -> str:
    advice = {
        "invalid_auth": "SLACK_BOT_TOKEN is not right: copy the Bot User OAuth Token again",
        "not_authed": "SLACK_BOT_TOKEN is empty",
        "token_revoked": "the app was removed from the workspace: install it again",
        "account_inactive": "the app was removed from the workspace: install it again",
        "missing_scope": "install the app again from its manifest",
        "not_allowed_token_type": "SLACK_BOT_TOKEN must be the token that begins with xoxb-",
    }
    return f"{error}: {advice.get(error.code, '`backout check --live` says more')}"
