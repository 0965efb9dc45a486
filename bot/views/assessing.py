"""The card's parts while a run assesses: facts, questions, why there is no plan yet."""

from collections.abc import Sequence

from bot.views import limits
from bot.views.blocks import Block, Element, actions, lines, section
from bot.views.controls import Act, Control, button
from bot.wording import signs
from bot.wording.texts import bold, clock, inline, sentence
from flows.events import Question
from flows.runs import Fact, Run

FACTS_LIMIT = 2_200
QUESTIONS_SHOWN = 6
ADVICE = {
    "plan_again": "Ask for a new plan with the button below or `!incident plan`; "
    "`!incident plan &lt;procedure&gt;` picks another one.",
    "choose": "Somebody has to choose: `!incident plan &lt;procedure&gt;` plans a rollback, "
    "or close it without one.",
    "answer": "",
}


def fact_blocks(run: Run) -> list[Block]:
    """Return the facts that were looked at, a line each."""
    if not run.facts:
        return []
    seen = clock(min(fact.at for fact in run.facts.values()))
    texts = [f"Seen at {seen}:", *(fact_line(fact) for fact in _worst_first(run))]
    return lines(texts, FACTS_LIMIT, "{} more facts")


def _worst_first(run: Run) -> list[Fact]:
    order = {False: 0, None: 1, True: 2}
    facts = sorted(run.facts.values(), key=lambda f: order[None if f.value is None else f.ok])
    return facts if len(run.facts) > 8 else list(run.facts.values())


def fact_line(fact: Fact) -> str:
    """Return one fact: `✗ Availability — out of limits: 84 %`."""
    sign = signs.of_fact(fact)
    shown = inline(fact.shown, 200)
    return f"{sign.icon} {bold(fact.title, 80)} — {sign.word}" + (f": {shown}" if shown else "")


def question_blocks(run: Run, *, answered: bool = True) -> list[Block]:
    """Return the questions: the open ones with buttons, the answered ones with a way back."""
    waiting = [q for q in run.questions if q.id not in run.answers]
    given = [q for q in run.questions if q.id in run.answers] if answered else []
    blocks: list[Block] = []
    for question in waiting[:QUESTIONS_SHOWN]:
        blocks += [section(f"*Question:* {inline(question.text)}"), *_yes_no(run, question)]
    for question in given[:QUESTIONS_SHOWN]:
        blocks.append(_answered(run, question))
    return blocks


def _yes_no(run: Run, question: Question) -> list[Block]:
    return actions([_answer(run, question, True, "Yes"), _answer(run, question, False, "No")])


def _answered(run: Run, question: Question) -> Block:
    given = run.answers[question.id]
    word, other = ("yes", "no") if given else ("no", "yes")
    text = f"{inline(question.text)} — answered *{word}*"
    return section(text, _answer(run, question, not given, f"Change to {other}"))


def answer_words(run: Run) -> list[str]:
    """Return the answers as text, for the states in which they can't be changed."""
    return [
        f"{inline(q.text)} {'Yes' if run.answers[q.id] else 'No'}"
        for q in run.questions
        if q.id in run.answers
    ]


def _answer(run: Run, question: Question, answer: bool, text: str) -> Element:
    control = Control(act=Act.ANSWER, incident=run.id, scope=question.id, answer=answer)
    return button(control, text)


def advice_blocks(run: Run) -> list[Block]:
    """Return what to do where there is no plan."""
    if not run.blocked:
        return []
    known = ADVICE.get(run.advice)
    text = known
    if known is None:  # the policy's own words; the estate may have changed since
        said = sentence(inline(run.advice, limits.SECTION - 200)) if run.advice else ""
        text = f"{said} *New plan* looks at everything again.".strip()
    return [section(f"*What to do:* {text}")] if text else []


def proposal_lines(run: Run) -> Sequence[str]:
    """Return what was picked and why, while the plan is being made."""
    if run.proposal is None:
        return ()
    return (f"Chosen: {bold(run.proposal.title)} — because {inline(run.proposal.because, 400)}",)
