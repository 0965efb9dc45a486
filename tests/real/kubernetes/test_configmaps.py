"""Entries of ConfigMaps changed, and their readers restarted, on a real control plane."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.vault import KeyVault
from flows.actions import Holds, PermanentError, Refuted
from tests.adapters.fakes import FakeContext
from tests.real.bench.clusters import Cluster
from tests.real.kubernetes.readers import (
    KEPT,
    PATCH,
    REVOKE,
    SYNC,
    URL,
    Make,
    everything_from,
    keep_values,
    reader,
    restarted_by,
    shop,
    tells_nothing,
    variable,
)


@pytest.fixture(autouse=True)
def kept(real: FakeContext, through: FakeContext) -> None:
    """Keep values outside of the cluster."""
    keep_values(real, through)


async def test_entry_is_set_and_its_readers_restarted(use: Make, cluster: Cluster) -> None:
    """The readers of this entry get new pods, others not; undo brings the old text and new pods."""
    await shop(cluster)
    step = use(PATCH, name="app-config", key="READ_ONLY_MODE", value="true", restart=True)
    preview = await step.preview()
    assert [(c.subject, c.before, c.after) for c in preview.changes] == [
        ("app-config: READ_ONLY_MODE", "false", "true"),
        ("orders", "1 pod", "1 pod, all new"),
        ("users", "1 pod", "1 pod, all new"),
    ]
    assert preview.touches == 3
    assert not preview.in_place
    await step.apply()
    done = await step.outcome()
    assert isinstance(done, Holds), done
    assert done.summary == (
        "READ_ONLY_MODE of app-config is “true”; orders, users restarted, 2 of 2 new pods ready"
    )
    assert cluster.get("configmap", "app-config")["data"]["READ_ONLY_MODE"] == "true"
    assert restarted_by(cluster, "users") == restarted_by(cluster, "orders") == step.context.mark
    assert restarted_by(cluster, "idle") == ""
    assert (await step.preview()).in_place
    said = await step.undo()
    assert said == "READ_ONLY_MODE of app-config is “false”; orders, users restarted"
    assert cluster.get("configmap", "app-config")["data"]["READ_ONLY_MODE"] == "false"
    assert restarted_by(cluster, "users") == f"{step.context.mark}/undo"
    before = cluster.get("deployment", "users")["metadata"]["generation"]
    assert await step.undo() == said
    assert cluster.get("deployment", "users")["metadata"]["generation"] == before


async def test_entry_is_added_to_nothing_and_taken_away_again(use: Make, cluster: Cluster) -> None:
    """An entry of a ConfigMap without any is set; undo leaves the ConfigMap as it was: without."""
    cluster.apply(cluster.config_map("maintenance-mode"))
    step = use(PATCH, name="maintenance-mode", key="enabled", value="true")
    preview = await step.preview()
    assert [(c.before, c.after) for c in preview.changes] == [(None, "true")]
    assert any("No pod template reads enabled of maintenance-mode" in w for w in preview.warnings)
    await step.apply()
    assert isinstance(await step.outcome(), Holds)
    assert cluster.get("configmap", "maintenance-mode")["data"] == {"enabled": "true"}
    assert await step.undo() == "enabled of maintenance-mode is not there"
    assert not cluster.get("configmap", "maintenance-mode").get("data")
    assert await step.undo() == "enabled of maintenance-mode is not there"


async def test_entry_is_removed_and_put_back(use: Make, cluster: Cluster) -> None:
    """What is removed is there again after undo; what pods need can't be removed."""
    cluster.apply(
        cluster.config_map("app-config", OLD="1", NEEDED="2"),
        reader(cluster, "users", env=variable("configMap", "app-config", "NEEDED")),
        reader(cluster, "old", env=variable("configMap", "app-config", "OLD", optional=True)),
    )
    needed = use(PATCH, name="app-config", key="NEEDED", remove=True)
    with pytest.raises(PermanentError, match="users can't start without NEEDED of ConfigMap"):
        await needed.preview()
    step = use(PATCH, name="app-config", key="OLD", remove=True)
    assert [(c.before, c.after) for c in (await step.preview()).changes] == [("1", None)]
    await step.apply()
    assert isinstance(await step.outcome(), Holds)
    assert cluster.get("configmap", "app-config")["data"] == {"NEEDED": "2"}
    await step.undo()
    assert cluster.get("configmap", "app-config")["data"] == {"NEEDED": "2", "OLD": "1"}


