"""The scopes of the manifest are the ones that the installation page explains, and no others."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (`[a-z:._]+`(?:, `[a-z:._]+`)*) \|", re.M)


def test_every_scope_is_explained_and_asked_for() -> None:
    """Whoever allows the app can read what each right is for; nothing is explained in vain."""
    manifest = YAML(typ="safe").load(ROOT / "bot" / "slack" / "manifest.yaml")
    asked = manifest["oauth_config"]["scopes"]["bot"]
    page = (ROOT / "docs" / "slack-install.md").read_text(encoding="utf-8")
    told = {scope for row in ROW.findall(page) for scope in re.findall(r"`([a-z:._]+)`", row)}

    assert asked == sorted(asked)
    assert told == set(asked)
