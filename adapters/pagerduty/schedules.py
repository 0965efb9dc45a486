"""Who is on call in a schedule of PagerDuty.  Asked by `bot.on_call`."""

from datetime import datetime, timedelta
from urllib.parse import quote

from adapters.pagerduty.calls import Calls, PassingError

MOMENT = timedelta(seconds=1)


async def on_call(
    calls: Calls, place: tuple[str, str], schedule: str, at: datetime
) -> frozenset[str]:
    """Return the e-mail addresses, in small letters, of who is on call at a moment.

    `place` is the API's address and a key.  Overrides count; who has no address is left out.
    Raises `PagerdutyError`.
    """
    url, token = place
    window = {"since": at.isoformat(), "until": (at + MOMENT).isoformat()}
    body = await calls.get(url, token, f"/schedules/{quote(schedule, safe='')}/users", window)
    users = body.get("users")
    if not isinstance(users, list):
        raise PassingError("PagerDuty's answer can't be read")
    addresses = (user.get("email") for user in users if isinstance(user, dict))
    return frozenset(address.casefold() for address in addresses if isinstance(address, str))
