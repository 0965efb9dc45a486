"""Who is asked to approve a plan: those who have the roles when it is made."""

from collections.abc import Mapping
from pathlib import Path

from config.models.bundles import Bundle
from config.models.people import Person
from flows.authorizing import RolesOf, person_of
from flows.planning import Planner
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle

GROUP = "slack group @leads"


async def test_a_plan_asks_those_whom_a_group_gives_a_role_now(tmp_path: Path) -> None:
    """Somebody without a listed role is asked as well, and the plan says why."""
    bench = Bench(tmp_path, Estate(), bundle())
    looked: list[str] = []

    async def roles_now(system: Bundle) -> RolesOf:
        looked.append(system.system.system)

        def roles_of(listed: Person) -> Mapping[str, str]:
            return {"lead": GROUP} if listed.id == "emily" else {}

        return roles_of

    looks = bench.planner._looks  # the bench has no other way to them
    bench.planner = Planner(bench.engine.now, looks, lambda _: None, roles_now)
    bench.start()
    bench.declare()
    run = await bench.until(State.APPROVE)
    assert run.gate is not None
    asked = {each.id: each for each in run.gate.candidates}
    assert asked["emily"].roles == ("oncall", "lead")
    assert asked["emily"].resolved == {"lead": GROUP, "oncall": "people.yaml"}
    assert asked["jennifer"].resolved == {"lead": "people.yaml"}
    assert set(looked) == {"shop"}
    await bench.stop()


def test_a_role_that_is_listed_and_given_is_had_once() -> None:
    """The list counts before the group: taking somebody out of the group takes nothing away."""
    listed = Person(id="ann", name="Ann", roles=("lead",))
    person = person_of(listed, "U1", {"lead": GROUP, "dba": GROUP})
    assert person.roles == ("lead", "dba")
    assert person.resolved == {"lead": "people.yaml", "dba": GROUP}
