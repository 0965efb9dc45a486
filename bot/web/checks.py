"""What `/readyz` looks at: the journal, Slack, and the driver.

Each function makes the check of one part for `bot.web.health`; `bot.observing` puts them together.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from bot.core import Core
from bot.slack.surface import SlackSurface
from bot.web.health import Check
from flows.engine import AwayError, Delivery, Engine

LOOKED = "health"
STUCK_AFTER = 120.0


def journal(engine: Engine) -> Check:
    """Commit something of no meaning: what can't be committed can't be acknowledged either."""

    async def look() -> str:
        mark = Delivery(key=LOOKED, channel="", ts=engine.now().isoformat())
        try:
            engine.keep_delivery(mark)
        except AwayError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 each store has its own
            return f"It can't be written ({error}): look at the disk or the database."
        return ""

    return look


def slack(surface: SlackSurface, connected: Callable[[], bool] | None) -> Check:
    """Ask whether Slack has let us in, and in Socket Mode whether the socket is open."""

    async def look() -> str:
        if surface.calls.turned_away:
            return f"Slack refuses the token ({surface.calls.turned_away}): see SLACK_BOT_TOKEN."
        if not surface.ready:
            return "Slack has not let us in yet; it is tried again."
        if connected is not None and not connected():
            return "The socket to Slack is not open; it is opened again by itself."
        return ""

    return look


def driver(core: Core) -> Check:
    """Ask whether what drives the runs is alive: it comes round at least every half a minute."""

    async def look() -> str:
        if not core.driving:
            return "It has ended: nothing that was approved goes on. Start Backout again."
        if core.driver.idle > STUCK_AFTER:
            return f"It has not come round for {core.driver.idle:.0f} s. Start Backout again."
        return ""

    return look


def lease(core: Core) -> Check:
    """Ask whether other replicas believe that this one lives."""

    async def look() -> str:
        if core.driver.alive:
            return ""
        return "The database has no fresh sign of life of this replica: others take over its runs."

    return look


def free_bytes(folder: Path) -> int | None:
    """Return how much room there is where the data are; None where that is not known."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
