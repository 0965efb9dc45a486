"""What PostgreSQL says, as action errors: one sentence, and what to do.

Called by `sessions`, which knows whether something may have taken effect.
"""

from adapters.postgres.drivers import ConnectError, LostError, ServerError
from adapters.postgres.places import Place
from adapters.values import redact
from flows.actions import ActionError, PermanentError, TransientError, UnknownOutcomeError

AGAIN = 2.0
BUSY = {"40001", "40P01", "55P03"}  # serialization, deadlock, lock not available
CANCELLED = "57014"
NO_RIGHT = "42501"
READ_ONLY = "25006"
# What a server says that will soon be there, or has too many guests for the moment.
SOON = ("starting up", "shutting down", "too many", "remaining connection slots", "recovery mode")


def of_connecting(error: ConnectError, place: Place) -> ActionError:
    """Say why there is no connection."""
    said = redact(str(error))
    if "FATAL" not in said and "certificate" not in said and "SSL" not in said:
        return TransientError(f"The database {place} can't be reached: {said}", delay=AGAIN)
    if any(each in said for each in SOON):
        return TransientError(f"The database {place} takes no connection yet: {said}", delay=AGAIN)
    told = said.rpartition("FATAL:")[2].strip()
    if "password authentication" in said or "no password" in said:
        return PermanentError(
            f"The database {place} does not accept Backout's user ({told}): check the DSN that "
            f"connections.databases.{place.name} refers to."
        )
    return PermanentError(
        f"The database {place} does not let Backout in: {told}. Check its DSN, and that the user "
        "may connect from here."
    )


def of_asking(
    error: ServerError | LostError, name: str, user: str, *, lasting: bool
) -> ActionError:
    """Say what a statement met; `lasting` where something may have taken effect all the same."""
    said = redact(str(error))
    gone = isinstance(error, LostError) or error.state.startswith(("08", "57P"))
    if gone and lasting:
        return UnknownOutcomeError(f"The database {name} did not answer a change: {said}")
    if isinstance(error, LostError) or gone:
        return TransientError(f"The connection to the database {name} was lost: {said}")
    return _refused(error.state, said, name, user)


def _refused(state: str, said: str, name: str, user: str) -> ActionError:
    if state == CANCELLED:
        return TransientError(f"The database {name} took too long: {said}", delay=AGAIN)
    if state in BUSY or state.startswith("53"):
        return TransientError(f"The database {name} is busy: {said}", delay=AGAIN)
    if state == NO_RIGHT:
        return PermanentError(f"The role {user} may not do this in the database {name}: {said}.")
    if state == READ_ONLY:
        return PermanentError(f"The database {name} takes no writes here: {said}.")
    return PermanentError(f"The database {name} refused ({state}): {said}")
