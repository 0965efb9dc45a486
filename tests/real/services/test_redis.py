"""The bench's Redis: passwords, users with few rights, TLS, persistence."""

from __future__ import annotations

import pytest
import redis

from tests.real.services.redis import RedisServer

pytestmark = pytest.mark.real


def test_a_value_is_written_in_one_database_only(redis_store: RedisServer) -> None:
    """The numbered databases are apart."""
    with redis_store.client(0) as first, redis_store.client(1) as second:
        first.set("session:1", "open")
        assert first.get("session:1") == "open"
        assert second.get("session:1") is None


def test_every_test_begins_empty(redis_store: RedisServer) -> None:
    """Nothing of another test is there."""
    with redis_store.client() as client:
        assert client.info("keyspace") == {}
        assert client.acl_users() == ["default"]


def test_nobody_comes_in_without_the_password(redis_store: RedisServer) -> None:
    """A client without it, and one with a wrong one, are refused in Redis' own words."""
    with (
        redis_store.client(password="") as stranger,
        pytest.raises(redis.AuthenticationError, match="already authenticated"),
    ):
        stranger.ping()
    with (
        redis_store.client(password="wrong") as guesser,
        pytest.raises(redis.AuthenticationError, match="invalid username-password"),
    ):
        guesser.ping()


def test_a_user_is_refused_what_it_may_not_do(redis_store: RedisServer) -> None:
    """A user that may only read its own keys can't flush."""
    with redis_store.client() as admin:
        admin.acl_setuser(
            "reader", enabled=True, passwords=["+secret"], categories=["+@read"], keys=["shop:*"]
        )
        admin.set("shop:1", "open")
    with redis_store.client(user="reader", password="secret") as reader:
        assert reader.get("shop:1") == "open"
        with pytest.raises(redis.exceptions.NoPermissionError):
            reader.flushdb()


def test_tls_needs_the_right_authority(redis_store: RedisServer) -> None:
    """The TLS port answers whoever trusts its authority, and others refuse it."""
    url = redis_store.url(tls=True)
    trusting = redis.Redis.from_url(
        url, password=redis_store.password, ssl_ca_certs=str(redis_store.authority)
    )
    with trusting:
        assert trusting.ping()
    with (
        redis.Redis.from_url(url, password=redis_store.password) as doubting,
        pytest.raises(redis.ConnectionError, match="certificate verify failed"),
    ):
        doubting.ping()


def test_what_was_written_survives_a_stop(redis_store: RedisServer) -> None:
    """While it is down connections are refused; afterwards its keys are there again."""
    with redis_store.client() as client:
        client.set("session:1", "open")
        with redis_store.down(), pytest.raises(redis.ConnectionError, match="refused"):
            client.get("session:1")
        assert client.get("session:1") == "open"


def test_a_message_reaches_its_subscribers(redis_store: RedisServer) -> None:
    """PUBLISH counts who listens, and the message arrives."""
    with redis_store.client() as client, client.pubsub() as listening:
        listening.subscribe("news")
        assert listening.get_message(timeout=5)["type"] == "subscribe"
        assert client.publish("news", "maintenance") == 1
        assert listening.get_message(timeout=5)["data"] == "maintenance"
        assert client.publish("nobody", "listens") == 0
