"""How rollouts and pods are judged, for every kind."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.kubernetes import readiness, workloads

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
Json = Any


def workload(spec: Json, status: Json, generation: int = 1) -> Json:
    """Write a workload."""
    return {"metadata": {"name": "w", "generation": generation}, "spec": spec, "status": status}


def status(ready: int, updated: int, total: int, **more: Json) -> Json:
    """Write a Deployment's status."""
    counts = {"readyReplicas": ready, "availableReplicas": ready, "replicas": total}
    return {"observedGeneration": 1, "updatedReplicas": updated, **counts, **more}


@pytest.mark.parametrize(
    ("spec", "seen", "waits_for"),
    [
        ({"replicas": 2}, status(2, 2, 2), ""),
        ({"replicas": 2}, status(2, 1, 3), "1 of 2 pods to be renewed"),
        ({"replicas": 2}, status(2, 2, 3), "1 old pod to end"),
        ({"replicas": 2}, status(1, 2, 2), "1 of 2 pods to be ready"),
        ({"replicas": 0}, status(0, 0, 0), ""),
        ({"replicas": 0}, status(0, 0, 2), "2 old pods to end"),
        ({}, status(1, 1, 1), ""),
        ({"replicas": 1}, {}, "the controller to see the change"),
    ],
)
def test_deployment(spec: Json, seen: Json, waits_for: str) -> None:
    """A Deployment is complete when only new pods are left and all are available."""
    assert readiness.judge("Deployment", workload(spec, seen)).waits_for == waits_for


def test_surplus_pods_are_not_counted_as_ready() -> None:
    """While old and new pods overlap, no more than the desired number counts."""
    judged = readiness.judge("Deployment", workload({"replicas": 2}, status(3, 1, 3)))
    assert (judged.ready, judged.desired) == (2, 2)


def test_paused_deployment_never_completes() -> None:
    """Waiting for a paused rollout is refused."""
    judged = readiness.judge(
        "Deployment", workload({"replicas": 2, "paused": True}, status(2, 0, 2))
    )
    assert "paused" in judged.failed
    assert not judged.complete


@pytest.mark.parametrize(
    ("spec", "seen", "waits_for"),
    [
        ({}, {"currentRevision": "a", "updateRevision": "a"}, ""),
        ({}, {"currentRevision": "a", "updateRevision": "b"}, "2 of 3 pods to be renewed"),
        ({"type": "OnDelete"}, {"currentRevision": "a", "updateRevision": "b"}, ""),
        (
            {"rollingUpdate": {"partition": 2}},
            {"currentRevision": "a", "updateRevision": "b"},
            "",
        ),
        ({}, {"readyReplicas": 2}, "1 of 3 pods to be ready"),
        ({}, {"replicas": 4, "currentRevision": "a", "updateRevision": "a"}, "1 pod to end"),
    ],
)
def test_stateful_set(spec: Json, seen: Json, waits_for: str) -> None:
    """A StatefulSet is judged by its revisions, its partition and its update strategy."""
    counts = {"observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": 1, "replicas": 3}
    judged = readiness.judge(
        "StatefulSet", workload({"replicas": 3, "updateStrategy": spec}, counts | seen)
    )
    assert judged.waits_for == waits_for


@pytest.mark.parametrize(
    ("seen", "waits_for"),
    [
        ({}, ""),
        ({"updatedNumberScheduled": 1}, "2 of 3 pods to be renewed"),
        ({"numberAvailable": 2}, "1 of 3 pods to be ready"),
        ({"observedGeneration": 0}, "the controller to see the change"),
    ],
)
def test_daemon_set(seen: Json, waits_for: str) -> None:
    """A DaemonSet is judged by what is scheduled, renewed and available."""
    counts = {
        "observedGeneration": 1,
        "desiredNumberScheduled": 3,
        "numberReady": 3,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
    }
    assert readiness.judge("DaemonSet", workload({}, counts | seen)).waits_for == waits_for


def pod(phase: str = "Running", ready: str = "True", **status: Json) -> Json:
    """Write a pod."""
    conditions = [{"type": "Ready", "status": ready}]
    return {
        "metadata": {"name": "p"},
        "status": {"phase": phase, "conditions": conditions, **status},
    }


def container(restarts: int = 0, ended: timedelta | None = None, waiting: str = "") -> Json:
    """Write a container's status."""
    last = {"terminated": {"finishedAt": (NOW - ended).isoformat()}} if ended else {}
    state = {"waiting": {"reason": waiting}} if waiting else {}
    return {"restartCount": restarts, "lastState": last, "state": state}


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (pod(), ""),
        (pod("Succeeded", "False"), ""),
        (pod("Failed", "False", reason="Evicted"), "failed (Evicted)"),
        (pod("Running", "False"), "running but not ready"),
        (pod("Pending", "False"), "starting"),
        (
            pod("Pending", "False", containerStatuses=[container(waiting="ImagePullBackOff")]),
            "image can't be pulled (ImagePullBackOff)",
        ),
        (
            pod("Pending", "False", initContainerStatuses=[container(waiting="CrashLoopBackOff")]),
            "crashing again and again (CrashLoopBackOff)",
        ),
        (
            pod("Pending", "False", containerStatuses=[container(waiting="PodInitializing")]),
            "starting",
        ),
        (
            pod(containerStatuses=[container(4, timedelta(seconds=40))]),
            "ready, but restarted 4 times, last 40 s ago",
        ),
        (pod(containerStatuses=[container(4, timedelta(hours=2))]), ""),
    ],
)
def test_complaint_of_a_pod(seen: Json, said: str) -> None:
    """A pod's trouble is told by its reasons, and finished or calm pods have none."""
    assert readiness.complaint(seen, NOW) == said


def test_leaving_and_unscheduled_pods() -> None:
    """A pod on its way out is no trouble; one without a node is."""
    leaving = pod("Running", "False")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-20T12:00:00Z"
    assert readiness.complaint(leaving, NOW) == ""
    homeless = pod("Pending", "False")
    homeless["status"]["conditions"].append({"type": "PodScheduled", "status": "False"})
    assert readiness.complaint(homeless, NOW) == "no node to run on"


def test_complaints_are_told_together() -> None:
    """Equal troubles of one workload are counted."""
    told = readiness.summarize([("a", "x"), ("a", "x"), ("b", "y")])
    assert told == "a: 2 pods, x, b: 1 pod, y"


@pytest.mark.parametrize(
    ("selector", "labels", "taken"),
    [
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {"a": "1"}, True),
        (
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]},
            {"a": "1"},
            False,
        ),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {}, True),
    ],
)
def test_selectors(selector: Json, labels: dict[str, str], taken: bool) -> None:
    """Label selectors are followed; an empty one takes nothing."""
    assert workloads.selects(selector, labels) is taken


def test_names_of_workloads() -> None:
    """Names carry their kind where it is not the default, and count once."""
    found = workloads.named(["a", "deployment/a", "StatefulSet/b"], "Deployment")
    assert [str(each) for each in found] == ["a", "statefulset/b"]
