"""What a plan changes fits on a phone, and hides nothing without saying so."""

from dataclasses import replace

from bot.views.plans import change_lines, pair, step_change_lines
from flows.plans import PlannedChange
from flows.states import State
from tests.bot import story

RELEASE = PlannedChange(subject="release aivo-platform", before="revision 42", after="revision 41")


def image(name: str, before: str = "2.15.0", after: str = "2.14.2") -> PlannedChange:
    """Return the change of a deployment's image."""
    repository = f"registry.example:5000/aivo/{name}"
    return PlannedChange(
        subject=f"Deployment/{name} image",
        before=f"{repository}:{before}",
        after=f"{repository}:{after}",
    )


def test_changes_of_one_kind_are_counted() -> None:
    """Eighteen images that change alike are one phrase, not eighteen lines."""
    changes = (RELEASE, *(image(f"service-{number}") for number in range(18)))
    step = story.step("rollback", "Roll back", State.RESTORE, effect="changes", changes=changes)
    assert change_lines(story.plan(steps=(step,)))[0] == (
        "• Roll back: release aivo-platform revision 42 → *revision 41*; "
        "18 × Deployment image 2.15.0 → *2.14.2*"
    )


def test_what_changes_differently_stands_by_itself() -> None:
    """One image that goes elsewhere is not lost among the others."""
    changes = (image("a"), image("b"), image("c", after="2.13.9"))
    step = story.step("rollback", "Roll back", State.RESTORE, effect="changes", changes=changes)
    assert step_change_lines(step) == [
        "• 2 × Deployment image 2.15.0 → *2.14.2*",
        "• Deployment/c image 2.15.0 → *2.13.9*",
    ]


def test_what_is_left_out_is_counted() -> None:
    """Of many kinds of changes the first are shown, the others counted."""
    changes = tuple(
        PlannedChange(subject=f"flag {number}", before="off", after="on") for number in range(9)
    )
    step = story.step("flags", "Set flags", State.RESTORE, effect="changes", changes=changes)
    assert change_lines(story.plan(steps=(step,)))[0].endswith("6 more changes (View plan)")
    assert step_change_lines(step)[-1] == "… and 4 more changes: View plan"


def test_another_repository_is_shown_whole() -> None:
    """Only a mere change of the tag is shortened; where an image comes from is never hidden."""
    moved = replace(image("a"), after="elsewhere.example/a:2.14.2")
    assert "*elsewhere.example/a:2.14.2*" in pair(moved)
