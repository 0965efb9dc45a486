"""Bolt's app: verifies what arrives, hands it to the handlers, leaves nothing unacknowledged.

`process_before_response` lets the acknowledgement follow the handler at once: bolt's other way
acknowledges events before they are committed, and looks every 10 ms whether a listener has
acknowledged.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.entrance import stumbled
from bot.slack.handlers import Handlers
from bot.views.controls import ACTION

ANYTHING = re.compile(".*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who the token belongs to."""

    team: str
    bot_user: str
    bot_id: str


NOBODY = Me(team="", bot_user="", bot_id="")


class Installation(AsyncAuthorize):
    """The one workspace that the token is of; bolt would ask Slack at the first event."""

    def __init__(self, me: Callable[[], Me], token: str) -> None:
        self._me = me
        self._token = token

    async def __call__(  # noqa: PLR0913  # bolt calls it so
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        actor_enterprise_id: str | None = None,
        actor_team_id: str | None = None,
        actor_user_id: str | None = None,
    ) -> AuthorizeResult | None:
        """Return what bolt needs to tell our own events from those of people."""
        me = self._me()
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_user_id=me.bot_user,
            bot_id=me.bot_id,
            bot_token=self._token,
        )


def build_app(
    client: AsyncWebClient, *, signing_secret: str, handlers: Handlers, installation: Installation
) -> AsyncApp:
    """Build the app.

    `client` opens Socket Mode connections and has no token of its own: bolt would warn that the
    authorization makes it useless.  Handlers have their own way to call Slack.
    """
    # Its warnings are about tokens that it finds in the environment and that we give it otherwise.
    quiet = logging.getLogger("bot.slack.bolt")
    quiet.setLevel(logging.ERROR)
    app = AsyncApp(
        name="backout",
        logger=quiet,
        client=client,
        signing_secret=signing_secret,
        authorize=installation,  # type: ignore[arg-type]  # bolt takes an AsyncAuthorize too
        process_before_response=True,
    )
    app.error(stumbled)
    app.event("message")(handlers.message)
    app.event("app_home_opened")(handlers.home_opened)
    app.event(re.compile("^(user_change|team_join)$"))(handlers.user_changed)
    app.event("channel_rename")(handlers.channel_changed)
    app.event(ANYTHING)(handlers.nothing)
    app.command(ANYTHING)(handlers.slash)
    app.action(ACTION)(handlers.action)
    app.action(ANYTHING)(handlers.stray)
    app.view(ANYTHING)(handlers.submitted)
    app.view_closed(ANYTHING)(handlers.nothing)
    app.shortcut(ANYTHING)(handlers.shortcut)
    return app
