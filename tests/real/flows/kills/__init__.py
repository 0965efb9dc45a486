"""AIVO's flows on real components, while the bot is killed again and again."""
