"""AIVO's flows as both play them: what is broken, who approves, and what must have come of it.

Each `…_scene` makes the endpoints of one round and gives them away as new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.plans import Scalar
from sandbox.estate.statuspage import PAGE
from sandbox.estate.statuspage import TOKEN as STATUSPAGE_TOKEN
from sandbox.flags import launchdarkly
from tests.benchmarks.document import releases
from tests.benchmarks.document.estate import Estate
from tests.real.aws.databases import NAME as ORDERS
from tests.real.aws.databases import good_moment, orders
from tests.real.flows import campus, programs
from tests.real.flows.besieged import SERVICES, USER, besieged
from tests.real.flows.school import Databases
from tests.real.flows.test_files import BACKUPS, DAY, LIVE, Uploads
from tests.real.flows.test_gradual import NEW, STABLE, Traffic

SCRIPTS = Path(__file__).parent
SPOILED, SOUND = 20, 80  # objects beside the few of the tests
BACKUP = "user-uploads/"
Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The endpoints of one round.

    `connections`, `variables` and `inputs` are Backout's, `environment` is the script's; `done`
    says whether they are as the flow is to leave them.
    """

    done: Callable[[], Awaitable[bool]]
    connections: Json = field(default_factory=dict)
    variables: Json = field(default_factory=dict)
    inputs: Mapping[str, Scalar] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One procedure, beside its script.

    `gates` names who approves a step.  `first_part` is what is also measured for itself: it ends
    with the second `moment` of the script, and with the last of the steps `ends_with`.
    """

    procedure: str
    title: str
    open: Callable[[Estate], AbstractAsyncContextManager[Scene]]
    approvers: tuple[str, ...] = ("jennifer-liu", "sarah-kim")
    gates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    answers: Mapping[str, bool] = field(default_factory=dict)
    first_part: str = ""
    ends_with: tuple[str, ...] = ()

    @property
    def script(self) -> Path:
        """Return the document's commands."""
        return SCRIPTS / f"{self.procedure}.sh"


@asynccontextmanager
async def service_scene(estate: Estate) -> AsyncIterator[Scene]:
    """Eighteen services whose newest release does not start."""
    with estate.cluster() as cluster:
        async with releases.broken(cluster, estate.folder) as found:
            yield Scene(
                done=found.healthy,
                connections={
                    "kubernetes": _kubernetes(cluster),
                    "statuspage": _statuspage(found.url),
                },
                variables={"health_url": f"{found.url}/health"},
                environment={
                    "NAMESPACE": cluster.namespace,
                    "HEALTH": f"{found.url}/health",
                    **_page(found.url),
                },
            )


@asynccontextmanager
async def security_scene(estate: Estate) -> AsyncIterator[Scene]:
    """Two services, a load balancer, a key that leaked, logs, a database, a status page, mail."""
    aws = estate.aws()
    with estate.cluster() as cluster:
        async with besieged(cluster, aws) as found:
            aws.progress.looks = 0
            connections = found.connections() | {"aws": estate.account(), "mail": estate.mail()}

            async def done() -> bool:
                await found.settled()
                back = (found.replicas(), found.actions()) == (SERVICES, found.before)
                return back and found.key_status() == "Inactive"

            yield Scene(
                done=done,
                connections=connections,
                variables=found.variables(),
                inputs={"user": USER, "key": found.key[-4:], "secrets": "session-signing/KEY"},
                environment={
                    "NAMESPACE": cluster.namespace,
                    "LISTENER": found.listener,
                    "FORWARD": json.dumps(found.before),
                    "KEY": found.key,
                    "HEALTH": f"{found.url}/health",
                    **_page(found.url),
                },
            )


@asynccontextmanager
async def data_scene(estate: Estate) -> AsyncIterator[Scene]:
    """Programs that write, their damaged database, and what a restore of it gives."""
    aws = estate.aws()
    with estate.cluster() as cluster, campus.sides(estate.postgres()) as both:
        estate.found_by(campus.environment(both))
        async with campus.campus(cluster, aws, both) as found:
            moment = await good_moment(aws, campus.NAME)
            aws.progress.looks = 0
            old, new = both.ports

            async def done() -> bool:
                await cluster.settled(*programs.SERVICES)
                writes = found.setting(programs.READ_ONLY) != "true"
                led = (found.setting(programs.URL), found.replicas())
                return writes and led == (both.url(new), programs.SERVICES)

            yield Scene(
                done=done,
                connections=found.connections() | {"aws": estate.account(), "mail": estate.mail()},
                variables=found.variables() | {"journeys_known": False},
                inputs={"time": moment},
                environment={
                    "NAMESPACE": cluster.namespace,
                    "HEALTH": f"{found.url}/health",
                    "DATABASE_PASSWORD": both.password,
                    "DATABASE_NAME": both.old.name,
                    "OLD": both.url(old, campus.KEEPER),
                    **_page(found.url),
                },
            )


@asynccontextmanager
async def gradual_scene(estate: Estate) -> AsyncIterator[Scene]:
    """A listener whose traffic goes to the new version."""
    aws = estate.aws()
    traffic = Traffic(aws)

    async def done() -> bool:
        return traffic.share() == 0

    yield Scene(
        done=done,
        connections={"aws": estate.account()},
        variables={"listener": traffic.listener},
        environment={
            "LISTENER": traffic.listener,
            "NEW": traffic.groups[NEW],
            "STABLE": traffic.groups[STABLE],
        },
    )


