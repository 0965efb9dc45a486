"""`launchdarkly.set_flag` on a strict stand-in: set, repeat, lose answers, put back, refuse."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from flows.actions import Holds, PermanentError, Refuted, TransientError, UnknownOutcomeError
from sandbox.flags import documents
from sandbox.flags.launchdarkly import PROJECT, TOKEN, LaunchDarkly
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use

KEY = "aivo-new-features"
ROLLOUT = {
    "rollout": {
        "variations": [{"variation": 0, "weight": 60_000}, {"variation": 1, "weight": 40_000}],
        "contextKind": "organization",
        "bucketBy": "country",
    }
}


@pytest.fixture
async def darkly() -> AsyncIterator[LaunchDarkly]:
    """The stand-in, with one flag that is on."""
    found = LaunchDarkly()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def use(
    darkly: LaunchDarkly, registry: ActionRegistry, pool: ClientPool, tmp_path: Path
) -> Callable[..., Use]:
    """Make uses of the action; `environment` and `token` may be other ones than the stand-in's."""

    def make(environment: str = "production", token: str = TOKEN, **inputs: Any) -> Use:
        context = FakeContext(
            system=system_for(
                launchdarkly={
                    "project": PROJECT,
                    "environment": environment,
                    "token": "env:LAUNCHDARKLY",
                    "url": darkly.url,
                }
            ),
            surroundings=surroundings_for(tmp_path, LAUNCHDARKLY=token),
            clients=pool,
        )
        given = {"flag": KEY} | inputs
        return Use(registry, context, "launchdarkly.set_flag", "feature", **given)

    return make


@pytest.mark.covers("AIVO-R11", "AIVO-FIX28")
async def test_a_feature_is_switched_off_and_on_again(
    use: Callable[..., Use], darkly: LaunchDarkly
) -> None:
    """Off with a comment that names the incident, nothing on a repeat, on again by undo."""
    off = use(on=False)
    seen = await off.preview()
    assert [(each.before, each.after) for each in seen.changes] == [
        ('on, serving "new"', 'off, serving "classic"')
    ]
    await off.apply()
    assert darkly.config()["on"] is False
    assert isinstance(done := await off.verify(), Holds)
    assert done.output["version"] == 8
    await off.action.apply(off.inputs, off.captured, off.context)
    assert (await off.preview()).in_place
    assert await off.undo() == f'{KEY} is on, serving "new" again (version 9)'
    assert await off.undo() == f'{KEY} is as it was: on, serving "new"'
    assert darkly.patches == [[{"kind": "turnFlagOff"}], [{"kind": "turnFlagOn"}]]
    assert all("INC-7" in each for each in darkly.comments)
    assert darkly.flags[KEY]["environments"]["staging"]["version"] == 40


async def test_a_rollout_is_replaced_and_put_back(
    use: Callable[..., Use], darkly: LaunchDarkly
) -> None:
    """One variation for everyone in place of a rollout, whose weights and bucket come back."""
    darkly.touch(fallthrough=ROLLOUT)
    classic = use(variation=documents.CLASSIC)
    seen = await classic.preview()
    assert seen.changes[0].before == 'on, serving 60 % "new", 40 % "classic"'
    await classic.apply()
    assert darkly.config()["fallthrough"] == {"variation": 1}
    await classic.undo()
    assert darkly.config()["fallthrough"] == ROLLOUT


async def test_both_are_one_patch(use: Callable[..., Use], darkly: LaunchDarkly) -> None:
    """A flag never serves the old default for a moment: it is off first, and on last."""
    both = use(on=False, variation=documents.BETA)
    await both.apply()
    await both.undo()
    assert [[each["kind"][:4] for each in every] for every in darkly.patches] == [
        ["turn", "upda"],
        ["upda", "turn"],
    ]


@pytest.mark.parametrize(
    "change", [{"fallthrough": {"variation": 2}}, {"offVariation": 2}, {"on": False}]
)
async def test_drift_changes_the_fingerprint(
    use: Callable[..., Use], darkly: LaunchDarkly, change: dict[str, Any]
) -> None:
    """What decides about what people get is drift; what was captured is not overwritten."""
    off = use(on=False, variation=documents.CLASSIC)
    before = await off.preview()
    captured = await off.action.capture(off.inputs, off.context)
    darkly.touch(**change)
    assert (await off.preview()).fingerprint != before.fingerprint
    with pytest.raises(PermanentError, match=r"Somebody else has changed .* since version 7"):
        await off.action.apply(off.inputs, captured, off.context)
    assert darkly.patches == []


async def test_what_does_not_matter_is_no_drift(
    use: Callable[..., Use], darkly: LaunchDarkly
) -> None:
    """Another environment, and the rules of a flag that is switched off, may change."""
    off, on = use(on=False), use(on=True)
    before, other = await off.preview(), await on.preview()
    darkly.flags[KEY]["environments"]["staging"]["on"] = False
    assert (await off.preview()).fingerprint == before.fingerprint
    darkly.touch(rules=[{"_id": "r1", "clauses": [], "variation": 2}])
    assert (await off.preview()).fingerprint == before.fingerprint
    assert (await on.preview()).fingerprint != other.fingerprint


