"""The Slack surface: what comes from people as events, and what they see as messages."""

from bot.slack.checking import Finding, live_check

__all__ = ["Finding", "live_check"]
