"""The estate's feature flags: which are on, who switched them last, and what one of them does.

`World.add` takes it.  The feature behind the flag is faulty once it was broken: as long as the flag
is on, users wait and some of their requests fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from sandbox.estate.values import Object
from sandbox.flags.documents import flag
from sandbox.flags.launchdarkly import ENVIRONMENT, FEATURE, PROJECT, TOKEN, LaunchDarkly
from sandbox.parts import ALL, QUIET, Disturbance, Part, Scenario

FAULTY_FEATURE = Scenario(
    id="faulty_feature",
    title="Switch a faulty feature on",
    breaks="Switches the new features on for everybody. They make pages slow (p95 above 3 s), and "
    "about three requests in a hundred fail.",
    story="flag",
)
_FAULT = Disturbance(errors={ALL: 0.03}, latency=2.9)
_SEEDED = ((FEATURE, "New features", False), ("aivo-course-search", "Course search", True))
_LONGEST = 80  # characters of a comment that fit in the panel


class Flags(Part):
    """LaunchDarkly with two flags.  `now` is the clock on the wall, in seconds since the epoch."""

    name = "flags"
    scenarios = (FAULTY_FEATURE,)

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._switched: dict[str, tuple[str, float]] = {}
        self._faulty = False
        self.service = LaunchDarkly(stamp=now, changed=self._note)
        self._seed()

    async def start(self) -> None:
        """Start serving."""
        await self.service.start()

    async def stop(self) -> None:
        """Stop serving; safe to call twice."""
        await self.service.stop()

    async def reset(self) -> None:
        """Switch the new features off, and all the rest as it was."""
        self._seed()

    async def break_it(self, scenario: str) -> None:
        """Switch the faulty feature on; a second press changes nothing."""
        if scenario != FAULTY_FEATURE.id or self._faulty:
            return
        self._faulty = True
        self.service.touch(FEATURE, on=True)
        self._note(FEATURE, "the product team")

    def disturbance(self) -> Disturbance:
        """Return the feature's faults while it is on."""
        return _FAULT if self._faulty and self.service.config(FEATURE)["on"] else QUIET

    def state(self) -> list[Object]:
        """Return each flag as the panel shows it."""
        return [
            {
                "key": key,
                "title": document["name"],
                "on": self.service.config(key)["on"],
                "by": self._switched[key][0],
                "at": self._switched[key][1],
            }
            for key, document in self.service.flags.items()
        ]

    def addresses(self) -> Mapping[str, str]:
        """Return where the API is, what opens it, and which project is meant."""
        return {
            "launchdarkly_url": self.service.url,
            "launchdarkly_project": PROJECT,
            "launchdarkly_environment": ENVIRONMENT,
            "launchdarkly_token": TOKEN,
        }

    def _seed(self) -> None:
        self._faulty = False
        at = self._now()
        flags = self.service.flags
        flags.clear()
        for key, title, on in _SEEDED:
            flags[key] = flag(key, name=title, on=on)
            self._switched[key] = ("the product team", at)

    def _note(self, key: str, by: str) -> None:
        self._switched[key] = (by[:_LONGEST] or "somebody with the token", self._now())
