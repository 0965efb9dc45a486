"""Declaring: what a system's policy adds to a person's words.

Called by every surface that can declare, and by `backout plan`, which declares to nobody.
"""

from collections.abc import Mapping

from config import expressions
from config.models.bundles import Bundle
from config.models.policies import Decision, Policy
from flows.authorizing import SlackOf
from flows.escalating import chain_of
from flows.events import AutomaticStart, FollowUp, IncidentDeclared, Question
from flows.gates import Person

DEFAULT_ASSESS = 180.0


def declaration(  # noqa: PLR0913 what a person gave, by name
    bundle: Bundle,
    incident: str,
    *,
    reason: str,
    person: Person,
    channel_name: str = "",
    origin: str | None = None,
    answers: Mapping[str, bool] | None = None,
    slack_of: SlackOf = lambda _: None,
    automatic: AutomaticStart | None = None,
) -> IncidentDeclared:
    """Return the event that opens an incident on a system.

    Until the matrix has spoken, the incident counts as what the first carried row says that waits
    for nobody's answer, and its clocks run against the objective of that row's procedure.
    """
    policy = bundle.policy
    expected = _expected(policy, answers or {})
    procedure = bundle.procedures.get(expected.procedure or "")
    wanted = procedure.target if procedure else policy.targets[0].id
    target = next(each for each in policy.targets if each.id == wanted)
    assess = policy.phase_budgets.get("assess")
    return IncidentDeclared(
        incident=incident,
        system=bundle.system.system,
        system_title=bundle.system.title,
        environment=bundle.system.environment,
        reason=reason,
        severity=expected.severity,
        rto=target.rto.total_seconds(),
        rto_limit=target.rto_limit.total_seconds(),
        target_title=target.title,
        assess_budget=assess.total_seconds() if assess else DEFAULT_ASSESS,
        questions=tuple(Question(id=q.id, text=q.text) for q in policy.questions),
        answers=dict(answers or {}),
        channel_name=channel_name,
        origin=origin,
        declared_by=person,
        chain=chain_of(bundle, person, slack_of),
        automatic=automatic,
        follow_ups=tuple(
            FollowUp(id=each.id, title=each.title, due=each.due.total_seconds())
            for each in policy.follow_ups
        ),
    )


def _expected(policy: Policy, answers: Mapping[str, bool]) -> Decision:
    carried = [row for row in policy.matrix if row.procedure] or list(policy.matrix)
    unsaid = {f"facts.{each.id}" for each in policy.questions if not answers.get(each.id)}
    return next((row for row in carried if not unsaid & _read(row)), carried[0])


def _read(row: Decision) -> set[str]:
    condition = expressions.compile_expression(row.when)
    return {".".join(each.path[:2]) for each in condition.references}
