"""What AIVO runs: its eighteen services, their share of the traffic, and its releases.

`releases` renders these into a chart's manifest, `images` and `traffic` read how each behaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

NAMESPACE = "production"
RELEASE = "aivo-platform"
REGISTRY = "registry.aivo.edu/aivo"
AUTH = "auth-service"
CHECKOUT = "checkout"
PAYMENT = "payment-service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: its pods, its share of the requests, and whether it uses the database."""

    name: str
    replicas: int
    share: float
    database: bool = False


SERVICES = (
    Service(name="api-gateway", replicas=2, share=0.10),
    Service(name="assessment-service", replicas=2, share=0.07, database=True),
    Service(name=AUTH, replicas=2, share=0.08),
    Service(name="calendar-service", replicas=1, share=0.02),
    Service(name=CHECKOUT, replicas=3, share=0.16),
    Service(name="content-service", replicas=1, share=0.06),
    Service(name="course-service", replicas=1, share=0.05, database=True),
    Service(name="gradebook-service", replicas=1, share=0.05, database=True),
    Service(name="media-service", replicas=1, share=0.04),
    Service(name="messaging-service", replicas=1, share=0.03),
    Service(name="notification-service", replicas=1, share=0.02),
    Service(name=PAYMENT, replicas=2, share=0.10, database=True),
    Service(name="recommendation-service", replicas=1, share=0.03),
    Service(name="reporting-service", replicas=1, share=0.01),
    Service(name="search-service", replicas=1, share=0.04),
    Service(name="tutor-service", replicas=1, share=0.03),
    Service(name="user-service", replicas=2, share=0.08, database=True),
    Service(name="web-frontend", replicas=2, share=0.03),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One revision that is there when the estate starts."""

    revision: int
    version: str
    chart: str
    status: str
    description: str
    age: timedelta


HISTORY = (
    Seed(
        revision=38,
        version="2.13.4",
        chart="1.8.1",
        status="superseded",
        description="Upgrade complete",
        age=timedelta(days=16, hours=3),
    ),
    Seed(
        revision=39,
        version="2.14.0",
        chart="1.9.0",
        status="superseded",
        description="Upgrade complete",
        age=timedelta(days=9, hours=5),
    ),
    Seed(
        revision=40,
        version="2.14.1",
        chart="1.9.0",
        status="failed",
        description='Upgrade "aivo-platform" failed: timed out waiting for the condition',
        age=timedelta(days=2, hours=4),
    ),
    Seed(
        revision=41,
        version="2.14.2",
        chart="1.9.1",
        status="deployed",
        description="Upgrade complete",
        age=timedelta(days=2),
    ),
)
BAD_VERSION = "2.15.0"
BAD_CHART = "1.10.0"
