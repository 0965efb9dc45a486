"""The network that everything of the account is in.  Called by `account`."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.aws.names import ACCOUNT, REGION


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A VPC and its subnets, by their ids."""

    id: str
    subnets: list[str]

    @classmethod
    def make(cls) -> Network:
        """Make them, in three zones."""
        from moto.ec2.models import ec2_backends

        backend = ec2_backends[ACCOUNT][REGION]
        network = backend.create_vpc("10.0.0.0/16").id
        subnets = [
            backend.create_subnet(
                network, f"10.0.{number}.0/24", availability_zone=f"{REGION}{zone}"
            ).id
            for number, zone in enumerate("abc")
        ]
        return cls(id=network, subnets=subnets)
