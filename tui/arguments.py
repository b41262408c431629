"""Arguments that several commands share, and how the shell completes them: by asking the daemon.

Completion is silent: without a daemon there is nothing to offer. An offer with a second part explains itself in zsh and
fish: (value, what it is).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Annotated, TypeVar

import typer

from proto import myna_pb2 as pb
from proto import run_words
from proto.client import Client, ClientError
from proto.messages import state_of
from tui import names, output, session, wording

OFFERED = 100  #: at most so many jobs, runs or clips are offered, the newest first

Offer = str | tuple[str, str]
T = TypeVar("T")


def voice_names(incomplete: str) -> list[str]:
    """Voices that begin so."""
    return _quietly(lambda client: [voice.name for voice in client.voices() if voice.name.startswith(incomplete)])


def paths(incomplete: str) -> list[str]:
    """Files and folders that begin so."""
    folder, _, start = incomplete.rpartition("/")
    try:
        with os.scandir(os.path.expanduser(folder + "/") if incomplete.count("/") else ".") as found:
            names = sorted((one.name, one.is_dir()) for one in found if one.name.startswith(start))
    except OSError:
        return []
    shown = [(name, is_folder) for name, is_folder in names if start.startswith(".") or not name.startswith(".")]
    above = f"{folder}/" if "/" in incomplete else ""
    return [f"{above}{name}{'/' if is_folder else ''}" for name, is_folder in shown]


def deleted_voice_names(incomplete: str) -> list[str]:
    """Deleted voices that begin so."""

    def fetch(client: Client) -> list[str]:
        return [
            voice.name
            for voice in client.voices(deleted=True)
            if voice.HasField("deleted") and voice.name.startswith(incomplete)
        ]

    return _quietly(fetch)


def version_names(incomplete: str) -> list[str]:
    """The versions of the one voice that is meant, and its base; of several voices their names and an @."""
    name, at, number = incomplete.partition("@")

    def fetch(client: Client) -> list[str]:
        if at:
            return versions(client, name)
        meant = [voice.name for voice in client.voices() if voice.name.startswith(name) and voice.versions]
        return versions(client, meant[0]) if len(meant) == 1 else [f"{one}@" for one in meant]

    def versions(client: Client, name: str) -> list[str]:
        known = [*(str(version.number) for version in client.versions(name)), "base"]
        return [f"{name}@{one}" for one in known if one.startswith(number)]

    return _quietly(fetch)


def version_names_in(*states: str) -> Callable[[str], list[str]]:
    """A completion: versions in one of these states, of the one voice that is meant; of several voices their names and
    an @."""

    def ask(client: Client, incomplete: str) -> list[str]:
        name, at, number = incomplete.partition("@")
        meant = [voice.name for voice in client.voices() if voice.name.startswith(name) and voice.versions]
        if not at and len(meant) != 1:
            return [f"{one}@" for one in meant]
        voice = name if at else meant[0]
        fitting = (str(one.number) for one in client.versions(voice) if one.state in states)
        return [f"{voice}@{one}" for one in fitting if one.startswith(number)]

    def complete(incomplete: str) -> list[str]:
        return _quietly(lambda client: ask(client, incomplete))

    return complete


def starts(ctx: typer.Context, incomplete: str) -> list[str]:
    """What a training of the voice named before may start from: numbers of its versions, or the base."""
    voice = _named_voice(ctx)
    return _quietly(
        lambda client: [
            one
            for one in (*(str(version.number) for version in client.versions(voice)), "base")
            if one.startswith(incomplete)
        ]
    )


def dataset_numbers(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Numbers of the datasets of the voice named before."""
    voice = _named_voice(ctx)
    return _quietly(
        lambda client: _beginning(
            incomplete, ((str(one.number), wording.count(one.clips, "clip")) for one in client.datasets(voice))
        )
    )


def clip_ids(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Clips of the voice named before, dropped ones too."""
    voice = _named_voice(ctx)

    def fetch(client: Client) -> list[Offer]:
        known = (clip for clip in client.clips(voice, dropped=True) if clip.sha256)
        return _beginning(incomplete, ((_short(clip.sha256, incomplete), clip.text) for clip in known))

    return _quietly(fetch)


def recording_ids(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Recordings of the voice named before that are in it."""
    return _recordings(ctx, incomplete, removed=False)


def removed_recording_ids(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Recordings that were taken out of the voice named before."""
    return _recordings(ctx, incomplete, removed=True)


def job_ids(*states: str) -> Callable[[str], list[Offer]]:
    """A completion: jobs that are in one of these states (none: in any), the newest first."""

    def fetch(client: Client, incomplete: str) -> list[Offer]:
        found = client.jobs(states=states, limit=OFFERED)
        return _beginning(incomplete, ((str(job.id), f"{job.title}, {state_of(job)}") for job in found))

    def complete(incomplete: str) -> list[Offer]:
        return _quietly(lambda client: fetch(client, incomplete))

    return complete


def run_numbers(incomplete: str) -> list[Offer]:
    """Numbers of training runs, the newest first."""
    return _quietly(
        lambda client: _beginning(incomplete, ((str(run.id), run_title(run)) for run in client.runs(limit=OFFERED)))
    )


def run_title(run: pb.Run) -> str:
    """What a run trained: "anna from anna@6 on dataset #4"."""
    start = run_words.came_from(run.way, f"{run.voice}@{run.from_version}" if run.from_version else "")
    return f"{run.voice} from {start}" + (f" on dataset #{run.dataset}" if run.dataset else "")


Voice = Annotated[str, typer.Argument(metavar="VOICE", help="The voice.", autocompletion=voice_names)]
Dataset = Annotated[
    int,
    typer.Option("--dataset", metavar="NUMBER", help="Dataset; 0: the newest.", autocompletion=dataset_numbers),
]
Version = Annotated[str, typer.Argument(metavar="VOICE@VERSION", help="Such as anna@7.", autocompletion=version_names)]


def _recordings(ctx: typer.Context, incomplete: str, *, removed: bool) -> list[Offer]:
    voice = _named_voice(ctx)

    def fetch(client: Client) -> list[Offer]:
        known = (row for row in client.recordings(voice, removed=removed) if row.HasField("removed") == removed)
        return _beginning(incomplete, ((_short(row.sha256, incomplete), row.name) for row in known))

    return _quietly(fetch)


def _named_voice(ctx: typer.Context) -> str:
    """The voice of the same command line; empty: none was named yet. (Where the last word is an option whose value is
    to come, words are not yet taken for arguments.)"""
    named = ctx.params.get("voice") or next(iter(ctx.args), "")
    return names.parse(str(named)).voice if named else ""


def _short(digest: str, incomplete: str) -> str:
    """As lists show a digest, or as much of it as was typed."""
    return digest[: max(12, len(incomplete))]


def _beginning(incomplete: str, known: Iterable[tuple[str, str]]) -> list[Offer]:
    fitting = ((value, output.safe(what)) for value, what in known if value.startswith(incomplete))
    return list(islice(fitting, OFFERED))


def _quietly(fetch: Callable[[Client], list[T]]) -> list[T]:
    try:
        return fetch(session.client())
    except ClientError:
        return []
