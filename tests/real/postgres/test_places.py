"""Databases asked at another host than their DSN's, on a real PostgreSQL."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from flows.actions import Holds, PermanentError
from tests.adapters.fakes import FakeContext, system_for
from tests.adapters.uses import Use
from tests.real.postgres.schools import School

pytestmark = pytest.mark.real

Within = Callable[..., FakeContext]
Uses = Callable[..., Use]
Json = Any
HOST = "127.0.0.1"
COUNT = "SELECT count(*) FROM students"


class Trap:
    """Somebody else's server: whoever connects to it would tell it the password."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.port: int = line.getsockname()[1]

    def untouched(self) -> bool:
        """Say whether nobody has connected."""
        try:
            found, _ = self._line.accept()
        except BlockingIOError:
            return True
        found.close()
        return False


@pytest.fixture
def trap() -> Iterator[Trap]:
    """A server that listens, and no more."""
    with socket.create_server((HOST, 0)) as line:
        line.setblocking(False)
        yield Trap(line)


def allowing(context: FakeContext, *hosts: str) -> FakeContext:
    """Let the database `main` be asked at these hosts."""
    context.system = system_for(databases={"main": {"dsn": "env:MAIN", "hosts": list(hosts)}})
    return context


@pytest.fixture(params=["host", "hosts", "hostaddr", "service", "environment"])
def mislead(
    request: pytest.FixtureRequest, trap: Trap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """Give a DSN that leads to the trap, in one of libpq's ways, with the same credentials."""
    ways: dict[str, dict[str, Json]] = {
        "host": {"host": HOST, "port": trap.port},
        "hosts": {"host": f"{HOST},localhost", "port": f"{trap.port},{trap.port}"},
        "hostaddr": {"host": "db.example", "hostaddr": HOST, "port": trap.port},
        "service": {"service": "old"},
        "environment": {},
    }
    service = tmp_path / "services.conf"
    service.write_text(f"[old]\nhost=db.example\nhostaddr={HOST}\nport={trap.port}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    if request.param == "environment":
        monkeypatch.setenv("PGHOSTADDR", HOST)
        monkeypatch.setenv("PGPORT", str(trap.port))

    def make(dsn: str) -> str:
        kept = {k: v for k, v in conninfo_to_dict(dsn).items() if k not in ("host", "port")}
        return make_conninfo("", **kept, **ways[request.param])

    return make


async def test_only_the_given_host_is_asked(
    main: School, within: Within, use: Uses, trap: Trap, mislead: Callable[[str], str]
) -> None:
    """However the DSN says where it leads: the credentials go to the given host alone."""
    context = allowing(within(main=mislead(main.keeper_dsn)), HOST)
    main.superuser("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {keeper}")
    asked = {"database": "main", "host": f"{HOST}:{main.server.port}", "query": COUNT}
    verdict = await use(context, "postgres.query_check", **asked).verify()
    assert isinstance(verdict, Holds)
    assert verdict.output["value"] == 3
    assert trap.untouched()


LOOKS: list[tuple[str, dict[str, Json]]] = [
    ("postgres.ready", {}),
    ("postgres.query_check", {"query": COUNT}),
    ("postgres.integrity_check", {}),
    ("postgres.wait_quiescent", {"roles": ["postgres"], "times": 1}),
]
CHANGES: list[tuple[str, dict[str, Json]]] = [
    ("postgres.terminate_sessions", {"roles": ["postgres"]}),
    ("postgres.set_read_only", {"roles": ["postgres"]}),
    ("postgres.dump", {}),
]


@pytest.mark.parametrize("hosts", [(), ("db.example", "*.db.example")])
async def test_no_other_host_gets_the_password(
    main: School, within: Within, use: Uses, trap: Trap, hosts: tuple[str, ...]
) -> None:
    """A host that somebody typed and the connection does not allow is not even connected to."""
    context = allowing(within(main=main.keeper_dsn), *hosts)
    named = {"database": "main", "host": f"{HOST}:{trap.port}"}
    for uses, inputs in LOOKS:
        with pytest.raises(PermanentError, match=r"databases\.main\.hosts"):
            await use(context, uses, **named, **inputs).verify()
    for uses, inputs in CHANGES:
        with pytest.raises(PermanentError, match=r"databases\.main\.hosts"):
            await use(context, uses, **named, **inputs).preview()
    assert trap.untouched()


async def test_roles_are_made_read_only_at_the_host_and_write_again(
    main: School, within: Within, use: Uses, trap: Trap
) -> None:
    """The record keeps the host, so that the way back leads there as well."""
    rights = (
        "GRANT pg_read_all_stats, pg_signal_backend TO {keeper}; ALTER ROLE {keeper} CREATEROLE"
    )
    main.superuser(rights)
    parts = conninfo_to_dict(main.keeper_dsn)
    context = allowing(within(main=make_conninfo("", **{**parts, "port": trap.port})), HOST)
    host = f"{HOST}:{main.server.port}"
    shut = use(
        context, "postgres.set_read_only", "shut", database="main", host=host, roles=[main.app]
    )
    await shut.apply()
    assert isinstance(await shut.outcome(), Holds)
    asked = "SHOW default_transaction_read_only"
    assert main.base.execute(asked, dsn=main.app_dsn) == [("on",)]
    again = use(context, "postgres.clear_read_only", "open", from_step="shut")
    await again.apply()
    assert isinstance(await again.outcome(), Holds)
    assert main.base.execute(asked, dsn=main.app_dsn) == [("off",)]
    assert trap.untouched()


async def test_a_dump_is_taken_at_the_host(
    main: School, within: Within, use: Uses, trap: Trap
) -> None:
    """pg_dump, which has a connection of its own, is led there as well."""
    main.superuser("GRANT pg_read_all_data TO {keeper}")
    parts = conninfo_to_dict(main.keeper_dsn)
    dsn = make_conninfo("", **{**parts, "hostaddr": HOST, "port": trap.port})
    context = allowing(within(main=dsn), HOST)
    host = f"{HOST}:{main.server.port}"
    dump = use(context, "postgres.dump", database="main", host=host, tables=["public.students"])
    await dump.apply()
    assert isinstance(await dump.outcome(), Holds)
    assert trap.untouched()
