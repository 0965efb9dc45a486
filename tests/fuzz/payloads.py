"""What Slack delivers about the incident of a `Stand`: one of each kind, as real as can be."""

from collections.abc import Sequence
from typing import Any

from bot.views.controls import Act, Control, action_id
from bot.views.forms import CALLBACK_DECLARE, CALLBACK_REASON
from flows.runs import Run
from tests.fuzz.shops import INCIDENTS, TEAM, event, said

Payload = dict[str, Any]
TYPED = (
    "!incident help",
    "!incident status",
    "!incident list",
    "!incident plan service revision=41",
    "!incident approve {digest}",
    "!incident deny {digest} too early",
    "!incident hold INC-1 wait",
    "!incident skip rollback because",
    "!incident note we saw it at 14:02",
    "!incident answer security yes",
    "!incident page oncall",
    "!incident abort it was a test",
    "!incident emergency {digest} nobody is there",
    '!incident declare "checkout 5xx" on aivo',
    "!incident withdraw",
    "!incident done timeline",
)


def click(user: str, control: Control, number: int) -> Payload:
    """Return a click on a button of the card."""
    return {
        "type": "block_actions",
        "team": {"id": TEAM, "domain": "school"},
        "user": {"id": user, "username": user.lower(), "team_id": TEAM},
        "api_app_id": "A0APP",
        "container": {"type": "message", "message_ts": "5.1", "channel_id": "C0INC1"},
        "channel": {"id": "C0INC1", "name": "inc-1"},
        "message": {"type": "message", "ts": "5.1", "text": "card", "blocks": []},
        "state": {"values": {}},
        "trigger_id": f"trigger.{number}",
        "actions": [
            {
                "type": "button",
                "action_id": action_id(control),
                "block_id": "b",
                "value": control.dump(),
                "action_ts": f"6.{number}",
            }
        ],
    }


def submission(user: str, control: Control, values: dict[str, Any], number: int) -> Payload:
    """Return a modal that was submitted."""
    declares = control.act is Act.DECLARE
    return {
        "type": "view_submission",
        "team": {"id": TEAM, "domain": "school"},
        "user": {"id": user, "username": user.lower(), "team_id": TEAM},
        "api_app_id": "A0APP",
        "trigger_id": f"trigger.{number}",
        "view": {
            "id": f"V{number}",
            "type": "modal",
            "callback_id": CALLBACK_DECLARE if declares else CALLBACK_REASON,
            "private_metadata": control.dump(),
            "state": {"values": values},
            "hash": "1.1",
        },
        "response_urls": [],
    }


def written(text: str) -> dict[str, Any]:
    """Return a filled field."""
    return {"field": {"type": "plain_text_input", "value": text}}


def chosen(value: str) -> dict[str, Any]:
    """Return a chosen option."""
    return {"field": {"type": "static_select", "selected_option": {"value": value}}}


def controls(run: Run) -> Sequence[Control]:
    """Return a control of every kind, right and stale ones."""
    assert run.plan is not None
    digest = run.plan.digest[:16]
    right = [
        Control(act=act, incident=run.id, scope="plan", digest=digest)
        for act in (Act.APPROVE, Act.DENY, Act.WITHDRAW, Act.BREAK_GLASS)
    ]
    wrong = [Control(act=Act.APPROVE, incident=run.id, scope="plan", digest=d) for d in ("0" * 16,)]
    steered = [
        Control(act=act, incident=run.id, scope="rollback")
        for act in Act
        if act not in (Act.APPROVE, Act.DENY, Act.WITHDRAW, Act.ANSWER)
    ]
    answered = Control(act=Act.ANSWER, incident=run.id, scope="security", answer=False)
    return [*right, *wrong, *steered, answered]


def slash(user: str, text: str, number: int) -> Payload:
    """Return a slash command."""
    return {
        "token": "verification",
        "team_id": TEAM,
        "team_domain": "school",
        "channel_id": INCIDENTS,
        "channel_name": "incident-response",
        "user_id": user,
        "user_name": user.lower(),
        "command": "/incident",
        "text": text,
        "api_app_id": "A0APP",
        "is_enterprise_install": "false",
        "response_url": "",
        "trigger_id": f"trigger.{number}",
    }


def everything(run: Run, user: str, number: int) -> list[Payload]:
    """Return one of each kind of payload, from one user; `number` makes them new."""
    assert run.plan is not None
    typed = [text.format(digest=run.plan.digest[:12]) for text in TYPED]
    reason = {"reason": written("Production Rollback - because")}
    declared = {
        **reason,
        "system": chosen("aivo"),
        "question:security": chosen("no"),
        "code": written("123456"),
    }
    person = {"id": user, "team_id": TEAM, "name": "x", "profile": {"email": "x@example.invalid"}}
    return [
        *(said(user, text, ts=f"7.{number}") for text in typed),
        *(slash(user, text.removeprefix("!incident "), number) for text in typed),
        *(click(user, control, number) for control in controls(run)),
        *(submission(user, control, reason, number) for control in controls(run)),
        submission(user, Control(act=Act.DECLARE, origin=INCIDENTS), declared, number),
        {"type": "view_closed", "user": {"id": user}, "view": {"id": "V"}, "is_cleared": True},
        {
            "type": "shortcut",
            "callback_id": "declare_incident",
            "user": {"id": user, "team_id": TEAM},
            "team": {"id": TEAM},
            "trigger_id": f"trigger.{number}",
            "action_ts": "8.1",
        },
        event({"type": "app_home_opened", "user": user, "channel": "D1", "tab": "home"}, "h"),
        event({"type": "user_change", "user": {**person, "id": "U0OTHER"}}, "u"),
        event({"type": "team_join", "user": {**person, "id": "U0OTHER"}}, "j"),
        event({"type": "channel_rename", "channel": {"id": "C9", "name": "new"}}, "r"),
        event({"type": "reaction_added", "user": user, "reaction": "eyes"}, "e"),
    ]
