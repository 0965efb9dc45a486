"""The account itself: who is let in, what is kept, and how strict it is."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from boto3.session import Session

from sandbox.aws import serving, users
from sandbox.aws.names import ACCOUNT, BACKUPS, GATEWAY, SENDER, UPLOADS
from sandbox.aws.part import BREACH, SLOW_VERSION, Aws
from sandbox.aws.progress import Progress
from sandbox.aws.serving import Server
from sandbox.aws.users import BOT, User
from sandbox.estate import Estate
from sandbox.estate.clock import Clock
from tests.real.presence import missing
from tests.sandbox.aws.conftest import Sdk, running, until, view

Json = Any
LETTER: Json = {
    "Destination": {"ToAddresses": ["ceo@aivo.edu"]},
    "Content": {"Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "All well."}}}},
}


async def test_only_known_keys_are_let_in(sdk: Sdk) -> None:
    """Each service refuses a stranger as AWS does."""
    stranger = User(name="-", key_id="AKIASTRANGER00000000", rights=(), age=BOT.age)
    codes = [
        await sdk.refusal("sts", "get_caller_identity", user=stranger),
        await sdk.refusal("s3", "list_buckets", user=stranger),
        await sdk.refusal("logs", "describe_log_groups", user=stranger),
    ]
    assert codes == ["InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException"]


async def test_the_bot_may_do_what_its_policy_says_and_no_more(sdk: Sdk) -> None:
    """It knows who it is; what its procedures never do is refused."""
    who = await sdk("sts", "get_caller_identity", user=BOT)
    assert who["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/backout"
    refused = [
        await sdk.refusal("iam", "list_users", user=BOT),
        await sdk.refusal(
            "rds", "delete_db_instance", user=BOT, DBInstanceIdentifier="aivo-prod-primary"
        ),
        await sdk.refusal("s3", "delete_bucket", user=BOT, Bucket=UPLOADS),
        await sdk.refusal("sesv2", "list_email_identities", user=BOT),
    ]
    assert refused == ["AccessDenied", "AccessDenied", "AccessDenied", "AccessDeniedException"]
    policy = await sdk("iam", "get_user_policy", UserName="backout", PolicyName="rights")
    assert policy["PolicyDocument"]["Statement"][0]["Action"] == list(BOT.rights)


async def test_letters_are_kept_newest_first(aws: Aws, sdk: Sdk) -> None:
    """With their time; an address that nobody verified sends nothing."""
    begun = time.time()
    for number in range(22):
        content = {"Simple": {**LETTER["Content"]["Simple"], "Subject": {"Data": f"News {number}"}}}
        await sdk(
            "sesv2",
            "send_email",
            user=BOT,
            FromEmailAddress=SENDER,
            Destination=LETTER["Destination"],
            Content=content,
        )
    kept = aws.mails()
    assert [each["subject"] for each in kept] == [f"News {n}" for n in range(21, 1, -1)]
    assert (kept[0]["from"], kept[0]["to"]) == (SENDER, ["ceo@aivo.edu"])
    assert kept[0]["text"] == "All well."
    assert begun - 1 <= kept[0]["at"] <= time.time() + 1
    code = await sdk.refusal(
        "sesv2", "send_email", user=BOT, FromEmailAddress="mallory@aivo.edu", **LETTER
    )
    assert code == "MessageRejected"
    assert len(aws.mails()) == 20
    await aws.reset()
    assert aws.mails() == []


async def test_a_raw_letter_is_kept_as_its_text(aws: Aws, sdk: Sdk) -> None:
    """Programs may write the MIME parts themselves."""
    raw = f"From: {SENDER}\r\nTo: cto@aivo.edu\r\nSubject: Raw\r\n\r\nHello.\r\n"
    await sdk("sesv2", "send_email", user=BOT, Content={"Raw": {"Data": raw.encode()}})
    (kept,) = aws.mails()
    assert (kept["to"], kept["subject"], kept["text"].strip()) == (
        ["cto@aivo.edu"],
        "Raw",
        "Hello.",
    )


async def test_reading_a_window_piece_by_piece_is_one_export(aws: Aws, sdk: Sdk) -> None:
    """The gateway has events of the last hours, and whoever keeps them is counted once."""
    now = round(time.time() * 1000)
    begins = [now - 6 * 3_600_000 + piece * 3_600_000 for piece in range(6)]
    found = [
        await sdk(
            "logs",
            "filter_log_events",
            user=BOT,
            logGroupName=GATEWAY,
            startTime=begin,
            endTime=begin + 3_600_000 - 1,
        )
        for begin in begins
    ]
    told = [json.loads(event["message"]) for each in found for event in each["events"]]
    assert 300 < len(told) <= 360
    assert {each["caller"] for each in told} == {"-"}
    await until(lambda: view(aws)["exports"] == 1)


async def test_backups_are_of_the_last_days(aws: Aws, sdk: Sdk) -> None:
    """Their folders have dates, the newest is told, and it is no later than yesterday."""
    listed = await sdk(
        "s3",
        "list_objects_v2",
        user=BOT,
        Bucket=BACKUPS,
        Prefix="user-uploads/",
        Delimiter="/",
    )
    folders = [each["Prefix"] for each in listed["CommonPrefixes"]]
    newest = view(aws)["files"]["prefix"]
    assert len(folders) == 2
    assert max(folders) == newest
    assert newest.split("/")[1] < datetime.now(UTC).date().isoformat()


async def test_actions_that_aws_refuses_are_refused(aws: Aws, sdk: Sdk) -> None:
    """Six groups, or a weight beyond 999, change nothing."""
    listener = aws.addresses()["listener_arn"]
    groups = (await sdk("elbv2", "describe_target_groups"))["TargetGroups"]
    heavy = [{"TargetGroupArn": groups[0]["TargetGroupArn"], "Weight": 1000}]
    code = await sdk.refusal(
        "elbv2",
        "modify_listener",
        user=BOT,
        ListenerArn=listener,
        DefaultActions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": heavy}}],
    )
    assert code == "ValidationError"
    assert [each["percent"] for each in view(aws)["shares"]] == [0, 100]


async def test_the_website_answers_as_the_balancer_does(tmp_path: Path, session: Session) -> None:
    """Shut, the public gets the fixed answer; slow, the figures say so."""
    estate = Estate(data=tmp_path, speed=20)
    aws = Aws(estate.clock)
    estate.parts.all.append(aws)
    async with AsyncExitStack() as block:
        await block.enter_async_context(estate)
        await block.enter_async_context(running(aws))
        http = await block.enter_async_context(ClientSession())
        sdk = block.enter_context(closing(Sdk(session, aws.addresses()["aws_url"])))
        async with http.post(
            f"{estate.url}/estate/api/break", json={"scenario": SLOW_VERSION.id}
        ) as broken:
            assert broken.status == 200
        await until(lambda: estate.traffic.advance().latency_p95 > 3)
        await until(lambda: estate.traffic.advance().error_ratio > 0.03)
        answer = {"StatusCode": "503", "ContentType": "application/json", "MessageBody": "{}"}
        await sdk(
            "elbv2",
            "modify_listener",
            user=BOT,
            ListenerArn=aws.addresses()["listener_arn"],
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": answer}],
        )

        async def is_shut() -> bool:
            async with http.get(estate.health_url) as found:
                return (found.status, await found.text()) == (503, "{}")

        await until(is_shut)
        async with http.post(f"{estate.url}/estate/api/reset", json={}) as reset:
            assert reset.status == 200

        async def is_open() -> bool:
            async with http.get(estate.health_url) as found:
                return found.status == 200

        await until(is_open)
        async with http.get(f"{estate.url}/estate/api/state") as found:
            state = await found.json()
        assert state["aws"]["shares"][1]["percent"] == 100
        assert BREACH.id in [each["id"] for each in state["scenarios"]]


async def test_a_reset_disturbs_nobody_who_asks(aws: Aws, sdk: Sdk) -> None:
    """Every answer in the meantime is that of an account that is whole."""
    resets = asyncio.create_task(_resets(aws))
    while not resets.done():
        found = await sdk("elbv2", "describe_listeners", user=BOT, ListenerArns=[_arn(aws)])
        assert len(found["Listeners"]) == 1
    await resets


async def _resets(aws: Aws) -> None:
    for _ in range(3):
        await aws.reset()


def _arn(aws: Aws) -> str:
    return aws.addresses()["listener_arn"]


async def test_the_command_line_reaches_it(aws: Aws) -> None:
    """The tool that people have: with the bot's key, it reads the listener."""
    program = shutil.which("aws")
    if program is None:
        missing("aws", "AWS's command line")
    process = await asyncio.create_subprocess_exec(
        program,
        "elbv2",
        "describe-listeners",
        "--listener-arns",
        _arn(aws),
        env={
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "AWS_ENDPOINT_URL": aws.addresses()["aws_url"],
            "AWS_ACCESS_KEY_ID": aws.addresses()["aws_key_id"],
            "AWS_SECRET_ACCESS_KEY": aws.addresses()["aws_secret"],
            "AWS_DEFAULT_REGION": aws.addresses()["aws_region"],
        },
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    actions = json.loads(out)["Listeners"][0]["DefaultActions"]
    weights = [each["Weight"] for each in actions[0]["ForwardConfig"]["TargetGroups"]]
    assert weights == [0, 100]


async def test_without_moto_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The part says so once, shows nothing, and offers nothing to break."""
    monkeypatch.setattr(serving, "is_installed", lambda: False)
    part = Aws(Clock())
    await part.start()
    await part.reset()
    assert (part.state(), part.scenarios, dict(part.addresses())) == (None, (), {})
    assert not part.disturbance().errors
    await part.stop()
    assert len([each for each in caplog.records if "not installed" in each.message]) == 1


async def test_the_newest_server_counts(aws: Aws, sdk: Sdk) -> None:
    """Another one in this process has its own patience; closed, the first one goes on as before."""
    other = Server(Progress())
    await asyncio.to_thread(other.open)
    await asyncio.to_thread(other.close)
    await aws.reset()
    await sdk(
        "rds",
        "create_db_snapshot",
        user=users.BOT,
        DBInstanceIdentifier="aivo-prod-primary",
        DBSnapshotIdentifier="kept",
    )
    for _ in range(3):
        found = await sdk("rds", "describe_db_snapshots", DBSnapshotIdentifier="kept")
        assert found["DBSnapshots"][0]["Status"] == "creating", "it goes by the estate's clock"
