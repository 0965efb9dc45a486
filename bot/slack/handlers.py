"""What bolt calls for everything that Slack delivers.

Each handler reads, decides and feeds without waiting, so that the acknowledgement waits for
nothing but the journal; what goes out to Slack goes out in the background.  Where something
breaks, an event stays unacknowledged, so that Slack sends it again; anything else is answered.
"""

import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from slack_bolt.async_app import AsyncAck

from bot import limits, messages
from bot.control import texts as terminal
from bot.deciding import Reply
from bot.rosters import Rosters
from bot.slack import commands, sentences
from bot.slack.answers import Answers
from bot.slack.background import Background
from bot.slack.calls import SlackCallError
from bot.slack.commands import Request, Verb
from bot.slack.declaring import Declaration, Declaring
from bot.slack.desk import Asker, Desk
from bot.slack.directory import Directory
from bot.slack.homes import Homes
from bot.slack.modals import Modals
from bot.slack.payloads import (
    ChannelRenamed,
    Click,
    HomeOpened,
    Message,
    Shortcut,
    Slash,
    Submission,
    UserChanged,
    Whoever,
)
from bot.slack.requests import Requests
from bot.slack.seen import Seen
from bot.slack.texts import plain, reason_of
from bot.views.controls import OPENS_REASON, Act, Control, ControlError, read
from bot.views.forms import CODE, REASON, Form, errors, read_form
from flows.engine import AwayError

SENT_AGAIN = "msg:"
NEED_REASON = (Act.DECLARE, *OPENS_REASON)
log = logging.getLogger(__name__)

Body = dict[str, Any]
Tell = Callable[[Reply], None]
Perform = Callable[[Asker], Reply | None]


