"""What `backout demo` says on the terminal."""

import signal
from pathlib import Path

NO_BROWSER = "No browser could be opened: open the address above yourself."
WELCOME = """
Backout's demo is ready: a local Slack, a simulated estate, and the real bot.
It is a simulation. Everything stays on this machine and nothing real is touched.

  Open {page}

  1. Break it     Press "Ship the bad release" on the right of the page, and watch the
                  error ratio climb.
  2. Declare it   As Marcus Rodriguez (SRE on-call), write in #incident-response:
                    !incident declare "checkout 5xx"
                  Open the channel that Backout makes, and answer its two questions with No.
  3. Approve it   As Jennifer Liu and then as Alex Thompson (Engineering Leads), press Approve.
                  Watch the release go back and the estate recover.
  4. Clear it     As Jennifer Liu, say that no security problem goes on: press Approve once more.

More to play, in the panel: a story for each of AIVO's flows (traffic, flags, data, rows, files,
security), a refusal, phones that ring up to level 3, break-glass and its review.

To see it survive a crash, kill the bot while it works:   kill -9 {pid}
It is started again by itself and goes on where it was.

Logs and journal: {data}
Ctrl-C stops everything.
"""


def welcome(page: str, pid: int, data: Path) -> str:
    """Say where it is, what to do, and how to stop."""
    return WELCOME.format(page=page, pid=pid, data=data)


def port_taken(wanted: int, used: int) -> str:
    """Say that another port is used."""
    return f"Port {wanted} is taken; using {used}."


def bot_ended(pid: int, code: int, delay: float) -> str:
    """Say how the bot ended, and that it comes back."""
    how = f"was ended by {_signal(-code)}" if code < 0 else f"ended with code {code}"
    return f"The bot (process {pid}) {how}. It is started again in {delay:g} s."


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def bot_back(pid: int, seconds: float) -> str:
    """Say that the bot is back."""
    return f"The bot is back as process {pid}, connected after {seconds:.1f} s. Look at the card."


def stopped(kept: Path | None) -> str:
    """Say good-bye."""
    return f"Stopped. Journal and logs are in {kept}." if kept else "Stopped."
