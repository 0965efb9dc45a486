"""`backout permissions`, `key` and `evidence`."""

import asyncio
import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from adapters.evidence import EvidenceStore
from adapters.vault import KeyVault, make_key
from bot import wiring
from bot.cli.failures import ExitCode
from flows.actions import Permission, TransientError
from flows.files import FolderFiles
from tests.bot.cli.conftest import Cli


def test_permissions_are_yaml_that_kubectl_takes(backout: Cli) -> None:
    """A Role and its binding to the account, in the pinned namespace."""
    assert backout("permissions", "aivo", "--account", "tools/bot") == ExitCode.OK
    role, binding = list(YAML(typ="safe").load_all(backout.out))
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "production")
    assert {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]} in role["rules"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "bot", "namespace": "tools"}]


def test_permissions_say_what_needs_them(backout: Cli) -> None:
    """Each right with the steps and facts that need it."""
    assert backout("permissions", "aivo", "--why") == ExitCode.OK
    pods = next(
        line for line in backout.out.splitlines() if line.startswith("list") and "pods" in line
    )
    assert "facts/pods" in pods
    assert "service/rollout" in pods


DATABASE = "arn:aws:rds:us-east-1:123456789012:db:aivo-prod-primary"


@pytest.fixture
def in_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system whose procedures need rights in both worlds."""

    def needed(*_: object) -> object:
        return {
            Permission(kind=kind, verb=verb, resource=resource, scope=scope): ("data/points",)
            for kind, verb, resource, scope in (
                ("iam", "rds:DescribeDBInstances", DATABASE, "123456789012"),
                ("iam", "rds:DescribeDBSnapshots", DATABASE, "123456789012"),
                ("kubernetes", "list", "pods", "production"),
            )
        }

    monkeypatch.setattr("flows.rights.needed", needed)


@pytest.mark.usefixtures("in_aws")
def test_permissions_are_a_policy_that_iam_takes(backout: Cli) -> None:
    """AWS's rights alone, as one document; the other output points at it."""
    assert backout("permissions", "aivo", "--aws") == ExitCode.OK
    (statement,) = json.loads(backout.out)["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": ["rds:DescribeDBInstances", "rds:DescribeDBSnapshots"],
        "Resource": [DATABASE],
    }
    assert backout("permissions", "aivo") == ExitCode.OK
    assert "backout permissions aivo --aws" in backout.out
    assert "rds:" not in str(list(YAML(typ="safe").load_all(backout.out)))
    assert backout("permissions", "aivo", "--why") == ExitCode.OK
    assert "AWS account 123456789012" in backout.out


@pytest.mark.usefixtures("in_aws")
def test_the_cluster_is_not_asked_for_rights_in_aws(
    backout: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for its own; of the others it is said that nobody told."""

    async def ask(_: object, __: object, rights: list[Permission]) -> object:
        assert {each.kind for each in rights} == {"kubernetes"}
        return dict.fromkeys(rights, True)

    monkeypatch.setattr(wiring, "ask_rights", ask)
    assert backout("permissions", "aivo", "--ask") == ExitCode.OK
    rows = [line for line in backout.out.splitlines() if line.startswith("rds:")]
    assert len(rows) == 2
    assert all("not told" in row for row in rows)


def test_a_system_without_aws_has_no_policy(backout: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty policy would say that something was computed."""
    pods = Permission(kind="kubernetes", verb="list", resource="pods", scope="production")
    monkeypatch.setattr("flows.rights.needed", lambda *_: {pods: ("data/points",)})
    assert backout("permissions", "aivo", "--aws") == ExitCode.PROBLEM
    assert "need nothing of AWS" in backout.err


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [(True, ExitCode.OK, "yes"), (False, ExitCode.PROBLEM, "NO"), (None, ExitCode.OK, "not told")],
)
def test_permissions_can_be_asked_for(
    backout: Cli, monkeypatch: pytest.MonkeyPatch, answer: bool | None, code: int, said: str
) -> None:
    """What the cluster answers stands beside each right, and a missing one is a problem."""

    async def ask(_: object, __: object, rights: dict[Permission, object]) -> object:
        return dict.fromkeys(rights, answer)

    monkeypatch.setattr(wiring, "ask_rights", ask)
    assert backout("permissions", "aivo", "--ask") == code
    assert said in backout.out.splitlines()[1]


def test_a_cluster_that_is_away_is_a_line(backout: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a traceback."""

    async def ask(*_: object) -> object:
        raise TransientError("The cluster is not there")

    monkeypatch.setattr(wiring, "ask_rights", ask)
    assert backout("permissions", "aivo", "--ask") == ExitCode.UNREACHABLE
    assert "not there" in backout.err


def test_an_account_without_a_namespace_is_refused(backout: Cli) -> None:
    """The sentence says how it is written."""
    assert backout("permissions", "aivo", "--account", "bot") == ExitCode.USAGE
    assert "namespace/name" in backout.err


def test_a_new_key_is_a_key(backout: Cli) -> None:
    """Twice another one, and the vault takes it."""
    assert backout("key") == ExitCode.OK
    first = backout.out.strip()
    KeyVault([first]).seal("x")
    backout("key")
    assert backout.out.strip() != first


def test_evidence_is_listed_and_printed(
    backout: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By incident a list with hashes; by name its content, opened with the key where sealed."""
    key = make_key()
    monkeypatch.setenv("BACKOUT_CAPTURE_KEY", key)
    store = EvidenceStore(FolderFiles(tmp_path / "data" / "evidence"))
    log = asyncio.run(store.put("INC-7/logs/checkout.log", b"a line\n"))
    sealed = KeyVault([key]).seal({"replicas": 3}).encode()
    asyncio.run(store.put("INC-7/state.json.sealed", sealed))
    assert backout("evidence", "7") == ExitCode.OK
    assert log.sha256 in backout.out
    assert backout("evidence", "INC-7/logs/checkout.log") == ExitCode.OK
    assert backout.out == "a line\n"
    assert backout("evidence", "INC-7/state.json.sealed") == ExitCode.OK
    assert json.loads(backout.out) == {"replicas": 3}
    assert backout("evidence", "INC-8") == ExitCode.PROBLEM
    assert "nothing is kept about INC-8" in backout.err
    assert backout("evidence", "/etc/passwd") != ExitCode.OK
