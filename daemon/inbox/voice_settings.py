"""What a `voice.toml` in the inbox does to its voice: it is read when it is new or changed; a broken one is
explained."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from daemon import names
from daemon.database.models import Voice
from daemon.errors import BadRequest
from daemon.inbox import refusals, voice_toml
from daemon.inbox.arrivals import Entry
from daemon.inbox.voice_folder import Folder
from daemon.state import recordings

if TYPE_CHECKING:
    from daemon.database.store import Store


async def take_in(folder: Folder, entry: Entry, store: Store, now: float, again_after: float) -> None:
    """Read a new or changed voice.toml. A broken one stays where it is, and changes nothing; one that cannot be read is
    looked at again after so many seconds."""
    if folder.toml == entry.identity:
        return
    place = folder.complaints.place
    try:
        given = await asyncio.to_thread(voice_toml.read, place)
        again = await store.write(
            lambda session: voice_toml.apply(session, session.get_one(Voice, folder.voice), given)
        )
    except FileNotFoundError:
        return
    except OSError as error:  # rights change without the file's changing: asked again later
        folder.held[entry.path] = (entry.identity, now + again_after)
        sentence = f"inbox/{folder.voice}/voice.toml cannot be read: {error.strerror}. The voice stays as it is."
        await folder.complaints.complain(entry.path, sentence, "Give the daemon's user permission to read it.")
        return
    except BadRequest as error:
        try:
            await asyncio.to_thread(refusals.explain, place, entry.path, error.sentence, error.hint)
        except OSError as stuck:
            folder.held[entry.path] = (entry.identity, now + again_after)
            sentence = f"{error} The voice stays as it is. {stuck.strerror}"
            await folder.complaints.complain(
                entry.path, sentence, f"Let inbox/{folder.voice}/.refused be a folder that can be written to."
            )
            return
        folder.complaints.mended(entry.path)
        await store.write(
            recordings.emit_inbox_event, folder.voice, "voice.toml", "refused", f"{error} The voice stays as it is."
        )
    else:
        await asyncio.to_thread(refusals.settle, place, entry.path)
        folder.complaints.mended(entry.path)
        if again:
            folder.due, folder.forced, folder.busy = True, True, now
    folder.toml = entry.identity


async def forget_gone(folder: Folder) -> None:
    """Where there is no voice.toml any more, nothing is wrong with one, be it from before a restart."""
    if any(entry.path == names.VOICE_TOML for entry in folder.entries):
        return
    if folder.toml is not None or folder.refused.has(names.VOICE_TOML):
        folder.toml = None
        await asyncio.to_thread(refusals.settle, folder.complaints.place, names.VOICE_TOML)
