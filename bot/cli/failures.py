"""What can go wrong on the command line, as one line each and an exit code.

`bot.cli.app` asks `explain` about every exception that a command lets out; the codes are a
contract with scripts and are documented in `docs/operations.md`.
"""

import sys
from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What the caller learns besides the text."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    UNREACHABLE = 3
    BUSY = 4


class CommandError(Exception):
    """A command can't do what was asked.  The message says what to do."""

    def __init__(self, message: str, code: ExitCode = ExitCode.PROBLEM) -> None:
        super().__init__(message)
        self.code = code


Explanation = tuple[Sequence[str], ExitCode]


def explain(error: Exception) -> Explanation | None:
    """Return the lines and the code for an error that people can mend, or None for a bug.

    Imports happen here, after the failure: a command that works does not pay for them.
    """
    if isinstance(error, CommandError):
        return [str(error)], error.code
    from config.places import ConfigurationError
    from config.secrets import SecretError
    from config.settings import SettingsError

    if isinstance(error, ConfigurationError | SettingsError):
        return [str(problem) for problem in error.problems], ExitCode.PROBLEM
    if isinstance(error, SecretError):
        return [str(error)], ExitCode.PROBLEM
    return _explain_slack(error) or _explain_control(error) or _explain_engine(error)


def _explain_slack(error: Exception) -> Explanation | None:
    """Look only at what is loaded: a command without Slack can't fail by it."""
    if "bot.slack" not in sys.modules:
        return None
    from bot.slack.calls import SlackCallError
    from bot.slack.surface import SlackRefusesError
    from bot.slack.transports import AppTokenError
    from bot.web.site import ListenError

    match error:
        case SlackRefusesError() | AppTokenError() | ListenError():
            return [str(error)], ExitCode.PROBLEM
        case SlackCallError():
            return [str(error)], ExitCode.UNREACHABLE
        case _:
            return None


def _explain_control(error: Exception) -> Explanation | None:
    """Look only at what is loaded, as for Slack."""
    if "bot.control.client" in sys.modules:
        from bot.control.client import DoorError

        if isinstance(error, DoorError):
            return [str(error)], ExitCode.UNREACHABLE
    if "bot.factors" in sys.modules:
        from bot.factors import EnrolmentError

        if isinstance(error, EnrolmentError):
            return [str(error)], ExitCode.PROBLEM
    return None


def _explain_engine(error: Exception) -> Explanation | None:
    from flows.actions import ActionError, TransientError, UnknownActionError
    from flows.codec import CodecError
    from flows.embedded import BusyError
    from flows.engine import AwayError, JournalError, UnknownIncidentError
    from flows.files import FilesError
    from flows.planning import PlanningError
    from flows.rights import RightsError

    line = [str(error)]
    match error:
        case BusyError():
            return line, ExitCode.BUSY
        case UnknownActionError() | UnknownIncidentError():
            return line, ExitCode.USAGE
        case AwayError() | TransientError():
            return line, ExitCode.UNREACHABLE
        case PlanningError(__cause__=TransientError()):
            return line, ExitCode.UNREACHABLE
        case ActionError() | CodecError() | FilesError() | JournalError():
            return line, ExitCode.PROBLEM
        case PlanningError() | RightsError():
            return line, ExitCode.PROBLEM
        case OSError():
            return [_file_error(error)], ExitCode.PROBLEM
        case _:
            return None


def _file_error(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
