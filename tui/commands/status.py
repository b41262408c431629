"""`myna status` and `myna watch`: how things are, and what happens."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from proto.client import Client
from proto.messages import state_of
from tui import arguments, as_json, output, session, wording

app = typer.Typer()

LIVE = ("running", "paused", "queued")
SHOWN = 12  #: jobs and inbox files in the overview
REASONS = 3  #: refused files that the overview gives the reason of


@app.command(rich_help_panel="Daemon")
def status(json: output.Json = False) -> None:
    """Show the status of the daemon: what runs, what waits, and the machine."""
    show(session.client(), json)


@app.command(rich_help_panel="Daemon")
def watch(
    voice: Annotated[
        str, typer.Option(metavar="VOICE", help="Only what concerns this voice.", autocompletion=arguments.voice_names)
    ] = "",
    after: Annotated[
        int | None, typer.Option(metavar="CURSOR", help="From this event on (0: all that are kept). Default: from now.")
    ] = None,
    progress: Annotated[bool, typer.Option(help="Also the progress of running jobs.")] = False,
    json: output.Json = False,
) -> None:
    """Show events as they happen, one line each, until Ctrl-C. It goes on by itself after a restart of the daemon."""
    for event in session.client().watch(after, voice=voice, progress=progress):
        if json:
            output.json_line(event)
        elif event.WhichOneof("what") != "occasion":  # made into words for notifiers only
            print(event_line(event), flush=True)


def overview(*, start: bool = True) -> None:
    """`myna` into a pipe, or `--once`: starts the local daemon if none runs (and it may); then status, and what to do
    next."""
    client = session.client()
    if start and not session.where().remote and not client.ready():
        from tui import daemon

        daemon.start(session.where().home)
        client = session.client()  # the first one, which found nobody, may wait a moment before it asks again
    show(client, False)
    voices = list(client.voices())
    print()
    if voices:
        output.line(f'Next: myna say "Hello." --voice {voices[0].name} · myna jobs · myna voices · myna --help')
    else:
        output.line(
            f"Next: copy recordings into {session.where().home}/inbox/NAME/ or `myna add NAME FILES…` · myna --help"
        )


def show(client: Client, json: bool) -> None:
    """Print the state of the daemon."""
    info = client.info()
    live = list(client.jobs(states=LIVE, limit=200))
    voices = list(client.voices())
    if json:
        output.json(
            {
                **as_json.plain(info),
                "live_jobs": [as_json.plain(job) for job in live],
                "voices": [as_json.plain(v) for v in voices],
            }
        )
        return
    output.line(
        f"Myna {info.version} · up {wording.since(info.started)} · "
        f"{output.safe(str(session.where().remote or info.home))}"
    )
    output.fields(machine(info, {voice.engine for voice in voices}))
    if live:
        print()
        jobs_table(sorted(live, key=lambda job: (LIVE.index(state_of(job)), job.id))[:SHOWN])
        if len(live) > SHOWN:
            output.line(f"… and {wording.count(len(live) - SHOWN, 'more job')}: myna jobs")


def machine(info: pb.InfoResponse, used: Collection[str]) -> list[tuple[str, str]]:
    """Rows about GPU, memory, disk, jobs and inbox, and what is missing of the engines that are `used`: by voices, or
    since somebody switched them on."""
    sample = info.sample
    rows = [gpu_row(gpu, alone=len(sample.gpus) == 1) for gpu in sample.gpus]
    rows = rows or [("gpu", sample.no_gpu or "none")]
    if info.gpu_holder:
        rows.append(("held by", info.gpu_holder))
    rows.append(
        ("memory", f"{wording.size(sample.memory_used)} of {wording.size(sample.memory_total)} · cpu {sample.cpu:.0%}")
    )
    rows.append(("disk", f"{wording.size(sample.disk_free)} free of {wording.size(sample.disk_total)}"))
    rows.append(
        (
            "jobs",
            ", ".join(f"{number:,} {state}" for state, number in sorted(info.jobs.items()) if number) or "none yet",
        )
    )
    if info.inbox:
        names = ", ".join(f"{event.voice}/{event.name}" for event in info.inbox[:3])
        rows.append(
            (
                "inbox",
                f"{wording.count(len(info.inbox), 'file')} arriving: {names}" + (" …" if len(info.inbox) > 3 else ""),
            )
        )
    if info.refused:
        rows.append(("refused", refused(info)))
    rows += [(finding.state, f"{finding.sentence} {finding.hint}") for finding in info.findings]
    for engine in info.engines:
        if not engine.ready and (engine.remote.enabled or engine.name in used):
            rows.append((engine.name, engine.sentence))
    return rows


def refused(info: pb.InfoResponse) -> str:
    """The newest refused files with their reasons, and where they lie."""
    newest = [f"{file.voice}/{file.name}".lstrip("/") + f": {file.why}" for file in reversed(info.refused)][:REASONS]
    more = info.refused_count - len(newest)
    others = f" And {wording.count(more, 'more file')}." if more > 0 else ""
    where = ".refused in the inbox folder of their voice has them; take out what is dealt with."
    return f"{wording.count(info.refused_count, 'file')}. {' '.join(newest)}{others} {where}"


def gpu_row(gpu: pb.Gpu, *, alone: bool) -> tuple[str, str]:
    """One GPU in a row; of several, its number and whether Myna works on it."""
    if alone:
        return "gpu", gpu_line(gpu)
    return f"gpu {gpu.index}", gpu_line(gpu) + ("" if gpu.owned else " · Myna does not work on this one")


def gpu_line(gpu: pb.Gpu) -> str:
    """One GPU in a line."""
    if gpu.lost:
        return f"{gpu.name} does not answer: myna doctor"
    parts = [
        f"{gpu.name}: {wording.size(gpu.memory_used)} of {wording.size(gpu.memory_total)}",
        f"{gpu.utilisation:.0%}",
    ]
    if gpu.temperature:
        parts.append(f"{gpu.temperature:.0f} °C")
    if gpu.power:
        parts.append(f"{gpu.power:.0f} W")
    return " · ".join(parts)


def jobs_table(jobs: list[pb.Job], empty: str = "") -> None:
    """Jobs as people read them."""
    rows = [
        (job.id, state_of(job), job.title or wording.kind(job), wording.took(job), wording.detail(job)) for job in jobs
    ]
    output.table(("id", "state", "job", "took", ""), rows, empty)


def event_line(event: pb.Event) -> str:
    """An event in a line for people."""
    what = event.WhichOneof("what")
    text, state = "", ""
    match what:
        case "job":
            job = event.job
            state, text = state_of(job), f"#{job.id} {job.title} {wording.detail(job)}"
        case "inbox":
            inbox = event.inbox
            length = f" ({wording.duration(inbox.seconds)})" if inbox.seconds else ""
            state, text = inbox.state, f"{inbox.voice and f'{inbox.voice}/'}{inbox.name}{length} {inbox.why}"
        case "voice":
            voice = event.voice
            state, text = (
                "voice",
                f"{voice.name} {f'is now called {voice.renamed_to}' if voice.renamed_to else voice.next}",
            )
        case "version":
            version = event.version
            state, text = version.state, f"{version.voice}@{version.number} {version.verdict}"
        case "dataset":
            dataset = event.dataset
            text = (
                f"{dataset.voice} #{dataset.number}: {wording.count(dataset.clips, 'clip')}, "
                f"{wording.duration(dataset.seconds)}"
            )
            state = "dataset"
        case "cleared":
            state, text = "cleared", f"{wording.count(len(event.cleared.ids), 'job')} out of the lists"
        case "budget":
            state, text = "budget", f"{event.budget.sentence} {event.budget.hint}"
        case "notice":
            state, text = event.notice.level, f"{event.notice.sentence} {event.notice.hint}"
    padded = output.state(state) + " " * max(0, 9 - len(state))
    return f"{wording.moment(event.time) or ' ' * 8}  {padded}  {output.safe(text).rstrip()}"