async def test_database_url_points_elsewhere_and_nobody_sees_the_password(
    use: Make, cluster: Cluster
) -> None:
    """Only the host is another one; plan, journal and result hold no credential."""
    await shop(cluster)
    step = use(
        PATCH, name="app-config", key="DATABASE_URL", url_host="db-2:6432", restart=["users"]
    )
    preview = await step.preview()
    assert [(c.subject, c.before, c.after) for c in preview.changes] == [
        ("app-config: host in DATABASE_URL", "db-1:5432", "db-2:6432"),
        ("users", "1 pod", "1 pod, all new"),
    ]
    assert any("holds a credential" in each for each in preview.warnings)
    await step.apply()
    done = await step.outcome()
    assert isinstance(done, Holds), done
    now = cluster.get("configmap", "app-config")["data"]["DATABASE_URL"]
    assert now == URL.replace("db-1:5432", "db-2:6432")
    tells_nothing(preview, done, step.captured, await step.undo())
    assert cluster.get("configmap", "app-config")["data"]["DATABASE_URL"] == URL


async def test_value_from_elsewhere_is_never_shown(use: Make, cluster: Cluster) -> None:
    """A value that is kept elsewhere is told by its mark only; another one is drift."""
    await shop(cluster)
    given = {"name": "app-config", "key": "DATABASE_URL"}
    step = use(PATCH, **given, value_from="env:NEW_URL")
    preview = await step.preview()
    (change,) = preview.changes
    assert str(change.before).startswith("secret ")
    assert change.before != change.after
    await step.apply()
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert cluster.get("configmap", "app-config")["data"]["DATABASE_URL"] == KEPT["NEW_URL"]
    tells_nothing(preview, done, step.captured)
    other = use(
        PATCH, "other", name="app-config", key="DATABASE_URL", value_from="env:NEW_PASSWORD"
    )
    assert (await other.preview()).fingerprint != preview.fingerprint


async def test_without_a_key_secrets_are_refused_and_others_are_not(
    use: Make, cluster: Cluster, real: FakeContext
) -> None:
    """What would have to be captured encrypted is refused before anything changed."""
    await shop(cluster)
    cluster.apply(cluster.secret("app-secret", PASSWORD="old-password"))
    real.surroundings = replace(real.surroundings, vault=KeyVault([]))
    plain = use(PATCH, name="app-config", key="READ_ONLY_MODE", value="true")
    assert (await plain.preview()).changes
    for step in (
        use(PATCH, name="app-config", key="DATABASE_URL", url_host="db-2"),
        use(SYNC, name="app-secret", data={"PASSWORD": "env:NEW_PASSWORD"}),
        use(REVOKE, secrets=[{"name": "app-secret", "generate": ["PASSWORD"]}]),
    ):
        with pytest.raises(PermanentError, match="BACKOUT_CAPTURE_KEY is not set"):
            await step.preview()


