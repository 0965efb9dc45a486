"""The estate's account of AWS: who is in it, what runs in it, and three ways to break it.

`sandbox.world` adds it.  What the panel and the website ask is read from moto at most four times a
second, and never waits; what takes time runs in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial

from sandbox.aws import serving, uploads, users
from sandbox.aws.account import Account, Seen
from sandbox.aws.databases import Databases, Instances
from sandbox.aws.errors import AwsError
from sandbox.aws.front import Call
from sandbox.aws.letters import Letters
from sandbox.aws.names import ACCOUNT, BACKUPS, REGION, UPLOADS
from sandbox.aws.serving import Server
from sandbox.estate.clock import Clock
from sandbox.estate.values import Object
from sandbox.parts import ALL, Disturbance, FixedAnswer, Part, Scenario

SLOW_VERSION = Scenario(
    id="slow_version",
    title="Lead all traffic to the new version",
    breaks="The load balancer gives the new version everything: pages take more than 3 s, and "
    "about one request in 25 fails.",
    story="gradual",
)
BREACH = Scenario(
    id="breach",
    title="Leak an access key",
    breaks="Somebody downloads exports with the key of the user deploy, until it is deactivated "
    "or the load balancer is shut.",
    story="security",
)
BAD_FILES = Scenario(
    id="bad_files",
    title="Overwrite uploaded files",
    breaks="A job writes thumbnails over nine uploads. Yesterday's backup has the good ones.",
    story="files",
)
_FRESH = 0.25  # seconds for which what was read is good
_TICK = 0.5  # seconds between the thief's looks at the clock
Act = Callable[[Server], None]
_log = logging.getLogger(__name__)


class Aws(Part):
    """AWS as moto simulates it.  Without moto there is no such part, and the rest goes on.

    `databases` runs real servers, if anybody does; `wall` is the clock on the wall, and `broken`
    says when the estate was broken, by that clock.
    """

    name = "aws"

    def __init__(
        self,
        clock: Clock,
        *,
        databases: Databases | None = None,
        broken: Callable[[], float | None] = lambda: None,
        wall: Callable[[], float] = time.time,
        seed: int = 7,
    ) -> None:
        self._letters = Letters(wall)
        self._account = Account(
            clock.now,
            instances=Instances(databases, wall=wall, broken=broken),
            letters=self._letters,
            seed=seed,
        )
        self._server: Server | None = None
        self._seen = Seen()
        self._thief: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load moto, make the account, and serve."""
        if not serving.is_installed():
            _log.warning("The sandbox has no AWS: moto[server] and boto3 are not installed.")
            return
        self.scenarios = (SLOW_VERSION, BREACH, BAD_FILES)
        try:
            await _in_thread(self._open)
        except BaseException:
            await self.stop()
            raise
        self._thief = asyncio.create_task(self._steal(), name="aws thief")

    async def stop(self) -> None:
        """Stop serving; safe to call twice."""
        if self._thief is not None:
            thief, self._thief = self._thief, None
            thief.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await thief
        if self._server is not None:
            server, self._server = self._server, None
            await _in_thread(server.close)

    async def reset(self) -> None:
        """Make the account as it was, also while it is asked; what was restored is deleted."""
        await self._change(self._account.make)

    async def break_it(self, scenario: str) -> None:
        """Break it in one of its ways; a second press changes nothing."""
        ways = {
            SLOW_VERSION.id: self._account.shift,
            BREACH.id: self._account.leak,
            BAD_FILES.id: self._account.spoil,
        }
        await self._change(lambda _: ways[scenario]())

    def disturbance(self) -> Disturbance:
        """Return what users feel: the version that they get, and the files that are wrong."""
        seen = self._look()
        felt = seen.edge.disturbance()
        files = uploads.disturbance(seen.wrong)
        everywhere = felt.errors.get(ALL, 0.0)
        errors = {
            **felt.errors,
            **{name: 1 - (1 - everywhere) * (1 - share) for name, share in files.errors.items()},
        }
        return Disturbance(errors=errors, latency=felt.latency, shut=felt.shut)

    def answer(self) -> FixedAnswer | None:
        """Return what the load balancer answers by itself, if anything."""
        return self._look().edge.fixed

    def state(self) -> Object | None:
        """Return what the panel shows."""
        return self._look().state

    def mails(self) -> list[Object]:
        """Return what was mailed, the newest first."""
        return self._letters.all()

    def addresses(self) -> Mapping[str, str]:
        """Return where it is and what opens it; nothing without moto."""
        if self._server is None:
            return {}
        return {
            "aws_url": self._server.url,
            "aws_key_id": users.BOT.key_id,
            "aws_secret": users.BOT.secret,
            "aws_region": REGION,
            "aws_account": ACCOUNT,
            "listener_arn": self._account.listener,
            "uploads_bucket": UPLOADS,
            "backups_bucket": BACKUPS,
            "thief_user": users.THIEF.name,
            "thief_key_last4": users.THIEF.last4,
        }

    def _open(self) -> None:
        server = Server(self._account.pace, self._account.tighten)

        def guard(call: Call) -> AwsError | None:
            with server.front.lock:  # nobody is let in, or refused, while all is made anew
                return users.check(call)

        server.front.guard = guard
        with server.front.lock:  # nobody is answered before all is there
            server.open()
            self._server = server
            self._act(server, self._account.make)

    async def _change(self, act: Act) -> None:
        if self._server is not None:
            await _in_thread(partial(self._act, self._server, act))

    def _act(self, server: Server, act: Act) -> None:
        with server.front.lock:
            act(server)
            self._seen = self._account.read()

    def _look(self) -> Seen:
        server, now = self._server, time.monotonic()
        # Where somebody else has the lock, what was seen last will do for a moment.
        if server and now > self._seen.at + _FRESH and server.front.lock.acquire(blocking=False):
            try:
                self._seen = self._account.read()
            finally:
                server.front.lock.release()
        return self._seen

    async def _steal(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            if self._account.has_leaked:
                await self._change(lambda _: self._account.steal(_TICK))


async def _in_thread(act: Callable[[], None]) -> None:
    """Run it in a thread, to its end: also where whoever waits is cancelled."""
    running = asyncio.ensure_future(asyncio.to_thread(act))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await running
        raise
