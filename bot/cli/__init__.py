"""The command line.  `main` is what the `backout` script calls.

Imports nothing else here: `backout --help` must answer before a person wonders whether it hangs,
so every command imports what it needs when it runs.
"""


def main() -> None:
    """Run the command line and exit with one of `bot.cli.failures.ExitCode`."""
    from bot.cli.app import app

    app(prog_name="backout")
