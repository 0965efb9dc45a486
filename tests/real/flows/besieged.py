"""AIVO as it is when a security incident comes: a cluster, AWS, mail, a status page, a public face.

The public face asks AWS what stands at the listener, and answers as the load balancer would.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from aiohttp import web

from sandbox.estate.statuspage import PAGE, Statuspage
from tests.real.aws.balancers import addresses, front
from tests.real.bench.clusters import Cluster
from tests.real.mail import post_office
from tests.real.mail.post_office import PostOffice
from tests.real.services.aws.server import Aws
from tests.real.services.aws.uses import database
from tests.servers import served

GROUP, INSTANCE, TARGETS = "/aws/apigateway/aivo-prod", "aivo-prod-primary", "aivo-prod-tg"
SERVICES = {"user-service": 2, "payment-service": 1}
USER = "deploy"
Json = Any


@dataclass(slots=True, kw_only=True)
class Besieged:
    """All of it.  `url` is where the public, and the status page, are asked."""

    cluster: Cluster
    aws: Aws
    office: PostOffice
    page: Statuspage
    url: str = ""
    listener: str = ""
    key: str = ""
    before: Json = None

    def connections(self) -> dict[str, Json]:
        """Return how the system reaches them."""
        smtp = {"host": "127.0.0.1", "port": self.office.port, "tls": False}
        return {
            "kubernetes": {
                "context": self.cluster.context,
                "namespace": self.cluster.namespace,
                "server": self.cluster.server,
            },
            "statuspage": {"url": self.url, "page": PAGE, "token": "env:AIVO_STATUSPAGE_TOKEN"},
            "mail": {"ses": False, "smtp": smtp},
        }

    def variables(self) -> dict[str, Json]:
        """Return what the procedures read."""
        return {"listener": self.listener, "health_url": f"{self.url}/health"}

    def replicas(self) -> dict[str, int]:
        """Return how many pods each service is to have."""
        found = self.cluster.all("deployment")
        return {each["metadata"]["name"]: each["spec"]["replicas"] for each in found}

    def policies(self) -> list[str]:
        """Return the names of the policies."""
        return [each["metadata"]["name"] for each in self.cluster.all("networkpolicy")]

    def actions(self) -> Json:
        """Return what stands at the listener."""
        elb = self.aws.client("elbv2")
        return elb.describe_listeners(ListenerArns=[self.listener])["Listeners"][0][
            "DefaultActions"
        ]

    def key_status(self) -> str:
        """Return the status of the access key."""
        found = self.aws.client("iam").list_access_keys(UserName=USER)["AccessKeyMetadata"]
        return str(found[0]["Status"])

    def snapshots(self) -> list[str]:
        """Return the names of the manual snapshots."""
        found = self.aws.client("rds").describe_db_snapshots(
            DBInstanceIdentifier=INSTANCE, SnapshotType="manual"
        )
        return [each["DBSnapshotIdentifier"] for each in found["DBSnapshots"]]

    def subjects(self) -> list[str]:
        """Return the subjects of what was mailed."""
        return [str(each["Subject"]) for each in self.office.messages()]

    def mailed(self) -> list[str]:
        """Return the texts of what was mailed."""
        return [each.get_content() for each in self.office.messages()]

    async def settled(self) -> None:
        """Wait until the services run."""
        await self.cluster.settled(*SERVICES)

    async def health(self, _: web.Request) -> web.Response:
        """Answer as the public is answered."""
        (action,) = self.actions()
        if action["Type"] == "fixed-response":
            config = action["FixedResponseConfig"]
            return web.Response(
                status=int(config["StatusCode"]),
                text=config["MessageBody"],
                content_type=config["ContentType"],
            )
        return web.json_response({"status": "ok", "services": {"ready": 18}})


def _in_aws(found: Besieged) -> None:
    aws = found.aws
    found.listener = front(aws, "aivo-prod", {TARGETS: 1}, {TARGETS: addresses(1)}).listener
    aws.progress.finish("elbv2:Target")
    found.before = found.actions()
    database(aws, INSTANCE)
    iam = aws.client("iam")
    iam.create_user(UserName=USER)
    found.key = iam.create_access_key(UserName=USER)["AccessKey"]["AccessKeyId"]
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="one")
    event = {"timestamp": round(time.time() * 1000) - 30_000, "message": "GET /grades 200"}
    logs.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=[event])


@asynccontextmanager
async def besieged(cluster: Cluster, aws: Aws) -> AsyncIterator[Besieged]:
    """Make everything, and serve while the block runs."""
    cluster.apply(*(cluster.deployment(name, replicas=n) for name, n in SERVICES.items()))
    cluster.apply(cluster.secret("session-signing", KEY="leaked"))
    page = Statuspage(Random(7))
    async with post_office.opened() as office:
        found = Besieged(cluster=cluster, aws=aws, office=office, page=page)
        _in_aws(found)
        app = web.Application()
        app.add_routes([web.get("/health", found.health), *page.routes()])
        async with served(app) as found.url:
            await found.settled()
            yield found
