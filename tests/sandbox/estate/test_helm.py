"""The simulated `helm` says and does what Helm 3 says and does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from sandbox.estate import Estate, charts, releases
from sandbox.estate.access import Denial
from sandbox.estate.faults import Effect, Fault, Target
from sandbox.estate.images import Behaviour, ImageRule
from sandbox.helm import yaml_subset
from tests.sandbox.estate.conftest import Helm, Until

RELEASE = "aivo-platform"


async def _revisions(helm: Helm) -> list[tuple[int, str]]:
    rows = json.loads((await helm("history", RELEASE, "-o", "json")).out)
    return [(row["revision"], row["status"]) for row in rows]


async def test_history_as_json(helm: Helm) -> None:
    """History has Helm's keys, ascending, with the failed revision in it."""
    answer = await helm("history", RELEASE, "-n", "production", "-o", "json", "--max", "3")
    rows = json.loads(answer.out)
    assert [(row["revision"], row["status"]) for row in rows] == [
        (39, "superseded"),
        (40, "failed"),
        (41, "deployed"),
    ]
    keys = {"revision", "updated", "status", "chart", "app_version", "description"}
    assert all(set(row) == keys for row in rows)
    assert rows[-1]["chart"] == "aivo-platform-1.9.1"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("history", "nope"), "release: not found"),
        (("history", RELEASE, "-n", "staging"), "release: not found"),
        (("rollback", "nope", "1"), "release: not found"),
        (("rollback", RELEASE, "3"), "release has no 3 version"),
        (("rollback", RELEASE, "-3"), "unknown shorthand flag: '3' in -3"),
        (("rollback", "Bad_Name"), "prepareRollback: Release name is invalid: Bad_Name"),
        (("get", "manifest", RELEASE, "--revision", "3"), "release: not found"),
        (("rollback", RELEASE, "41", "--foo"), "unknown flag: --foo"),
        (
            ("rollback", RELEASE, "x"),
            'could not convert revision to a number: strconv.Atoi: parsing "x": invalid syntax',
        ),
        (("--kube-context", "other", "status", RELEASE), None),
    ],
)
async def test_refusals(helm: Helm, arguments: tuple[str, ...], error: str | None) -> None:
    """Errors go to stderr in Helm's words, with exit code 1 and nothing on stdout."""
    answer = await helm(*arguments)
    assert (answer.code, answer.out) == (1, "")
    if error is None:
        error = 'Kubernetes cluster unreachable: context "other" does not exist'
    assert answer.err == f"Error: {error}\n"


async def test_rollback_writes_a_new_revision(estate: Estate, helm: Helm) -> None:
    """A rollback is a new revision that says where it came from; the bad one is superseded."""
    estate.break_release()
    answer = await helm("rollback", RELEASE, "41", "--wait", "--timeout", "300s")
    assert answer.out == "Rollback was a success! Happy Helming!\n"
    assert (await _revisions(helm))[-2:] == [(42, "superseded"), (43, "deployed")]
    status = json.loads((await helm("status", RELEASE, "-o", "json")).out)
    assert status["info"]["description"] == "Rollback to 41"
    assert status["version"] == 43
    assert "chart" not in status
    assert "2.14.2" in (await helm("get", "manifest", RELEASE)).out
    assert (await helm("get", "hooks", RELEASE)).out == ""
    assert json.loads((await helm("get", "values", RELEASE, "-o", "json")).out) == {
        "image": {"tag": "2.14.2"}
    }


async def test_rollback_without_a_revision_takes_the_one_before(helm: Helm) -> None:
    """Helm's own default is the previous revision, even if that one had failed."""
    assert (await helm("rollback", RELEASE)).code == 0
    status = json.loads((await helm("status", RELEASE, "-o", "json")).out)
    assert status["info"]["description"] == "Rollback to 40"


async def test_a_dry_run_records_nothing(helm: Helm) -> None:
    """`--dry-run` succeeds and leaves the history alone."""
    before = await _revisions(helm)
    assert (await helm("rollback", RELEASE, "39", "--dry-run")).code == 0
    assert await _revisions(helm) == before


async def test_waiting_for_pods_that_never_come(estate: Estate, helm: Helm) -> None:
    """The wait times out, the new revision is failed, the bad one stays `deployed`."""
    estate.break_release()
    estate.set_image(ImageRule(service="checkout", tag="2.14.2", behaviour=Behaviour.PULL))
    answer = await helm("rollback", RELEASE, "41", "--wait", "--timeout", "300ms")
    assert answer.code == 1
    assert answer.err == "Error: release aivo-platform failed: context deadline exceeded\n"
    assert (await _revisions(helm))[-2:] == [(42, "deployed"), (43, "failed")]


