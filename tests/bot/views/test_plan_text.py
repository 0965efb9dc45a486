"""The plan in the terminal reads as people know it from Terraform."""

from dataclasses import replace

from bot.views.plan_text import plan_text
from flows.plans import PlannedChange
from flows.states import State
from tests.bot import story

EXPECTED = """\
Return to the previous release — AIVO Virtual Brain, production
  procedure  service (class: Application release)
  because    availability 84 % is below 90 %

  ~ changes   ! interrupts   - destroys   (no mark) only looks

restore (budget 5 min)
    1. ~ Roll back to the last good release  [helm.rollback, up to 5 min]
           Roll back aivo-platform from revision 42 to 41
           ~ helm aivo-platform revision: 42 -> 41
           + configmap flags = on
           - job migrate = running
           warning: custom resource definitions stay as they are
    2.   Wait until every workload is ready  [kubernetes.rollout_wait, up to 5 min]
           names = (known after apply, from rollback)
           only if size(steps.rollback.names) > 0
    3. - Cut over to the restored database  [database.cut_over, up to 1 min]
           loses: Writes after 14:29:10 UTC, about 3 min 40 s, are lost
           can't be undone
           needs its own approval: 1 × Engineering Lead (More than 1,000 users are affected)

validate (budget 10 min)
 ‖  4.   Public health  [http.check, up to 10 min, holding 1 min]
 ‖  5.   Availability above 99 %  [prometheus.query, up to 30 min, holding 1 min]

communicate (budget 5 min)
    6. ~ Tell the incident channel that it is over  [slack.post, up to 1 min, delays nothing]

Plan: 2 to change, 0 to interrupt, 1 to destroy; 3 steps only look.
Loses: Nothing that is stored. What only the newer release added is removed. Writes after \
14:29:10 UTC, about 3 min 40 s, are lost.
Needs: 1 × SRE On-Call or Engineering Lead (Application release); not the declarer
Time to decide: 5 min
"""


def test_a_plan_reads_like_terraform() -> None:
    """Steps with marks, changes as before -> after, what is late, what is lost, counts."""
    rollback = replace(
        story.ROLLBACK,
        changes=(
            *story.ROLLBACK.changes,
            PlannedChange(subject="configmap flags", before=None, after="on"),
            PlannedChange(subject="job migrate", before="running", after=None),
        ),
        warnings=("custom resource definitions stay as they are",),
    )
    wait = replace(
        story.ROLLOUT, late={"names": ("rollback",)}, when="size(steps.rollback.names) > 0"
    )
    steps = (rollback, wait, story.CUT_OVER, story.HEALTH, story.AVAILABILITY, story.TELL)
    plan = story.plan(steps)
    text = plan_text(plan, system="AIVO Virtual Brain", environment="production")
    assert text == f"{EXPECTED}Digest: {plan.digest[:12]}\n"


def test_a_plan_can_not_drive_the_terminal() -> None:
    """Escape sequences in a title or a value do not reach the terminal."""
    nasty = story.step("x", "a\x1b[31mred\u202e", State.RESTORE, summary="b\x07\nc")
    text = plan_text(story.plan((nasty,), title="t\x1b]0;x\x07"))
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
