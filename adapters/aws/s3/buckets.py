"""Files in a bucket, which every replica reaches: written once, by a condition that S3 checks.

Implements `flows.files.Files`; made by `bot.stores`.  Who asks, in which region and where is found
by AWS's SDK itself (AWS_PROFILE, a pod's role, AWS_ENDPOINT_URL, …); how the bucket encrypts is its
own policy.  A store that calls itself compatible with S3 and ignores the condition is looked at
before and after writing: only two writers at the very same instant can deceive it.
"""

import base64
import hashlib
import importlib
from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar

from adapters.aws.errors import BUSY, CREDENTIALS, TOO_FAST, told
from flows.engine import AwayError
from flows.files import FilesError, Kept, kept_as, proper

SCHEME = "s3://"
CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
ATTEMPTS = 3  # every call may be repeated: a condition guards the one that writes
T = TypeVar("T")


class TakenError(Exception):
    """There is an object under this key already."""


class BucketFiles:
    """The objects below `s3://bucket/prefix`."""

    def __init__(self, place: str) -> None:
        bucket, _, prefix = place.removeprefix(SCHEME).partition("/")
        prefix = prefix.strip("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._lock = Lock()  # the SDK's sessions are not made for several threads

    @property
    def place(self) -> str:
        """The bucket and the prefix."""
        return f"{SCHEME}{self._bucket}/{self._prefix}".rstrip("/")

    def put(self, name: str, content: bytes) -> bool:
        """Keep it where the name is free, and say whether it was."""
        if self.find(name) is not None:
            return False
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()

        def write(client: Any) -> None:
            client.put_object(
                **self._object(name),
                Body=content,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=digest,
                IfNoneMatch="*",
            )

        try:
            self._ask("s3:PutObject", write)
        except TakenError:
            return False
        return self.find(name) == kept_as(name, content)

    def find(self, name: str) -> Kept | None:
        """Return what is under a name, or None; the hash is S3's own where it has one."""

        def look(client: Any) -> Kept:
            seen = client.head_object(**self._object(name), ChecksumMode="ENABLED")
            checksum = seen.get("ChecksumSHA256", "")
            if not checksum or seen.get("ChecksumType") == "COMPOSITE":
                return kept_as(name, self._content(client, name))
            digest = base64.b64decode(checksum).hex()
            return Kept(name=name, sha256=digest, size=seen["ContentLength"])

        return self._ask("s3:GetObject", look)

    def read(self, name: str) -> bytes | None:
        """Return the content, or None where there is none."""
        return self._ask("s3:GetObject", lambda client: self._content(client, name))

    def names(self, below: str = "") -> tuple[str, ...]:
        """Return the names below a folder, or all, sorted."""
        folder = f"{self._prefix}{proper(below)}/" if below else self._prefix

        def look(client: Any) -> list[str]:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=folder
            )
            return [each["Key"] for page in pages for each in page.get("Contents", ())]

        keys = self._ask("s3:ListBucket", look) or []
        return tuple(sorted(key.removeprefix(self._prefix) for key in keys))

    def remove(self, name: str) -> bool:
        """Forget an object, and say whether it was there; what else keeps versions still has it."""
        if self.find(name) is None:
            return False
        self._ask("s3:DeleteObject", lambda client: client.delete_object(**self._object(name)))
        return True

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + proper(name)}

    def _content(self, client: Any, name: str) -> bytes:
        answer = client.get_object(**self._object(name))["Body"]
        with answer:
            return bytes(answer.read())

    @cached_property
    def _session(self) -> Any:
        try:
            return importlib.import_module("botocore.session").Session()
        except ModuleNotFoundError as error:
            raise FilesError(
                f"{self.place} needs AWS's SDK: install it with `pip install backout[aws]`."
            ) from error

    def _client(self) -> Any:
        with self._lock:
            session = self._session
            config = importlib.import_module("botocore.config").Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=ANSWER_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                user_agent_extra="backout",
            )
            return session.create_client("s3", config=config)

    def _ask(self, right: str, ask: Callable[[Any], T]) -> T | None:
        """Ask with a client of its own; None where the object is not there.

        Raises `TakenError`, `FilesError` and `AwayError`, none of which tells a credential.
        """
        sdk: Any = importlib.import_module("botocore.exceptions") if self._session else None
        unread: Any = importlib.import_module("botocore.parsers").ResponseParserError
        try:
            client = self._client()
            try:
                return ask(client)
            finally:
                client.close()
        except sdk.ClientError as error:
            answer = error.response
            status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
            said = answer.get("Error", {})
            self._refuse(
                right, status, str(said.get("Code", status)), told(str(said.get("Message", "")))
            )
            return None
        except (sdk.NoCredentialsError, sdk.PartialCredentialsError) as error:
            raise FilesError(
                f"Nothing says who asks for {self.place}: give the bot a role, or set AWS_PROFILE."
            ) from error
        except (
            sdk.HTTPClientError,
            sdk.ConnectionError,
            sdk.IncompleteReadError,
            unread,
        ) as error:
            raise AwayError(f"{self.place} does not answer: {told(str(error))}") from error
        except sdk.BotoCoreError as error:
            raise FilesError(f"{self.place} can't be asked: {told(str(error))}") from error

    def _refuse(self, right: str, status: int, code: str, message: str) -> None:
        """Return for what is not there; raise what any other refusal means."""
        if code == "NoSuchBucket":
            raise FilesError(f"There is no bucket {self._bucket}: see BACKOUT_EVIDENCE.")
        if status == 404:
            return
        if status == 412 or code == "PreconditionFailed":
            raise TakenError
        if code in CREDENTIALS:
            raise FilesError(f"{self.place} does not accept the bot's credentials ({code}).")
        if status in (401, 403):
            raise FilesError(
                f"The bot may not do {right} in {self.place}: grant its role s3:PutObject, "
                "s3:GetObject and s3:ListBucket there (without the last one, S3 refuses to say "
                "that something is not there)." + (f" S3 says: {message}" if message else "")
            )
        if status == 501:
            raise FilesError(
                f"{self.place} can't write on the condition that a name is free ({code}): evidence "
                "needs a store that can (If-None-Match)."
            )
        if status in (409, 429) or status >= 500 or code in TOO_FAST | BUSY:
            raise AwayError(f"{self.place} does not take {right} now ({status}, {code}): {message}")
        raise FilesError(f"{self.place} refuses {right} ({status}, {code}): {message}")
