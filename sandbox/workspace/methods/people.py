"""users.*, usergroups.*, auth.test, team.info: who is who."""

from __future__ import annotations

from sandbox.workspace.arguments import Arguments
from sandbox.workspace.context import Context
from sandbox.workspace.limits import Tier
from sandbox.workspace.methods.registry import method, page
from sandbox.workspace.models import APP_ID, BOT_ID, BOT_USER, TEAM_DOMAIN, TEAM_ID, User
from sandbox.workspace.values import Json, SlackError


@method("api.test", tier=Tier.FREE)
def api_test(_ctx: Context, args: Arguments) -> Json:
    """Answer that the address is right."""
    return {"args": args.values}


@method("auth.test", tier=Tier.FREE)
def auth_test(ctx: Context, _args: Arguments) -> Json:
    """Say whom the token belongs to."""
    return {
        "url": ctx.base_url,
        "team": "Sandbox",
        "user": ctx.store.users[BOT_USER].name,
        "team_id": TEAM_ID,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "app_id": APP_ID,
        "is_enterprise_install": False,
    }


@method("apps.connections.open", tier=Tier.TWO, app_level=True)
def connections_open(ctx: Context, _args: Arguments) -> Json:
    """Return the address of one Socket Mode connection."""
    base = ctx.base_url.replace("http://", "ws://")
    return {"url": f"{base}link/?ticket={ctx.sockets.ticket()}&app_id={APP_ID}"}


@method("team.info", "team:read")
def team_info(_ctx: Context, _args: Arguments) -> Json:
    """Return the workspace itself."""
    return {"team": {"id": TEAM_ID, "name": "Sandbox", "domain": TEAM_DOMAIN}}


@method("users.info", "users:read", tier=Tier.FOUR)
def users_info(ctx: Context, args: Arguments) -> Json:
    """Return one user; the e-mail only with its own scope."""
    return {"user": _shown(ctx, ctx.store.user(args.need("user")))}


@method("users.list", "users:read", tier=Tier.TWO)
def users_list(ctx: Context, args: Arguments) -> Json:
    """Return all users."""
    part, metadata = page(list(ctx.store.users.values()), args, default=1000)
    return {"members": [_shown(ctx, user) for user in part], "cache_ts": 0, **metadata}


@method("users.lookupByEmail", "users:read.email")
def lookup_by_email(ctx: Context, args: Arguments) -> Json:
    """Return the active user with an e-mail address."""
    email = args.need("email").lower()
    for user in ctx.store.users.values():
        if user.email.lower() == email and not user.deleted:
            return {"user": _shown(ctx, user)}
    raise SlackError("users_not_found")


@method("usergroups.list", "usergroups:read", tier=Tier.TWO)
def groups_list(ctx: Context, args: Arguments) -> Json:
    """Return the user groups; a free plan has none."""
    _paid(ctx)
    with_users = args.flag("include_users")
    return {
        "usergroups": [group.public(with_users=with_users) for group in ctx.store.groups.values()]
    }


@method("usergroups.users.list", "usergroups:read", tier=Tier.TWO)
def group_users(ctx: Context, args: Arguments) -> Json:
    """Return who is in a user group."""
    _paid(ctx)
    group = ctx.store.groups.get(args.need("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


def _paid(ctx: Context) -> None:
    if not ctx.access.paid_plan:
        raise SlackError("plan_upgrade_required")


def _shown(ctx: Context, user: User) -> Json:
    return user.public(with_email="users:read.email" in ctx.access.scopes)
