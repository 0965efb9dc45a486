"""Where requests from Slack are decided: which incident is meant, who asks; then `bot.deciding`.

Called by the handlers for typed commands, buttons and modals alike, so that every surface of
Slack answers the same.  Nothing here waits: the acknowledgement may follow at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bot import messages
from bot.deciding import Deciding, Reply, Requester
from bot.factors import Factors, Unproven
from bot.rosters import EMPTY, Roster
from bot.slack import sentences
from bot.slack.directory import Member
from bot.slack.identity import IdentityRefusal, anybody, resolve
from bot.wording.factors import Doubt
from config.models.bundles import Bundle
from flows.events import HoldAsked
from flows.gates import Person, Verb
from flows.objections import Asked
from flows.runs import Run

VIA = "slack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and from where; `event` is what makes this request one of its kind.

    `code` is that of a second factor, where one came with the request.
    """

    user: str
    member: Member | None
    channel: str | None
    event: str
    reachable: bool = True
    code: str = field(default="", repr=False)
    roster: Roster = EMPTY


class Desk:
    """Answers requests with sentences from `bot.messages`."""

    def __init__(self, deciding: Deciding, factors: Factors | None = None) -> None:
        self.deciding = deciding
        self._factors = factors
        self.engine = deciding.engine
        self.bundles: Mapping[str, Bundle] = deciding.bundles

    # Which incident

    def incident(self, named: str | None, asker: Asker, verb: str) -> Run | Reply:
        """Return the incident that is meant: the named one, the channel's, the only open one."""
        run = self.engine.run(named) if named else None
        if run is None and named is None and asker.channel:
            run = self.engine.run_of_channel(asker.channel)
        runs = self.engine.runs()
        if run is None and named is None and len(runs) == 1:
            run = runs[0]
        return run or Reply(text=sentences.which_incident(named, runs, verb))

    # Who

    def person(self, run: Run, asker: Asker) -> Person | Reply:
        """Return the listed person who asks, or why nobody is recognised."""
        return self._identified(run.system, asker, resolve)

    def anybody(self, system: str, asker: Asker) -> Person | Reply:
        """Return whoever asks, listed or not, who is a full member of the workspace."""
        return self._identified(system, asker, anybody)

    def _identified(
        self,
        system: str,
        asker: Asker,
        find: Callable[[Member | None, Bundle, Roster], Person | IdentityRefusal],
    ) -> Person | Reply:
        bundle = self.bundles.get(system)
        if bundle is None:
            return Reply(text=messages.system_gone(system))
        if not asker.reachable:
            return Reply(text=messages.unidentified(messages.Unidentified.UNREACHABLE))
        found = find(asker.member, bundle, asker.roster)
        if isinstance(found, IdentityRefusal):
            return Reply(text=sentences.unidentified(found, bundle.system.title, asker.user))
        return found

    # Requests

    def decide(
        self, run: Run, verb: Verb, asker: Asker, *, scope: str, digest: str, reason: str = ""
    ) -> Reply | None:
        """Count a person's word on a gate, or say why it can't count.

        None where the request was counted before.
        """
        person = self.person(run, asker)
        if isinstance(person, Reply):
            return person
        hindrance = self.hindrance(run, verb, person, asker, scope=scope, digest=digest)
        if hindrance is not None:
            return hindrance
        proven = self.deciding.needs_code(run, verb, scope) and bool(asker.code)
        if proven and (unproven := self.unproven(run, person, asker.code)) is not None:
            return unproven
        asking = replace(_requester(person, asker), proven=proven)
        return self.deciding.decide(run, verb, asking, scope=scope, digest=digest, reason=reason)

    def break_glass(self, run: Run, asker: Asker, *, digest: str, reason: str) -> Reply | None:
        """Begin the plan before it is approved, on one person's word, or say why not."""
        person = self.person(run, asker)
        if isinstance(person, Reply):
            return person
        asking = _requester(person, asker)
        return self.deciding.break_glass(run, asking, digest=digest, reason=reason)

    def control(
        self, run: Run, asked: Asked, asker: Asker, *, verb: str, subject: str = ""
    ) -> Reply | None:
        """Do what a person asks for who may steer the run, or say why not."""
        person = self.person(run, asker)
        if isinstance(person, Reply):
            return person
        obstacle = self.obstacle(run, asked, person, asker, verb=verb, subject=subject)
        if obstacle is not None:
            return obstacle
        asking = _requester(person, asker)
        return self.deciding.control(run, asked, asking, verb=verb, subject=subject)

    def unproven(self, run: Run, person: Person, code: str) -> Reply | None:
        """Say why a code does not prove who asks, or None where it does: it is used up then.

        Without a code, say only whether there is a second factor at all.
        """
        if code and self._factors:
            found = self._factors.check(run.system, person.id, code)
        elif self._factors and self._factors.enrolled(run.system, person.id):
            return None
        else:
            found = Unproven(doubt=Doubt.NOT_ENROLLED)
        if found is None:
            return None
        said = messages.unproven(found.doubt, name=person.name, person=person.id, until=found.until)
        return Reply(text=said)

    def hindrance(
        self, run: Run, verb: Verb, person: Person, asker: Asker, *, scope: str, digest: str
    ) -> Reply | None:
        """Say why a word on a gate would not count, or None where it would."""
        reply = self.deciding.hindrance(run, verb, person, scope=scope, digest=digest)
        gate = run.gate_of(scope)
        wanted = {role for slot in gate.slots for role in slot.any_of} if gate else set()
        return self._with_doubt(reply, run, person, asker, wanted)

    def obstacle(
        self, run: Run, asked: Asked, person: Person, asker: Asker, *, verb: str, subject: str
    ) -> Reply | None:
        """Say why a person can't have what is asked for, or None where nothing is in the way."""
        reply = self.deciding.obstacle(run, asked, person, verb=verb, subject=subject)
        if isinstance(asked, HoldAsked):
            return reply  # takes no role
        wanted = set(self.bundles[run.system].policy.authorization.control)
        return self._with_doubt(reply, run, person, asker, wanted)

    def _with_doubt(
        self, reply: Reply | None, run: Run, person: Person, asker: Asker, wanted: set[str]
    ) -> Reply | None:
        """Add to a refusal that it is not known who is where a role could have come from."""
        if reply is None or wanted & set(person.roles):
            return reply
        doubts = sentences.doubts(self.bundles[run.system], asker.roster, wanted)
        return replace(reply, text=" ".join((reply.text, *doubts)))

    def acknowledge(self, run: Run, asker: Asker) -> Reply | None:
        """Note that somebody listed is there."""
        person = self.person(run, asker)
        if isinstance(person, Reply):
            return person
        return self.deciding.acknowledge(run, _requester(person, asker))

    def page(self, run: Run, said: str, asker: Asker) -> Reply | None:
        """Call whom somebody listed names; of a vendor, say how to."""
        person = self.person(run, asker)
        if isinstance(person, Reply):
            return person
        return self.deciding.page(run, said, _requester(person, asker))

    def note(self, run: Run, text: str, asker: Asker) -> Reply | None:
        """Keep what somebody, listed or not, wants to be remembered."""
        person = self.anybody(run.system, asker)
        if isinstance(person, Reply):
            return person
        return self.deciding.note(run, text, _requester(person, asker))

    def tick(self, run: Run, said: str, asker: Asker) -> Reply | None:
        """Note that a task of after the rollback is done; without one, list them all."""
        person = self.anybody(run.system, asker)
        if isinstance(person, Reply):
            return person
        return self.deciding.tick(run, said, _requester(person, asker))


def _requester(person: Person, asker: Asker) -> Requester:
    return Requester(person=person, event=asker.event, via=VIA)
