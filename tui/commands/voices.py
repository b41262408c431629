"""`myna voices` (`new`, `rename`, `give`, `delete`, `restore`), `versions`, `version`, `promote`, `archive`,
`rollback`, `compare`: which voice speaks, and which is better."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from proto import myna_pb2 as pb
from proto import version_words
from proto.client import ClientError
from tui import arguments, as_json, cost, follow, metrics, names, output, session, wording
from tui import consent as asking
from tui.commands import ratings

app = typer.Typer()

PANEL = "Voices"
LISTED = ("wer", "cer", "similarity", "dnsmos", "held_out_loss")  #: shown in lists, where a version has them

group = typer.Typer(invoke_without_command=True)
app.add_typer(group, name="voices", rich_help_panel=PANEL)


@group.callback()
def voices(
    ctx: typer.Context,
    deleted: Annotated[bool, typer.Option("--deleted", help="Also those that were deleted.")] = False,
    json: output.Json = False,
) -> None:
    """List voices, and what happens next with each."""
    if ctx.invoked_subcommand is not None:
        return
    found = list(session.client().voices(deleted=deleted))
    if json:
        output.json(found)
        return
    rows = (
        (
            voice.name,
            f"@{voice.promoted}" if voice.promoted else "base",
            voice.versions,
            voice.recordings,
            wording.duration(voice.recorded_seconds),
            wording.duration(voice.kept_seconds),
            voice.engine,
            voice.language,
            voice.next,
        )
        for voice in found
    )
    head = ("voice", "speaks", "versions", "recordings", "recorded", "kept", "engine", "lang", "next")
    output.table(head, rows, "No voices yet. `myna add NAME FILES…` makes one.")


@group.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the voice is to be called.")],
    language: Annotated[
        str,
        typer.Option(
            "--language", metavar="CODE", help="ISO 639-1: en, de, fi; auto: as it is heard. Default: the daemon's."
        ),
    ] = "",
    engine: Annotated[
        str, typer.Option("--engine", metavar="ENGINE", help="Default: one that speaks the language.")
    ] = "",
    consent: asking.Option = "",
    json: output.Json = False,
) -> None:
    """Make a voice before there are recordings: its folder with a voice.toml for its language.

    Says what is there for the language and what is missing: an engine, a recogniser, rules for its texts.
    """
    client = session.client()
    consent = consent or asking.asked(client, name, quiet=json)
    made = client.create_voice(name, language, engine, consent)
    if json:
        output.json(made)
        return
    voice = made.voice.name
    output.line(f"{voice} is made: {output.safe(made.path)} has its voice.toml.")
    output.findings(made.findings)
    output.line(f"Next: myna add {voice} FILES…")


@group.command()
def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The voice.", autocompletion=arguments.voice_names)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    json: output.Json = False,
) -> None:
    """Rename a voice, with its inbox folder and all that it has. Renaming it back undoes that."""
    voice = session.client().rename_voice(old, new)
    if json:
        output.json(voice)
    else:
        output.line(f"{old} is now called {voice.name}: put its recordings into inbox/{voice.name}/.")


@group.command()
def delete(
    voice: arguments.Voice,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: output.Json = False,
) -> None:
    """Delete a voice from all lists. Nothing of it is lost: `myna voices restore` brings it back."""
    if not yes:
        if not sys.stdin.isatty():
            raise ClientError(
                f"{voice} was not deleted: nobody can be asked here.",
                "Add --yes to delete it without a question.",
                "FAILED_PRECONDITION",
            )
        if not typer.confirm(f"Delete the voice {output.safe(voice)}? All of it is kept.", err=True):
            raise ClientError(f"{voice} was not deleted.", "", "FAILED_PRECONDITION")
    found = session.client().delete_voice(voice)
    if json:
        output.json(found)
    else:
        output.line(f"{found.name} is deleted. All of it is kept: `myna voices restore {found.name}` brings it back.")


@group.command()
def restore(
    voice: Annotated[
        str, typer.Argument(metavar="VOICE", help="A deleted voice.", autocompletion=arguments.deleted_voice_names)
    ],
    json: output.Json = False,
) -> None:
    """Bring a deleted voice back, as it was."""
    found = session.client().restore_voice(voice)
    if json:
        output.json(found)
    else:
        output.line(output.safe(f"{found.name} is back. Next: {found.next}"))


@group.command()
def give(
    voice: arguments.Voice,
    person: Annotated[str, typer.Argument(metavar="[PERSON]", help="Whose it becomes; none: yours.")] = "",
    json: output.Json = False,
) -> None:
    """Make a voice a person's, with all that it has."""
    found = session.client().give(voice, person)
    if json:
        output.json(found)
    else:
        output.line(output.safe(f"{voice} is {f'{person}’s' if person else 'yours'} now."))


