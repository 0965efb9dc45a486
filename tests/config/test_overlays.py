"""Overlays: they say where, never who or what."""

from pathlib import Path

import pytest

from config import checks
from config.loader import load_systems
from config.places import ConfigurationError
from tests.config import examples


def overlaid(folder: Path, text: str) -> Path:
    """Write an overlay beside the systems."""
    path = folder.parent / f"{folder.name}-overlay.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_endpoints_are_changed_key_by_key(tmp_path: Path) -> None:
    """Mappings merge, other values are replaced, everything else stays."""
    examples.write(tmp_path)
    overlay = overlaid(
        tmp_path,
        "shop:\n"
        "  connections:\n"
        "    prometheus: {url: 'http://127.0.0.1:9090'}\n"
        "    kubernetes: {server: 'https://127.0.0.1:6443'}\n"
        "  variables: {services: 3}\n",
    )
    (bundle,) = load_systems(tmp_path, overlay)
    connections = bundle.system.connections
    assert connections.prometheus
    assert connections.kubernetes
    assert connections.prometheus.url == "http://127.0.0.1:9090"
    assert connections.kubernetes.server == "https://127.0.0.1:6443"
    assert connections.kubernetes.namespace == "production"
    assert bundle.system.variables["services"] == 3
    assert bundle.system.variables["health_url"] == "https://shop.test/health"


def test_systems_that_are_not_named_stay_as_they_are(tmp_path: Path) -> None:
    """An overlay without a part for a system changes nothing of it."""
    examples.write(tmp_path)
    (bundle,) = load_systems(tmp_path, overlaid(tmp_path, "{}\n"))
    assert bundle.system.variables["services"] == 18


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shopp: {}", ":1:1: unknown system `shopp` (did you mean `shop`?)"),
        ("shop: {conections: {}}", (":1:8: an overlay can't change `conections`"
                                   " (did you mean `connections`?)")),
        ("shop: {people: []}", (":1:8: an overlay can't change `people`"
                               " (known: `channels`, `connections`, `live`, `variables`)")),
        ("shop: 1", ":1:7: expected keys among channels, connections, live, variables"),
        ("- shop", ":1:1: expected systems by name, as a mapping"),
        ("shop: {connections: {promtheus: {url: 'http://x'}}}",
         ":1:22: unknown key `promtheus` (did you mean `prometheus`?)"),
        ("shop: {connections: {prometheus: {url: 9}}}", ":1:40: expected text, found `9`"),
    ],
)  # fmt: skip
def test_mistakes_are_placed_in_the_overlay(text: str, said: str, tmp_path: Path) -> None:
    """What an overlay says wrong is complained about in the overlay, not in system.yaml."""
    examples.write(tmp_path)
    overlay = overlaid(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_systems(tmp_path, overlay)
    assert str(caught.value).removeprefix(str(overlay)) == said


def test_a_missing_overlay_is_named(tmp_path: Path) -> None:
    """BACKOUT_OVERLAY must lead somewhere."""
    examples.write(tmp_path)
    with pytest.raises(ConfigurationError, match="this file is missing"):
        load_systems(tmp_path, tmp_path / "absent.yaml")


def test_replaced_values_leave_no_place_behind(tmp_path: Path) -> None:
    """A mapping that an overlay replaces by less is checked as it is now."""
    examples.write(tmp_path)
    overlay = overlaid(tmp_path, "shop: {live: true, connections: {kubernetes: null}}")
    (bundle,) = load_systems(tmp_path, overlay)
    said = {problem.message for problem in checks.check(bundle, examples.Actions())}
    assert "`helm.rollback` needs `connections.kubernetes` in system.yaml" in said
