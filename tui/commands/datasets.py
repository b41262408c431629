"""`myna datasets` (`list`, `wanted`, `calibrate`, `speakers`, `recut`, `report`, `merge`), `clips`, `clip`: what a
voice learns from."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from proto import myna_pb2 as pb
from proto.client import ClientError
from tui import arguments, calibration, output, session, sounds_wanted, who_speaks, wording
from tui.commands import jobs, train

app = typer.Typer()

PANEL = "Recordings"


class OrList(TyperGroup):
    """`myna datasets VOICE` is `myna datasets list VOICE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word in where a voice stands in its place."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Voices, too."""
        voice = self.commands["list"].params[0]
        return [*voice.shell_complete(ctx, incomplete), *super().shell_complete(ctx, incomplete)]


group = typer.Typer(cls=OrList, no_args_is_help=True)
app.add_typer(group, name="datasets", rich_help_panel=PANEL)


@group.callback()
def datasets() -> None:
    """List a voice's datasets (`myna datasets VOICE`); what they hold and lack, what limits drop, reports, merging."""


@group.command()
def merge(
    voices: Annotated[
        list[str],
        typer.Argument(metavar="VOICE…", help="Whose newest datasets are taken.", autocompletion=arguments.voice_names),
    ],
    into: Annotated[
        str,
        typer.Option(
            metavar="VOICE", help="Who gets them; a new name makes a new voice.", autocompletion=arguments.voice_names
        ),
    ],
    json: output.Json = False,
) -> None:
    """Give a voice the newest datasets of others. What is held out of one of them is held out of it, too."""
    merged = session.client().merge(voices, into)
    if json:
        output.json(merged)
        return
    rows = (
        (f"{one.voice} #{one.number}", one.recordings, one.known, one.clips, one.held_out, one.dropped)
        for one in merged.sources
    )
    output.table(("from", "recordings", "known already", "clips", "held out", "dropped"), rows, "")
    output.line(output.safe(f"{into}: {merged.dataset.sentence}"))


@group.command()
def calibrate(
    voice: arguments.Voice,
    limits: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Try another limit: a key of the table dataset in voice.toml."
        ),
    ] = None,
    json: output.Json = False,
) -> None:
    """Show how each measure of a voice's clips is spread, and what each limit drops. Nothing is changed."""
    given = train.pairs(limits or [])
    found = session.client().calibrate(voice, given)
    if json:
        output.json(found)
        return
    calibration.show(found, given)


@group.command()
def speakers(
    voice: arguments.Voice,
    own: Annotated[
        int | None,
        typer.Option(
            "--own", metavar="N", min=0, help="This one's voice it is; 0: as the recordings tell, as before you said."
        ),
    ] = None,
    json: output.Json = False,
) -> None:
    """Show who speaks in a voice's recordings, and say which of them is the voice's own: clips of the others are left
    out."""
    client = session.client()
    found = client.speakers(voice)
    if own is not None:
        found = client.choose_speaker(voice, who_speaks.example(found, own) if own else "")
    if json:
        output.json(found)
        return
    who_speaks.show(found)


@group.command()
def recut(voice: arguments.Voice, json: output.Json = False) -> None:
    """Cut, measure and hear all recordings of a voice again, and make a dataset of them. What you said of clips stands
    for those in their place; datasets that were made stay as they are."""
    job = session.client().submit(pb.DatasetSpec(voice=voice, recut=True))
    jobs.show(job, json)
    if not json:
        output.line(f"Follow it: myna logs {job.id} -f")


@group.command()
def wanted(
    voice: arguments.Voice,
    dataset: arguments.Dataset = 0,
    number: Annotated[
        int, typer.Option("-n", "--number", metavar="NUMBER", min=1, max=100, help="At most so many sentences.")
    ] = 10,
    json: output.Json = False,
) -> None:
    """Show which sounds a voice has said, which are missing, and sentences to read next that would fill the gaps."""
    found = session.client().wanted(voice, dataset, number)
    if json:
        output.json(found)
        return
    sounds_wanted.show(voice, found)


@group.command()
def report(
    voice: arguments.Voice,
    number: Annotated[
        int,
        typer.Argument(
            metavar="[N]", min=0, help="The dataset; default: the newest.", autocompletion=arguments.dataset_numbers
        ),
    ] = 0,
    into: Annotated[
        Path | None, typer.Option("--into", metavar="FOLDER", help="Default: VOICE-dataset-N, in this folder.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Write a report of a dataset: report.md, report.json, histograms, and clips to hear."""
    from tui import dataset_report  # matplotlib takes a while to load

    written = dataset_report.write(session.client(), voice, number, into)
    if json:
        output.json(written.numbers)
        return
    for sentence in written.sentences:
        output.line(output.safe(sentence))


@group.command("list")
def list_(voice: arguments.Voice, json: output.Json = False) -> None:
    """List a voice's datasets."""
    found = list(session.client().datasets(voice))
    if json:
        output.json(found)
        return
    rows = (
        (
            f"#{data.number}",
            data.clips,
            wording.duration(data.seconds),
            data.held_out,
            data.new_clips,
            wording.moment(data.created),
            ", ".join(f"{number} {reason}" for reason, number in sorted(data.dropped.items())),
        )
        for data in found
    )
    head = ("dataset", "clips", "length", "held out", "new", "made", "dropped")
    output.table(head, rows, f"{voice} has no dataset yet. `myna add {voice} FILES…` begins one.")


@app.command(rich_help_panel=PANEL)
def clips(
    voice: arguments.Voice,
    dataset: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="Of this dataset; 0: all there are.",
            autocompletion=arguments.dataset_numbers,
        ),
    ] = 0,
    dropped: Annotated[bool, typer.Option("--dropped", help="Those left out, with the reason.")] = False,
    held_out: Annotated[bool, typer.Option("--held-out", help="Those that never train.")] = False,
    review: Annotated[bool, typer.Option("--review", help="Those that may be wrong, the most doubtful first.")] = False,
    number: Annotated[
        int, typer.Option("-n", "--number", metavar="NUMBER", min=0, help="At most so many; 0: all.")
    ] = 0,
    json: output.Json = False,
) -> None:
    """List clips: text, length, where from, and why one was dropped; or those to review, and why."""
    if review:
        if dataset or dropped or held_out:
            raise typer.BadParameter("--review goes without --dataset, --dropped and --held-out", param_hint="--review")
        _review(voice, number, as_json=json)
        return
    every = session.client().clips(voice, dataset, dropped=dropped, held_out=held_out, limit=0 if dropped else number)
    found = list(islice((clip for clip in every if not (dropped and clip.kept)), number or None))
    if json:
        output.json(found)
        return
    rows = (
        (
            clip.sha256[:12] or "-",
            f"{clip.end - clip.start:.1f}",
            "held-out" if clip.kept and clip.held_out else "kept" if clip.kept else clip.reason or "dropped",
            wording.transcript(clip),
            wording.origin(clip),
            clip.text if clip.kept or not clip.sentence else clip.sentence,
        )
        for clip in found
    )
    output.table(("clip", "s", "state", "transcript", "from", "text"), rows, "No such clips.")


def _review(voice: str, number: int, *, as_json: bool) -> None:
    """Show what is left to review, at most so many clips (0: as many as a page takes)."""
    found = session.client().review(voice, limit=number or 1000)
    if as_json:
        output.json(list(found.clips))
        return
    rows = (
        (
            clip.sha256[:12],
            f"{clip.doubt:.0%}",
            "held-out" if clip.kept and clip.held_out else "kept" if clip.kept else clip.reason,
            ", ".join(doubt.title for doubt in clip.doubts),
            wording.origin(clip),
            clip.text,
        )
        for clip in found.clips
    )
    nothing = f"No clip of {voice} is left to review."
    output.table(("clip", "doubt", "state", "why", "from", "text"), rows, nothing)
    if found.left:
        output.line(
            f"{wording.count(found.left, 'clip')} left to review. `myna clip {voice} CLIP` takes --accept, "
            "--text, --keep or --drop."
        )


@app.command(rich_help_panel=PANEL)
def clip(
    voice: arguments.Voice,
    sha: Annotated[
        str,
        typer.Argument(
            metavar="SHA",
            help="The clip, as `myna clips` shows it (its first characters are enough).",
            autocompletion=arguments.clip_ids,
        ),
    ],
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="What is really said in it.")] = None,
    keep: Annotated[bool | None, typer.Option("--keep/--drop", help="Use it, or leave it out.")] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="It is right as it is, kept or dropped: it need not be reviewed.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo your last change of it.")] = False,
    json: output.Json = False,
) -> None:
    """Correct a clip: its text, or whether it is used; or accept it. The next dataset has it so."""
    if (undo or accept) and (text is not None or keep is not None or (undo and accept)):
        alone = "--undo" if undo else "--accept"
        raise typer.BadParameter(f"{alone} goes alone, without another change", param_hint=alone)
    client = session.client()
    found = whole_clip(client.clips(voice, dropped=True), sha, voice)
    if text is not None or keep is not None:
        found = client.set_clip(voice, found.sha256, text=text, kept=keep)
    elif accept:
        found = client.accept_clip(voice, found.sha256)
    elif undo:
        found = client.undo_clip(voice, pb.Clip(sha256=found.sha256))
    if json:
        output.json(found)
        return
    output.fields(
        (
            ("clip", found.sha256),
            ("state", "kept" if found.kept else "dropped"),
            ("why", found.sentence or found.reason),
            ("held out", "yes, it never trains" if found.held_out else ""),
            ("text", found.text),
            ("transcript", wording.transcript(found)),
            ("from", f"{found.recording_name}, {found.start:.2f}–{found.end:.2f} s"),
            ("quality", ", ".join(f"{name} {value:g}" for name, value in sorted(found.quality.items()))),
            ("file", found.path),
        )
    )


def whole_clip(known: Iterable[pb.Clip], sha: str, voice: str) -> pb.Clip:
    """The one clip whose digest begins so."""
    hits = {clip.sha256: clip for clip in known if clip.sha256 and clip.sha256.startswith(sha.lower())}
    if len(hits) == 1:
        return next(iter(hits.values()))
    if hits:
        raise ClientError(
            f"{len(hits)} clips of {voice} begin with {sha}.", "Give more of its characters.", "INVALID_ARGUMENT"
        )
    raise ClientError(
        f"{voice} has no clip {sha}.",
        f"`myna clips {voice}` and `myna clips {voice} --dropped` list them.",
        "NOT_FOUND",
    )
