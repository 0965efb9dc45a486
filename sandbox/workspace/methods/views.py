"""views.*: modals and the App Home."""

from __future__ import annotations

from sandbox.workspace import blockkit, forms
from sandbox.workspace.arguments import Arguments
from sandbox.workspace.context import Context
from sandbox.workspace.limits import Tier
from sandbox.workspace.methods.registry import method
from sandbox.workspace.models import View
from sandbox.workspace.values import Json, SlackError, new_id

STACK = 3


@method("views.open", tier=Tier.FOUR)
def open_view(ctx: Context, args: Arguments) -> Json:
    """Open a modal for the person whose trigger is given."""
    body = _body(args, kind="modal")
    trigger = ctx.triggers.redeem(args.need("trigger_id"))
    view = build(ctx, trigger.user, body)
    ctx.store.push_modal(view, root=True)
    return {"view": view.public()}


@method("views.push", tier=Tier.FOUR)
def push(ctx: Context, args: Arguments) -> Json:
    """Put a modal on top of the one that the trigger came from."""
    body = _body(args, kind="modal")
    trigger = ctx.triggers.redeem(args.need("trigger_id"))
    below = ctx.store.modal(trigger.user)
    if below is None:
        raise SlackError("view_not_found")
    return {"view": push_on(ctx, below, body).public()}


@method("views.update", tier=Tier.FOUR)
def update(ctx: Context, args: Arguments) -> Json:
    """Replace the content of a view that is open."""
    body = _body(args, kind="any")
    view = _find(ctx, args)
    given = args.text("hash")
    if given and given != view.hash:
        raise SlackError("hash_conflict")
    if body["type"] != view.body["type"]:
        raise SlackError.arguments("view type cannot change")
    replace(ctx, view, body)
    return {"view": view.public()}


@method("views.publish", tier=Tier.FOUR)
def publish(ctx: Context, args: Arguments) -> Json:
    """Publish a person's App Home."""
    user = ctx.store.user(args.need("user_id"))
    body = _body(args, kind="home")
    given, current = args.text("hash"), ctx.store.home(user.id)
    if given and current is not None and given != current.hash:
        raise SlackError("hash_conflict")
    if current is None:
        current = build(ctx, user.id, body)
        ctx.store.homes[user.id] = current.id
        ctx.store.put_view(current)
    else:
        replace(ctx, current, body)
    return {"view": current.public()}


def build(ctx: Context, user_id: str, body: Json, *, below: View | None = None) -> View:
    """Make a view out of checked content, its inputs filled with their initial values."""
    _external_id_is_free(ctx, body)
    view_id = new_id("V")
    checked = {**body, "blocks": blockkit.with_ids(body["blocks"])}
    return View(
        id=view_id,
        user=user_id,
        body=checked,
        hash=_hash(ctx),
        root_id=below.root_id if below else view_id,
        previous_id=below.id if below else None,
        state=forms.initial(checked["blocks"]),
    )


def push_on(ctx: Context, below: View, body: Json) -> View:
    """Put a modal on top of another."""
    if len(ctx.store.modals.get(below.user, [])) >= STACK:
        raise SlackError("push_limit_reached")
    view = build(ctx, below.user, body, below=below)
    ctx.store.push_modal(view, root=False)
    return view


def replace(ctx: Context, view: View, body: Json) -> None:
    """Put other content into a view; what was typed stays where block and action id stay."""
    checked = {**body, "blocks": blockkit.with_ids(body["blocks"])}
    view.body, view.hash = checked, _hash(ctx)
    view.state = forms.carried(view.state, forms.initial(checked["blocks"]))
    view.errors, view.notice = {}, ""
    ctx.store.put_view(view)


def _body(args: Arguments, *, kind: str) -> Json:
    body = args.structure("view", error="invalid_arguments")
    if body is None:
        raise SlackError.arguments("missing required field: view")
    given = body.get("type") if isinstance(body, dict) else None
    if kind == "any":
        kind = "home" if given == "home" else "modal"
    return blockkit.check_view(body, kind=kind)


def _find(ctx: Context, args: Arguments) -> View:
    if args.text("view_id"):
        return ctx.store.view(args.text("view_id"))
    external = args.need("external_id")
    for view in ctx.store.views.values():
        if view.body.get("external_id") == external:
            return view
    raise SlackError("not_found")


def _external_id_is_free(ctx: Context, body: Json) -> None:
    external = body.get("external_id")
    taken = {view.body.get("external_id") for view in ctx.store.views.values()}
    if external and external in taken:
        raise SlackError("duplicate_external_id")


def _hash(ctx: Context) -> str:
    return f"{int(ctx.clock.now())}.{new_id('')[:8].lower()}"
