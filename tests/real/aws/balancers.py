"""A load balancer with two groups of targets."""

from __future__ import annotations

from collections.abc import Mapping
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


def balancer(aws: Aws, *, healthy: bool = True) -> Balancer:
    """Make it; targets are 10.0.0.1 and 10.0.0.2 in blue, 10.0.1.1 in green."""
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{z}")
        for n, z in enumerate("ab")
    ]
    named = {"Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip"}
    blue, green = (
        elb.create_target_group(Name=name, **named)["TargetGroups"][0]["TargetGroupArn"]
        for name in ("blue", "green")
    )
    made = elb.create_load_balancer(Name="shop", Subnets=[e["Subnet"]["SubnetId"] for e in subnets])
    listener = elb.create_listener(
        LoadBalancerArn=made["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=forward({blue: 100, green: 0}),
    )["Listeners"][0]["ListenerArn"]
    rule = elb.create_rule(
        ListenerArn=listener,
        Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
        Actions=forward({green: 1}),
    )["Rules"][0]["RuleArn"]
    for arn, targets in ((blue, ("10.0.0.1", "10.0.0.2")), (green, ("10.0.1.1",))):
        elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": each} for each in targets])
    if healthy:
        aws.progress.finish("elbv2:Target")
    return Balancer(elb=elb, listener=listener, rule=rule, blue=blue, green=green)
