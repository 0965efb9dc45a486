"""What is given up by going back to a moment is told before anybody approves it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.views.plan_text import plan_text
from bot.views.plans import loss_line
from config.models.policies import RecoveryPoint
from config.models.procedures import ProcedureInput
from flows import losing
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle, step

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
POINTS = (
    RecoveryPoint(id="accounts", title="User accounts", rpo=timedelta(minutes=1),
                  rpo_limit=timedelta(minutes=5)),
    RecoveryPoint(id="payments", title="Payments", rpo=timedelta(seconds=30),
                  rpo_limit=timedelta(minutes=2)),
    RecoveryPoint(id="content", title="Content", rpo=timedelta(minutes=5),
                  rpo_limit=timedelta(minutes=15)),
)  # fmt: skip


def told(moment: str, returns_to: str | None = "{{ inputs.time }}") -> str:
    """Return what is said of a plan that leads back to a moment."""
    procedure = bundle().procedures["back"].model_copy(update={"returns_to": returns_to})
    return losing.told(procedure, POINTS, {"inputs": {"time": moment}}, NOW)


@pytest.mark.covers("AIVO-M9", "AIVO-M10", "AIVO-M11", "AIVO-M12", "AIVO-FIX42")
@pytest.mark.parametrize(
    ("moment", "judged"),
    [
        (
            "2026-11-21T11:00:00Z",
            (
                "1 h are lost, more than may be lost of user accounts (5 min), payments (2 min) and"
                " content (15 min)."
            ),
        ),
        (
            "2026-11-21T11:56:40+00:00",
            (
                "3 min 20 s are lost, more than may be lost of payments (2 min); more than the"
                " target of user accounts (1 min); within the target of content (5 min)."
            ),
        ),
        (
            "2026-11-21T13:59:40+02:00",
            (
                "20 s are lost, within the target of user accounts (1 min), payments (30 s) and"
                " content (5 min)."
            ),
        ),
    ],
)
def test_each_kind_of_data_is_judged_for_itself(moment: str, judged: str) -> None:
    """Beyond the limit, beyond the target, within it: with the figure that it is held against."""
    assert told(moment).endswith(f": at least {judged}")


def test_the_moment_is_told_in_utc() -> None:
    """However it was given."""
    assert told("2026-11-21T13:59:40+02:00").startswith("Data go back to 2026-11-21 11:59:40 UTC:")


@pytest.mark.parametrize("moment", ["noon", "2026-11-21T11:00:00", "2026-11-21T12:30:00Z"])
def test_what_is_no_moment_of_the_past_is_left_to_the_action(moment: str) -> None:
    """Without a zone, or in the future: whoever restores refuses it with a better sentence."""
    assert told(moment) == ""


def test_where_no_data_go_back_nothing_is_said() -> None:
    """Most procedures lose nothing in this way."""
    assert told("2026-11-21T11:00:00Z", returns_to=None) == ""


def test_an_aim_beyond_the_limit_is_refused() -> None:
    """It would be a slip of the pen."""
    with pytest.raises(ValueError, match="can't be more than"):
        RecoveryPoint(id="a", title="A", rpo=timedelta(minutes=2), rpo_limit=timedelta(minutes=1))


TOLD = "more than may be lost of user accounts (5 min), payments (2 min) and content (15 min)"


@pytest.mark.covers("AIVO-M9", "AIVO-M10", "AIVO-M11", "AIVO-M12", "AIVO-FIX42")
@pytest.mark.parametrize("said", ["what was written since", ""])
async def test_approvers_read_it_once(tmp_path: Path, said: str) -> None:
    """At the step that says what it loses, whose gate shows it too; else with the whole plan."""
    restore = step("restore", "fake.set", **{"with": {"name": "release", "to": "good"}})
    after = step("after", "fake.look", **{"with": {"name": "release"}})
    made = bundle(restore=(restore | {"loses": said}, after))
    moment = ProcedureInput(default="2024-01-01T00:00:00Z")
    changes = {"inputs": {"time": moment}, "returns_to": "{{ inputs.time }}", "loses": "sleep"}
    procedure = made.procedures["back"].model_copy(update=changes)
    policy = made.policy.model_copy(update={"recovery_points": POINTS})
    bench = Bench(tmp_path, Estate(), replace(made, procedures={"back": procedure}, policy=policy))
    bench.start()
    bench.declare()
    run = await bench.until(State.APPROVE)
    assert run.plan is not None
    assert (TOLD in run.plan.step("restore").losses) is bool(said)
    assert (TOLD in run.plan.loses) is not bool(said)
    assert run.plan.loses.startswith("sleep")
    assert run.plan.step("after").losses == ""
    for shown in (loss_line(run.plan), plan_text(run.plan).partition("Loses:")[2]):
        assert shown.count(TOLD) == 1
    await bench.stop()
