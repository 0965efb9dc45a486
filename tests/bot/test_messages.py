"""Every reason has a sentence, every sentence teaches, and no word of anybody's pings somebody."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import messages
from bot.messages import Unidentified
from bot.wording import approvals, signs
from bot.wording.texts import budget, clock, count, duration, either, fit, inline, one_line
from flows.gates import Gate, Refusal, Verb
from flows.objections import Objection
from flows.runs import Run
from flows.states import State, StepState
from tests.bot import story
from tests.bot.views.drawing import pings

TITLES = {"oncall": "SRE On-Call", "eng_lead": "Engineering Lead", "executive": "Executive"}
HINT = re.compile(
    r"`!incident|`backout|Ask |ask |people\.yaml|Sign in|press|card|Wait until|Have a person"
)
EVIL = '<!channel> <@U0EVIL> <https://x.example|y> *b* `c` & "“”'


def _points() -> list[Run]:
    told = (
        story.assessing,
        story.waiting,
        story.restoring,
        story.held,
        story.validating,
        story.closed,
    )
    return [tell().run for tell in told]


@pytest.mark.parametrize("reason", Refusal)
def test_every_refusal_says_what_why_and_what_to_do(reason: Refusal) -> None:
    """Whatever the gate refuses, the person learns what to do instead, wherever the run is."""
    for run in _points():
        for verb in Verb:
            text = messages.refused(
                reason, run=run, scope="plan", person=story.DAVID, verb=verb, titles=TITLES
            )
            assert HINT.search(text), text
            assert not pings([text])


def test_a_refusal_names_roles_by_title_and_people_who_can() -> None:
    """Somebody without the role learns whom to ask, in the words of people.yaml."""
    run = story.waiting().run
    text = messages.refused(
        Refusal.NO_ROLE,
        run=run,
        scope="plan",
        person=story.DAVID,
        verb=Verb.APPROVE,
        titles=TITLES,
    )
    assert text == (
        "You can't approve the plan of INC-7: it needs *SRE On-Call* or *Engineering Lead*, and "
        "you are listed as *Executive*. Ask *SRE On-Call or Engineering Lead* (Emily Watson, "
        "Jennifer Liu or Alex Thompson): they press Approve on the card, or type "
        "`!incident approve`."
    )


@pytest.mark.parametrize("reason", Objection)
def test_every_objection_says_what_why_and_what_to_do(reason: Objection) -> None:
    """Whatever has no effect, the person learns what to do instead, wherever the run is."""
    verbs = ("hold", "resume", "retry", "skip", "undo", "abort", "plan", "answer", "no_rollback")
    for run in _points():
        for verb in verbs:
            text = messages.objected(reason, run=run, verb=verb, subject="rolout")
            assert text.startswith("You can't "), text
            assert not pings([text])


def test_a_misspelt_step_is_answered_with_the_near_one() -> None:
    """A step that there is not is answered with the name that was probably meant."""
    run = story.held().run
    text = messages.objected(Objection.UNKNOWN_STEP, run=run, verb="skip", subject="rolout")
    assert text == (
        "You can't skip a step of INC-7 now: there is no step `rolout`. Did you mean `rollout`?"
    )


@pytest.mark.parametrize("doubt", Unidentified)
def test_everybody_who_is_not_recognised_learns_what_to_do(doubt: Unidentified) -> None:
    """Nobody is turned away without a way on."""
    text = messages.unidentified(doubt, user="U1", system="AIVO", people=("A", "B"))
    assert HINT.search(text), text
    assert not pings([text])


def test_two_approvals_are_said_apart_and_the_last_one_names_who_would_help() -> None:
    """After one of two approvals, everybody is named whose yes would complete the gate."""
    told = story.assessing().answered()
    told.proposed(story.plan(needs=(story.ANY_LEAD, story.LEAD)))
    run = told.run
    assert run.gate is not None
    both_wanted = approvals.waiting(run.gate, run.decisions, told.now)
    assert both_wanted is not None
    assert messages.wanted(both_wanted) == (
        "2 approvals, one as *SRE On-Call or Engineering Lead* and one as *Engineering Lead* "
        "(Emily Watson, Jennifer Liu and Alex Thompson)"
    )
    told.approved(story.JENNIFER)
    last = approvals.waiting(run.gate, told.run.decisions, told.now)
    assert last is not None
    assert (
        messages.wanted(last) == "*SRE On-Call or Engineering Lead* (Emily Watson or Alex Thompson)"
    )


def test_a_gate_that_nobody_can_fill_says_so() -> None:
    """Where no listed person could approve, the sentence says it and names a way out."""
    run = story.waiting().run
    assert run.gate is not None
    lonely: Gate = replace(run.gate, candidates=())
    stuck = replace(run, gate=lonely)
    text = messages.situation(stuck, story.START + timedelta(minutes=2))
    assert "nobody listed is free to" in text
    assert "people.yaml" in text


def test_every_command_is_in_the_help_and_explained_alone() -> None:
    """The help names every command, and each one has an example."""
    everything = messages.help_text()
    for command in messages.COMMANDS:
        assert f"!incident {command.verb}" in everything
        assert "For example" in messages.help_text(command.verb)
    assert not pings([everything, *(messages.help_text(verb) for verb in messages.VERBS)])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("aprove", "approve"),
        ("stop", "hold"),
        ("decl", "declare"),
        ("ROLLBACK", "plan"),
        ("cancel", "abort"),
        ("staus", "status"),
    ],
)
def test_a_misspelt_command_is_answered_with_what_was_meant(typed: str, meant: str) -> None:
    """A near verb is named and not guessed."""
    text = messages.unknown_verb(typed)
    assert f"!incident {meant}" in text
    assert "nothing was done" in text


def test_a_word_that_is_like_nothing_gets_the_list() -> None:
    """Where nothing is near, the help is named."""
    assert messages.unknown_verb("xyzzy").endswith("`!incident help` lists what there is.")


def test_a_second_declaration_is_pointed_to_the_channel() -> None:
    """Who declares what is open already is led there, and nothing is doubled."""
    told = story.assessing()
    run = replace(told.run, channel="C0123")
    text = messages.already_open(run)
    assert "No second one was opened" in text
    assert text.endswith("Please go to <#C0123>.")


@pytest.mark.parametrize("name", ["sytem", "aivo", "", EVIL])
def test_unknown_names_are_answered_with_known_ones(name: str) -> None:
    """A misspelt system, procedure or incident is answered with what there is."""
    for answer in (
        messages.unknown_system(name, ["aivo", "boardroom"]),
        messages.unknown_procedure(name, ["service"]),
        messages.unknown_incident(name, []),
    ):
        assert answer.startswith("Nothing was done")
        assert not pings([answer])


@pytest.mark.parametrize("state", State)
def test_every_state_is_said_in_a_sentence(state: State) -> None:
    """The second line of every card is there and pings nobody."""
    for run in _points():
        text = messages.situation(replace(run, state=state), story.START)
        assert text.strip()
        assert not pings([text])


@given(st.text() | st.just(EVIL))
def test_escaping_is_undone_exactly(text: str) -> None:
    """What is escaped once is what was typed, once unescaped."""
    assert messages.unescape(messages.escape(text)) == text
    assert not set("<>") & set(messages.escape(text))


@given(st.text() | st.just(EVIL * 50), st.integers(1, 60))
def test_inline_text_stays_on_its_line_and_within_its_limit(text: str, limit: int) -> None:
    """Whatever somebody typed becomes one harmless line of at most so many characters."""
    shown = inline(text, limit)
    assert len(shown) <= limit
    assert not pings([shown])
    assert "\n" not in shown
    assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt);)*", shown), shown


def test_bold_and_code_can_not_be_broken_out_of() -> None:
    """An asterisk or a backtick in a name does not end what it stands in."""
    assert messages.bold("a*b") == "*a∗b*"
    assert messages.code("a`b") == "`a'b`"
    assert messages.quoted("a```b") == "“a'''b”"


def test_text_that_turns_itself_round_is_made_plain() -> None:
    """Characters that nobody sees, direction marks among them, are taken out."""
    assert one_line("a\u202eb\u200bc\n d\t e") == "abc d e"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (46 * 3600, "46 h"),
        (76 * 3600, "3 days 4 h"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, said: str) -> None:
    """Durations have two units at most."""
    assert duration(seconds) == said


def test_budgets_share_their_unit_where_both_are_round() -> None:
    """`4 of 10 min`, and otherwise both in full."""
    assert budget(240, 600) == "4 of 10 min"
    assert budget(110, 600) == "1 min 50 s of 10 min"


def test_times_are_shown_in_the_readers_zone_with_a_fallback() -> None:
    """A time is Slack's own token, with UTC for whoever can't show it."""
    assert clock(story.START) == "<!date^1795183200^{time_secs}|14:00:00 UTC>"


def test_lists_read_as_sentences() -> None:
    """A choice ends in `or`, long ones say how many are left out."""
    assert either(["A"]) == "A"
    assert either(["A", "B", "C"]) == "A, B or C"
    assert either("ABCDEFG") == "A, B, C, D, E or 2 others"
    assert count(1, "step") == "1 step"
    assert count(3, "step") == "3 steps"


def test_lines_that_do_not_fit_are_counted() -> None:
    """What is left out is said, and the whole stays within its limit."""
    shown = fit(["x" * 40] * 10, 200, "{} more")
    assert shown.endswith("… 6 more")
    assert len(shown) <= 200


def test_one_icon_has_one_meaning_and_always_a_word() -> None:
    """Every state of a step has a sign of its own; only the two ways of waiting share an icon."""
    found = [signs.STEPS[state] for state in StepState]
    assert all(sign.word for sign in found)
    assert len({sign.word for sign in found}) == len(found)
    assert len({sign.icon for sign in found}) == len(found) - 1
