"""Whether PagerDuty takes the keys of the systems, and who is on call.  Called by `bot.live`."""

from collections.abc import AsyncIterator, Sequence

from adapters.pagerduty import keys
from adapters.pagerduty.calls import Calls, PagerdutyError
from adapters.pagerduty.lines import Resolve
from bot.findings import Finding
from bot.pagerduty import services_of
from bot.rosters import Membership, schedule_key
from config.models.bundles import Bundle
from config.models.connections import PagerdutyConnection
from config.secrets import SecretError


async def live_check(
    calls: Calls, bundles: Sequence[Bundle], on_call: Membership, resolve: Resolve
) -> tuple[Finding, ...]:
    """Look with every key of every system.  Nobody is called by it."""
    found: list[Finding] = []
    for bundle in bundles:
        connection = bundle.system.connections.pagerduty
        if connection is None:
            continue
        found += [each async for each in _keys(calls, bundle, connection, resolve)]
        found += [_schedule(bundle, role, on_call) for role in bundle.people.by_schedule()]
    return tuple(found)


async def _keys(
    calls: Calls, bundle: Bundle, connection: PagerdutyConnection, resolve: Resolve
) -> AsyncIterator[Finding]:
    system = bundle.system.system
    routing = {connection.routing_key, *services_of(bundle, connection).keys.values()}
    for reference in sorted(routing):
        what = f"{system}: PagerDuty's integration key {reference}"
        try:
            await keys.try_routing_key(calls, connection.events_url, resolve(reference))
        except (PagerdutyError, SecretError) as error:
            yield Finding(ok=False, text=f"{what}: {error}")
        else:
            yield Finding(ok=True, text=f"{what} is taken")
    if connection.token is not None:
        what = f"{system}: PagerDuty's REST key {connection.token}"
        try:
            await keys.try_token(calls, connection.url, resolve(connection.token))
        except (PagerdutyError, SecretError) as error:
            yield Finding(ok=False, text=f"{what}: {error}")
        else:
            yield Finding(ok=True, text=f"{what} may look")
    if connection.webhook_secret is not None:
        what = f"{system}: the secret of PagerDuty's webhooks {connection.webhook_secret}"
        try:
            resolve(connection.webhook_secret)
        except SecretError as error:
            yield Finding(ok=False, text=str(error))
        else:
            yield Finding(ok=True, text=f"{what} is set; whether it is right shows at the first")


def _schedule(bundle: Bundle, role: str, on_call: Membership) -> Finding:
    """Say who is on call for a role, and whether people.yaml knows them."""
    known = bundle.people.roles[role]
    what = f"{bundle.system.system}: on call for {known.title} in {known.schedule}"
    emails = on_call.members.get(schedule_key(bundle.system.system, known.schedule or ""))
    if emails is None:
        return Finding(ok=False, text=f"{what}: PagerDuty does not say who; the log says why")
    names = [p.name for p in bundle.people.people if (p.email or "").casefold() in emails]
    if names:
        return Finding(ok=True, text=f"{what} now: {', '.join(names)}")
    there = "somebody whom people.yaml does not list" if emails else "nobody"
    return Finding(ok=False, text=f"{what} now: {there}; nobody has the role by it")
