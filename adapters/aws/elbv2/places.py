"""Where a load balancer decides what becomes of a request: listeners and rules, and their actions.

Called by all that change them.  Actions are kept word for word as AWS
tells them, and compared by what they mean.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from adapters.aws.accounts import Account
from adapters.aws.elbv2.groups import name_of
from adapters.aws.errors import NotFoundError
from adapters.aws.inputs import span
from adapters.aws.rights import arn as arn_of
from adapters.aws.rights import right
from config.models.systems import System
from flows.actions import ANY, PermanentError, Permission

FIXED, FORWARD, REDIRECT, OIDC = "fixed-response", "forward", "redirect", "authenticate-oidc"
RULE = ":listener-rule/"
EXAMPLE = (
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
    "listener/app/aivo-prod/50dc6c495c0c9188/f2f7dc8efc522ab2"
)
PlaceArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener(-rule)?/app/\S+$",
    ),
]
"""A listener of an Application Load Balancer (its default actions), or one of its rules."""
Object = dict[str, Any]
Actions = Sequence[Object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A listener's default actions, or a rule's; `label` names it for people."""

    arn: str
    label: str
    actions: tuple[Object, ...]

    @property
    def meaning(self) -> Any:
        """Return what its actions mean."""
        return meaning(self.actions)


def is_rule(arn: str) -> bool:
    """Say whether it is a rule, not a listener."""
    return RULE in arn


def rules_of(listener: str) -> str:
    """Return the ARNs of all rules of a listener, as a policy writes them."""
    return listener.replace(":listener/", RULE) + "/*"


def rights(system: System, arns: Iterable[str], *, with_rules: bool) -> tuple[Permission, ...]:
    """Return what reading these and changing their actions needs."""
    found = [
        right(system, "elasticloadbalancing:DescribeListeners"),
        right(system, "elasticloadbalancing:DescribeRules"),
    ]
    for each in arns:
        rules, listeners = each, each
        if each == ANY:
            rules = arn_of(system, "elasticloadbalancing", "listener-rule/app/*")
            listeners = arn_of(system, "elasticloadbalancing", "listener/app/*")
        elif not is_rule(each):
            rules = rules_of(each)
        if each == ANY or is_rule(each) or with_rules:
            found.append(right(system, "elasticloadbalancing:ModifyRule", rules))
        if not is_rule(each):
            found.append(right(system, "elasticloadbalancing:ModifyListener", listeners))
    return tuple(found)


async def look(account: Account, arns: Iterable[str], *, with_rules: bool) -> tuple[Place, ...]:
    """Read them in the order given; `with_rules`: after each listener, all of its rules.

    Raises `PermanentError` where one is not there.
    """
    every = tuple(dict.fromkeys(arns))
    for each in every:
        _check_account(account, each)
    found = await asyncio.gather(*(_look(account, each, with_rules=with_rules) for each in every))
    places = [place for several in found for place in several]
    return tuple({place.arn: place for place in places}.values())


async def _look(account: Account, arn: str, *, with_rules: bool) -> list[Place]:
    system = account.system
    listeners = right(system, "elasticloadbalancing:DescribeListeners")
    rules = right(system, "elasticloadbalancing:DescribeRules")
    try:
        if is_rule(arn):
            found = await account.read(rules, "describe_rules", RuleArns=[arn])
            return [_rule(each) for each in found["Rules"]]
        found = await account.read(listeners, "describe_listeners", ListenerArns=[arn])
        places = [_listener(each) for each in found["Listeners"]]
        if with_rules:
            found = await account.pages(rules, "describe_rules", ListenerArn=arn)
            places += [_rule(each) for each in found["Rules"] if not each.get("IsDefault")]
    except NotFoundError as error:
        raise PermanentError(
            f"{short(arn)} is not there: copy the ARN of the listener or rule again."
        ) from error
    return places


def _check_account(account: Account, arn: str) -> None:
    connection = account.system.connections.aws
    _, _, _, region, owner, _ = arn.split(":", 5)
    if connection and (region, owner) != (connection.region, connection.account):
        raise PermanentError(
            f"{short(arn)} is in account {owner}, {region}, but system.yaml pins "
            f"{connection.account}, {connection.region}: nothing is done elsewhere."
        )


def _listener(found: Object) -> Place:
    arn = found["ListenerArn"]
    port = f"{found.get('Protocol', '')}:{found.get('Port', '')}".strip(":")
    label = f"{arn.split('/')[2]} {port}"
    return Place(arn=arn, label=label, actions=tuple(found.get("DefaultActions", ())))


