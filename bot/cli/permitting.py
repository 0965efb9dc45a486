"""`backout permissions`: the least rights for a system, for `kubectl apply` or as an IAM policy."""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.cli import ground
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import print_table, say, waiting

if TYPE_CHECKING:
    from config.models.bundles import Bundle
    from flows.actions import Permission

Needs = Mapping["Permission", tuple[str, ...]]
ANSWERS = {True: "yes", False: "NO", None: "not told"}


def permissions(system: str, *, why: bool, ask: bool, account: str, aws: bool) -> ExitCode:
    """Print the rights as YAML, as an IAM policy (`aws`), or (`why`, `ask`) as a table.

    1 where one is missing.
    """
    settings = ground.settings()
    bundle = ground.one_system(ground.bundles(settings), system)
    needs = _needs(bundle)
    if ask:
        from bot import wiring

        asked = [right for right in needs if right.kind == "kubernetes"]
        with waiting(f"Asking the cluster of {bundle.system.title} …"):
            answers = asyncio.run(wiring.ask_rights(settings, bundle.system, asked))
        answers = dict.fromkeys(needs) | answers
        _print_table(needs, {right: ANSWERS[answer] for right, answer in answers.items()})
        return ExitCode.PROBLEM if False in answers.values() else ExitCode.OK
    if why:
        _print_table(needs, {})
    elif aws:
        _print_policy(bundle, needs)
    else:
        _print_yaml(bundle, needs, account)
    return ExitCode.OK


def _needs(bundle: "Bundle") -> Needs:
    from adapters.kubernetes.connections import identity
    from adapters.registry import ActionRegistry
    from flows import rights

    needs = rights.needed(bundle, ActionRegistry())
    return needs | dict.fromkeys(identity(bundle.system), ("connections.kubernetes.uid",))


def _print_yaml(bundle: "Bundle", needs: Needs, account: str) -> None:
    from ruamel.yaml import YAML

    from adapters.kubernetes import roles

    namespace, slash, name = account.partition("/")
    if not (namespace and slash and name):
        raise CommandError(f"`{account}` is no account: write namespace/name", ExitCode.USAGE)
    objects: list[dict[str, Any]] = roles.objects(
        needs, name=f"backout-{bundle.system.system}", account=name, namespace=namespace
    )
    if any(right.kind == "iam" for right in needs):
        say(f"# They need rights in AWS, too: backout permissions {bundle.system.system} --aws")
    say(f"# What the procedures of {bundle.system.title} need of Kubernetes, and nothing more.")
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None  # the innermost lists on one line, as people write rules
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 200
    yaml.dump_all(objects, sys.stdout)


def _print_policy(bundle: "Bundle", needs: Needs) -> None:
    from adapters.aws import policies

    document = policies.policy(needs)
    if not document["Statement"]:
        raise CommandError(f"The procedures of {bundle.system.title} need nothing of AWS.")
    say(json.dumps(document, indent=2))


def _print_table(needs: Needs, answers: Mapping["Permission", str]) -> None:
    """Print a table a provider: AWS's long names would leave the others no room."""
    for number, kind in enumerate(sorted({right.kind for right in needs}, reverse=True)):
        if number:
            say()
        _print_rights({r: where for r, where in needs.items() if r.kind == kind}, answers)


def _print_rights(needs: Needs, answers: Mapping["Permission", str]) -> None:
    head = ["verb", "resource", "object", "where"]
    rows = [
        [
            right.verb,
            right.resource,
            right.name or "every",
            _place(right),
            *([answers[right]] if answers else []),
            ", ".join(where),
        ]
        for right, where in needs.items()
    ]
    print_table([*head, *(["granted"] if answers else []), "needed by"], rows)


def _place(right: "Permission") -> str:
    if right.kind == "iam":
        return f"AWS account {right.scope}"
    return f"namespace {right.scope}" if right.scope else "cluster"
