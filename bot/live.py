"""`backout check --live`: whether Slack and PagerDuty grant what the bot and the systems need.

Asks and changes nothing.
"""

from collections.abc import Sequence

from adapters.pagerduty.calls import Calls
from bot import pagerduty_checking
from bot.findings import Finding
from bot.on_call import OnCall
from bot.slack import checking as slack_checking
from config import secrets
from config.models.bundles import Bundle
from config.settings import Settings


async def live_check(settings: Settings, bundles: Sequence[Bundle]) -> tuple[Finding, ...]:
    """Look at everything.  Never raises for what is answered."""
    calls = Calls()
    try:
        on_call = await OnCall(calls, bundles, resolve=secrets.resolve).fetch()
        duty = await pagerduty_checking.live_check(calls, bundles, on_call, secrets.resolve)
    finally:
        calls.close()
    return (*await slack_checking.live_check(settings, bundles, on_call), *duty)
