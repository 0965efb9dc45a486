"""`backout totp`: who has a second factor, made with the bot's key where the bot keeps them."""

from typing import TYPE_CHECKING

from bot.cli import ground
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import complain, say

if TYPE_CHECKING:
    from bot.factors import Factors
    from config.models.bundles import Bundle
    from config.settings import Settings


def enroll(person: str, system: str | None, *, replace: bool) -> ExitCode:
    """Make a second factor and print its address, once."""
    settings = ground.settings()
    bundle = _bundle(settings, person, system)
    factors = _factors(settings)
    say(factors.enrol(bundle.system.system, person, replace=replace))
    name = next(each.name for each in bundle.people.people if each.id == person)
    complain(
        f"Give this to {name} and to nobody else: it goes into their authenticator app (as a QR "
        "code, or typed) and is never shown again. Whoever has it decides in their name. It counts "
        f"for every bot that reads {factors.place}."
    )
    return ExitCode.OK


def remove(person: str, system: str | None) -> ExitCode:
    """Forget a second factor."""
    settings = ground.settings()
    bundle = _bundle(settings, person, system)
    factors = _factors(settings)
    factors.remove(bundle.system.system, person)
    say(f"{person} has no second factor for {bundle.system.system} any more in {factors.place}.")
    return ExitCode.OK


def _factors(settings: "Settings") -> "Factors":
    from bot.stores import factors_of

    return factors_of(settings)


def _bundle(settings: "Settings", person: str, system: str | None) -> "Bundle":
    """Return the system that lists a person: the named one, or the only one."""
    bundles = ground.bundles(settings)
    wanted = (ground.one_system(bundles, system),) if system else bundles
    found = [bundle for bundle in wanted if _lists(bundle, person)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(bundle.system.system for bundle in found)
        message = f"several systems list `{person}`: say which with --system ({names})"
        raise CommandError(message, ExitCode.USAGE)
    ids = [each.id for bundle in wanted for each in bundle.people.people]
    hint = ground.near(person, ids)
    raise CommandError(f"people.yaml lists nobody as `{person}`: {hint}", ExitCode.USAGE)


def _lists(bundle: "Bundle", person: str) -> bool:
    return any(each.id == person for each in bundle.people.people)