async def test_a_missing_right_fails_the_rollback(estate: Estate, helm: Helm) -> None:
    """A refused patch is passed on in the API server's words, and the revision is failed."""
    estate.access.deny(Denial(verb="patch", resource="deployments"))
    answer = await helm("rollback", RELEASE, "39")
    assert answer.code == 1
    assert 'cannot patch resource "deployments" in API group "apps"' in answer.err
    assert (await _revisions(helm))[-1] == (42, "failed")


async def test_a_missing_right_to_read_secrets(estate: Estate, helm: Helm) -> None:
    """Without the right to list Secrets there is no history."""
    estate.access.deny(Denial(verb="list", resource="secrets"))
    answer = await helm("history", RELEASE)
    assert answer.err.startswith("Error: query: failed to query with labels: secrets is forbidden")


async def test_a_cluster_that_is_not_there(estate: Estate, helm: Helm) -> None:
    """A cut connection and a closed port are both `cluster unreachable`."""
    estate.faults.add(Fault(target=Target.KUBERNETES, effect=Effect.DOWN))
    cut = await helm("history", RELEASE)
    assert cut.err.startswith("Error: Kubernetes cluster unreachable: Get ")
    await estate.stop()
    closed = await helm("history", RELEASE)
    assert "connection refused" in closed.err


async def test_a_kubeconfig_that_is_not_the_sandboxs(helm: Helm, tmp_path: Path) -> None:
    """A missing file and an address elsewhere are refused before anything is sent."""
    missing = await helm("history", RELEASE, "--kubeconfig", str(tmp_path / "none"))
    assert "no such file or directory" in missing.err
    config = json.loads((tmp_path / "kubeconfig").read_text())
    config["clusters"][0]["cluster"]["server"] = "https://cluster.example"
    (tmp_path / "other").write_text(json.dumps(config))
    other = await helm("history", RELEASE, "--kubeconfig", str(tmp_path / "other"))
    assert "loopback only" in other.err


async def test_killed_half_way_it_leaves_a_pending_revision(
    estate: Estate, helm: Helm, until: Until
) -> None:
    """SIGKILL in the middle leaves `pending-rollback`, and a second rollback gets past it."""
    stuck = Fault(target=Target.KUBERNETES, effect=Effect.DELAY, delay=60, method="PATCH", times=1)
    estate.faults.add(stuck)
    process = await asyncio.create_subprocess_exec(
        str(estate.helm_dir / "helm"),
        *("--kubeconfig", str(estate.kubeconfig), "rollback", RELEASE, "39"),
    )
    await until(lambda: stuck.times == 0)
    process.kill()
    await process.wait()
    assert (await _revisions(helm))[-1] == (42, "pending-rollback")
    assert (await helm("rollback", RELEASE, "41")).code == 0
    assert (await _revisions(helm))[-2:] == [(42, "pending-rollback"), (43, "deployed")]


async def test_only_ten_revisions_are_kept(estate: Estate, helm: Helm) -> None:
    """Helm forgets the oldest revisions beyond ten, which may be the wanted one."""
    for _ in range(7):
        releases.ship(estate.cluster)
    assert (await helm("rollback", RELEASE, "41")).code == 0
    assert [number for number, _ in await _revisions(helm)] == list(range(40, 50))
    gone = await helm("rollback", RELEASE, "38")
    assert gone.err == "Error: release has no 38 version\n"


async def test_a_revision_that_is_gone(estate: Estate, helm: Helm) -> None:
    """A lost record is a revision that Helm doesn't know."""
    assert releases.forget(estate.cluster, 41)
    assert not releases.forget(estate.cluster, 41)
    assert (await helm("rollback", RELEASE, "41")).err == "Error: release has no 41 version\n"


async def test_version(helm: Helm) -> None:
    """The version is printed in Helm's three forms."""
    assert (await helm("version", "--short")).out == "v3.17.3+ge4da497\n"
    assert (await helm("version", "--template", "{{.Version}}")).out == "v3.17.3"
    assert (await helm("version")).out.startswith('version.BuildInfo{Version:"v3.17.3", ')


def test_the_manifest_is_yaml() -> None:
    """An ordinary YAML parser reads the manifest as the objects that the chart rendered."""
    text = charts.manifest("1.9.1", "2.14.2")
    rendered = charts.deployments("1.9.1", "2.14.2")
    assert list(YAML(typ="safe").load_all(text)) == rendered
    assert yaml_subset.load_all(text) == rendered


_SCALARS = st.none() | st.booleans() | st.integers() | st.text()
_KEYS = st.text(min_size=1)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.dictionaries(_KEYS, inner, max_size=4)
        | st.lists(_SCALARS | st.dictionaries(_KEYS, inner, max_size=3), max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_yaml_survives_the_round_trip(value: dict[str, object]) -> None:
    """What `dump` writes, `load` reads back unchanged."""
    assert yaml_subset.load(yaml_subset.dump(value)) == value
