"""What deploy/ says of the product is true: rights, settings, versions, files, times."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.cli.app import app
from config.settings import Settings
from flows.driver import GRACE

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
UNIT = (DEPLOY / "systemd" / "backout.service").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BASE = re.compile(r"^ARG (?:PYTHON|GO)=(\S+)$", re.MULTILINE)
COPIED = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)
SYSTEMS = sorted(path.parent.name for path in ROOT.glob("config/systems/*/system.yaml"))
REFERENCES = ("resources", "components", "patches", "configMapGenerator")
UNFINISHED = "…"

Json = Any


def documents(path: Path) -> list[Json]:
    """Read a manifest."""
    return [each for each in YAML(typ="safe", pure=True).load_all(path) if each]


def kustomizations() -> list[Path]:
    """List the kustomizations."""
    return sorted(KUBERNETES.rglob("kustomization.yaml"))


def named_by(file: Path) -> Iterator[Path]:
    """Yield what a kustomization refers to."""
    [content] = documents(file)
    for key in REFERENCES:
        for each in content.get(key, ()):
            found = [each] if isinstance(each, str) else each.get("files") or [each.get("path")]
            yield from ((file.parent / name).resolve() for name in found if name)


def test_every_manifest_is_there_and_used() -> None:
    """A kustomization names files that exist, and no file is left that nothing applies."""
    named = {path for file in kustomizations() for path in named_by(file)}
    examples = set((KUBERNETES / "examples").iterdir())
    every = {*KUBERNETES.rglob("*.yaml")} - {*kustomizations()} - examples
    assert {path for path in named if not path.exists()} == set()
    assert {path for path in every if path not in named} == set()


@pytest.mark.parametrize(
    "system", sorted(path.name for path in (ROOT / "config/systems").iterdir())
)
def test_the_rights_are_those_of_the_procedures(system: str) -> None:
    """The roles that come along are what `backout permissions` prints (else: make rights)."""
    entry = "import sys; from bot.cli import main; sys.argv = ['backout', *sys.argv[1:]]; main()"
    said = subprocess.run(
        [sys.executable, "-c", entry, "permissions", system],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert (KUBERNETES / "rights" / f"{system}.yaml").read_text(encoding="utf-8") == said


def test_only_settings_that_exist_are_set() -> None:
    """No manifest, unit or image sets a variable that Backout does not read."""
    known = {
        str(name)
        for field in Settings.model_fields.values()
        for alias in [field.validation_alias]
        for name in (getattr(alias, "choices", None) or [alias])
    }
    files = [
        path for path in DEPLOY.rglob("*") if path.is_file() and "observability" not in str(path)
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert set(re.findall(r"\b(?:BACKOUT|SLACK)_[A-Z_]+\b", text)) - known == set()


def test_every_part_runs_the_same_version() -> None:
    """Image, manifests and package have one version."""
    tags = {
        image["newTag"]
        for file in kustomizations()
        for image in documents(file)[0].get("images", ())
    }
    assert tags == {PROJECT["version"]}
    assert f"ARG VERSION={PROJECT['version']}\n" in CONTAINERFILE


def test_every_container_runs_a_command() -> None:
    """What the pods, the image and the unit start is a command of Backout."""
    known = {
        str(each.name or getattr(each.callback, "__name__", "")) for each in app.registered_commands
    }
    pods = [
        *documents(KUBERNETES / "base/deployment.yaml"),
        *documents(KUBERNETES / "migrate/job.yaml"),
    ]
    started = [
        container["args"][0]
        for pod in pods
        for container in pod["spec"]["template"]["spec"]["containers"]
    ]
    started += re.findall(r'^CMD \["(\w+)"', CONTAINERFILE, re.MULTILINE)
    started += re.findall(r"^ExecStart=\S+/backout (\w+)$", UNIT, re.MULTILINE)
    assert len(started) == 4
    assert set(started) <= known


def test_the_examples_hold_no_secret() -> None:
    """Every value of an example is a placeholder, so that nobody runs with it."""
    for path in (KUBERNETES / "examples").iterdir():
        values = [value for each in documents(path) for value in each["stringData"].values()]
        assert values
        assert [value for value in values if UNFINISHED not in value] == []


def test_the_image_is_made_of_what_the_constraints_pin() -> None:
    """Everything is installed by hash, from files that exist, on images that name no host."""
    [extras] = re.findall(r'^ARG EXTRAS="(.*)"$', CONTAINERFILE, re.MULTILINE)
    pinned = {path.stem for path in (ROOT / "constraints").iterdir()}
    assert set(extras.split()) <= set(PROJECT["optional-dependencies"]) & pinned
    installs = re.findall(r"pip .*(?<!un)install((?:.*\\\n)*.*)", CONTAINERFILE)
    assert installs
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)
    bases = BASE.findall(CONTAINERFILE)
    assert len(bases) == 2
    assert [each for each in bases if "/" in each or ":" not in each] == []


def test_helm_is_built_with_the_go_that_its_module_asks_for() -> None:
    """The builder's image is of the version in go.mod."""
    wanted = re.search(r"^go (\d+\.\d+)", (ROOT / ".ci/go/helm/go.mod").read_text(), re.MULTILINE)
    assert wanted
    assert f"ARG GO=golang:{wanted[1]}-" in CONTAINERFILE


def test_the_builder_gets_every_file_that_it_copies() -> None:
    """What the Containerfile copies is there, and .dockerignore lets it through."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    copied = [name.rstrip("/") for line in COPIED.findall(CONTAINERFILE) for name in line.split()]
    assert "constraints" in copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert [
        name
        for name in copied
        if not any(name == each or fnmatchcase(name, f"{each}/*") for each in let_in)
    ] == []


def test_the_image_runs_as_nobody_in_particular() -> None:
    """A numeric user, so that Kubernetes sees that it is not root; whoever runs it probes it."""
    users = re.findall(r"^USER (\S+)$", CONTAINERFILE, re.MULTILINE)
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", each) for each in users)
    assert "HEALTHCHECK" not in CONTAINERFILE
    [pod] = documents(KUBERNETES / "base/deployment.yaml")
    assert users[-1].startswith(
        f"{pod['spec']['template']['spec']['securityContext']['runAsUser']}:"
    )


def test_whoever_stops_the_bot_waits_longer_than_it_drains() -> None:
    """Neither Kubernetes nor systemd kills a bot that is still within its own grace."""
    [pod] = documents(KUBERNETES / "base/deployment.yaml")
    [waits] = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    for seconds in (int(waits), pod["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]):
        assert seconds >= 3 * GRACE


def test_the_page_on_deploying_names_every_part() -> None:
    """Each overlay, component and unit is explained."""
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    parts = [file.parent.relative_to(KUBERNETES).as_posix() for file in kustomizations()]
    assert [part for part in parts if part != "base" and part not in page] == []
    assert [path.name for path in (DEPLOY / "systemd").iterdir() if path.name not in page] == []
