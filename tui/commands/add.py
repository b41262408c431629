"""`myna add`: give recordings to a voice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from proto.client import Client, ClientError
from proto.voice_name import slug
from tui import arguments, downloads, follow, inbox_copy, output, session, wording
from tui import consent as asking
from tui.progress import counting

app = typer.Typer()


@app.command(rich_help_panel="Recordings")
def add(
    voice: Annotated[
        str,
        typer.Argument(
            metavar="VOICE", help="The voice; a new name makes a new voice.", autocompletion=arguments.voice_names
        ),
    ],
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE…",
            autocompletion=arguments.paths,
            help="Recordings, or folders of them. Transcripts beside them (.txt, .lab, .srt, .vtt, metadata.csv, "
            "metadata.jsonl) come along. Or addresses of recordings on the web (https://…): their sound is fetched.",
        ),
    ],
    text: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What is said in the recording (for a single one without a transcript)."),
    ] = None,
    consent: asking.Option = "",
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Wait until they are taken in, and everything that follows (training too) is done."
        ),
    ] = False,
    json: output.Json = False,
) -> None:
    """Give recordings to a voice. They are copied; yours stay where they are.

    Copying them into the folder inbox/VOICE/ does the same. An address is fetched by yt-dlp, here and not by the
    daemon; add only what you have the right to use.
    """
    _check_name(voice)
    client = session.client()
    inbox, after, running = _where(client, voice, "--wait" if wait else "--consent" if consent else "")
    urls = [name for name in files if downloads.is_url(name)]
    gathered = _gathered(files, urls, text)
    if noted := consent or asking.asked(client, voice, quiet=json or not running):
        client.set_consent(voice, noted)
    names, bytes = _give(client, voice, gathered, text, inbox)
    for url in urls:
        downloads.forget(url)
    for reason in gathered.left_out:
        output.note(f"left out: {output.safe(reason)}")
    if not json:
        _print_added(voice, len(names), bytes, running=running, wait=wait)
    jobs = follow.files(client, after, voice, names) if wait else []
    if json:
        output.json({"voice": voice, "names": names, "left_out": gathered.left_out, "jobs": [job.id for job in jobs]})
    follow.check(jobs)
    if wait and not json:
        output.line(output.safe(follow.outcome(client, voice, jobs)))


def _check_name(voice: str) -> None:
    """Raises BadParameter for what cannot be a voice's name."""
    if (nearest := slug(voice)) != voice or not voice:
        would = f"{nearest!r} would do" if nearest else "lower-case letters, digits, - and _ make one"
        raise typer.BadParameter(f"{voice!r} is not a name for a voice: {would}")


def _gathered(files: list[str], urls: list[str], text: str | None) -> inbox_copy.Gathered:
    """What is to be copied, the `urls` among it fetched. Raises BadParameter for a text that is of none or of many."""
    fetched = [path for url in urls for path in downloads.fetch(url)]
    gathered = inbox_copy.gather([*(Path(name) for name in files if name not in urls), *fetched])
    if text is not None and len(gathered.recordings) != 1:
        raise typer.BadParameter(
            "--text is for a single recording; for many, put a .txt beside each", param_hint="--text"
        )
    return gathered


def _where(client: Client, voice: str, needs: str) -> tuple[Path | None, int, bool]:
    """(the voice's inbox folder; None: out of reach, cursor of the newest event, whether a daemon runs). `needs`: the
    option that only a running daemon can meet; empty: none. Raises ClientError where none runs for it."""
    where = session.where()
    running = bool(where.remote) or client.ready()
    if needs and not running:
        nothing = {"--wait": "there is nothing to wait for", "--consent": "nobody keeps the consent note"}[needs]
        raise ClientError(
            f"No daemon is running in {where.home}, so {nothing}.", "Start it with `myna up`.", "UNAVAILABLE"
        )
    info = client.info() if running else None
    # the socket may be tunnelled to here, but not its files
    tunnelled = info is not None and os.path.realpath(info.home) != os.path.realpath(where.home)
    inbox = None if where.remote or tunnelled else where.home / "inbox" / voice
    return inbox, info.cursor if info else 0, running


def _give(
    client: Client, voice: str, gathered: inbox_copy.Gathered, text: str | None, inbox: Path | None
) -> tuple[list[str], int]:
    """Copy the files into the voice's inbox, or send them where that is out of reach (None); `text` goes along.
    Returns the names of the recordings there, and the bytes of all files."""
    with TemporaryDirectory() as scratch:
        if text is not None:
            written = Path(scratch, "text")
            written.write_text(text + "\n", "utf-8")
            gathered.with_text(written)
        bytes = gathered.bytes
        if inbox is None:
            return _upload(client, voice, gathered), bytes
        with counting("copying", bytes) as advance:
            return inbox_copy.copy(gathered, inbox, advance), bytes


def _print_added(voice: str, count: int, bytes: int, *, running: bool, wait: bool) -> None:
    """Where the recordings are, and what becomes of them."""
    verb = "is" if count == 1 else "are"
    output.line(f"{wording.count(count, 'recording')} ({wording.size(bytes)}) {verb} in the inbox of {voice}.")
    if not running:
        output.line("No daemon is running: they are taken in when you start it with `myna up`.")
    elif not wait:
        output.line(f"Watch what happens to them: myna watch --voice {voice}")


def _upload(client: Client, voice: str, gathered: inbox_copy.Gathered) -> list[str]:
    with counting("sending", gathered.bytes) as advance:

        def files() -> Iterator[tuple[str, Path]]:
            for name, path in gathered.files:
                yield name, path
                advance(path.stat().st_size)

        return [name for name in client.upload(voice, files()) if inbox_copy.is_recording(name)]
