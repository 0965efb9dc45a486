"""The people, groups and channels that a fresh workspace starts with.

The people are the contacts of the AIVO system; `server.Workspace` asks for them once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from sandbox.workspace.models import BOT_USER, Channel, User, UserGroup

INCIDENTS = "C0INCIDENTS"


def _person(user_id: str, real_name: str, role: str) -> User:
    name = real_name.lower().replace(" ", ".")
    return User(id=user_id, name=name, real_name=real_name, email=f"{name}@aivo.edu", role=role)


def default_people() -> list[User]:
    """Return fresh copies of everybody, the guest and the bot's own user included."""
    return [
        _person("U0MARCUS", "Marcus Rodriguez", "SRE on-call, primary"),
        _person("U0EMILY", "Emily Watson", "SRE on-call, secondary"),
        _person("U0JENNIFER", "Jennifer Liu", "Engineering Lead, primary"),
        _person("U0ALEX", "Alex Thompson", "Engineering Lead, secondary"),
        _person("U0DAVID", "David Park", "VP Engineering"),
        _person("U0SARAHK", "Sarah Kim", "CTO"),
        _person("U0MICHAEL", "Michael Chen", "CEO"),
        User(
            id="U0GUEST",
            name="guest",
            real_name="Guest Contractor",
            email="guest@partner.example",
            role="Guest, no role",
            is_restricted=True,
        ),
        bot_user(),
    ]


def bot_user() -> User:
    """Return the user that the app acts as."""
    return User(id=BOT_USER, name="backout", real_name="Backout", role="App", is_bot=True)


def default_groups() -> list[UserGroup]:
    """Return the user groups that roles resolve to."""
    return [
        UserGroup(
            id="S0ONCALL", handle="sre-oncall", name="SRE on-call", users=["U0MARCUS", "U0EMILY"]
        ),
        UserGroup(
            id="S0LEADS",
            handle="engineering-leads",
            name="Engineering leads",
            users=["U0JENNIFER", "U0ALEX"],
        ),
    ]


def default_channels(people: Sequence[User]) -> list[Channel]:
    """Return #incident-response with everybody in it."""
    return [
        Channel(
            id=INCIDENTS,
            name="incident-response",
            creator="U0MARCUS",
            created=int(time.time()),
            purpose="Declare here. Every incident gets a channel of its own.",
            members=[user.id for user in people],
        )
    ]
