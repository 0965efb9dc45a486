"""Block Kit as Slack checks it: every limit, key and type, written down from its reference.

Nothing here knows the bot's own limits. `check_message` and `check_view` are what the Web API
methods call; both raise `SlackError` naming each problem with a JSON pointer.
"""

from sandbox.workspace.blockkit.surfaces import check_message, check_view, with_ids

__all__ = ["check_message", "check_view", "with_ids"]
