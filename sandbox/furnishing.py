"""Everything that AIVO's estate has beside its cluster, put into a world before it starts.

`python -m sandbox` does it.  Tests that need only the cluster leave it out: servers take seconds.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.aws.part import Aws
from sandbox.flags.part import Flags
from sandbox.mailbox import Mailbox
from sandbox.school.cache import Cache
from sandbox.school.database import Database
from sandbox.world import World


def furnish(world: World, data: Path) -> None:
    """Add AWS, the database, the cache, flags and the mailbox; their files go into `data`."""
    estate, wall = world.estate, world.estate.wall

    database = Database(estate, data=data / "database")
    aws = Aws(estate.clock, databases=database, broken=lambda: estate.broken_at, wall=wall.now)
    for part in (database, aws, Cache(estate, data=data / "cache"), Flags(wall.now)):
        world.add(part)
    world.add(Mailbox(aws.mails))
