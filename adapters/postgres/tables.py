"""Names of tables, and keys of rows, as people write them: `public.grades`.

Called by the actions that take tables.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from adapters.values import Names
from config.models.base import Model

NAME = r"^[^.\s\"]+\.[^.\s\"]+$"

Table = Annotated[str, Field(pattern=NAME, max_length=127)]
"""One table with its schema."""


def parts(table: str) -> tuple[str, str]:
    """Return schema and name."""
    schema, _, name = table.partition(".")
    return schema, name


def _whole(tables: tuple[str, ...]) -> tuple[str, ...]:
    for each in tables:
        schema, name = parts(each)
        if not (schema and name and "." not in name):
            raise ValueError(f"{each} is no table's whole name: write schema.table")
    return tables


Tables = Annotated[Names, AfterValidator(_whole)]
"""Several tables with their schemas; a single one may be given without brackets."""


def _key_of(value: Any) -> Any:
    """Take a single value as a key of one column; numbers as their text."""
    every = value if isinstance(value, list | tuple) else (value,)
    if any(isinstance(each, bool) or not isinstance(each, str | int) for each in every):
        raise ValueError("a key is a text or a whole number, or a list of them, one a column")
    return tuple(str(each) for each in every)


RowKey = Annotated[tuple[str, ...], BeforeValidator(_key_of), Field(min_length=1)]


class CopiedTable(Model):
    """One table, and which of its rows."""

    table: Table = Field(description="`schema.table`, the same in both databases.")
    keys: Annotated[
        tuple[RowKey, ...],
        Field(
            min_length=1,
            description="Primary keys; of several columns as lists, in the table's order.",
        ),
    ]
