"""A local Slack workspace and a simulated estate, speaking the real protocols.

Nothing in here imports the bot: an emulator that shared its limits with the program under
test would agree with every mistake in it. `python -m sandbox` starts both for `make demo`;
the scenario tests start them in process.
"""
