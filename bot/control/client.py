"""The command line's end of the door.  Used by `bot.cli.ordering`."""

from pathlib import Path
from typing import TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

from bot.control.orders import RUNS, SOCKET, Answer, OpenRun, OpenRuns, Order, Word

ANSWERS_WITHIN = aiohttp.ClientTimeout(total=30.0)
OK = 200
Body = TypeVar("Body", bound=BaseModel)


class DoorError(Exception):
    """The bot can't be reached through its door.  The message says what to do."""


class DoorClient:
    """Talks to the bot that runs on a data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data

    async def runs(self) -> tuple[OpenRun, ...]:
        """Return the open incidents.  Raises `DoorError`."""
        found = await self._ask("GET", RUNS, None, OpenRuns)
        if isinstance(found, Answer):
            raise DoorError(found.text)
        return found.runs

    async def order(self, word: Word, order: Order) -> Answer:
        """Have something done.  Raises `DoorError`."""
        return await self._ask("POST", word.value, order, Answer)

    async def _ask(
        self, method: str, path: str, order: Order | None, kind: type[Body]
    ) -> Body | Answer:
        body = order.dump() if order else None
        connector = aiohttp.UnixConnector(path=str(self._data / SOCKET))
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=ANSWERS_WITHIN) as session,
                session.request(method, f"http://backout/{path}", json=body) as response,
            ):
                said = await response.read()
                return (kind if response.status == OK else Answer).model_validate_json(said)
        except (aiohttp.ClientError, TimeoutError, OSError, ValidationError) as error:
            raise DoorError(self._unreachable(error)) from None

    def _unreachable(self, error: Exception) -> str:
        cause = getattr(error, "os_error", error)
        match cause:
            case FileNotFoundError() | ConnectionRefusedError():
                return (
                    f"no bot is running on {self._data}: start it with `backout serve`, or set "
                    "BACKOUT_DATA to the folder of the one that runs"
                )
            case PermissionError():
                return f"the bot on {self._data} lets only its own user in: run this as that user"
            case _:
                return (
                    f"the bot on {self._data} gave no answer ({type(cause).__name__}): look with "
                    "`backout show` whether it was done, then try again"
                )
