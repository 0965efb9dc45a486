"""Folders of systems to measure with: AIVO's people, little policy, one short procedure."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config.settings import PACKAGED

AIVO = PACKAGED / "aivo"
KUBERNETES = {"id": "look", "title": "Look at the workloads", "uses": "kubernetes.list_unready"}
HELM = {
    "id": "look",
    "title": "Look at the release",
    "uses": "helm.history",
    "with": {"release": "aivo-platform"},
}
Step = Mapping[str, Any]


def write_system(
    folder: Path, name: str, *, step: Step = KUBERNETES, needs: Sequence[str] = ("oncall",)
) -> str:
    """Write a system whose every incident leads to one approved step at once; return its name.

    `needs` has one role for each approval that the plan needs.
    """
    place = folder / name
    (place / "procedures").mkdir(parents=True)
    shutil.copyfile(AIVO / "people.yaml", place / "people.yaml")
    _write(place / "system.yaml", _system(name))
    _write(place / "policy.yaml", _policy(needs))
    _write(place / "procedures" / "probe.yaml", _procedure(step))
    return name


def write_aivo(folder: Path) -> None:
    """Write AIVO as it is, but for how long its criteria must hold: not at all."""
    shutil.copytree(AIVO, folder / "aivo")
    procedure = folder / "aivo" / "procedures" / "service.yaml"
    text = procedure.read_text(encoding="utf-8")
    procedure.write_text(text.replace("hold_for: 30s", "hold_for: 0s"), encoding="utf-8")


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")  # JSON is YAML, too


def _system(name: str) -> dict[str, Any]:
    return {
        "system": name,
        "title": f"System {name}",
        "channels": {"incidents": "incident-response"},
        "connections": {
            "kubernetes": {"context": "aivo-production", "namespace": "production"},
        },
        "source": "proposed",
    }


def _policy(needs: Sequence[str]) -> dict[str, Any]:
    row = {
        "procedure": "probe",
        "title": "Probe",
        "when": "true",
        "because": "it is measured",
        "severity": "critical",
        "source": "proposed",
    }
    kind = {
        "id": "application",
        "title": "Application release",
        "needs": [{"any_of": [role], "source": "proposed"} for role in needs],
        "limit": "1h",
        "source": "proposed",
    }
    target = {
        "id": "availability",
        "title": "Service availability",
        "rto": "1h",
        "rto_limit": "2h",
        "source": "proposed",
    }
    return {
        "matrix": [row],
        "authorization": {"classes": [kind], "control": ["oncall"]},
        "targets": [target],
        "phase_budgets": {"assess": "1h"},
        "plan_valid_for": "2h",
    }


def _procedure(step: Step) -> dict[str, Any]:
    return {
        "procedure": "probe",
        "title": "Look at the cluster",
        "class": "application",
        "target": "availability",
        "restore": [dict(step)],
        "source": "proposed",
    }
