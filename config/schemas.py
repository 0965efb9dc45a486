"""JSON Schemas of the YAML files, for editors.

`write_all` generates config/schemas/; a test compares, so that editors and loader never disagree.
The first line of every YAML file of ours names its schema.
"""

import json
from pathlib import Path
from typing import Any

from config.models.base import Model
from config.models.people import People
from config.models.policies import Policy
from config.models.procedures import Procedure
from config.models.requirements import Requirements
from config.models.systems import System

FOLDER = Path(__file__).parent / "schemas"
KINDS: dict[str, type[Model]] = {
    "system": System,
    "people": People,
    "policy": Policy,
    "procedure": Procedure,
    "requirements": Requirements,
}


def schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file, which is one of `KINDS`."""
    made = KINDS[kind].model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Backout {kind}",
        **{key: value for key, value in made.items() if key != "title"},
    }


def text(kind: str) -> str:
    """Return a schema as it stands in its file."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


def write_all(folder: Path = FOLDER) -> None:
    """Write the schema of every kind into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (folder / f"{kind}.json").write_text(text(kind), encoding="utf-8")


if __name__ == "__main__":
    write_all()