class Handlers:
    """The listeners of the app."""

    def __init__(  # noqa: PLR0913  # wired by constructor, all of it needed
        self,
        *,
        desk: Desk,
        declaring: Declaring,
        requests: Requests,
        directory: Directory,
        rosters: Rosters,
        answers: Answers,
        modals: Modals,
        homes: Homes,
        welcome: Callable[[str, str], None],
        background: Background,
    ) -> None:
        self._desk = desk
        self._declaring = declaring
        self._requests = requests
        self._directory = directory
        self._rosters = rosters
        self._answers = answers
        self._modals = modals
        self._homes = homes
        self._welcome = welcome
        self._background = background
        self._seen = Seen()
        self._comforted = Seen()

    # Events

    async def message(self, body: Body) -> None:
        """Attend to `!incident …`; everything else that people say is theirs."""
        event = Message.model_validate(body["event"])
        said = plain(event.text, self._directory.name_of)
        if not event.from_person or not commands.is_command(said):
            return

        def tell(reply: Reply) -> None:
            self._answers.send(event.user, event.channel, reply, event.thread_ts)

        asked = commands.rest_of(said)
        act = self._typed(asked)
        try:
            self._attend(event.key, event.user, event.channel, act, tell)
        except AwayError:
            if self._comforted.add(event.key):
                tell(Reply(text=messages.not_recorded_yet()))
            raise  # unacknowledged, it comes again

    async def home_opened(self, body: Body) -> None:
        """Publish somebody's Home."""
        event = HomeOpened.model_validate(body["event"])
        if event.tab == "home":
            self._homes.opened(event.user)

    async def user_changed(self, body: Body) -> None:
        """Take note of a changed, deactivated or new user."""
        UserChanged.model_validate(body["event"])
        self._directory.keep(body["event"]["user"])

    async def channel_changed(self, body: Body) -> None:
        """Take note of a channel that was renamed."""
        channel = ChannelRenamed.model_validate(body["event"]).channel
        if channel.name:
            self._directory.keep_channel(channel.id, channel.name)

    async def nothing(self, ack: AsyncAck) -> None:
        """Acknowledge what is of no interest: unacknowledged, Slack would send it again."""
        await ack()

    # Commands

    async def slash(self, ack: AsyncAck, body: Body) -> None:
        """Attend to `/incident …`; the answer travels in the acknowledgement where it can."""
        command = Slash.model_validate(body)
        said = commands.rest_of("/ " + plain(command.text, self._directory.name_of))
        request = commands.parse(said, self._declaring.names())
        if isinstance(request, Request) and request.verb is Verb.DECLARE and not request.text:
            self._modals.declare(command.trigger_id, command.channel_id, request.subject)
            await ack()
            return
        now: list[Reply] = []

        def later(reply: Reply) -> None:
            self._answers.respond(command.response_url, command.user_id, reply)

        act = self._typed(said)
        key, user, channel = command.key, command.user_id, command.channel_id
        self._attend(key, user, channel, act, now.append, later)
        if now:
            reply = now[0]
            await ack(text=reply.text, blocks=reply.blocks, response_type="ephemeral")
        else:
            await ack()

    def _typed(self, said: str) -> Perform:
        request = commands.parse(said, self._declaring.names())
        if isinstance(request, Request) and request.verb is Verb.DECLARE:
            return lambda asker: self._declared(
                self._declaring.declare(request.text, request.subject, asker), asker
            )
        return lambda asker: self._requests.typed(request, asker)

    def _declared(self, declaration: Declaration, asker: Asker) -> Reply | None:
        """Bring a second declarer into the channel; answer what is not said to all anyway."""
        run, reply = declaration.run, declaration.reply
        if run is None:
            return reply
        if not declaration.created and run.channel:
            self._welcome(asker.user, run.channel)
        if declaration.was_cut:
            return replace(reply, text=f"{reply.text}\n{messages.text_cut(limits.TEXT)}")
        is_public = self._declaring.announced_in(run, asker.channel)
        return None if declaration.created and is_public else reply

    # Buttons

    async def action(self, ack: AsyncAck, body: Body) -> None:
        """Attend to a button or a menu of ours."""
        try:
            click = Click.model_validate(body)
            control = read(click.action)
        except (ValidationError, ControlError):
            await self.stray(ack, body)
            return
        channel = click.channel.id if click.channel else None

        def tell(reply: Reply) -> None:
            if not reply.done or control.act is Act.ACKNOWLEDGE:
                self._answers.send(click.user.id, channel, reply, click.container.thread_ts)

        try:
            self._press(control, click, channel, tell)
        except AwayError as error:
            tell(_unrecorded(error))
        await ack()

    def _press(self, control: Control, click: Click, channel: str | None, tell: Tell) -> None:
        match control.act:
            case Act.VIEW_PLAN:
                self._modals.plan(click.trigger_id, control.incident)
            case Act.DECLARE:
                self._modals.declare(click.trigger_id, control.origin)
            case opening if opening in OPENS_REASON or self._requests.wants_code(control):
                self._attend(click.key, click.user.id, channel, self._asking(control, click), tell)
            case _:
                act = self._clicked(control)
                self._attend(click.key, click.user.id, channel, act, tell)

    def _clicked(self, control: Control) -> Perform:
        return lambda asker: self._requests.clicked(control, asker)

    def _asking(self, control: Control, click: Click) -> Perform:
        def ask(asker: Asker) -> Reply | None:
            hindrance = self._requests.hindered(control, asker)
            if hindrance is None:
                self._modals.reason(click.trigger_id, control)
            return hindrance

        return ask

    async def stray(self, ack: AsyncAck, body: Body) -> None:
        """Answer a control that can't be read, or that no version of ours knows."""
        await ack()
        try:
            sender = Whoever.model_validate(body)
        except ValidationError:
            return
        channel = sender.channel.id if sender.channel else None
        self._answers.send(sender.user.id, channel, Reply(text=messages.stale_control()))

    # Modals and shortcuts

    async def submitted(self, ack: AsyncAck, body: Body) -> None:
        """Attend to a modal that was submitted."""
        try:
            submission = Submission.model_validate(body)
            form = read_form(submission.view.model_dump())
        except (ValidationError, ControlError):
            await self.stray(ack, body)
            return
        control, user = form.control, submission.user.id
        if control.act in NEED_REASON and not reason_of(form.reason):
            await ack(errors(sentences.REASON_MISSING))
            return
        channel = control.origin or self._channel_of(control)

        def tell(reply: Reply) -> None:
            if not reply.done or control.act is Act.DECLARE:
                self._answers.send(user, channel, reply)

        now: list[Reply] = []
        self._attend(submission.key, user, channel, self._submission(form), now.append, tell)
        if now and (now[0].again or (form.code and not now[0].done)):
            self._seen.forget(submission.key)  # the same form may come again, with another code
            said = terminal.flat(now[0].text, self._directory.name_of)
            await ack(errors(said, CODE if form.code else REASON))
            return
        for reply in () if form.code else now:
            tell(reply)
        await ack()

    def _channel_of(self, control: Control) -> str | None:
        with suppress(AwayError):
            run = self._desk.engine.run(control.incident) if control.incident else None
            return run.channel if run else None
        return None

    def _submission(self, form: Form) -> Perform:
        if form.control.act is Act.DECLARE:
            return lambda asker: self._declared(
                self._declaring.declare(form.reason, form.system, asker, form.answers), asker
            )
        return lambda asker: self._requests.submitted(
            form.control, reason_of(form.reason), replace(asker, code=form.code)
        )

    async def shortcut(self, ack: AsyncAck, body: Body) -> None:
        """Open the form that declares."""
        shortcut = Shortcut.model_validate(body)
        self._modals.declare(shortcut.trigger_id, None)
        await ack()

    # Who asks

    def _attend(
        self,
        key: str,
        user: str,
        channel: str | None,
        act: Perform,
        tell: Tell,
        later: Tell | None = None,
    ) -> None:
        """Act for a person, at once where it is known who that is, else after asking Slack."""
        if not self._seen.add(key):
            return
        member, roster = self._directory.member(user), self._rosters.fresh()
        if member is None or roster is None:
            work = self._ask_who(key, user, channel, act, later or tell)
            self._background.spawn(work, f"request of {user}")
            return
        asker = Asker(user=user, member=member, channel=channel, event=key, roster=roster)
        reply = self._performed(act, asker)
        if reply is not None:
            tell(reply)

    def _performed(self, act: Perform, asker: Asker, *, acked: bool = False) -> Reply | None:
        """Act; where something breaks, say so: Slack sends no click again, and a person waits."""
        try:
            return act(asker)
        except Exception as error:
            self._seen.forget(asker.event)
            if asker.event.startswith(SENT_AGAIN) and not acked:
                raise
            if isinstance(error, AwayError):
                return _unrecorded(error)
            reference = uuid.uuid4().hex[:8]
            log.exception("request of %s failed, reference %s", asker.user, reference)
            return Reply(text=messages.failed(reference))

    async def _ask_who(
        self, key: str, user: str, channel: str | None, act: Perform, tell: Tell
    ) -> None:
        roster = await self._rosters.now()
        member = self._directory.member(user)
        reachable = True
        try:
            member = member or await self._directory.fetch(user)
        except SlackCallError as error:
            log.warning("%s can't be looked up: %s", user, error)
            reachable = False
        asker = Asker(
            user=user,
            member=member,
            channel=channel,
            event=key,
            reachable=reachable,
            roster=roster,
        )
        reply = self._performed(act, asker, acked=True)
        if not reachable:
            self._seen.forget(key)
        if reply is not None:
            tell(reply)


def _unrecorded(error: AwayError) -> Reply:
    log.warning("a request was not recorded: %s", error)
    return Reply(text=messages.not_recorded(), again=True)
