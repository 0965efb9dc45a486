"""A small system that is right, for tests that make one thing of it wrong."""

from collections.abc import Collection, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from config.loader import load_system
from config.models.bundles import Bundle

FILES = {
    "system.yaml": """\
        system: shop
        title: Shop
        aliases: [store]
        channels: {incidents: incidents}
        connections:
          kubernetes: {context: shop, namespace: production}
          prometheus: {url: "https://prometheus.shop.test"}
        variables:
          health_url: https://shop.test/health
          services: 18
        """,
    "people.yaml": """\
        roles:
          oncall: {title: On-Call}
          lead: {title: Lead}
        people:
          - {id: ann, name: Ann, email: ann@shop.test, roles: [oncall]}
          - {id: bob, name: Bob, email: bob@shop.test, roles: [oncall]}
          - {id: cleo, name: Cleo, email: cleo@shop.test, roles: [lead]}
          - {id: dan, name: Dan, email: dan@shop.test, roles: [lead]}
        escalation:
          - {level: 1, title: On-Call, primary: ann, others: [bob], escalates_after: 5m}
          - {level: 2, title: Leads, primary: cleo}
        """,
    "policy.yaml": """\
        facts:
          - id: availability
            title: Availability
            uses: prometheus.query
            with: {query: availability}
            value: output.value
            show: "{{ value | percent }}"
            limit: value >= 0.9
        questions:
          - {id: security, text: Is it?}
        matrix:
          - procedure: service
            title: Service
            when: facts.availability < 0.9 && !facts.security
            because: "{{ facts.availability | percent }} is too low"
            severity: critical
        authorization:
          classes:
            - id: application
              title: Application
              needs:
                - any_of: [oncall, lead]
              limit: 5m
          conditions:
            - id: many
              title: Many
              when: facts.availability < 0.5
              needs:
                - any_of: [lead]
          control: [lead]
        targets:
          - {id: availability, title: Availability, rto: 10m, rto_limit: 20m}
        plan_valid_for: 30m
        """,
    "procedures/service.yaml": """\
        procedure: service
        title: Roll back
        class: application
        target: availability
        inputs:
          release: {default: shop}
        assess:
          - id: history
            title: History
            uses: helm.history
            with: {release: "{{ inputs.release }}"}
        restore:
          - id: rollback
            title: Roll back
            uses: helm.rollback
            with:
              release: "{{ inputs.release }}"
              revision: "{{ steps.history.last_good }}"
          - parallel:
              - id: wait
                title: Wait
                uses: kubernetes.rollout_wait
                within: 5m
              - id: tell
                title: Tell
                uses: slack.post
                with: {channel: incidents, message: done.md}
                when: facts.availability < 1
        validate:
          - id: criterion
            title: Availability
            uses: prometheus.query
            with: {query: availability, expect: value > 0.99}
            within: 10m
            hold_for: 1m
        """,
    "messages/done.md": """\
        Revision {{ steps.rollback.revision }} of {{ inputs.release }}
        {{ incident.reason }}
        """,
}
INPUTS: dict[str, dict[str, type]] = {
    "helm.history": {"release": str, "broken_at": str},
    "helm.rollback": {"release": str, "revision": int, "timeout": str},
    "http.check": {"url": str, "field": str, "equals": object, "timeout": str},
    "kubernetes.list_unready": {"selector": str},
    "kubernetes.rollout_restart": {"names": list, "kind": str},
    "kubernetes.rollout_wait": {"names": list},
    "prometheus.query": {"query": str, "expect": str},
    "slack.post": {"channel": str, "message": str, "text": str},
    "statuspage.create_incident": {"name": str, "message": str, "status": str, "impact": str},
    "statuspage.update_incident": {"incident": str, "message": str, "status": str},
}
OUTPUTS: dict[str, set[str]] = {
    "helm.history": {"current", "last_good", "good_version"},
    "helm.rollback": {"revision"},
    "http.check": {"ok", "status", "value"},
    "kubernetes.list_unready": {"ready", "desired", "unready", "failing"},
    "prometheus.query": {"value", "ok"},
    "statuspage.create_incident": {"id"},
}


class Actions:
    """A catalog of the actions that the tests use, without the actions."""

    def names(self) -> Collection[str]:
        """Return their names."""
        return INPUTS.keys()

    def problems(
        self, uses: str, with_: Mapping[str, Any], unknown: frozenset[str]
    ) -> list[tuple[tuple[str, ...], str]]:
        """Refuse inputs of other names and types."""
        kinds = INPUTS[uses]
        return [
            ((name,), f"there is no input {name}")
            if name not in kinds
            else ((name,), f"expected {kinds[name].__name__}, found {value!r}")
            for name, value in with_.items()
            if name not in kinds or (name not in unknown and not isinstance(value, kinds[name]))
        ]

    def outputs(self, uses: str) -> Collection[str]:
        """Return the fields that an action gives; none are listed where it does not matter."""
        return OUTPUTS.get(uses, set())


def write(folder: Path, changes: Mapping[str, tuple[str, str]] | None = None) -> Path:
    """Write the system into a folder; `changes` replace a text by another in a file."""
    root = folder / "shop"
    for name, text in FILES.items():
        written = dedent(text)
        if changes and name in changes:
            old, new = changes[name]
            assert written.count(old) == 1, f"{old!r} stands {written.count(old)} times in {name}"
            written = written.replace(old, new)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written, encoding="utf-8")
    return root


def load(folder: Path, name: str, old: str, new: str) -> Bundle:
    """Load the system with one text replaced."""
    return load_system(write(folder, {name: (old, new)}))
