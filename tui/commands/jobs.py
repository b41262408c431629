"""`myna jobs`, `job`, `logs`, and what can be done to a job: cancel, pause, resume, retry, bump, clear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from proto import energy_words, gpu_words
from proto import myna_pb2 as pb
from proto.messages import ENDED, state_of
from tui import arguments, output, session, wording
from tui.commands.status import jobs_table

app = typer.Typer()

PANEL = "Jobs"
STATES = ("queued", "running", "paused", "succeeded", "failed", "cancelled")
DONE = {"done": "succeeded"}  #: what else a state may be called where jobs are cleared away


def argument(*states: str) -> Any:
    """The argument ID; the shell completes it with jobs in one of these states (none: in any)."""
    return typer.Argument(
        metavar="ID",
        help="Number of the job, as `myna jobs` shows it.",
        min=1,
        autocompletion=arguments.job_ids(*states),
    )


Id = Annotated[int, argument()]


def state_names(known: Sequence[str]) -> Callable[[str], list[str]]:
    """A completion: those of the states that a list may end with: "running,p" → "running,paused"."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        chosen = before.split(",")
        return [f"{before}{comma}{state}" for state in known if state.startswith(last) and state not in chosen]

    return complete


def chosen_states(given: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """The states of options like "running,failed". Raises BadParameter for one that is not `known`."""
    states = [one.strip() for listed in given or () for one in listed.split(",")]
    if wrong := sorted(set(states) - set(known)):
        raise typer.BadParameter(f"{wrong[0]!r} is not a state; there are: {', '.join(known)}", param_hint="--state")
    return states


@app.command(rich_help_panel=PANEL)
def jobs(
    voice: Annotated[
        str, typer.Option(metavar="VOICE", help="Only this voice's.", autocompletion=arguments.voice_names)
    ] = "",
    state: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATE,…",
            help=f"Only in one of these states: {', '.join(STATES)}.",
            autocompletion=state_names(STATES),
        ),
    ] = None,
    number: Annotated[
        int, typer.Option("-n", "--number", metavar="NUMBER", min=0, help="At most so many, the newest first; 0: all.")
    ] = 30,
    json: output.Json = False,
) -> None:
    """List jobs: what runs, what waits and why, and what came of the rest."""
    states = chosen_states(state, STATES)
    found = list(session.client().jobs(voice=voice, states=states, limit=number))
    if json:
        output.json(found)
        return
    jobs_table(found, "No jobs yet. `myna add VOICE FILES…` begins one." if not (voice or states) else "No such jobs.")


@app.command(rich_help_panel=PANEL)
def job(id: Id, json: output.Json = False) -> None:
    """Show one job in full."""
    show(session.client().job(id), json)


@app.command(rich_help_panel=PANEL)
def logs(
    id: Id,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Follow the log until the job ends.")] = False,
    tail: Annotated[
        int, typer.Option("-n", "--tail", metavar="NUMBER", min=0, help="Only so many of the last lines.")
    ] = 0,
    json: output.Json = False,
) -> None:
    """Show the log of a job, of all its attempts."""
    attempt = 0
    for entry in session.client().logs(id, follow=follow, tail=tail):
        if json:
            output.json_line(entry)
            continue
        if entry.attempt > max(attempt, 1):
            print(output.paint(f"--- attempt {entry.attempt}", "dim"))
        attempt = max(attempt, entry.attempt)
        level = "" if entry.level in ("", "info") else entry.level.upper() + " "
        for text in entry.text.splitlines() or [""]:
            print(f"{output.paint(wording.moment(entry.time), 'dim')}  {level}{output.safe(text)}", flush=follow)


@app.command(rich_help_panel=PANEL)
def cancel(id: Annotated[int, argument("queued", "running", "paused")], json: output.Json = False) -> None:
    """Stop a job for good. What it made so far is kept where it can be used."""
    show(session.client().cancel(id), json)


@app.command(rich_help_panel=PANEL)
def pause(id: Annotated[int, argument("queued", "running")], json: output.Json = False) -> None:
    """Pause a job; it keeps its place and its work."""
    show(session.client().pause(id), json)


@app.command(rich_help_panel=PANEL)
def resume(id: Annotated[int, argument("paused")], json: output.Json = False) -> None:
    """Let a paused job go on."""
    show(session.client().resume(id), json)


@app.command(rich_help_panel=PANEL)
def retry(id: Annotated[int, argument("failed", "cancelled")], json: output.Json = False) -> None:
    """Queue a failed or cancelled job again."""
    show(session.client().retry(id), json)


@app.command(rich_help_panel=PANEL)
def bump(
    id: Annotated[int, argument("queued")],
    before: Annotated[
        int,
        typer.Option(metavar="ID", min=0, help="Just before this job.", autocompletion=arguments.job_ids("queued")),
    ] = 0,
    last: Annotated[bool, typer.Option("--last", help="Move it to the end instead of the front.")] = False,
    json: output.Json = False,
) -> None:
    """Move a waiting job to the front of the queue."""
    if before and last:
        raise typer.BadParameter("choose one of --before and --last")
    show(session.client().reorder(id, before=before, last=last), json)


@app.command(rich_help_panel=PANEL)
def clear(
    ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="ID…",
            help="Numbers of jobs that have ended. Default: all of those.",
            min=1,
            show_default=False,
            autocompletion=arguments.job_ids(*ENDED),
        ),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATE,…",
            help="All in one of these states: succeeded (or done), failed, cancelled.",
            autocompletion=state_names(ENDED),
        ),
    ] = None,
    json: output.Json = False,
) -> None:
    """Clear jobs that have ended out of the lists. Their results and logs are kept."""
    if ids and state:
        raise typer.BadParameter("give numbers of jobs or --state, not both")
    states = [DONE.get(one, one) for one in chosen_states(state, (*ENDED, *DONE))]
    number = session.client().clear(ids or (), states=states)
    if json:
        output.json({"cleared": number})
    elif number:
        output.line(f"{wording.count(number, 'job')} left the lists; results and logs are kept.")
        output.line("`myna job ID` still shows one, and `myna retry ID` brings it back.")
    else:
        output.line("No such job is still listed." if ids or states else "No job has ended that is still listed.")


def show(job: pb.Job, json: bool) -> None:
    """One job, in full."""
    if json:
        output.json(job)
        return
    output.line(f"#{job.id} {output.safe(job.title or wording.kind(job))}")
    error = job.status.failed.error
    output.fields(
        (
            ("state", state_of(job)),
            ("", wording.detail(job)),
            ("to do", error.hint),
            ("voice", job.voice),
            ("kind", wording.kind(job) + (" (GPU lane)" if job.gpu_lane else " (CPU lane)")),
            ("gpu", wording.gpu(job)),
            ("memory", gpu_words.memory(job.gpu)),
            ("submitted", wording.moment(job.submitted)),
            ("took", wording.took(job)),
            ("so far", energy_words.meter(job.status.running.progress)),
            ("energy", energy_words.of(job.spent) if job.spent.HasField("joules") else ""),
            ("money", energy_words.cost(job.spent)),
            ("attempts", job.attempts),
            ("run", job.run or ""),
            ("caused by", f"job #{job.parent_job}" if job.parent_job else ""),
        )
    )
    if error.log_tail:
        print(output.paint("the end of its log:", "dim"))
        for text in error.log_tail.splitlines():
            print("  " + output.safe(text))
