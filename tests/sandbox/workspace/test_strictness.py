"""The Web API refuses what Slack refuses, with Slack's own error codes."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.workspace import Workspace
from sandbox.workspace.access import APP_TOKEN
from sandbox.workspace.acts import say
from tests.sandbox.workspace.conftest import web_client

C = "C0INCIDENTS"
Args = dict[str, Any]


def plain(text: str) -> Args:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Args:
    """Return a mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def section(text: str = "x", **more: Any) -> Args:
    """Return a section."""
    return {"type": "section", "text": mrkdwn(text), **more}


def button(**more: Any) -> Args:
    """Return a button."""
    return {"type": "button", "text": plain("Go"), "action_id": "go", **more}


def select(count: int = 1, **more: Any) -> Args:
    """Return a static select with options."""
    options = [{"text": plain(f"o{number}"), "value": str(number)} for number in range(count)]
    return {"type": "static_select", "action_id": "s", "options": options, **more}


def actions(*elements: Args, **more: Any) -> Args:
    """Return an actions block."""
    return {"type": "actions", "elements": list(elements), **more}


def buttons(count: int) -> Args:
    """Return an actions block with many buttons."""
    return actions(*[button(action_id=f"a{number}") for number in range(count)])


BAD_BLOCKS: dict[str, list[Args]] = {
    "more than 50 blocks": [{"type": "divider"}] * 51,
    "section text over 3000": [section("x" * 3001)],
    "empty section text": [section("")],
    "section without text or fields": [{"type": "section"}],
    "field over 2000": [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
    "more than 10 fields": [{"type": "section", "fields": [mrkdwn("x")] * 11}],
    "header over 150": [{"type": "header", "text": plain("x" * 151)}],
    "mrkdwn in a header": [{"type": "header", "text": mrkdwn("x")}],
    "mrkdwn in a button": [actions(button(text=mrkdwn("x")))],
    "button text over 75": [actions(button(text=plain("x" * 76)))],
    "button value over 2000": [actions(button(value="x" * 2001))],
    "action_id over 255": [actions(button(action_id="x" * 256))],
    "block_id over 255": [section(block_id="x" * 256)],
    "unknown button style": [actions(button(style="secondary"))],
    "more than 25 elements": [buttons(26)],
    "no elements": [actions()],
    "duplicate block_id": [section(block_id="one"), section(block_id="one")],
    "duplicate action_id": [actions(button(), button())],
    "unknown key": [section(colour="red")],
    "unknown block type": [{"type": "banner", "text": plain("x")}],
    "unknown element type": [actions({"type": "slider", "action_id": "s"})],
    "an input element in actions": [actions({"type": "plain_text_input", "action_id": "t"})],
    "more than 100 options": [actions(select(101))],
    "no options": [actions(select(0))],
    "option text over 75": [
        actions(select(options=[{"text": plain("x" * 76), "value": "v"}])),
    ],
    "option value over 150": [
        actions(select(options=[{"text": plain("x"), "value": "v" * 151}])),
    ],
    "initial option not among the options": [
        actions(select(initial_option={"text": plain("other"), "value": "other"})),
    ],
    "more than 5 overflow options": [
        actions({**select(6), "type": "overflow"}),
    ],
    "confirm without deny": [
        actions(button(confirm={"title": plain("t"), "text": plain("x"), "confirm": plain("y")})),
    ],
    "confirm title over 100": [
        actions(
            button(
                confirm={
                    "title": plain("t" * 101),
                    "text": plain("x"),
                    "confirm": plain("y"),
                    "deny": plain("n"),
                }
            )
        ),
    ],
    "more than 10 context elements": [{"type": "context", "elements": [mrkdwn("x")] * 11}],
    "a button in a context": [{"type": "context", "elements": [button()]}],
    "input without a label": [
        {"type": "input", "element": {"type": "plain_text_input", "action_id": "t"}},
    ],
    "a number for a text": [{"type": "section", "text": {"type": "mrkdwn", "text": 7}}],
    "a relative url": [actions(button(url="/here"))],
}


@pytest.mark.parametrize("name", sorted(BAD_BLOCKS))
async def test_bad_blocks_are_refused(slack: AsyncWebClient, name: str) -> None:
    """A message with blocks beyond Block Kit's rules is refused, and nothing is posted."""
    with pytest.raises(SlackApiError) as refused:
        await slack.chat_postMessage(channel=C, text="x", blocks=BAD_BLOCKS[name])
    assert refused.value.response["error"] == "invalid_blocks"
    assert refused.value.response["response_metadata"]["messages"]
    history = await slack.conversations_history(channel=C)
    assert history["messages"] == []


async def test_limits_themselves_are_allowed(slack: AsyncWebClient) -> None:
    """Blocks exactly at the limits pass."""
    blocks = [
        section("x" * 3000),
        {"type": "section", "fields": [mrkdwn("x" * 500)] * 10},
        {"type": "header", "text": plain("x" * 150)},
        buttons(25),
        actions(select(100)),
        actions(button(text=plain("x" * 75), value="v" * 2000)),
        *[{"type": "divider"}] * 44,
    ]
    assert (await slack.chat_postMessage(channel=C, text="x", blocks=blocks))["ok"]


async def test_too_much_text_in_blocks(slack: AsyncWebClient) -> None:
    """About 13,000 characters of text in blocks are the most that a message holds."""
    await _refused(
        slack,
        "chat.postMessage",
        "msg_blocks_too_long",
        channel=C,
        blocks=[section("x" * 3000)] * 5,
    )


def modal(**more: Any) -> Args:
    """Return a modal."""
    return {"type": "modal", "title": plain("Declare"), "blocks": [section()], **more}


BAD_VIEWS: dict[str, Args] = {
    "title over 24": modal(title=plain("x" * 25)),
    "more than 100 blocks": modal(blocks=[{"type": "divider"}] * 101),
    "input without submit": modal(
        blocks=[
            {
                "type": "input",
                "label": plain("l"),
                "element": {"type": "plain_text_input", "action_id": "t"},
            }
        ]
    ),
    "unknown key": modal(colour="red"),
    "submit over 24": modal(submit=plain("x" * 25)),
    "private_metadata over 3000": modal(private_metadata="x" * 3001),
    "callback_id over 255": modal(callback_id="x" * 256),
    "a home": {"type": "home", "blocks": []},
}


@pytest.mark.parametrize("name", sorted(BAD_VIEWS))
async def test_bad_views_are_refused(
    workspace: Workspace, slack: AsyncWebClient, name: str
) -> None:
    """A modal beyond the rules is refused, and its trigger stays unused."""
    trigger = workspace.context.triggers.issue("U0EMILY")
    await _refused(
        slack, "views.open", "invalid_arguments", trigger_id=trigger, view=BAD_VIEWS[name]
    )
    assert (await slack.views_open(trigger_id=trigger, view=modal()))["ok"]


CALLS: dict[str, tuple[str, Args, str]] = {
    "unknown channel": ("chat.postMessage", {"channel": "C404", "text": "x"}, "channel_not_found"),
    "no text": ("chat.postMessage", {"channel": C}, "no_text"),
    "thread of nothing": (
        "chat.postMessage",
        {"channel": C, "text": "x", "thread_ts": "1.000001"},
        "cannot_reply_to_message",
    ),
    "blocks that are no JSON": (
        "chat.postMessage",
        {"channel": C, "blocks": "{"},
        "invalid_blocks_format",
    ),
    "metadata without a payload": (
        "chat.postMessage",
        {"channel": C, "text": "x", "metadata": {"event_type": "t"}},
        "invalid_metadata_format",
    ),
    "update of nothing": (
        "chat.update",
        {"channel": C, "ts": "1.000001", "text": "x"},
        "message_not_found",
    ),
    "ephemeral to a stranger": (
        "chat.postEphemeral",
        {"channel": C, "user": "U404", "text": "x"},
        "user_not_in_channel",
    ),
    "name with capitals": ("conversations.create", {"name": "Inc"}, "invalid_name_specials"),
    "name too long": ("conversations.create", {"name": "x" * 81}, "invalid_name_maxlength"),
    "name of dashes": ("conversations.create", {"name": "---"}, "invalid_name_punctuation"),
    "no name": ("conversations.create", {"name": ""}, "invalid_name_required"),
    "name taken": ("conversations.create", {"name": "incident-response"}, "name_taken"),
    "topic too long": ("conversations.setTopic", {"channel": C, "topic": "x" * 251}, "too_long"),
    "invite twice": (
        "conversations.invite",
        {"channel": C, "users": "U0EMILY"},
        "already_in_channel",
    ),
    "invite nobody": ("conversations.invite", {"channel": C, "users": ""}, "no_user"),
    "invite the app": (
        "conversations.invite",
        {"channel": C, "users": "U0BOT"},
        "cant_invite_self",
    ),
    "invite a stranger": (
        "conversations.invite",
        {"channel": C, "users": "U404"},
        "user_not_found",
    ),
    "unknown user": ("users.info", {"user": "U404"}, "user_not_found"),
    "unknown e-mail": ("users.lookupByEmail", {"email": "no@aivo.edu"}, "users_not_found"),
    "unknown group": ("usergroups.users.list", {"usergroup": "S404"}, "no_such_subteam"),
    "pin of nothing": ("pins.add", {"channel": C, "timestamp": "1.000001"}, "message_not_found"),
    "unpin of nothing": ("pins.remove", {"channel": C, "timestamp": "1.000001"}, "no_pin"),
    "thread not found": ("conversations.replies", {"channel": C, "ts": "1.0"}, "thread_not_found"),
    "unknown trigger": (
        "views.open",
        {"trigger_id": "1.2.3", "view": modal()},
        "invalid_trigger_id",
    ),
    "unknown view": ("views.update", {"view_id": "V404", "view": modal()}, "not_found"),
    "missing argument": ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
    "bad cursor": ("conversations.list", {"cursor": "?"}, "invalid_cursor"),
    "unknown method": ("chat.sing", {}, "unknown_method"),
}


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_bad_calls_are_refused(slack: AsyncWebClient, name: str) -> None:
    """A call that Slack would refuse is refused with Slack's code."""
    method, args, error = CALLS[name]
    await _refused(slack, method, error, **args)


async def test_tokens(workspace: Workspace) -> None:
    """A missing, wrong, revoked or wrong kind of token is told apart."""
    await _refused(web_client(workspace, ""), "auth.test", "not_authed")
    await _refused(web_client(workspace, "xoxb-wrong"), "auth.test", "invalid_auth")
    await _refused(web_client(workspace, APP_TOKEN), "auth.test", "not_allowed_token_type")
    await _refused(web_client(workspace), "apps.connections.open", "not_allowed_token_type")
    workspace.context.access.revoked = True
    await _refused(web_client(workspace), "auth.test", "token_revoked")


async def test_missing_scope_names_needed_and_provided(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """A call without its scope says which one it needs and which are granted."""
    workspace.context.access.scopes = frozenset({"chat:write"})
    with pytest.raises(SlackApiError) as refused:
        await slack.pins_add(channel=C, timestamp="1.0")
    assert refused.value.response["error"] == "missing_scope"
    assert refused.value.response["needed"] == "pins:write"
    assert refused.value.response["provided"] == "chat:write"


async def test_manifest_grants_exactly_what_it_asks_for(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """After installing a manifest its scopes, events, commands and shortcuts are in force."""
    workspace.context.access.install(
        {
            "oauth_config": {"scopes": {"bot": ["users:read"]}},
            "settings": {"event_subscriptions": {"bot_events": ["message.channels"]}},
            "features": {
                "slash_commands": [{"command": "/incident", "should_escape": False}],
                "shortcuts": [{"name": "D", "type": "global", "callback_id": "d"}],
            },
        }
    )
    await _refused(slack, "chat.postMessage", "missing_scope", channel=C, text="x")
    user = (await slack.users_info(user="U0EMILY"))["user"]
    assert "email" not in user["profile"]
    assert not workspace.context.access.hears("message.channels")
    assert workspace.context.access.shortcuts[0]["callback_id"] == "d"


async def test_update_with_text_alone_removes_the_blocks(slack: AsyncWebClient) -> None:
    """Updating with text and no blocks leaves a message without blocks, as Slack does."""
    posted = await slack.chat_postMessage(channel=C, text="x", blocks=[section()])
    await slack.chat_update(channel=C, ts=posted["ts"], text="plain")
    [message] = (await slack.conversations_history(channel=C))["messages"]
    assert message["text"] == "plain"
    assert "blocks" not in message


async def test_metadata_is_kept_and_shown_on_request(slack: AsyncWebClient) -> None:
    """Metadata comes back only when it is asked for."""
    metadata = {"event_type": "card", "event_payload": {"incident": "INC-7"}}
    await slack.chat_postMessage(channel=C, text="x", metadata=metadata)
    [plain_one] = (await slack.conversations_history(channel=C))["messages"]
    [full] = (await slack.conversations_history(channel=C, include_all_metadata=True))["messages"]
    assert "metadata" not in plain_one
    assert full["metadata"] == metadata


async def test_other_people_s_messages_cannot_be_updated(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """The app updates and deletes its own messages only."""
    ts = say(workspace.context, user="U0EMILY", channel=C, text="hers")["ts"]
    await _refused(slack, "chat.update", "cant_update_message", channel=C, ts=ts, text="x")
    await _refused(slack, "chat.delete", "cant_delete_message", channel=C, ts=ts)


async def test_pin_twice_and_archived_channel(slack: AsyncWebClient) -> None:
    """A second pin is refused, and an archived channel takes nothing more but keeps its name."""
    channel = (await slack.conversations_create(name="inc-1"))["channel"]["id"]
    ts = (await slack.chat_postMessage(channel=channel, text="x"))["ts"]
    await slack.pins_add(channel=channel, timestamp=ts)
    await _refused(slack, "pins.add", "already_pinned", channel=channel, timestamp=ts)
    await slack.conversations_archive(channel=channel)
    await _refused(slack, "chat.postMessage", "is_archived", channel=channel, text="x")
    await _refused(slack, "conversations.archive", "already_archived", channel=channel)
    await _refused(slack, "conversations.create", "name_taken", name="inc-1")


async def test_private_channel_is_unknown_to_outsiders(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """A private channel that the app left can't be found any more."""
    channel = (await slack.conversations_create(name="sec-1", is_private=True))["channel"]["id"]
    await slack.conversations_leave(channel=channel)
    await _refused(slack, "conversations.info", "channel_not_found", channel=channel)


async def test_posting_into_a_channel_that_the_app_is_not_in(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """Without chat:write.public the app must be a member; history always needs membership."""
    await slack.conversations_leave(channel=C)
    access = workspace.context.access
    access.scopes = access.scopes - {"chat:write.public"}
    await _refused(slack, "chat.postMessage", "not_in_channel", channel=C, text="x")
    await _refused(slack, "conversations.history", "not_in_channel", channel=C)


async def test_one_bad_invitee_refuses_all_unless_forced(slack: AsyncWebClient) -> None:
    """An invitation with one unknown user invites nobody, or the rest when forced."""
    channel = (await slack.conversations_create(name="inc-2"))["channel"]["id"]
    users = "U0EMILY,U404"
    with pytest.raises(SlackApiError) as refused:
        await slack.conversations_invite(channel=channel, users=users)
    assert refused.value.response["errors"][0]["user"] == "U404"
    members = await slack.conversations_members(channel=channel)
    assert members["members"] == ["U0BOT"]
    await slack.conversations_invite(channel=channel, users=users, force=True)
    members = await slack.conversations_members(channel=channel)
    assert members["members"] == ["U0BOT", "U0EMILY"]


async def test_user_groups_need_a_paid_plan(workspace: Workspace, slack: AsyncWebClient) -> None:
    """On a free plan user groups are refused with the plan's own code."""
    groups = await slack.usergroups_list(include_users=True)
    assert groups["usergroups"][0]["users"] == ["U0MARCUS", "U0EMILY"]
    workspace.context.access.paid_plan = False
    await _refused(slack, "usergroups.list", "plan_upgrade_required")


async def test_lists_come_in_pages(slack: AsyncWebClient) -> None:
    """A cursor leads through all pages."""
    found: list[str] = []
    cursor = ""
    while True:
        page = await slack.conversations_members(channel=C, limit=4, cursor=cursor)
        found += page["members"]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert len(found) == 9


async def test_files_are_uploaded_in_three_steps(slack: AsyncWebClient) -> None:
    """The SDK's own upload works, raw bytes and all."""
    await slack.files_upload_v2(channel=C, filename="log.txt", content="hello")
    [message] = (await slack.conversations_history(channel=C))["messages"]
    assert message["files"][0]["size"] == 5


async def _refused(slack: AsyncWebClient, method: str, error: str, **args: Any) -> None:
    with pytest.raises(SlackApiError) as refused:
        await slack.api_call(method, json=args)
    assert refused.value.response["error"] == error
