"""What a system's policy promises beyond a run itself: follow-ups, and how much may be lost."""

from config.models.bundles import Bundle
from flows.events import FollowUp
from flows.reports import Promises
from flows.runs import Run


def promises_of(bundle: Bundle | None, run: Run) -> Promises:
    """Return what holds for a run; nothing where its system is not configured any more."""
    if bundle is None:
        return Promises()
    procedure = bundle.procedures.get(run.plan.procedure) if run.plan else None
    wanted = procedure.target if procedure else None
    targets = [each for each in bundle.policy.targets if each.id == wanted and each.rpo]
    rpo = targets[0].rpo if targets else None
    limit = targets[0].rpo_limit if targets else None
    return Promises(
        follow_ups=tuple(
            FollowUp(id=each.id, title=each.title, due=each.due.total_seconds())
            for each in bundle.policy.follow_ups
        ),
        rpo=rpo.total_seconds() if rpo else None,
        rpo_limit=limit.total_seconds() if limit else None,
    )
