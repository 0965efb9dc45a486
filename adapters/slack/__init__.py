"""Slack: messages, through the messenger that `bot` lends to actions."""