@app.command(rich_help_panel=PANEL)
def versions(voice: arguments.Voice, json: output.Json = False) -> None:
    """List a voice's versions, the newest first."""
    client = session.client()
    found = list(client.versions(voice))
    if json:
        output.json(found)
        return
    infos = client.info().metrics if found else ()
    shown = [metrics.find(infos, name) for name in LISTED if any(name in version.metrics for version in found)]
    rows = (
        (
            f"{version.voice}@{version.number}",
            version.state,
            f"@{version.parent}" if version.parent else "base",
            f"#{version.dataset}" if version.dataset else "",
            *(metrics.figure(info, version.metrics) for info in shown),
            f"{version.metrics['lines']:.0f}" if "lines" in version.metrics else "",
            wording.moment(version.created),
            version.verdict,
        )
        for version in found
    )
    output.table(
        ("version", "state", "from", "data", *(info.title for info in shown), "lines", "made", ""),
        rows,
        f"{voice} has no versions yet: the engine's base speaks.",
    )


@app.command(rich_help_panel=PANEL)
def version(
    name: arguments.Version,
    report: Annotated[
        bool, typer.Option("--report", help="The whole report: lineage, data, settings, metrics, cost.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Show one version in full."""
    named = names.parse(name, needs_number=True)
    _no_base(named, "described")
    found = session.client().version(named.voice, named.number, report=report)
    if json:
        output.json(found)
    elif report and found.report_md:
        for text in found.report_md.splitlines():
            output.line(output.safe(text))
    else:
        show(found)


@app.command(rich_help_panel=PANEL)
def promote(name: arguments.Version, json: output.Json = False) -> None:
    """Make a version the active one: it speaks for its voice from now on."""
    named = names.parse(name, needs_number=True)
    _no_base(named, "promoted")
    changed(session.client().promote(named.voice, named.number), json)


@app.command(rich_help_panel=PANEL)
def archive(name: arguments.Version, json: output.Json = False) -> None:
    """Put a version aside. Its files are kept (`myna purge` frees the disk); `myna promote` brings it back."""
    named = names.parse(name, needs_number=True)
    _no_base(named, "archived")
    found = session.client().archive(named.voice, named.number)
    if json:
        output.json(found)
    else:
        output.line(f"{named} is archived; its files are kept. Make it the active version again: myna promote {named}")


@app.command(rich_help_panel=PANEL)
def rollback(voice: arguments.Voice, json: output.Json = False) -> None:
    """Make the version that was active before the active one again."""
    changed(session.client().rollback(voice), json)


@app.command(rich_help_panel=PANEL)
def compare(
    a: ratings.A,
    b: Annotated[
        str,
        typer.Argument(metavar="B", help="Such as anna@7, just 7, or bob@1.", autocompletion=arguments.version_names),
    ],
    lines: Annotated[bool, typer.Option("--lines", help="Also each line.")] = False,
    score: Annotated[
        bool, typer.Option("--score", help="Let both speak the same lines first, and wait for it.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Agree to what --score sends to an engine elsewhere, and its cost.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Compare two versions, of one voice or of two, on the lines that both have spoken.

    Versions of one voice are compared on its held-out lines. Those of different voices or engines are compared on
    whatever texts both have said, and likeness is each one's to its own recordings. A voice of an engine elsewhere
    (openai:alloy) is one of them: what --score sends there, and what that costs, is told before.
    """
    first, second = names.any_pair(a, b)
    if names.ELSEWHERE in first.voice:  # jobs are of the voice that is here
        first, second = second, first
    client = session.client()
    one, other = max(first.number, 0), max(second.number, 0)
    one_voice = first.voice == second.voice
    if score:
        spec = pb.EvaluateSpec(voice=first.voice, version=max(one, other), against=min(one, other))
        if not one_voice:
            spec = pb.EvaluateSpec(voice=first.voice, version=one, against=other, against_voice=second.voice)
        if names.ELSEWHERE in second.voice:
            cost.agree(client.price(spec), yes)
        follow.check(follow.job(client, client.submit(spec).id))
    found = client.compare(first.voice, one, other, voice_b=second.voice)
    tally = client.ratings(first.voice, one, other, limit=1).tally if one_voice else pb.Tally()
    if json:
        output.json({**as_json.plain(found), "listeners": as_json.plain(tally)})
        return
    _compared(found, first, second, lines)
    if tally.ratings:
        ratings.tally(tally, str(first), str(second))
    if not found.ready:
        raise typer.Exit(1)


def _compared(found: pb.CompareResponse, first: names.Named, second: names.Named, lines: bool) -> None:
    """The table of metrics, each line if that was asked for, and what it comes to."""
    better, sure = {"a": str(first), "b": str(second)}, metrics.sureness(found.metrics)
    rows = (
        (
            info.title,
            *(metrics.figure(info, {m.name: value}) for value in (m.a, m.b, m.recordings)),
            better.get(m.better, "") if metrics.clear(info, sure.get(m.name)) else "unsure",
            metrics.between(info, sure.get(m.name)),
        )
        for m in found.metrics
        for info in (metrics.find(found.infos, m.name),)
    )
    of = "held-out" if first.voice == second.voice else "both said"
    head = (of, str(first), str(second), "recordings", "better", "differs surely by")
    if found.ready:
        output.table(head, rows)
    if lines:
        for spoken in found.lines:
            print()
            output.line(output.safe(f"“{spoken.text}”"))
            shared = sorted(spoken.metrics_a.keys() & spoken.metrics_b.keys())
            output.table(
                ("", *shared),
                [
                    (str(v), *(_figure(m[k]) for k in shared))
                    for v, m in ((first, spoken.metrics_a), (second, spoken.metrics_b))
                ],
            )
    output.line(output.safe(found.sentence))


def show(version: pb.Version) -> None:
    """One version in full."""
    output.line(f"{version.voice}@{version.number}")
    output.fields(
        (
            ("state", version.state),
            ("verdict", version.verdict),
            ("taken in", f"{wording.moment(version.adopted)}, not trained here" if version.HasField("adopted") else ""),
            ("from", f"{version.voice}@{version.parent}" if version.parent else f"{version.engine}'s base"),
            ("dataset", f"#{version.dataset}" if version.dataset else "unknown to this database"),
            ("run", version.run),
            ("engine", version.engine),
            ("kind", version.kind),
            ("sound", version_words.sound(version.sound) if version.HasField("sound") else ""),
            ("made", wording.moment(version.created)),
            ("size", wording.size(version.size)),
            ("folder", version.path),
            ("licence", version.licence),
        )
    )
    if version.metrics:
        print()
        infos = session.client().info().metrics
        known = [info.name for info in infos]
        named = [*(name for name in known if name in version.metrics), *sorted(version.metrics.keys() - set(known))]
        rows = [
            (info.title, metrics.figure(info, version.metrics))
            for info in (metrics.find(infos, name) for name in named)
        ]
        output.table(("metric", "value"), rows)


def changed(version: pb.Version, json: bool) -> None:
    """What speaks now."""
    if json:
        output.json(version)
    elif version.number:
        output.line(
            f"{version.voice}@{version.number} is the active version of {version.voice} now. "
            f'Hear it: myna say "Hello." --voice {version.voice}'
        )
    else:
        output.line(f"{version.voice} has no active version now: the engine's base speaks.")


def _figure(value: float) -> str:
    return "" if value != value else f"{value:.3f}"


def _no_base(named: names.Named, what: str) -> None:
    if named.number == names.BASE:
        raise ClientError(
            f"The base is the engine's own and cannot be {what}.",
            f"`myna versions {named.voice}` lists what can.",
            "INVALID_ARGUMENT",
        )
