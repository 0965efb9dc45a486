"""What to do is decided from what is, not from what was when somebody declared."""

from dataclasses import replace
from datetime import timedelta

import pytest

from flows import events
from flows.commands import Command, GatherFacts, Propose
from flows.decisions import decide
from flows.events import Actor, Event, Question, Recorded
from flows.runs import Run
from tests.flows.bench import declaration
from tests.flows.test_gates import START

SEEN = events.FactObserved(fact="availability", title="Availability", value=91, shown="", ok=True)
QUESTIONS = tuple(Question(id=each, text=f"{each}?") for each in ("security", "data"))


def told(run: Run | None, event: Event, *, after: float) -> tuple[Run, tuple[Command, ...]]:
    """Tell a run of an event, so many seconds after the declaration."""
    at, actor = START + timedelta(seconds=after), Actor(id="marcus", name="Marcus Rodriguez")
    seq = run.seq + 1 if run else 1
    return decide(run, Recorded(seq=seq, at=at, actor=actor, event=event))


def looked_at() -> Run:
    """Return a run whose facts were seen a second after the declaration; two questions wait."""
    event = replace(declaration("INC-1"), questions=QUESTIONS, answers={})
    run, _ = told(None, event, after=0)
    run, _ = told(run, SEEN, after=1)
    run, _ = told(run, events.FactsGathered(), after=1)
    return run


@pytest.mark.parametrize(("after", "wanted"), [(3, Propose()), (40, GatherFacts())])
def test_the_last_answer_looks_again_where_the_facts_are_old(after: float, wanted: Command) -> None:
    """An outage that grew while people thought is seen before anything is proposed."""
    run, _ = told(looked_at(), events.QuestionAnswered(question="data", answer=False), after=after)
    _, commands = told(
        run, events.QuestionAnswered(question="security", answer=False), after=after + 1
    )
    assert commands == (wanted,)


def test_an_open_question_does_not_wait_for_a_look() -> None:
    """While questions are open, an answer is judged at once: a yes may settle it."""
    answer = events.QuestionAnswered(question="security", answer=True)
    _, commands = told(looked_at(), answer, after=40)
    assert commands == (Propose(),)


def test_the_new_look_is_what_the_matrix_is_asked_about() -> None:
    """When the second look is in, the matrix is asked, as after the first."""
    run = looked_at()
    for question in ("security", "data"):
        event = events.QuestionAnswered(question=question, answer=False)
        run, _ = told(run, event, after=40)
    run, _ = told(run, replace(SEEN, value=84, ok=False), after=41)
    run, commands = told(run, events.FactsGathered(), after=41)
    assert run.facts["availability"].value == 84
    assert commands == (Propose(),)