async def test_who_goes_on_with_the_old_value_is_named(use: Make, cluster: Cluster) -> None:
    """Each way of reading is told apart: environment, files, files that stay, pods that end."""
    volume = {"name": "v", "configMap": {"name": "app-config"}}
    refreshed, fixed = reader(cluster, "refreshed"), reader(cluster, "fixed")
    for each, mount in (
        (refreshed, {"name": "v", "mountPath": "/c"}),
        (fixed, {"name": "v", "mountPath": "/c/mode", "subPath": "READ_ONLY_MODE"}),
    ):
        each["spec"]["template"]["spec"]["volumes"] = [volume]
        each["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [mount]
    nightly, job = cluster.cron_job("nightly"), cluster.job("import", seconds=60)
    for spec in (nightly["spec"]["jobTemplate"]["spec"], job["spec"]):
        container = spec["template"]["spec"]["containers"][0]
        container["envFrom"] = everything_from("configMap", "app-config")
    await shop(cluster)
    cluster.apply(refreshed, fixed, nightly, job)
    await cluster.settled("refreshed", "fixed")
    preview = await use(PATCH, name="app-config", key="READ_ONLY_MODE", value="true").preview()
    at_start, in_files, later = preview.warnings
    assert at_start.startswith(
        "fixed (as files that are never refreshed), orders (as environment), users (as "
        "environment) read READ_ONLY_MODE of app-config only when they start"
    )
    assert in_files.startswith("refreshed (as files) get new files within about two minutes")
    assert later == (
        "cronjob/nightly (as environment), job/import (as environment) get the new values when "
        "their next pod starts."
    )


async def test_a_consumer_that_does_not_come_up_ends_the_restarts(
    use: Make, cluster: Cluster
) -> None:
    """The first one breaks, the second is not touched, and undo still puts the value back."""
    await shop(cluster)
    cluster.patch("deployment", "orders", {"spec": {"progressDeadlineSeconds": 1}})
    step = use(
        PATCH, name="app-config", key="READ_ONLY_MODE", value="true", restart=["orders", "users"]
    )
    await step.preview()
    container = {"name": "orders", "image": "shop/bad:1", "env": []}
    cluster.patch(
        "deployment", "orders", {"spec": {"template": {"spec": {"containers": [container]}}}}
    )
    with pytest.raises(PermanentError) as caught:
        await step.apply()
    assert "orders did not come up again after the change" in str(caught.value)
    assert "users were not restarted" in str(caught.value)
    assert restarted_by(cluster, "users") == ""
    assert isinstance(await step.verify(), Refuted)
    cluster.apply(reader(cluster, "orders", env=[]))
    cluster.patch("deployment", "orders", {"spec": {"progressDeadlineSeconds": 60}})
    assert "READ_ONLY_MODE of app-config is “false”" in await step.undo()


async def test_restarts_that_would_be_ignored_are_refused(use: Make, cluster: Cluster) -> None:
    """A paused Deployment, an update strategy OnDelete, a name that is not there: refused."""
    await shop(cluster)
    cluster.apply(cluster.stateful_set("store", updateStrategy={"type": "OnDelete"}))
    cluster.patch("deployment", "orders", {"spec": {"paused": True}})
    given = {"name": "app-config", "key": "READ_ONLY_MODE", "value": "true"}
    for restart, said in (
        (True, "orders is paused"),
        (["statefulset/store"], "OnDelete"),
        (["users", "gone"], "no workload gone to restart"),
    ):
        with pytest.raises(PermanentError, match=said):
            await use(PATCH, **given, restart=restart).preview()
    named = await use(PATCH, **given, restart=["users", "idle"]).preview()
    assert any("idle would be restarted, but nothing" in each for each in named.warnings)
    assert any("orders (as environment) read" in each for each in named.warnings)


async def test_what_can_not_be_changed_is_refused(use: Make, cluster: Cluster) -> None:
    """Missing or immutable objects, bytes, and texts that are no URL."""
    cluster.apply(
        {**cluster.config_map("fixed", MODE="1"), "immutable": True},
        {**cluster.config_map("bytes", TEXT="none"), "binaryData": {"KEY": "AAE="}},
    )
    for inputs, said in (
        ({"name": "gone", "key": "MODE", "value": "2"}, "There is no ConfigMap gone in namespace"),
        ({"name": "fixed", "key": "MODE", "value": "2"}, "ConfigMap fixed is immutable"),
        ({"name": "bytes", "key": "KEY", "value": "2"}, "holds bytes, not a text"),
        ({"name": "bytes", "key": "TEXT", "url_host": "db"}, "no URL with just one host"),
        ({"name": "bytes", "key": "URL", "url_host": "db"}, "URL of ConfigMap bytes is not there"),
    ):
        with pytest.raises(PermanentError, match=said):
            await use(PATCH, **inputs).preview()
