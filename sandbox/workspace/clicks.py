"""Clicks and choices in messages, modals and Homes, and submitted or closed modals.

The control API calls these. A click on something that is not there is refused, as it could not
happen in Slack's client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.workspace import blockkit, forms, interactions
from sandbox.workspace.acts import member_of, person
from sandbox.workspace.context import Context
from sandbox.workspace.delivery import INTERACTIVE
from sandbox.workspace.methods import views
from sandbox.workspace.models import Message, User, View
from sandbox.workspace.values import Json, SlackError

TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a person clicked: a message, or a view."""

    user: User
    message: Message | None = None
    view: View | None = None

    @property
    def blocks(self) -> list[Json]:
        """Return the blocks that are on the screen there."""
        if self.message is not None:
            return self.message.blocks
        return list(self.view.body["blocks"]) if self.view is not None else []


def target(
    ctx: Context, user: str, *, channel: str = "", ts: str = "", view_id: str = ""
) -> Target:
    """Find the message or view, provided that this person sees it."""
    author = person(ctx, user)
    if view_id:
        view = ctx.store.view(view_id)
        if view.user != author.id:
            raise SlackError("not_found")
        return Target(user=author, view=view)
    place = member_of(ctx, author, channel)
    hidden = ctx.store.ephemerals.get(ts)
    if hidden is not None and hidden.ephemeral_to == author.id:
        return Target(user=author, message=hidden)
    return Target(user=author, message=ctx.store.message(place, ts))


async def click(
    ctx: Context,
    where: Target,
    *,
    action_id: str,
    value: Any = None,
    block_id: str = "",
) -> Json:
    """Press a button, or choose `value` in a select, overflow menu or other element."""
    block, element = _find(where, action_id, block_id=block_id, value=value)
    action = _action(element, value) | {
        "action_id": action_id,
        "block_id": block["block_id"],
        "action_ts": ctx.clock.next_ts(),
    }
    entry = forms.chosen(element, value) if element["type"] in forms.KEYS else None
    payload = _payload(ctx, where, action, (block["block_id"], action_id, entry))
    if block["type"] == "input" and not block.get("dispatch_action"):
        return {"acked": True, "dispatched": False}
    ack = await ctx.delivery.ask(INTERACTIVE, payload)
    return {"acked": ack.ok, "error": ack.error, "dispatched": True}


async def submit(ctx: Context, where: Target, *, values: Json | None = None) -> Json:
    """Fill in and submit a modal, and do what the app answers."""
    view = _open_modal(ctx, where)
    view.state = forms.fill(view.body["blocks"], view.state, values or {})
    view.errors = forms.missing(view.body["blocks"], view.state)
    view.notice = ""
    if view.errors:
        ctx.store.put_view(view)
        return {"acked": False, "error": "incomplete", "errors": view.errors}
    payload = interactions.view_submission(ctx, user=where.user, view=view)
    ack = await ctx.delivery.ask(INTERACTIVE, payload)
    if not ack.ok:
        view.notice = TROUBLE
        ctx.store.put_view(view)
        return {"acked": False, "error": ack.error}
    return _after_submit(ctx, view, ack.body)


async def close(ctx: Context, where: Target) -> Json:
    """Dismiss a modal; the app hears of it when it asked to."""
    view = _open_modal(ctx, where)
    clear = bool(view.body.get("clear_on_close"))
    ctx.store.pop_modal(view, clear=clear)
    if not view.body.get("notify_on_close"):
        return {"acked": True}
    payload = interactions.view_closed(ctx, user=where.user, view=view, cleared=clear)
    ack = await ctx.delivery.ask(INTERACTIVE, payload)
    return {"acked": ack.ok, "error": ack.error}


def _open_modal(ctx: Context, where: Target) -> View:
    view = where.view
    if view is None or view.id not in ctx.store.modals.get(where.user.id, []):
        raise SlackError("modal_not_open")
    return view


def _after_submit(ctx: Context, view: View, body: Any) -> Json:
    action = body.get("response_action") if isinstance(body, dict) else None
    if action == "errors":
        return _show_errors(ctx, view, dict(body.get("errors") or {}))
    if action == "update":
        views.replace(ctx, view, blockkit.check_view(body.get("view"), kind="modal"))
    elif action == "push":
        views.push_on(ctx, view, blockkit.check_view(body.get("view"), kind="modal"))
    else:
        ctx.store.pop_modal(view, clear=action == "clear")
    return {"acked": True, "response_action": action or ""}


def _show_errors(ctx: Context, view: View, errors: dict[str, str]) -> Json:
    inputs = {one["block_id"] for one in view.body["blocks"] if one["type"] == "input"}
    unknown = sorted(set(errors) - inputs)
    if unknown or not errors:
        view.notice = TROUBLE
        ctx.store.put_view(view)
        return {"acked": True, "error": "errors_without_input", "unknown": unknown}
    view.errors = errors
    ctx.store.put_view(view)
    return {"acked": True, "response_action": "errors", "errors": errors}


def _find(where: Target, action_id: str, *, block_id: str, value: Any) -> tuple[Json, Json]:
    found = [
        (block, element)
        for block, element in forms.elements(where.blocks)
        if element.get("action_id") == action_id and block_id in ("", block["block_id"])
    ]
    if len(found) > 1 and value is not None:
        found = [one for one in found if one[1].get("value", value) == value]
    if not found:
        known = [element.get("action_id") for _, element in forms.elements(where.blocks)]
        raise SlackError("no_such_action", known=known)
    return found[0]


def _action(element: Json, value: Any) -> Json:
    kind = element["type"]
    if kind == "button":
        shown: Json = {
            key: element[key] for key in ("text", "value", "style", "url") if key in element
        }
        return {"type": kind, **shown}
    if kind == "overflow":
        options = {option["value"]: option for option in element["options"]}
        if value not in options:
            raise SlackError("no_such_option", known=sorted(options))
        return {"type": kind, "selected_option": options[value]}
    return forms.chosen(element, value)


def _payload(
    ctx: Context, where: Target, action: Json, choice: tuple[str, str, Json | None]
) -> Json:
    block_id, action_id, entry = choice
    if where.message is not None:
        key = (where.user.id, where.message.channel, where.message.ts)
        fresh = forms.initial(where.message.blocks)
        state = forms.carried(ctx.message_state.get(key, {}), fresh)
        if entry is not None:
            state.setdefault(block_id, {})[action_id] = entry
        ctx.message_state[key] = state
        return interactions.block_actions_on_message(
            ctx, user=where.user, message=where.message, action=action, state=state
        )
    if where.view is None:
        raise SlackError("not_found")
    if entry is not None:
        where.view.state.setdefault(block_id, {})[action_id] = entry
        ctx.store.put_view(where.view)
    return interactions.block_actions_on_view(ctx, user=where.user, view=where.view, action=action)
