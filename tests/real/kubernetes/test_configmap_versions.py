"""ConfigMaps that become exactly a version, on a real control plane."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.actions import Holds, PermanentError, TransientError
from tests.adapters.fakes import FakeContext
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes.readers import (
    REAL_WRITE,
    REPLACE,
    Json,
    Make,
    keep_values,
    reader,
    restarted_by,
    tells_nothing,
    variable,
)


@pytest.fixture(autouse=True)
def kept(real: FakeContext, through: FakeContext) -> None:
    """Keep values outside of the cluster."""
    keep_values(real, through)


async def test_configmap_becomes_exactly_a_version(
    use: Make, cluster: Cluster, real: FakeContext, tmp_path: Path
) -> None:
    """New entries go, old ones come back, bytes too; every reader restarts, and undo restores."""
    now: Json = cluster.config_map("boardroom-config", LEVEL="debug", NEW="1", SAME="x")
    now["binaryData"] = {"logo": "AAE="}
    version: Json = cluster.config_map("boardroom-config-v2.9.4", LEVEL="info", SAME="x", OLD="y")
    cluster.apply(
        now,
        version,
        reader(cluster, "backend", env=variable("configMap", "boardroom-config", "SAME")),
    )
    await cluster.settled("backend")
    step = use(REPLACE, name="boardroom-config", from_configmap="boardroom-config-v2.9.4")
    preview = await step.preview()
    assert [(c.subject.partition(": ")[2], c.before, c.after) for c in preview.changes] == [
        ("LEVEL", "debug", "info"),
        ("NEW", "1", None),
        ("OLD", None, "y"),
        ("logo", "\x00\x01", None),
        ("", "1 pod", "1 pod, all new"),
    ]
    await step.apply()
    done = await step.outcome()
    assert isinstance(done, Holds), done
    assert cluster.get("configmap", "boardroom-config")["data"] == version["data"]
    assert "binaryData" not in cluster.get("configmap", "boardroom-config")
    assert restarted_by(cluster, "backend") == step.context.mark
    assert "values of before are there; backend restarted" in await step.undo()
    back = cluster.get("configmap", "boardroom-config")
    assert (back["data"], back["binaryData"]) == (now["data"], now["binaryData"])
    assert await step.undo()


async def test_version_comes_from_a_file(
    use: Make, cluster: Cluster, real: FakeContext, tmp_path: Path
) -> None:
    """An exported ConfigMap counts by its entries; a file that is not there changes nothing."""
    folder = tmp_path / "aivo"
    (folder / "files").mkdir(parents=True)
    real.system = real.system.placed_in(folder)
    exported = cluster.config_map("other-name", LEVEL="info", DB_PASSWORD="old-password")
    exported["metadata"]["resourceVersion"] = "1"
    (folder / "files" / "v1.yaml").write_text(json.dumps(exported), encoding="utf-8")
    cluster.apply(cluster.config_map("boardroom-config", LEVEL="debug"))
    step = use(REPLACE, name="boardroom-config", data_from="file:files/v1.yaml")
    preview = await step.preview()
    tells_nothing(preview)
    await step.apply()
    assert isinstance(await step.outcome(), Holds)
    assert cluster.get("configmap", "boardroom-config")["data"] == exported["data"]
    tells_nothing(step.captured, await step.undo())
    assert cluster.get("configmap", "boardroom-config")["data"] == {"LEVEL": "debug"}
    for missing, said in (
        ({"data_from": "file:files/v2.yaml"}, "can't be read"),
        ({"from_configmap": "boardroom-config-v2"}, "no ConfigMap boardroom-config-v2"),
    ):
        with pytest.raises(PermanentError, match=said):
            await use(REPLACE, name="boardroom-config", **missing).preview()


async def test_whole_replacement_meets_a_change_in_between(
    use_through: Make, cluster: Cluster, gateway: Gateway
) -> None:
    """The resource version refuses it for the moment; then it is seen whose change it was."""
    cluster.apply(cluster.config_map("config", LEVEL="debug"))
    step = use_through(REPLACE, name="config", data={"LEVEL": "info"}, restart=False)
    step.captured = await step.action.capture(step.inputs, step.context)

    def unrelated() -> None:
        cluster.patch("configmap", "config", {"metadata": {"labels": {"seen": "yes"}}})

    def related() -> None:
        cluster.patch("configmap", "config", {"data": {"MORE": "1"}})

    path = f"configmaps/config{REAL_WRITE}"
    gateway.before(unrelated, method="PUT", path=path)
    with pytest.raises(TransientError, match="changed by someone else just now"):
        await step.action.apply(step.inputs, step.captured, step.context)
    gateway.mend()
    gateway.before(related, method="PUT", path=path)
    with pytest.raises(TransientError):
        await step.action.apply(step.inputs, step.captured, step.context)
    with pytest.raises(PermanentError, match="Somebody else changed MORE of ConfigMap config"):
        await step.action.apply(step.inputs, step.captured, step.context)
    assert cluster.get("configmap", "config")["data"] == {"LEVEL": "debug", "MORE": "1"}
