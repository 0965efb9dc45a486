"""JSON Schemas for editors: generated, committed, and named by every YAML file."""

import json
from pathlib import Path

import pytest

from config import schemas
from config.settings import PACKAGED


@pytest.mark.contract
@pytest.mark.parametrize("kind", list(schemas.KINDS))
def test_the_committed_schema_is_the_generated_one(kind: str) -> None:
    """After a change of the models `python -m config.schemas` must have been run."""
    committed = (schemas.FOLDER / f"{kind}.json").read_text(encoding="utf-8")
    assert committed == schemas.text(kind), "run: python -m config.schemas"


def test_schemas_are_written_into_any_folder(tmp_path: Path) -> None:
    """Someone with systems of their own can have the schemas beside them."""
    schemas.write_all(tmp_path / "schemas")
    written = {path.name for path in (tmp_path / "schemas").iterdir()}
    assert written == {f"{kind}.json" for kind in schemas.KINDS}


@pytest.mark.contract
def test_every_yaml_file_names_its_schema() -> None:
    """The first line leads an editor to the right schema, by a relative path that exists."""
    files = sorted(PACKAGED.glob("*/**/*.yaml"))
    assert files
    for path in files:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        start = "# yaml-language-server: $schema="
        assert first.startswith(start), path
        target = (path.parent / first.removeprefix(start)).resolve()
        kind = "procedure" if path.parent.name == "procedures" else path.stem
        assert target == (schemas.FOLDER / f"{kind}.json").resolve(), path


def test_unknown_keys_are_refused_by_the_schema_too() -> None:
    """An editor marks a misspelt key while it is typed."""
    made = schemas.schema("procedure")
    assert made["additionalProperties"] is False
    assert made["$defs"]["Step"]["additionalProperties"] is False


def test_a_schema_speaks_the_words_of_the_files() -> None:
    """Keys are those of the YAML (`with`, `class`), and durations are `5m`, not ISO 8601."""
    made = schemas.schema("procedure")
    assert {"class", "validate", "restore"} <= set(made["properties"])
    assert "with" in made["$defs"]["Step"]["properties"]
    assert '"format": "duration"' not in json.dumps(made)
