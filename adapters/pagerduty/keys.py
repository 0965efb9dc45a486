"""Whether PagerDuty takes a key, without calling anybody.  Asked by `backout check --live`."""

from adapters.pagerduty.calls import Calls

NOTHING = "backout:check:nothing"


async def try_routing_key(calls: Calls, url: str, key: str) -> None:
    """Resolve an alert that does not exist, which has no effect where the key is good.

    Raises `PagerdutyError`.
    """
    await calls.send(url, key, "resolve", NOTHING, {})


async def try_token(calls: Calls, url: str, token: str) -> None:
    """Ask for one user, as looking for answers does.  Raises `PagerdutyError`."""
    await calls.get(url, token, "/users", {"limit": "1"})
