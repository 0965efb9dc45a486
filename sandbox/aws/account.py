"""All that AIVO's account has, how it is made, and how it is broken.

Called by `part`, in threads, and always with the lock of the server's front: moto is not made for
several threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from sandbox.aws import balancers, gateway, uploads, users
from sandbox.aws.balancers import Edge
from sandbox.aws.databases import Instances
from sandbox.aws.gateway import Exports
from sandbox.aws.letters import Letters
from sandbox.aws.networks import Network
from sandbox.aws.pace import Pace
from sandbox.aws.serving import Server, Tighten, same_names
from sandbox.estate.values import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the account was like at a moment, by this machine's monotonic clock."""

    at: float = float("-inf")
    edge: Edge = field(default_factory=Edge)
    wrong: int = 0
    state: Object | None = None


class Account:
    """The account.  `clock` is the estate's."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        instances: Instances,
        letters: Letters,
        seed: int,
    ) -> None:
        self.pace = Pace(clock, instances.is_there)
        self.listener = ""
        self._clock = clock
        self._instances = instances
        self._letters = letters
        self._exports = Exports()
        self._random = Random(seed)  # noqa: S311  # the same estate each time; no secret hangs on it
        self._seed = seed
        self._theft: float | None = None  # when the key was used last, by the estate's clock
        self._misuse = 0

    @property
    def tighten(self) -> tuple[Tighten, ...]:
        """Return how moto is changed besides."""
        return (self._instances.tighten, self._letters.tighten, self._exports.tighten)

    def make(self, server: Server) -> None:
        """Make everything from nothing, with the same names each time."""
        server.reset()
        self._instances.forget()
        self._letters.clear()
        self._exports.clear()
        self._random.seed(self._seed)
        self._theft, self._misuse = None, 0
        with same_names(self._seed):
            network = Network.make()
            self.listener = balancers.seed(network.subnets, network.id)
            self._instances.seed(network.id, network.subnets)
        users.seed()
        uploads.seed()
        gateway.seed(self._random)
        self._letters.seed()
        self.pace.finish()

    def shift(self) -> None:
        """Lead all traffic to the new version."""
        balancers.shift(self.listener, new=100)

    def leak(self) -> None:
        """Let the key be used by somebody who should not have it, for a while already."""
        if self._theft is None:
            self._take(gateway.UNNOTICED, over=gateway.SUSPECTED)

    def spoil(self) -> None:
        """Overwrite uploaded files."""
        uploads.spoil()

    @property
    def has_leaked(self) -> bool:
        """Say whether somebody has the key who should not."""
        return self._theft is not None

    def steal(self, over: float) -> None:
        """Take what the thief gets in the meantime, if the key still opens anything."""
        if self._theft is None:
            return
        shut = balancers.look(self.listener, self.pace).fixed is not None
        if shut or users.status(users.THIEF) != users.ACTIVE:
            self._theft = self._clock()
            return
        if number := int((self._clock() - self._theft) * gateway.RATE):
            self._take(min(number, gateway.MOST), over=over)

    def read(self) -> Seen:
        """Return what it is like now."""
        edge, wrong = balancers.look(self.listener, self.pace), uploads.wrong()
        instances, snapshots = self._instances.view(self.pace)
        key = {
            "user": users.THIEF.name,
            "last4": users.THIEF.last4,
            "status": users.status(users.THIEF),
            "misuse": self._misuse,
        }
        state: Object = {
            "shares": [each.view() for each in edge.shares],
            "fixed": {"status": edge.fixed.status, "body": edge.fixed.body} if edge.fixed else None,
            "instances": instances,
            "snapshots": snapshots,
            "keys": [key],
            "files": uploads.view(wrong),
            "exports": self._exports.count,
        }
        return Seen(at=time.monotonic(), edge=edge, wrong=wrong, state=state)

    def _take(self, number: int, *, over: float) -> None:
        gateway.steal(self._random, number, over=over)
        users.note_use(users.THIEF, "s3")
        self._misuse += number
        self._theft = self._clock()
