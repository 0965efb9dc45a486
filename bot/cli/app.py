"""The commands of `backout`: names, arguments and help.  What they do is in the modules beside.

Nothing but Typer is imported here, so that help and completion answer at once.  Exceptions that
people can mend leave as one line and an exit code; only a bug of ours shows a traceback, and
only with --debug.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from bot.cli import deciding
from bot.cli.failures import ExitCode, explain
from bot.cli.output import complain

EPILOG = "Exit codes: 0 fine, 1 problem found, 2 wrong usage, 3 not reachable, 4 busy."
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Commands(TyperGroup):
    """The top-level group: turns exceptions into lines and exit codes."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # typer's own class
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except BrokenPipeError:
            # The reader (`| head`) has enough; the interpreter's own flush must not complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.OK) from None
        except Exception as error:
            raise typer.Exit(_tell(error, debug=bool(ctx.params.get("debug")))) from error


def _tell(error: Exception, *, debug: bool) -> ExitCode:
    explained = explain(error)
    if explained is not None:
        lines, code = explained
        for line in lines:
            complain(line)
        return code
    if debug:
        raise error
    complain(f"backout failed by a mistake of its own: {type(error).__name__}: {error}")
    complain("Run it again as `backout --debug …` and report what it prints.")
    return ExitCode.PROBLEM


app = typer.Typer(
    cls=Commands,
    name="backout",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help is read sooner, and answers in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
audit = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(audit, name="audit", help="Check, export, back up and thin out the record.")


@app.callback()
def backout(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback where Backout itself fails.")
    ] = False,
) -> None:
    """Incident rollbacks in Slack: declare, agree on a plan, watch it happen, trust the record."""


# --- running -------------------------------------------------------------------------------------


@app.command()
def serve() -> None:
    """Run the bot until it is told to stop."""
    from bot.cli import running

    raise typer.Exit(running.serve())


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the demo's page.")] = 8400,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    speed: Annotated[float, typer.Option(min=0.1, max=60, help="Of the estate's clock.")] = 1.0,
    data: Annotated[
        Path | None, typer.Option(help="A folder for journal and logs, kept afterwards.")
    ] = None,
) -> None:
    """Try it: a local Slack and a simulated estate, in your browser."""
    from bot.cli import running

    raise typer.Exit(running.demo(port=port, browser=browser, speed=speed, data=data))


# --- configuration -------------------------------------------------------------------------------