async def test_a_later_change_is_not_undone(use: Callable[..., Use], darkly: LaunchDarkly) -> None:
    """Undo leaves alone what somebody else has set since."""
    off = use(on=False)
    await off.apply()
    darkly.touch(fallthrough={"variation": 2})
    with pytest.raises(PermanentError, match=r"version 9.* does not overwrite that"):
        await off.undo()
    assert len(darkly.patches) == 1


async def test_a_lost_answer_is_looked_after(use: Callable[..., Use], darkly: LaunchDarkly) -> None:
    """A patch whose answer is lost is an unknown outcome, and looking tells that it is in place."""
    darkly.lost = True
    off = use(on=False)
    with pytest.raises(UnknownOutcomeError):
        await off.apply()
    assert isinstance(await off.verify(), Holds)
    darkly.touch(on=True)
    assert isinstance(await off.verify(), Refuted)


async def test_conflicts_and_limits_are_waited_for(
    use: Callable[..., Use], darkly: LaunchDarkly
) -> None:
    """409 and 429 changed nothing; the pause is the one that LaunchDarkly's header names."""
    off = use(on=False)
    captured = await off.action.capture(off.inputs, off.context)
    darkly.refusals = [409]
    with pytest.raises(TransientError, match="409"):
        await off.action.apply(off.inputs, captured, off.context)
    darkly.limited = True
    with pytest.raises(TransientError, match="429") as limited:
        await off.action.apply(off.inputs, captured, off.context)
    assert 1 <= limited.value.delay <= 7
    darkly.limited = False
    await off.action.apply(off.inputs, captured, off.context)
    assert darkly.config()["on"] is False


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (403, PermanentError, "`updateOn` and `updateFallthrough`"),
        (503, TransientError, "busy"),
        (500, UnknownOutcomeError, "answered 500"),
        (400, PermanentError, "refused with 400"),
    ],
)
async def test_refusals(
    use: Callable[..., Use], darkly: LaunchDarkly, status: int, error: type[Exception], words: str
) -> None:
    """Each refusal is the kind of error that it is, with what to do."""
    off = use(on=False)
    captured = await off.action.capture(off.inputs, off.context)
    darkly.refusals = [status]
    with pytest.raises(error, match=words):
        await off.action.apply(off.inputs, captured, off.context)
    assert darkly.config()["on"] is True


async def test_its_own_approvals_are_named(use: Callable[..., Use], darkly: LaunchDarkly) -> None:
    """Where LaunchDarkly wants an approval, the error says so and what to do."""
    darkly.approvals = True
    with pytest.raises(PermanentError, match="`bypassRequiredApproval`"):
        await use(on=False).apply()


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"token": "api-wrong-0001"}, "does not accept Backout's token"),
        ({"environment": "prod"}, "has no environment prod"),
        ({"flag": "aivo-new-featurs"}, 'has no flag "aivo-new-featurs" in the project aivo'),
        ({"on": None, "variation": "44444444"}, '"classic" is 22222222-classic'),
    ],
)
async def test_what_is_wrong_is_said_before_anything_changes(
    use: Callable[..., Use], inputs: dict[str, Any], words: str
) -> None:
    """The preview names a wrong token, environment, flag or variation; and no secret."""
    with pytest.raises(PermanentError, match=words) as found:
        await use(**{"on": False, **inputs}).preview()
    assert "api-" not in str(found.value)


async def test_warnings(use: Callable[..., Use], darkly: LaunchDarkly) -> None:
    """Flags that count on it, what it counts on, rules and a missing off variation are said."""
    need = {"key": KEY, "variation": 0}
    darkly.flags["quiz"] = documents.flag("quiz", prerequisites=[need], on=False, offVariation=None)
    assert (await use(on=False).preview()).warnings == ("other flags count on this one: quiz",)
    quiz = await use(flag="quiz", on=True).preview()
    assert quiz.changes[0].before == "off, serving what each application has in its code"
    assert quiz.warnings == (f"it stays off for people for whom {KEY} serve other things",)
    darkly.tells_dependents = False
    (told,) = (await use(on=False).preview()).warnings
    assert "does not tell" in told


async def test_an_experiment_and_an_archived_flag_stay(
    use: Callable[..., Use], darkly: LaunchDarkly
) -> None:
    """An experiment's default can't be put back, so it is not replaced; off and on it may go."""
    experiment = {"rollout": {**ROLLOUT["rollout"], "experimentAllocation": {"canReshuffle": True}}}
    darkly.touch(fallthrough=experiment)
    with pytest.raises(PermanentError, match="stop the experiment"):
        await use(variation=documents.NEW).preview()
    off = use(on=False)
    await off.apply()
    await off.undo()
    assert darkly.config()["fallthrough"] == experiment
    darkly.flags[KEY]["archived"] = True
    with pytest.raises(PermanentError, match="archived"):
        await use(on=False).preview()
