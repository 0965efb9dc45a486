"""What Slack does to text that a person types, before an app sees it.

`&`, `<` and `>` are escaped, names become mention tokens, addresses become links. The result
is what events carry; a literal `<!channel>` that somebody types stays text.
"""

from __future__ import annotations

import re

from sandbox.workspace.store import Store

_URL = re.compile(r"https?://[^\s<>|]+[^\s<>|.,;:!?)\]'\"”’]")
_MENTION = re.compile(r"(?<![\w.])@([a-z0-9][a-z0-9._-]*[a-z0-9])", re.IGNORECASE)
_CHANNEL = re.compile(r"(?<![\w&])#([a-z0-9_-]+)")
_EVERYBODY = {"channel", "here", "everyone"}


def escape(text: str) -> str:
    """Escape the three characters that Slack's markup reserves."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def typed(store: Store, text: str, *, named: bool = False, links: bool = True) -> str:
    """Return typed text as an app receives it; slash commands add names to the tokens."""
    people = {user.name.lower(): user for user in store.users.values()}
    groups = {group.handle: group for group in store.groups.values()}
    channels = {channel.name: channel for channel in store.channels.values() if channel.name}

    def mention(found: re.Match[str]) -> str:
        name = found[1].lower()
        if name in people:
            user = people[name]
            return f"<@{user.id}|{user.name}>" if named else f"<@{user.id}>"
        if name in groups:
            return f"<!subteam^{groups[name].id}|@{name}>"
        return f"<!{name}>" if name in _EVERYBODY else found[0]

    def place(found: re.Match[str]) -> str:
        channel = channels.get(found[1])
        return f"<#{channel.id}|{channel.name}>" if channel else found[0]

    escaped = escape(text)
    if links:
        escaped = _URL.sub(lambda found: f"<{found[0]}>", escaped)
    return _CHANNEL.sub(place, _MENTION.sub(mention, escaped))
