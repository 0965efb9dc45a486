"""Pure pictures of a run: Block Kit for Slack, plain text for the terminal.  No I/O, no clock."""
