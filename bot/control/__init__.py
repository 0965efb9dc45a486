"""The door for operators on the bot's own machine: how to decide while Slack is away."""
