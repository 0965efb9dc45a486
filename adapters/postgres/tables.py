"""Names of tables as people write them: `public.grades`.

Called by the actions that take tables.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from adapters.values import Names

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