@app.command()
def check(
    system: Annotated[str | None, typer.Argument(help="Only this system.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Also ask Slack and PagerDuty: keys, channels, groups.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the systems' files and say what is incomplete."""
    from bot.cli import checking

    raise typer.Exit(checking.check(system, live=live, as_json=as_json))


@app.command()
def plan(
    system: Annotated[str, typer.Argument(help="A system, by name or alias.")],
    procedure: Annotated[str, typer.Argument(help="One of its procedures.")],
    inputs: Annotated[
        list[str] | None, typer.Option("--input", "-i", help="name=value; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at the live estate and print what a procedure would do.  Changes nothing."""
    from bot.cli import planning

    raise typer.Exit(planning.plan(system, procedure, inputs or [], as_json=as_json))


@app.command()
def drill(
    system: Annotated[str, typer.Argument(help="A system, by name or alias.")],
    procedure: Annotated[str, typer.Argument(help="One of its procedures.")],
    inputs: Annotated[
        list[str] | None, typer.Option("--input", "-i", help="name=value; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Plan a procedure for real, change nothing, and keep that it was fit for use."""
    from bot.cli import drilling

    raise typer.Exit(drilling.drill(system, procedure, inputs or [], as_json=as_json))


@app.command()
def coverage(
    system: Annotated[str, typer.Argument(help="A system, by name or alias.")],
    open_only: Annotated[bool, typer.Option("--open", help="Only what nothing meets yet.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page of docs/.")] = False,
    as_json: Json = False,
) -> None:
    """List what a system's document asks for, and where each requirement is met."""
    from bot.cli import covering

    raise typer.Exit(
        covering.coverage(system, open_only=open_only, markdown=markdown, as_json=as_json)
    )


@app.command()
def permissions(
    system: Annotated[str, typer.Argument(help="A system, by name or alias.")],
    why: Annotated[bool, typer.Option("--why", help="List what needs each right.")] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the cluster whether Backout has them.")
    ] = False,
    account: Annotated[
        str, typer.Option(help="The service account that Backout runs as: namespace/name.")
    ] = "backout/backout",
    aws: Annotated[
        bool, typer.Option("--aws", help="Print the policy for AWS's IAM instead, as JSON.")
    ] = False,
) -> None:
    """Print the rights that a system's procedures need, and nothing more, as YAML or a policy."""
    from bot.cli import permitting

    found = permitting.permissions(system, why=why, ask=ask, account=account, aws=aws)
    raise typer.Exit(found)


@app.command()
def key() -> None:
    """Print a new key for BACKOUT_CAPTURE_KEY, which encrypts captured secrets."""
    from bot.cli import keeping

    raise typer.Exit(keeping.key())


@app.command()
def actions(
    name: Annotated[str | None, typer.Argument(help="Only this action, in full.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """List the actions that procedures can use, or show one."""
    from bot.cli import catalogue

    raise typer.Exit(catalogue.actions(name, markdown=markdown, as_json=as_json))


@app.command()
def schemas(
    write: Annotated[
        Path | None, typer.Option(help="A folder to write one file a model into.")
    ] = None,
) -> None:
    """Print the JSON Schemas of the configuration files, for editors."""
    from bot.cli import catalogue

    raise typer.Exit(catalogue.schemas(write))


@app.command()
def diagram(
    write: Annotated[
        Path | None, typer.Option(help="A Markdown file whose diagram is replaced.")
    ] = None,
) -> None:
    """Print the state diagram of a rollback (Mermaid)."""
    from bot.cli import catalogue

    raise typer.Exit(catalogue.diagram(write))


@app.command()
def version() -> None:
    """Print the version."""
    from bot.cli import catalogue

    raise typer.Exit(catalogue.version())


@app.command()
def migrate(
    to: Annotated[
        int | None, typer.Option(min=0, help="A version; the latest unless told.")
    ] = None,
    down: Annotated[bool, typer.Option("--down", help="Back by one version.")] = False,
    show: Annotated[bool, typer.Option("--status", help="Only say what is applied.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Lose what a way down has no place for.")
    ] = False,
) -> None:
    """Bring the journal's schema up to date, or take it back."""
    from bot.cli import migrating

    if show:
        raise typer.Exit(migrating.status())
    raise typer.Exit(migrating.migrate(to, down=down, dry_run=dry_run, yes=yes))


# --- incidents -----------------------------------------------------------------------------------


@app.command()
def incidents(
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    as_json: Json = False,
) -> None:
    """List the open incidents, from the journal."""
    from bot.cli import looking

    raise typer.Exit(looking.incidents(ended=everything, as_json=as_json))


@app.command()
def show(
    incident: Annotated[str, typer.Argument(help="For instance INC-7, or 7.")],
    as_json: Json = False,
) -> None:
    """Show where an incident stands, and its timeline."""
    from bot.cli import looking

    raise typer.Exit(looking.show(incident, as_json=as_json))


@app.command()
def evidence(
    name: Annotated[str, typer.Argument(help="An incident to list, or one piece to print.")],
) -> None:
    """List what is kept about an incident besides the journal, or print a piece of it."""
    from bot.cli import keeping

    raise typer.Exit(keeping.evidence(name))


@app.command()
def report(
    incident: Annotated[str, typer.Argument(help="For instance INC-7, or 7.")],
    picture: Annotated[
        Path | None, typer.Option(help="Draw the timeline into this file (PNG) instead.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the post-mortem of an incident as Markdown: who, what, why, how long, what is left."""
    from bot.cli import reporting

    raise typer.Exit(reporting.report(incident, picture=picture, as_json=as_json))


deciding.add_to(app)


Incident = Annotated[str | None, typer.Argument(help="Only this incident, for instance INC-7.")]


@audit.command("verify")
def audit_verify(
    incident: Incident = None,
    file: Annotated[
        Path | None, typer.Option(help="A file that was exported, instead of the journal; - reads.")
    ] = None,
    anchors: Annotated[
        Path | None, typer.Option(help="Also compare with the anchors in this file; - reads.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that nothing of the record is missing, moved, put in or changed, and name it."""
    from bot.cli import auditing

    raise typer.Exit(auditing.verify(incident, file=file, anchors=anchors, as_json=as_json))


@audit.command("export")
def audit_export(incident: Incident = None) -> None:
    """Print the events as JSON lines, with their hashes."""
    from bot.cli import auditing

    raise typer.Exit(auditing.export(incident))


@audit.command("backup")
def audit_backup(
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
) -> None:
    """Copy the journal of this machine into a file, whole, while the bot runs."""
    from bot.cli import auditing

    raise typer.Exit(auditing.backup(file))


@audit.command("anchor")
def audit_anchor() -> None:
    """Write an anchor of the whole journal now, and print it."""
    from bot.cli import auditing

    raise typer.Exit(auditing.anchor())


@audit.command("prune")
def audit_prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
) -> None:
    """Remove what BACKOUT_RETENTION lets go: incidents leave a tombstone."""
    from bot.cli import auditing

    raise typer.Exit(auditing.prune(dry_run=dry_run))