def _rule(found: Object) -> Place:
    arn = found["RuleArn"]
    label = f"{arn.split('/')[2]} rule {found.get('Priority', '')} ({_conditions(found)})"
    return Place(arn=arn, label=label, actions=tuple(found.get("Actions", ())))


def _conditions(rule: Object) -> str:
    told = []
    for each in rule.get("Conditions", ()):
        config: Object = next((v for k, v in each.items() if k.endswith("Config") and v), {})
        values = each.get("Values") or config.get("Values") or ()
        told.append(f"{each.get('Field', '')} {' or '.join(map(str, values))}".strip())
    return ", ".join(told) or "default"


def short(arn: str) -> str:
    """Write an ARN without what all of them share: `listener/app/shop/50dc/f2f7`."""
    return arn.rsplit(":", 1)[-1]


async def write(account: Account, place: Place, actions: Actions) -> None:
    """Replace the whole list of a place's actions."""
    sent = [_sendable(each) for each in actions]
    if is_rule(place.arn):
        asked = right(account.system, "elasticloadbalancing:ModifyRule", place.arn)
        await account.write(asked, "modify_rule", RuleArn=place.arn, Actions=sent)
        return
    asked = right(account.system, "elasticloadbalancing:ModifyListener", place.arn)
    await account.write(asked, "modify_listener", ListenerArn=place.arn, DefaultActions=sent)


def _sendable(action: Object) -> Object:
    """AWS never tells a client secret: it is asked to go on with the one that it has."""
    if action["Type"] != OIDC:
        return dict(action)
    config = action["AuthenticateOidcConfig"]
    return {**action, "AuthenticateOidcConfig": {**config, "UseExistingClientSecret": True}}


def forwarded(action: Object) -> dict[str, int]:
    """Return the weights of a forward action: target group to weight."""
    config = action.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or [{"TargetGroupArn": action.get("TargetGroupArn")}]
    return {str(each["TargetGroupArn"]): int(each.get("Weight", 1)) for each in groups}


def stickiness(action: Object) -> int:
    """Return for how many seconds a client stays with its group; 0 where it does not."""
    config = (action.get("ForwardConfig") or {}).get("TargetGroupStickinessConfig") or {}
    return int(config.get("DurationSeconds", 0)) if config.get("Enabled") else 0


def meaning(actions: Actions) -> Any:
    """Return what actions mean, without the ways in which the same can be written."""
    return [_meaning(each) for each in sorted(actions, key=lambda each: each.get("Order", 0))]


def _meaning(action: Object) -> Any:
    if action["Type"] == FORWARD:
        weights = forwarded(action)
        if len(weights) == 1:
            weights = dict.fromkeys(weights, 1)  # of one group, any weight is all of it
        return [FORWARD, dict(sorted(weights.items())), stickiness(action)]
    config: Mapping[str, Any] = next((v for k, v in action.items() if k.endswith("Config")), {})
    ignored = {"UseExistingClientSecret", "ClientSecret"}
    return [action["Type"], {k: v for k, v in config.items() if k not in ignored and v is not None}]


def told(actions: Actions) -> str:
    """Write what becomes of a request: `forward to blue 90 %, green 10 %`."""
    ordered = sorted(actions, key=lambda each: each.get("Order", 0))
    return ", then ".join(map(_told, ordered)) or "nothing"


def _told(action: Object) -> str:
    match action["Type"]:
        case "forward":
            stays = f", clients stay for {span(stickiness(action))}" if stickiness(action) else ""
            return f"forward to {shares(forwarded(action))}{stays}"
        case "fixed-response":
            config = action["FixedResponseConfig"]
            body = config.get("MessageBody") or ""
            return f"answer {config['StatusCode']}" + (f" “{body[:80]}”" if body else "")
        case "redirect":
            config = action["RedirectConfig"]
            where = f"{config.get('Protocol', '')}:{config.get('Port', '')}".strip(":")
            return f"redirect to {where or config.get('Host', 'another address')}"
        case other:
            return str(other).replace("-", " ")


def shares(weights: Mapping[str, int]) -> str:
    """Write `blue 90 %, green 10 %`; weights only mean something together."""
    whole = sum(weights.values())
    return ", ".join(
        f"{name_of(arn)} {100 * weight / whole if whole else 0:.3g} %"
        for arn, weight in weights.items()
    )
