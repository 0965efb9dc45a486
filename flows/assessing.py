"""Assessing: the policy's facts from the estate, and what the decision matrix makes of them.

Called by the driver through `bot.wiring`.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from config import expressions, templates
from config.models import policies
from config.models.bundles import Bundle
from flows import events
from flows.actions import ActionError
from flows.authorizing import SlackOf
from flows.contexts import namespace
from flows.escalating import at_once
from flows.events import Event
from flows.looks import Looks, output_of
from flows.runs import Run

log = logging.getLogger(__name__)


class Assessor:
    """Turns looks into facts, and facts into a proposal."""

    def __init__(self, looks: Looks, slack_of: SlackOf = lambda _: None) -> None:
        self._looks = looks
        self._slack_of = slack_of

    async def gather(self, run: Run) -> tuple[Event, ...]:
        """Look at every fact side by side; what can't be seen stays unknown."""
        bundle = self._looks.bundles[run.system]
        seen = await asyncio.gather(*(self._observe(run, fact) for fact in bundle.policy.facts))
        values = namespace(bundle.system, run, inputs={})
        facts = {fact.fact: fact.value for fact in seen if fact.value is not None}
        values["facts"] = values["facts"] | facts
        calls = at_once(bundle, run.declared_by.id, values, self._slack_of)
        return (*seen, *calls, events.FactsGathered())

    async def _observe(self, run: Run, fact: policies.Fact) -> events.FactObserved:
        bundle = self._looks.bundles[run.system]
        values = namespace(bundle.system, run, inputs={})
        try:
            verdict = await self._looks.look(run, fact.id, fact.uses, fact.with_, values)
            output = output_of(verdict)
            value = expressions.evaluate(
                expressions.compile_expression(fact.value), {**values, "output": output}
            )
            ok = _within_limit(fact, {**values, "value": value})
            shown = templates.render(fact.show, {**values, "value": value}) if fact.show else ""
        except (ActionError, expressions.ExpressionError, templates.TemplateError) as error:
            return _unknown(fact, str(error))
        except ValidationError as error:
            return _unknown(fact, str(error.errors()[0]["msg"]))
        except Exception as error:
            log.exception("%s: fact %s failed unexpectedly", run.id, fact.id)
            return _unknown(fact, f"unexpected {type(error).__name__}")
        return events.FactObserved(
            fact=fact.id, title=fact.title, value=value, shown=shown or str(value), ok=ok
        )

    def propose(self, run: Run) -> Event:
        """Return what the decision matrix says: the first row, by precedence, that is true.

        A row that can't be decided stops the search: a later row must not win because a
        graver one is not known yet.
        """
        bundle = self._looks.bundles[run.system]
        values = namespace(bundle.system, run, inputs={})
        for row in bundle.policy.matrix:
            holds = expressions.evaluate_condition(expressions.compile_expression(row.when), values)
            if holds is None:
                return _undecided(run, row)
            if holds:
                return _proposal(bundle, row, values)
        return events.NothingProposed(
            why="Nothing in the decision matrix applies to these facts.", advice="choose"
        )


def _unknown(fact: policies.Fact, why: str) -> events.FactObserved:
    return events.FactObserved(fact=fact.id, title=fact.title, value=None, shown=why, ok=None)


def _within_limit(fact: policies.Fact, values: Mapping[str, Any]) -> bool | None:
    if fact.limit is None:
        return None
    return expressions.evaluate_condition(expressions.compile_expression(fact.limit), values)


def _undecided(run: Run, row: policies.Decision) -> events.NothingProposed:
    open_questions = [q.text for q in run.questions if q.id not in run.answers]
    if open_questions:
        return events.NothingProposed(why=" ".join(open_questions), advice="answer")
    return events.NothingProposed(
        why=f"It is unknown whether “{row.title}” applies: {row.when}", advice="choose"
    )


def _proposal(bundle: Bundle, row: policies.Decision, values: Mapping[str, Any]) -> Event:
    because = templates.render(row.because, dict(values))
    if row.procedure is None:
        return events.NothingProposed(why=f"{row.title}: {because}", advice=row.then)
    return events.ProcedureProposed(
        procedure=row.procedure,
        title=bundle.procedures[row.procedure].title,
        because=because,
        severity=row.severity,
    )
