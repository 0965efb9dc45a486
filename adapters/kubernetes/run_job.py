"""`kubernetes.run_job`: run a command once, in a Job of its own, and see how it ended."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field

from adapters.kubernetes import access, jobs, logs_of_jobs
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.errors import ExistsError
from adapters.kubernetes.job_inputs import RunJobInputs, command_of, spec_of
from adapters.kubernetes.jobs import Series
from adapters.kubernetes.resources import JOBS, PODS, SERVICE_ACCOUNTS
from adapters.values import fingerprint_of, redact, step_key
from config.models.base import Model, format_duration
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

LOOK_AGAIN = 1.0


class RunJobOutput(Model):
    """How it ended."""

    job: str = Field(description="The Job's name.")
    exit_code: int | None = Field(description="None where its pod is gone.")
    image: str = Field(description="The image that ran, by its digest where the cluster tells it.")
    seconds: float | None = Field(description="How long it took.")
    log: str = Field(description="The log's name in the evidence store; empty where none was read.")
    log_sha256: str


class RunJob(Action):
    """Run a command in a Job of one pod, without repeats, and wait until it has ended.

    The Job is named by incident, step and a hash of what it runs.  One that is there already is
    read and not created again; a failed one is followed by another run when the step is tried
    again.  The end of its log is kept as evidence and appears nowhere else.  Nothing ends it but
    itself (or the cluster, with `stop_at_timeout`): not a hold, not the step's budget.

    Effect: changes (what it changes is the command's affair: `loses` says it to those who
    approve).  Not undoable.  Units: seconds.  Errors: permanent where the cluster refuses the Job,
    for a service account that is not there, for a Job of this name that is somebody else's, and
    for a missing right; unknown outcome where the answer to the creation was lost.  Refuted
    with the reason, the exit code and the last line where it failed.
    """

    uses: ClassVar[str] = "kubernetes.run_job"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    Inputs: ClassVar[type[Model]] = RunJobInputs
    Output: ClassVar[type[Model]] = RunJobOutput
    example: ClassVar[JsonObject] = {
        "image": "shop/business@sha256:" + "4f" * 32,
        "command": ["/app/bin/business", "eval", "Business.Release.rollback()"],
        "env": {"KEEP": "20260301120000", "DATABASE_URL": {"secret": "db", "key": "url"}},
        "timeout": "5m",
        "loses": "the tables of the migrations after 20260301120000",
    }

    def permissions(self, inputs: RunJobInputs, system: System) -> tuple[Permission, ...]:
        """Create and list Jobs, whose names are not known before; read their pods and logs."""
        namespace = namespace_of(system)
        accounts: tuple[Permission, ...] = ()
        if inputs.service_account:
            name = inputs.service_account
            accounts = (access.right("get", SERVICE_ACCOUNTS, namespace, name=name),)
        return (
            access.right("create", JOBS, namespace),
            access.right("list", JOBS, namespace),
            access.right("list", PODS, namespace),
            access.right("get", PODS, namespace, sub="log"),
            *accounts,
        )

    async def preview(self, inputs: RunJobInputs, context: Context) -> Preview:
        """Show the Job; it is tried without effect."""
        cluster, series = await connect(context), _series(inputs, context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        if inputs.service_account:
            await cluster.read(SERVICE_ACCOUNTS, inputs.service_account)
        run, newest = await _newest(cluster, series)
        failed = jobs.state_of(newest).failed if newest else ""
        in_place = newest is not None and not failed
        if not in_place:
            await _create(cluster, series, run + 1, context, dry_run=True)
        return Preview(
            summary=f"Run {command_of(inputs)} in {inputs.image}",
            fingerprint=fingerprint_of([series.digest, run if failed else 0]),
            changes=() if in_place else (_change(series.name(run + 1), inputs),),
            in_place=in_place,
            touches=0 if in_place else 1,
            losses="" if in_place else inputs.loses,
            warnings=(*doubts, *_warnings(inputs, newest, failed)),
        )

    async def capture(self, inputs: RunJobInputs, context: Context) -> JsonObject:
        """Record how many runs of this Job there were before."""
        run, _ = await _newest(await connect(context), _series(inputs, context))
        return {"runs": run}

    async def apply(self, inputs: RunJobInputs, captured: JsonObject, context: Context) -> None:
        """Create the Job, unless it is there; after one that failed before, the next."""
        cluster, series = await connect(context), _series(inputs, context)
        run, newest = await _newest(cluster, series)
        if newest is not None:
            own = jobs.attempt_of(newest) == context.key
            if own or not jobs.state_of(newest).failed:
                return
        await _create(cluster, series, run + 1, context)

    async def verify(self, inputs: RunJobInputs, captured: JsonObject, context: Context) -> Verdict:
        """Look how far the newest run is; keep its log once it has ended."""
        cluster, series = await connect(context), _series(inputs, context)
        _, job = await _newest(cluster, series)
        if job is None:
            return Refuted(why=f"there is no Job {series.name(1)}")
        name, state = str(job["metadata"]["name"]), jobs.state_of(job)
        pods = jobs.own_pods(job, await cluster.items(PODS, labels=f"job-name={name}"))
        if not state.complete and not state.failed:
            return NotYet(progress=_progress(name, inputs, state, pods), after=LOOK_AGAIN)
        ending = next((e for pod in reversed(pods) if (e := jobs.ending_of(pod))), None)
        kept = await logs_of_jobs.keep(cluster, context, name, ending)
        if state.failed:
            own = jobs.attempt_of(job) == context.key
            why = _failure(name, state, ending, kept)
            return Refuted(why=why if own else f"{why}; this attempt began no other", final=own)
        return Holds(summary=_success(name, state, ending, kept), output=_output(job, ending, kept))


def _series(inputs: RunJobInputs, context: Context) -> Series:
    step = step_key(context.key).partition("/")[2]
    return Series(incident=context.incident, step=step, spec=spec_of(inputs))


async def _newest(cluster: Cluster, series: Series) -> tuple[int, jobs.Object | None]:
    """Return the number of the last run and its Job; (0, None) where there is none."""
    labels = ",".join(f"{key}={value}" for key, value in series.labels.items())
    runs = {series.run_of(job): job for job in await cluster.items(JOBS, labels=labels)}
    last = max(runs, default=0)
    return last, runs.get(last)


async def _create(
    cluster: Cluster, series: Series, run: int, context: Context, *, dry_run: bool = False
) -> None:
    """Create a run, or find that it was made at the same moment."""
    try:
        await cluster.create(JOBS, series.manifest(run, context.key), dry_run=dry_run)
    except ExistsError as error:
        if (await _newest(cluster, series))[0] < run:
            raise PermanentError(
                f"There is a Job {series.name(run)} in namespace {cluster.namespace} that is not "
                "this step's: see whose it is and delete or rename it."
            ) from error


def _change(name: str, inputs: RunJobInputs) -> Change:
    told = [f"image {inputs.image}", f"command {command_of(inputs)}"]
    if inputs.env:
        told.append(f"env {', '.join(sorted(inputs.env))}")
    if inputs.service_account:
        told.append(f"service account {inputs.service_account}")
    ends = "ended" if inputs.stop_at_timeout else "told of"
    told.append(f"{ends} after {format_duration(inputs.timeout)}")
    return Change(subject=f"Job/{name}", before=None, after="; ".join(told))


def _warnings(inputs: RunJobInputs, newest: jobs.Object | None, failed: str) -> tuple[str, ...]:
    found = []
    if "@sha256:" not in inputs.image:
        found.append(f"{inputs.image} is named by a tag, which may be another image by now.")
    if failed and newest is not None:
        found.append(f"Its Job {newest['metadata']['name']} failed ({failed}); it runs again.")
    return tuple(found)


def _progress(name: str, inputs: RunJobInputs, state: jobs.State, pods: list[jobs.Object]) -> str:
    now = datetime.now(UTC)
    told = f"{name}: {jobs.told(pods, now)}"
    if state.began is None or now - state.began <= inputs.timeout:
        return told
    late = format_duration(inputs.timeout)
    return f"{told}, for longer than {late}: it is left running (`kubectl logs job/{name}`)"


def _failure(
    name: str, state: jobs.State, ending: jobs.Ending | None, kept: logs_of_jobs.Kept
) -> str:
    told = [f"{name} failed ({state.failed})"]
    if ending is not None:
        told.append(f"exit code {ending.exit_code}{_reason(ending)}")
    if last := kept.last or (redact(ending.message)[:200] if ending else ""):
        told.append(f"last line: {last}")
    return "; ".join([*told, kept.told])


def _reason(ending: jobs.Ending) -> str:
    return f" ({ending.reason})" if ending.reason not in ("", "Error") else ""


def _success(
    name: str, state: jobs.State, ending: jobs.Ending | None, kept: logs_of_jobs.Kept
) -> str:
    ended = f"exit code {ending.exit_code}" if ending else "its pod is gone"
    took = f" after {state.seconds:.0f} s" if state.seconds is not None else ""
    return f"{name} completed{took}, {ended}; {kept.told}"


def _output(
    job: jobs.Object, ending: jobs.Ending | None, kept: logs_of_jobs.Kept
) -> dict[str, Any]:
    output = RunJobOutput(
        job=job["metadata"]["name"],
        exit_code=ending.exit_code if ending else None,
        image=ending.image if ending else "",
        seconds=jobs.state_of(job).seconds,
        log=kept.name,
        log_sha256=kept.sha256,
    )
    return output.model_dump(mode="json")
