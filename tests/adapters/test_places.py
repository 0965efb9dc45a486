"""Where databases may be asked: which hosts, and what becomes of a DSN that leads elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from adapters.postgres import places
from adapters.postgres.places import DatabaseInputs, Place
from config.models.connections import DatabaseConnection
from flows.actions import PermanentError

Json = Any
NEW = "new.abc.example"


def connection(*hosts: str) -> DatabaseConnection:
    """Return a connection that allows these hosts."""
    return DatabaseConnection(dsn="env:DSN", hosts=hosts)


def led(host: str, parts: dict[str, str], *hosts: str) -> dict[str, str]:
    """Return where a DSN's parts lead with a host."""
    return places.at(Place(name="recovered", host=host), connection(*hosts), parts)


@pytest.mark.parametrize(
    ("host", "pattern"),
    [
        (NEW, NEW),
        (NEW, "*.abc.example"),
        (NEW, "n?w.abc.example"),
        ("NEW.ABC.example", "*.abc.example"),
        (NEW, "*.ABC.Example"),
        (f"{NEW}:5433", "*.abc.example"),
        ("127.0.0.1:5433", "127.0.0.1"),
        ("[::1]:5433", "::1"),
        ("[::1]", "::1"),
    ],
)
def test_allowed_hosts(host: str, pattern: str) -> None:
    """Names and patterns count whatever their case, without the port."""
    assert led(host, {}, "other.example", pattern)["host"].lower() in (NEW, "127.0.0.1", "::1")


@pytest.mark.parametrize(
    ("host", "patterns"),
    [
        (NEW, ()),
        ("abc.example", ("*.abc.example",)),
        ("new.abc.example.attacker.net", ("*.abc.example",)),
        ("newabc.example", ("*.abc.example",)),
        ("127.0.0.2", ("127.0.0.1",)),
        ("[::2]", ("::1",)),
    ],
)
def test_other_hosts(host: str, patterns: tuple[str, ...]) -> None:
    """What no pattern allows is refused, with what to do."""
    with pytest.raises(PermanentError, match=r"may not be sent to .*databases\.recovered\.hosts"):
        led(host, {"password": "secret"}, *patterns)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "a.example,b.example",
        "a.example b.example",
        "/var/run/postgresql",
        "@abstract",
        "a.example:0",
        "a.example:70000",
        "a.example:5432,5433",
        "user:word@a.example",
        "a.example/db",
        "a.example'",
        "a.example\n",
        "-a.example",
        "a.example.",
        "{{ host }}",
    ],
)
def test_no_hosts(host: str) -> None:
    """Several hosts, a socket's folder, an address with credentials: none of them is a host."""
    with pytest.raises(ValidationError, match="it is no host"):
        DatabaseInputs(database="recovered", host=host)


def test_a_captured_host_is_checked_again() -> None:
    """What a journal holds is not trusted more than what people write."""
    with pytest.raises(PermanentError, match="is no host"):
        led("a.example,b.example", {}, "a.example")


@pytest.mark.parametrize(
    ("parts", "port"),
    [
        ({"host": "old.example"}, "5432"),
        ({"host": "old.example", "port": "6432"}, "6432"),
        ({"host": "a.example,b.example", "port": "6432,6433"}, "5432"),
        ({"host": "old.example", "hostaddr": "10.0.0.1"}, "5432"),
        ({"hostaddr": "10.0.0.1,10.0.0.2"}, "5432"),
        ({"service": "old"}, "5432"),
    ],
)
def test_nothing_of_the_old_address_is_left(parts: dict[str, str], port: str) -> None:
    """One host, one port, no address beside it; credentials and TLS stay."""
    kept = {"user": "backout", "password": "secret", "sslmode": "verify-full"}
    found = led(NEW, {**parts, **kept}, NEW)
    assert (found["host"], found["hostaddr"], found["port"]) == (NEW, "", port)
    assert kept.items() <= found.items()
    assert led(f"{NEW}:7000", {**parts, **kept}, NEW)["port"] == "7000"


def test_without_a_host_the_dsn_is_as_it_is() -> None:
    """Several hosts of a DSN's own are its own affair."""
    parts = {"host": "a.example,b.example", "port": "1,2", "hostaddr": "10.0.0.1,10.0.0.2"}
    assert places.at(Place(name="recovered"), connection(), parts) == parts


@pytest.mark.parametrize(
    "pattern",
    ["", "*", "aivo*", "*.*", "10.0.*", "*.", "*example", "a b.example", "a.example,b.example"],
)
def test_patterns_that_allow_too_much(pattern: str) -> None:
    """Behind the last wildcard stands a whole domain, so that nobody else can have the rest."""
    with pytest.raises(ValidationError):
        connection(pattern)
