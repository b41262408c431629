"""What people are told of one folder of the inbox: each refusal, and each thing that is wrong for as long as it lasts,
once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon import names
from daemon.inbox import refusals
from daemon.inbox.arrivals import MOST, Listing
from daemon.inbox.folder import InboxFolder
from daemon.inbox.refused_files import RefusedFiles
from daemon.state import events, recordings
from daemon.state.values import Level

if TYPE_CHECKING:
    from daemon.database.store import Store

#: What a complaint is about that is about no single path; no path in a folder begins like that.
UNREADABLE, TOO_MANY, SCAN, DELETED = b"/unreadable", b"/too-many", b"/scan", b"/deleted"
QUOTA = b"/quota"  #: whose voice it is may use no more of the disk


@dataclass(frozen=True)
class Complaint:
    """Something that is wrong, and what to do."""

    sentence: str
    hint: str


class Complaints:
    """Of a voice's folder, or (voice "") of the inbox itself."""

    def __init__(self, place: InboxFolder, voice: str, store: Store) -> None:
        self.place = place
        self.voice = voice
        self.store = store
        self.standing: dict[bytes, Complaint] = {}  #: by what it is about: a path in the folder, or a word that is none

    async def complain(self, about: bytes, sentence: str, hint: str) -> None:
        """Tell what is wrong, unless it was told and still stands: of this, or of another file in the same words."""
        complaint = Complaint(sentence, hint)
        new = complaint not in self.standing.values()
        self.standing[about] = complaint
        if new:
            await self.store.write(events.notice, Level.WARNING, sentence, hint, self.voice)

    def mended(self, about: bytes) -> None:
        """It is right again: should it go wrong once more, that is told."""
        self.standing.pop(about, None)

    def forget(self, paths: Iterable[bytes]) -> None:
        """These files lie there; whatever else was wrong with others went with them."""
        there = set(paths)
        self.standing = {
            about: complaint for about, complaint in self.standing.items() if about in there or about.startswith(b"/")
        }

    async def of_listing(self, listing: Listing) -> None:
        """Tell what of a folder cannot be looked at."""
        shown = f"inbox/{self.voice}"
        if listing.unreadable:
            path, why = next(iter(listing.unreadable.items()))
            which = names.printable(os.path.join(os.fsencode(shown), path)).rstrip("/")
            others = f", nor {len(listing.unreadable) - 1} others in it" if len(listing.unreadable) > 1 else ""
            sentence = f"The folder {which} cannot be read{others}: {why.lower()}."
            await self.complain(UNREADABLE, sentence, "Give the daemon's user permission to read it.")
        else:
            self.mended(UNREADABLE)
        if listing.more:
            sentence = f"{shown} holds more than {MOST:,} files; the others are looked at once some of these are taken."
            await self.complain(
                TOO_MANY, sentence, "If these only wait, as texts without recordings do, take them out."
            )
        else:
            self.mended(TOO_MANY)

    async def refuse(self, path: bytes, sentence: str, hint: str) -> bool:
        """Move a file to `.refused` and tell of it. False: it cannot be moved, which is told once."""
        try:
            await asyncio.to_thread(refusals.refuse, self.place, path, sentence, hint)
        except FileNotFoundError:
            self.mended(path)
        except OSError as error:
            await self.stuck(path, error)
            return False
        else:
            self.mended(path)
            await self.store.write(
                recordings.emit_inbox_event, self.voice, names.printable(path), "refused", f"{sentence} {hint}".strip()
            )
        return True

    async def taken_away(self, refused: RefusedFiles) -> None:
        """Tell of refused files that somebody took out of `.refused`, or mended: nobody needs to be told of them any
        more."""
        for name in await asyncio.to_thread(refused.gone):
            await self.store.write(
                recordings.emit_inbox_event, self.voice, names.printable(name), "mended", "It lies in .refused no more."
            )

    async def stuck(self, path: bytes, error: OSError) -> None:
        """Something is to be refused, and `.refused` cannot have it."""
        folder = f"inbox/{self.voice}" if self.voice else "inbox"
        said = error.strerror or str(error)
        sentence = f"What cannot be taken from {folder} stays there, because it cannot be refused. {said.rstrip('.')}."
        hint = (
            f"Let {folder}/.refused be a folder that the daemon's user may write to, and {folder} "
            f"too; then it goes on by itself."
        )
        await self.complain(path, sentence, hint)
