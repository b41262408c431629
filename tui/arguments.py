"""Arguments that several commands share, and how the shell completes them: voices and versions by asking the daemon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from proto.client import Client, ClientError
from tui import session


def voice_names(incomplete: str) -> list[str]:
    """Voices that begin so. Completion is silent: without a daemon there is nothing to offer."""
    return _quietly(lambda client: [voice.name for voice in client.voices() if voice.name.startswith(incomplete)])


def deleted_voice_names(incomplete: str) -> list[str]:
    """Deleted voices that begin so."""

    def ask(client: Client) -> list[str]:
        return [
            voice.name
            for voice in client.voices(deleted=True)
            if voice.HasField("deleted") and voice.name.startswith(incomplete)
        ]

    return _quietly(ask)


def version_names(incomplete: str) -> list[str]:
    """After an @ the versions of that voice, before it the voices that have one."""
    name, at, _ = incomplete.partition("@")
    if not at:
        return _quietly(
            lambda client: [
                f"{voice.name}@" for voice in client.voices() if voice.name.startswith(name) and voice.versions
            ]
        )
    return _quietly(lambda client: [f"{name}@{version.number}" for version in client.versions(name)] + [f"{name}@base"])


Voice = Annotated[str, typer.Argument(metavar="VOICE", help="The voice.", autocompletion=voice_names)]
Version = Annotated[str, typer.Argument(metavar="VOICE@VERSION", help="Such as anna@7.", autocompletion=version_names)]


def _quietly(ask: Callable[[Client], list[str]]) -> list[str]:
    try:
        return ask(session.client())
    except ClientError:
        return []
