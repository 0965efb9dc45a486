"""The Slack surface: what comes from people as events, and what they see as messages."""
