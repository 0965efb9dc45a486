"""Why a word on a gate has no effect: what, why, what to do.  Shown to one person only."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import assert_never

from bot.wording.approvals import NAME_LIMIT, Wait, titles_of, waiting, wanted
from bot.wording.texts import bold, both, clock, either, inline
from flows.gates import REVIEW_SCOPE, Gate, Person, Refusal, Verb
from flows.runs import Run
from flows.states import State

NO_TITLES: Mapping[str, str] = MappingProxyType({})
DOING = {Verb.APPROVE: "approve", Verb.DENY: "deny", Verb.WITHDRAW: "withdraw from"}


def refused(  # noqa: C901 one case a code
    refusal: Refusal,
    *,
    run: Run,
    scope: str,
    person: Person,
    verb: Verb,
    titles: Mapping[str, str] = NO_TITLES,
) -> str:
    """Say why this person's word has no effect, and what to do instead.

    `titles` are those of the system's roles, by id.
    """
    gate = run.gate_of(scope)
    what = f"You can't {DOING[verb]} {_subject(run, scope)}"
    match refusal:
        case Refusal.NOT_OPEN:
            return f"{what}: {_not_open(run, gate, scope)}"
        case Refusal.STALE:
            return (
                f"{what}: you looked at an older plan, and your word would have counted for that "
                f"one. Use the buttons of the newest message, or `!incident plan` to read it first."
            )
        case Refusal.EXPIRED:
            when = clock(gate.expires_at) if gate else "a while ago"
            return (
                f"{what}: it got too old at {when}, and the estate may have changed since. "
                "Ask for a new one with `!incident plan again`."
            )
        case Refusal.NO_ROLE:
            return f"{what}: {_no_role(run, gate, person, titles)}"
        case Refusal.OWN_INCIDENT if scope == REVIEW_SCOPE:
            return f"{what}: you broke the glass, so somebody else must. {_ask(run, gate)}"
        case Refusal.OWN_INCIDENT:
            return f"{what}: you declared {run.id}, so somebody else must agree. {_ask(run, gate)}"
        case Refusal.NOT_DENIABLE:
            return (
                f"{what}: it says that somebody looked at it, whatever they found. Write what you "
                "think of it with `!incident note &lt;text&gt;`, then press *Reviewed*."
            )
        case Refusal.SAME_TEAM:
            return (
                f"{what}: somebody of your team has approved already, and people of one team count "
                f"once here. {_ask(run, gate)}"
            )
        case Refusal.ALREADY:
            return f"You approved {_subject(run, scope)} already; it counts once. {_ask(run, gate)}"
        case Refusal.NOTHING_TO_WITHDRAW:
            return (
                f"There is nothing to withdraw: you have not approved {_subject(run, scope)}. "
                "To stop it, use `!incident deny &lt;reason&gt;`."
            )
        case _:
            assert_never(refusal)


def _subject(run: Run, scope: str) -> str:
    if scope == "plan":
        return f"the plan of {run.id}"
    if scope == REVIEW_SCOPE:
        return f"the review of {run.id}"
    if run.plan and scope in run.steps:
        return f"the step {bold(run.plan.step(scope).title)} of {run.id}"
    return f"the step {bold(scope, NAME_LIMIT)} of {run.id}"


def _not_open(run: Run, gate: Gate | None, scope: str) -> str:
    if scope == REVIEW_SCOPE:
        return "nothing is owed. The card in its channel says who reviewed it, and when."
    if run.ended:
        return f"{run.id} has ended. The card in its channel says how."
    if scope == "plan" and run.state is State.ASSESS:
        return (
            "there is no plan to decide on right now. It is being worked out; the card shows "
            "what is missing, and `!incident plan` asks for a new one."
        )
    if gate is None:
        return "nobody's approval is asked for here. `!incident status` shows what is waited for."
    if scope == "plan" and run.state is not State.APPROVE:
        return "it was approved already and is being performed. To stop it, use `!incident hold`."
    return "it was decided already. `!incident status` shows what is waited for now."


def _no_role(run: Run, gate: Gate | None, person: Person, titles: Mapping[str, str]) -> str:
    if gate is None:
        return "your role is not asked for. `!incident status` shows who is waited for."
    wait = waiting(gate, run.words_on(gate.scope), run.updated_at)
    names = titles_of(gate)
    asked = either(dict.fromkeys(bold(title) for title in names.values()))
    return f"it needs {asked}, and you are listed as {listed_as(person, titles)}. {_ask_of(wait)}"


def listed_as(person: Person, titles: Mapping[str, str] = NO_TITLES) -> str:
    """Say in which roles a person is listed, by their titles."""
    own = [titles.get(role, role.replace("_", " ").title()) for role in person.roles]
    return both([bold(title, NAME_LIMIT) for title in own]) or "somebody without a role"


def _ask(run: Run, gate: Gate | None) -> str:
    words = run.words_on(gate.scope) if gate else ()
    return _ask_of(waiting(gate, words, run.updated_at) if gate else None)


def _ask_of(wait: Wait | None) -> str:
    if wait is None:
        return "`!incident status` shows what is waited for now."
    if not wait.people:
        roles = inline(" or ".join(wait.titles))
        return (
            f"Nobody who is listed as {roles} can do it now: add somebody to people.yaml, or ask "
            "for another plan with `!incident plan &lt;procedure&gt;`."
        )
    how = "they press Approve on the card, or type `!incident approve`."
    return f"It waits for {wanted(wait)}: {how}" if wait.count > 1 else f"Ask {wanted(wait)}: {how}"
