"""Which rules hold for which kind; the API server asks here for every write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.estate import resources
from sandbox.estate.resources import Resource
from sandbox.estate.rules import (
    autoscalers,
    customs,
    ingresses,
    jobs,
    namespaces,
    pods,
    policies,
    secrets,
    services,
    workloads,
)
from sandbox.estate.rules.causes import Causes
from sandbox.estate.rules.names import LABEL, SUBDOMAIN, Form
from sandbox.estate.values import Object

Fill = Callable[[Object], None]
Check = Callable[[Object, Causes], None]
Change = Callable[[Object, Object], None]
CheckChange = Callable[[Object, Object, Causes], None]


def _nothing(*_: object) -> None:
    """Neither fill in nor refuse anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What happens to objects of a kind, in the order in which it does.

    `fill` completes what a client sent, `prepare` what is created, `keep` a change (new, old);
    `check` and `check_change` (new, old) say what is wrong.
    """

    form: Form = SUBDOMAIN
    fill: Fill = _nothing
    prepare: Fill = _nothing
    keep: Change = _nothing
    check: Check = _nothing
    check_change: CheckChange = _nothing
    change_first: bool = False  # what is wrong with a change is told before the rest
    counted: bool = True  # has a generation
    counts_annotations: bool = False  # a change of annotations is a new generation, too
    needs_version: bool = False  # a replacement must say which version it replaces
    orphans: bool = False  # by default what it owns stays when it is deleted
    returned: bool = False  # a deletion answers with the object


_PLAIN = Rules(counted=False)

_RULES: dict[str, Rules] = {
    item.qualified: rules
    for item, rules in (
        (
            resources.CONFIGMAPS,
            Rules(
                check=secrets.check_configmap,
                check_change=secrets.check_configmap_change,
                counted=False,
            ),
        ),
        (
            resources.SECRETS,
            Rules(
                fill=secrets.fill_secret,
                check=secrets.check_secret,
                check_change=secrets.check_secret_change,
                counted=False,
            ),
        ),
        (
            resources.SERVICES,
            Rules(
                form=LABEL,
                fill=services.fill_service,
                prepare=services.prepare_service,
                keep=services.keep_addresses,
                check=services.check_service,
                check_change=services.check_service_change,
                counted=False,
                returned=True,
            ),
        ),
        (
            resources.PODS,
            Rules(
                fill=pods.fill_pod,
                prepare=pods.prepare_pod,
                check=pods.check_pod,
                check_change=pods.check_pod_change,
                returned=True,
            ),
        ),
        (
            resources.DEPLOYMENTS,
            Rules(
                fill=workloads.fill_deployment,
                check=workloads.check_deployment,
                check_change=workloads.check_selector_change,
                counts_annotations=True,
            ),
        ),
        (
            resources.REPLICASETS,
            Rules(
                fill=workloads.fill_replicaset,
                check=workloads.check_replicas,
                check_change=workloads.check_selector_change,
            ),
        ),
        (
            resources.STATEFULSETS,
            Rules(
                fill=workloads.fill_statefulset,
                check=workloads.check_replicas,
                check_change=workloads.check_statefulset_change,
            ),
        ),
        (
            resources.DAEMONSETS,
            Rules(
                fill=workloads.fill_daemonset,
                prepare=workloads.prepare_daemonset,
                keep=workloads.count_template,
                check=workloads.check_daemonset,
                check_change=workloads.check_selector_change,
            ),
        ),
        (
            resources.JOBS,
            Rules(
                fill=jobs.fill_job,
                prepare=jobs.prepare_job,
                check=jobs.check_job,
                check_change=jobs.check_job_change,
                orphans=True,
            ),
        ),
        (resources.CRONJOBS, Rules(fill=jobs.fill_cronjob, check=jobs.check_cronjob)),
        (
            resources.AUTOSCALERS,
            Rules(
                fill=autoscalers.fill_autoscaler,
                check=autoscalers.check_autoscaler,
                counted=False,
            ),
        ),
        (resources.BUDGETS, Rules(check=policies.check_budget, needs_version=True)),
        (
            resources.NETWORK_POLICIES,
            Rules(fill=policies.fill_network_policy, check=policies.check_network_policy),
        ),
        (resources.INGRESSES, Rules(check=ingresses.check_ingress)),
        (resources.ENDPOINT_SLICES, Rules()),
        (
            resources.VIRTUAL_SERVICES,
            Rules(check=customs.check_virtual_service, needs_version=True),
        ),
        (resources.SCALED_OBJECTS, Rules(check=customs.check_scaled_object, needs_version=True)),
        (
            resources.NAMESPACES,
            Rules(
                form=LABEL,
                fill=namespaces.fill_namespace,
                prepare=namespaces.prepare_namespace,
                counted=False,
            ),
        ),
    )
}


def rules_of(resource: Resource) -> Rules:
    """Return the rules of a kind; those that the estate doesn't use much have few."""
    return _RULES.get(resource.qualified, _PLAIN)
