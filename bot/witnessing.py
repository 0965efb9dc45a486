"""Every event that this process committed, with the run before and after it, told on.

Metrics, traces and the log are fed by it: `Engine.witness` gives the event, and the run that it
belongs to is folded once more, because what an event meant shows in the difference.  What another
replica committed meanwhile is read from the journal.
"""

import logging
from collections.abc import Callable

from flows import stretches
from flows.engine import Engine
from flows.events import Recorded
from flows.replay import replay
from flows.runs import Run
from flows.stretches import Moment

log = logging.getLogger(__name__)


def write_down(moment: Moment) -> None:
    """Log one line an event: what, of which incident, and who; never what was said in it."""
    recorded, event = moment.recorded, moment.recorded.event
    kind, actor = type(event).__name__, recorded.actor
    said = actor.id if "@" in actor.name else actor.name
    fields = {"incident": moment.run.id, "seq": recorded.seq, "kind": kind, "actor": said}
    fields |= {
        name: getattr(event, name) for name in ("step", "attempt") if getattr(event, name, None)
    }
    log.info("%s #%d by %s", kind, recorded.seq, said, extra=fields)


class Witness:
    """Tells moments to whoever asked for them; a fault of one of them harms nobody else."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last: dict[str, Run] = {run.id: run for run in engine.runs()}
        self._told: list[Callable[[Moment], None]] = []

    def tell(self, told: Callable[[Moment], None]) -> None:
        """Have `told` called with every moment from now on."""
        self._told.append(told)

    def seen(self, run: Run, recorded: Recorded) -> None:
        """Take one event; given to `Engine.witness`."""
        try:
            moment = stretches.moment(self._before(run.id, recorded.seq), recorded)
        except Exception:
            log.exception("event %d can't be told on", recorded.seq)
            self._last.pop(run.id, None)
            return
        self._keep(moment.run)
        for told in self._told:
            try:
                told(moment)
            except Exception:
                log.exception("%s can't be counted or traced", type(recorded.event).__name__)

    def heard(self, run: Run) -> None:
        """Know a run as it is after a commit of any process; given to `Engine.listen`."""
        last = self._last.get(run.id)
        if last is None or last.seq < run.seq:
            self._keep(run)

    def _before(self, incident: str, seq: int) -> Run | None:
        """Return the run right before an event."""
        if seq == 1:
            return None
        last = self._last.get(incident)
        if last is not None and last.seq == seq - 1:
            return last
        return replay(each for each in self._engine.events(incident) if each.seq < seq)

    def _keep(self, run: Run) -> None:
        if run.ended:
            self._last.pop(run.id, None)
        else:
            self._last[run.id] = run