@asynccontextmanager
async def flag_scene(estate: Estate) -> AsyncIterator[Scene]:
    """A flag that is on."""
    async with estate.flags() as darkly:

        async def done() -> bool:
            return darkly.config()["on"] is False

        yield Scene(
            done=done,
            connections={"launchdarkly": {"project": launchdarkly.PROJECT, "url": darkly.url}},
            environment={
                "FLAG": f"{darkly.url}/api/v2/flags/{launchdarkly.PROJECT}/{launchdarkly.FEATURE}",
                "LAUNCHDARKLY_TOKEN": launchdarkly.TOKEN,
            },
        )


@asynccontextmanager
async def point_in_time_scene(estate: Estate) -> AsyncIterator[Scene]:
    """A database with settings of its own, and a moment before the damage."""
    aws = estate.aws()
    with estate.databases() as found:
        recovered = found.recovered.reader_dsn
        orders(aws, Port=found.primary.server.port)
        moment = await good_moment(aws)
        aws.progress.looks = 0

        async def done() -> bool:
            return len(aws.client("rds").describe_db_instances()["DBInstances"]) == 2

        yield Scene(
            done=done,
            connections={"aws": estate.account(), "databases": found.apart(estate.patch)},
            inputs={"source": ORDERS, "time": moment, "check": True},
            environment={
                "SOURCE": ORDERS,
                "RECOVERY_TIME": moment,
                "AIVO_RECOVERED_DSN": recovered,
            },
        )


@asynccontextmanager
async def rows_scene(estate: Estate) -> AsyncIterator[Scene]:
    """A live database with rows that are damaged, and a recovered one."""
    with estate.databases() as found:
        yield Scene(done=_mended(found), inputs={"assessments": "5", "grades": "3,4,9"})


def _mended(databases: Databases) -> Callable[[], Awaitable[bool]]:
    async def done() -> bool:
        return databases.content() == databases.good()

    return done


@asynccontextmanager
async def files_scene(estate: Estate) -> AsyncIterator[Scene]:
    """A bucket of uploads, of which a fifth is spoiled, and a day's backup of it."""
    aws = estate.aws()
    uploads = Uploads(aws)
    for number in range(SPOILED + SOUND):
        name, good = f"essay-{number:03}.txt", f"good essay {number:03}"
        uploads.s3.put_object(Bucket=BACKUPS, Key=DAY + name, Body=good)
        uploads.put(name, "spoiled, alas!" if number < SPOILED else good)
    wanted = _backup(uploads)
    manifest = estate.folder / "checksums.txt"
    lines = (f"{hashlib.sha256(text.encode()).hexdigest()}  {n}" for n, text in wanted.items())
    manifest.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    async def done() -> bool:
        return uploads.contents().items() >= wanted.items()

    yield Scene(
        done=done,
        connections={"aws": estate.account()},
        variables={"uploads_bucket": LIVE},
        inputs={"prefix": DAY},
        environment={
            "BACKUP": f"s3://{BACKUPS}/{DAY}",
            "UPLOADS": f"s3://{LIVE}/{BACKUP}",
            "CHECKSUMS": str(manifest),
        },
    )


def _backup(uploads: Uploads) -> dict[str, str]:
    found = uploads.s3.list_objects_v2(Bucket=BACKUPS, Prefix=DAY)["Contents"]
    keys = [each["Key"] for each in found]
    return {
        key.removeprefix(DAY): uploads.s3.get_object(Bucket=BACKUPS, Key=key)["Body"]
        .read()
        .decode()
        for key in keys
    }


def _kubernetes(cluster: Json) -> Json:
    return {
        "context": cluster.context,
        "namespace": cluster.namespace,
        "server": cluster.server,
    }


def _statuspage(url: str) -> Json:
    return {"url": url, "page": PAGE, "token": "env:AIVO_STATUSPAGE_TOKEN"}


def _page(url: str) -> dict[str, str]:
    return {"STATUSPAGE": f"{url}/v1/pages/{PAGE}", "STATUSPAGE_TOKEN": STATUSPAGE_TOKEN}


DATA = {"data": True}
FLOWS = (
    Flow(
        procedure="service",
        title="2C, service",
        open=service_scene,
        first_part="every check has passed",
        ends_with=("health", "services", "availability", "latency", "errors"),
    ),
    Flow(
        procedure="security",
        title="2A, security",
        open=security_scene,
        answers={"security": True},
        approvers=("emily-watson",),
        gates={
            "status_open": ("emily-watson", "alex-thompson"),
            "deactivate": ("jennifer-liu", "david-park"),
            "revoke": ("jennifer-liu", "david-park"),
            "inside": ("jennifer-liu", "sarah-kim"),
        },
        first_part="as far as the document goes",
        ends_with=("stop", "events", "snapshot", "deactivate", "revoke"),
    ),
    Flow(
        procedure="data",
        title="2B, data",
        open=data_scene,
        answers=DATA,
        approvers=("emily-watson",),
        gates={"cut_over": ("jennifer-liu", "david-park")},
        first_part="as far as the document goes",
        ends_with=("cut_over",),
    ),
    Flow(procedure="gradual", title="3, traffic", open=gradual_scene),
    Flow(procedure="flag", title="3, feature flag", open=flag_scene),
    Flow(
        procedure="point_in_time",
        title="Point in time",
        open=point_in_time_scene,
        answers=DATA,
        approvers=("emily-watson",),
    ),
    Flow(
        procedure="rows",
        title="Selected rows",
        open=rows_scene,
        answers=DATA,
        approvers=("emily-watson",),
        gates={"mend": ("jennifer-liu", "david-park")},
    ),
    Flow(procedure="files", title="Files", open=files_scene, answers=DATA),
)
