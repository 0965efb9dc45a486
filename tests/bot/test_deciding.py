"""What identified people may do, whatever the surface: the word counts, or a sentence says why."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.deciding import Deciding, Reply, Requester
from flows import events
from flows.embedded import EmbeddedEngine
from flows.gates import PLAN_SCOPE, Person, Verb
from flows.objections import Asked
from tests.bot import approving, story

NOBODY = Person(id="somebody", name="Some Body")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    """A journal in which a plan waits for approval."""
    opened = approving.waiting(tmp_path, approving.Clock())
    yield opened
    opened.close()


@pytest.fixture
def deciding(engine: EmbeddedEngine) -> Deciding:
    """What decides about it."""
    return Deciding(engine, approving.bundles())


def asking(person: Person, event: str = "e1", via: str = "test") -> Requester:
    """Return a person who asks."""
    return Requester(person=person, event=event, via=via)


def decide(
    deciding: Deciding, requester: Requester, digest: str, verb: Verb = Verb.APPROVE
) -> Reply | None:
    """Say a word on the plan."""
    run = deciding.engine.run(approving.INCIDENT)
    assert run is not None
    return deciding.decide(run, verb, requester, scope=PLAN_SCOPE, digest=digest, reason="no")


def test_an_approval_counts_once(deciding: Deciding, engine: EmbeddedEngine) -> None:
    """A lead's word on the plan's first characters starts it; the same request again is silent."""
    before = approving.current(engine)
    digest = approving.digest(engine)
    first = decide(deciding, asking(story.JENNIFER), digest[:8])
    assert first is not None
    assert first.done
    again = deciding.decide(
        before, Verb.APPROVE, asking(story.JENNIFER), scope=PLAN_SCOPE, digest=digest
    )
    assert again is None
    assert [each.person.id for each in approving.current(engine).decisions] == ["jennifer-liu"]


@pytest.mark.parametrize(
    ("person", "digest", "said"),
    [
        (story.DAVID, None, "it needs *"),
        (NOBODY, None, "it needs *"),
        (story.MARCUS, None, "somebody else must agree"),
        (story.JENNIFER, "0123456789abcdef", "older plan"),
        (story.JENNIFER, "", "older plan"),
    ],
    ids=["other role", "no role", "declarer", "other digest", "no digest"],
)
def test_a_word_that_can_not_count_changes_nothing(
    deciding: Deciding, engine: EmbeddedEngine, person: Person, digest: str | None, said: str
) -> None:
    """Whoever may not, or means another plan, is told why, and the journal stays as it was."""
    before = approving.current(engine).seq
    given = approving.digest(engine) if digest is None else digest
    reply = decide(deciding, asking(person), given)
    assert reply is not None
    assert not reply.done
    assert said in reply.text
    assert approving.current(engine).seq == before


def test_one_denial_ends_it(deciding: Deciding, engine: EmbeddedEngine) -> None:
    """A denial goes back to assessing, and a word after it finds no plan."""
    digest = approving.digest(engine)
    denied = decide(deciding, asking(story.ALEX), digest, Verb.DENY)
    assert denied is not None
    assert denied.done
    late = decide(deciding, asking(story.JENNIFER, "e2"), digest)
    assert late is not None
    assert not late.done


@pytest.mark.parametrize(
    "asked",
    [events.AbortAsked(reason="false alarm"), events.PlanAsked(procedure=None)],
    ids=["abort", "plan"],
)
def test_only_who_controls_steers(deciding: Deciding, engine: EmbeddedEngine, asked: Asked) -> None:
    """Steering takes one of the roles that the policy names; the others learn which."""
    run = approving.current(engine)
    reply = deciding.control(run, asked, asking(NOBODY), verb="abort")
    assert reply is not None
    assert not reply.done
    assert "Marcus Rodriguez" in reply.text
    assert approving.current(engine).seq == run.seq


def test_holding_is_for_everybody(deciding: Deciding, engine: EmbeddedEngine) -> None:
    """Somebody without a role may stop what is being performed, and not let it go on."""
    decide(deciding, asking(story.JENNIFER), approving.digest(engine))
    hold = events.HoldAsked(reason="smoke")
    held = deciding.control(
        approving.current(engine), hold, asking(NOBODY, "e2"), verb="hold", subject=""
    )
    assert held is not None
    assert held.done
    resumed = deciding.control(
        approving.current(engine), events.ResumeAsked(), asking(NOBODY, "e3"), verb="resume"
    )
    assert resumed is not None
    assert not resumed.done


def test_the_record_says_where_somebody_acknowledged(
    deciding: Deciding, engine: EmbeddedEngine
) -> None:
    """An acknowledgement keeps the surface that it came from; a second one is told so."""
    run = approving.current(engine)
    first = deciding.acknowledge(run, asking(story.EMILY, via="terminal"))
    assert first is not None
    assert first.done, first.text
    kept = [each.event for each in engine.events(approving.INCIDENT)][-1]
    assert isinstance(kept, events.PageAcknowledged)
    assert kept.via == "terminal"
    second = deciding.acknowledge(approving.current(engine), asking(story.ALEX, "e2"))
    assert second is not None
    assert not second.done


def test_a_note_is_kept_and_an_empty_one_asked_for(
    deciding: Deciding, engine: EmbeddedEngine
) -> None:
    """What is to be remembered is in the record; nothing is not."""
    run = approving.current(engine)
    empty = deciding.note(run, "", asking(story.EMILY))
    assert empty is not None
    assert not empty.done
    deciding.note(run, "database is fine", asking(story.EMILY))
    assert [note.text for note in approving.current(engine).notes] == ["database is fine"]


def test_a_gate_that_asks_for_a_code(deciding: Deciding, engine: EmbeddedEngine) -> None:
    """Whoever comes without one is pointed to where it is asked for; proven, the word counts."""
    run = approving.current(engine)
    assert run.gate is not None
    asked = replace(run, gate=replace(run.gate, second_factor=True))
    digest = approving.digest(engine)
    unproven = deciding.decide(
        asked, Verb.APPROVE, asking(story.JENNIFER), scope=PLAN_SCOPE, digest=digest
    )
    assert unproven is not None
    assert not unproven.done
    assert "Press *Approve*" in unproven.text
    proven = replace(asking(story.JENNIFER), proven=True)
    counted = deciding.decide(asked, Verb.APPROVE, proven, scope=PLAN_SCOPE, digest=digest)
    assert counted is not None
    assert counted.done
