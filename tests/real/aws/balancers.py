"""Load balancers, and the groups of targets behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.real.services.aws.server import Aws

Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """`listener` forwards all to blue; its `rule` sends /api/* to green."""

    elb: Any
    listener: str
    rule: str
    blue: str
    green: str

    def actions(self, arn: str) -> Json:
        """Return what stands at a listener or rule."""
        if ":listener-rule/" in arn:
            return self.elb.describe_rules(RuleArns=[arn])["Rules"][0]["Actions"]
        return self.elb.describe_listeners(ListenerArns=[arn])["Listeners"][0]["DefaultActions"]

    def weights(self, arn: str) -> dict[str, int]:
        """Return the weights that stand there."""
        groups = self.actions(arn)[0]["ForwardConfig"]["TargetGroups"]
        return {each["TargetGroupArn"]: each["Weight"] for each in groups}


def forward(weights: Mapping[str, int]) -> Json:
    """Return the action that splits traffic."""
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A load balancer: its client, its listener, and the groups behind it by name."""

    elb: Any
    listener: str
    groups: Mapping[str, str]


def front(
    aws: Aws, name: str, weights: Mapping[str, int], targets: Mapping[str, Sequence[str]]
) -> Front:
    """Make a load balancer; each group has its share of the traffic, and its targets' addresses."""
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{z}")
        for n, z in enumerate("ab")
    ]
    groups = {}
    for group in weights:
        made = elb.create_target_group(
            Name=group, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
        )
        groups[group] = arn = made["TargetGroups"][0]["TargetGroupArn"]
        if targets.get(group):
            elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": ip} for ip in targets[group]])
    ids = [each["Subnet"]["SubnetId"] for each in subnets]
    balancer = elb.create_load_balancer(Name=name, Subnets=ids)["LoadBalancers"][0]
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=forward({groups[group]: weight for group, weight in weights.items()}),
    )["Listeners"][0]["ListenerArn"]
    return Front(elb=elb, listener=listener, groups=groups)


def addresses(net: int, count: int = 12) -> list[str]:
    """Return addresses of targets."""
    return [f"10.0.{net}.{number}" for number in range(1, count + 1)]


def balancer(aws: Aws, *, healthy: bool = True) -> Balancer:
    """Make it; targets are 10.0.0.1 and 10.0.0.2 in blue, 10.0.1.1 in green."""
    targets = {"blue": addresses(0, 2), "green": addresses(1, 1)}
    made = front(aws, "shop", {"blue": 100, "green": 0}, targets)
    elb, blue, green = made.elb, made.groups["blue"], made.groups["green"]
    rule = elb.create_rule(
        ListenerArn=made.listener,
        Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
        Actions=forward({green: 1}),
    )["Rules"][0]["RuleArn"]
    if healthy:
        aws.progress.finish("elbv2:Target")
    return Balancer(elb=elb, listener=made.listener, rule=rule, blue=blue, green=green)
