"""The dashboard and the alerts ask for what there is, and do what the page says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from ruamel.yaml import YAML

from bot.metrics.gauges import Look, Vitals
from bot.metrics.service import Metrics
from tests.bot import story
from tests.real.presence import missing

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "observability"
PAGE = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
NAME = re.compile(r"\b(?:backout|process)_[a-z_]+\b")
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def families() -> list[Metric]:
    """Return everything that a bot tells, with every gauge that there can be."""
    metrics = Metrics({})
    metrics._look = Look(
        systems=("aivo",),
        runs=(story.restoring().run,),
        now=datetime.now(UTC),
        vitals=Vitals(
            late=(1.0,),
            performing=1,
            leads=True,
            lease_age=0.5,
            journal_bytes=1,
            disk_free=1,
            ready={"journal": True},
            version="1",
        ),
    )
    return list(metrics.registry.collect())


def names() -> set[str]:
    """Return the names by which Prometheus knows the series."""
    return {
        f"{family.name}{ending}"
        for family in families()
        for ending in ENDINGS.get(family.type, ("",))
    }


def dashboard() -> dict[str, Any]:
    """Read the dashboard."""
    found: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    """Return the alert rules."""
    loaded = YAML(typ="safe").load(FOLDER / "alerts.yaml")
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    """Return every query of the dashboard and of the alerts."""
    shown = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [*shown, *(rule["expr"] for rule in rules())]


def test_every_metric_that_is_asked_for_is_there() -> None:
    """A query of a name that nobody tells would show an empty panel, or never alert."""
    asked = {name for expression in expressions() for name in NAME.findall(expression)}
    assert asked - names() == set()


def test_every_metric_stands_on_the_page_and_the_page_names_no_other() -> None:
    """Whoever reads it finds what each of them means."""
    rows = re.findall(r"^\| `(backout_[a-z_]+)`", PAGE, re.MULTILINE)
    plain = {
        f"{family.name}{'_total' if family.type == 'counter' else ''}"
        for family in families()
        if family.name.startswith("backout_")
    }
    assert set(rows) == plain
    assert len(rows) == len(set(rows))


def test_every_metric_that_is_told_is_looked_at() -> None:
    """What no panel and no alert asks for is told for nothing."""
    asked = {name for expression in expressions() for name in NAME.findall(expression)}
    plain = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in asked}
    told = {family.name for family in families() if family.name.startswith("backout_")}
    assert told - plain == set()


def test_the_dashboard_is_whole() -> None:
    """Each panel has an id of its own, a title, a query and a place that is its alone."""
    all_panels = dashboard()["panels"]
    assert len({panel["id"] for panel in all_panels}) == len(all_panels)
    taken: set[tuple[int, int]] = set()
    for panel in all_panels:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert max(x for x, _ in cells) < 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["title"]
        assert panel["targets"], panel["title"]
        assert all(target["expr"] for target in panel["targets"]), panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_gauges_that_every_replica_tells_are_never_added_up() -> None:
    """Two replicas would show each incident twice."""
    shared = [
        name for name in names() if re.match(r"backout_(incidents_(?!\w*_total)|appr|steps_)", name)
    ]
    assert len(shared) >= 5
    for expression in expressions():
        for name in shared:
            for found in re.finditer(rf"\b{name}\{{", expression):
                before = expression[: found.start()]
                assert re.search(r"max by \([a-z, ]+\) \($", before), expression


def test_every_alert_stands_on_the_page_with_what_to_do() -> None:
    """And each says what it means, how bad it is, and a sentence for whoever is called."""
    listed = set(re.findall(r"^\| `(Backout[A-Za-z]+)`", PAGE, re.MULTILINE))
    assert {rule["alert"] for rule in rules()} == listed
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


@pytest.mark.parametrize(
    "arguments", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts-test.yaml")]
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    """The rules can be read, and alert in the cases that stand beside them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        missing("prometheus", "apt-get install prometheus")
    done = subprocess.run(
        [promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
