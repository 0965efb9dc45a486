"""requirements.yaml: the ids that `covers` may name."""

import shutil
from pathlib import Path

import pytest

from adapters.registry import ActionRegistry
from config.checks import check
from config.loader import load_system
from config.places import ConfigurationError
from config.settings import PACKAGED


@pytest.fixture
def aivo(tmp_path: Path) -> Path:
    """A copy of AIVO's files, to be broken."""
    return Path(shutil.copytree(PACKAGED / "aivo", tmp_path / "aivo"))


def change(folder: Path, before: str, after: str) -> None:
    """Change the list of requirements."""
    file = folder / "requirements.yaml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_an_id_that_is_not_listed_is_named_with_its_place(aivo: Path) -> None:
    """An entry that claims to meet what nobody asked for is a mistake of typing."""
    change(aivo, "  AIVO-M7:", "  AIVO-M77:")
    (problem,) = [each for each in check(load_system(aivo), ActionRegistry()) if "M7" in str(each)]

    assert "requirements.yaml has no `AIVO-M7`" in problem.message
    assert "policy.yaml" in problem.place.path
    assert "AIVO-M" in problem.hint


def test_a_system_may_do_without_a_list(aivo: Path) -> None:
    """Then any id of a known form is taken as it is."""
    (aivo / "requirements.yaml").unlink()
    bundle = load_system(aivo)

    assert bundle.requirements is None
    assert not [each for each in check(bundle, ActionRegistry()) if "requirements" in each.message]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('  AIVO-G2: "about', '  AIVO-G20: "about', "`left_out` names AIVO-G20"),
        ("  FLOW: Flows\n", "", "`families` has no name for FLOW"),
        ("  AIVO-R5:", "  R5:", "AIVO"),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(
    aivo: Path, before: str, after: str, said: str
) -> None:
    """Reasons for ids that are not there, and ids of no form, are told with their place."""
    change(aivo, before, after)

    with pytest.raises(ConfigurationError) as caught:
        load_system(aivo)
    assert "requirements.yaml" in str(caught.value.problems[0])
    assert said in str(caught.value) or "R5" in str(caught.value)
