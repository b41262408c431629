"""What lies in the inbox but in no voice's folder: loose files, folders that are named as no voice can be, closed
folders."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from daemon import names
from daemon.database.models import Voice
from daemon.inbox.arrivals import Arrivals, Root, scan
from daemon.inbox.complaints import UNREADABLE, Complaints
from daemon.inbox.folder import InboxFolder, exists_in
from daemon.inbox.refused_files import RefusedFiles
from daemon.inbox.voice_folder import Identity
from daemon.state import events
from daemon.state.values import Level
from proto import myna_pb2 as pb
from proto.voice_name import slug

if TYPE_CHECKING:
    from daemon.database.store import Store


class UnsortedEntries:
    """Deals with them once they have settled. Each misnamed folder is looked at apart from the others, as a voice's
    is."""

    def __init__(self, home: Path, settle: float, rescan: float, store: Store) -> None:
        self.settle = settle
        self.rescan = rescan
        self.store = store
        self.place = InboxFolder(home)
        self.complaints = Complaints(self.place, "", store)
        self.refused = RefusedFiles(self.place)
        self._arrivals: dict[bytes, Arrivals] = {}  #: by folder; b"" is the inbox itself
        self._held: dict[
            bytes, tuple[Identity, float]
        ] = {}  #: loose files that could not be moved: left alone until then

    async def loose(self, root: Root, touched: set[bytes], now: float) -> float:
        """Files in the inbox itself belong to no voice. Returns seconds until something may be due again."""
        if root.unreadable:
            hint = "Give the daemon's user permission to read it."
            await self.complaints.complain(UNREADABLE, f"The inbox cannot be read: {root.unreadable.lower()}.", hint)
        else:
            self.complaints.mended(UNREADABLE)
        await self.complaints.taken_away(self.refused)
        at = self._arrivals.setdefault(b"", Arrivals(self.settle))
        at.update(root.loose, now, touched)
        self._held = {entry.path: self._held[entry.path] for entry in root.loose if entry.path in self._held}
        self.complaints.forget([*self._held, *root.folders])
        wait = math.inf
        for entry in root.loose:
            held = self._held.get(entry.path)
            if entry.partial:
                continue
            if held is not None and held[0] == entry.identity and held[1] > now:
                wait = min(wait, held[1] - now)
            elif (left := at.left(entry, now)) > 0:
                wait = min(wait, left)
            else:
                sentence = entry.odd or "It lies in the inbox itself, so it cannot be told whose voice it is."
                hint = "Put it into a folder that is named as the voice: inbox/anna/."
                if not await self.complaints.refuse(entry.path, sentence, hint):
                    self._held[entry.path] = (entry.identity, now + self.rescan)
                    wait = min(wait, self.rescan)
        return wait

    async def misnamed(self, name: bytes, touched: set[bytes], now: float) -> float:
        """A folder whose name is no voice's: it is left as it is, and what to call it is said. Only where that looks
        just the same (another Unicode form, as macOS writes it), its settled files are moved there."""
        listing = await asyncio.to_thread(scan, InboxFolder(self.place.home, name))
        entries = listing.entries
        if listing.unreadable:
            sentence = f"Not all of inbox/{names.printable(name)}/ can be read."
            await self.complaints.complain(name, sentence, "Give the daemon's user permission to read it.")
        at = self._arrivals.setdefault(name, Arrivals(self.settle))
        at.update(entries, now, touched)
        lefts = [at.left(entry, now) for entry in entries if not entry.partial]
        if not lefts:
            self.complaints.mended(name)
        if not lefts or max(lefts) > 0:
            return max(lefts, default=math.inf)
        shown, text = names.printable(name), name.decode("utf-8", errors="replace")
        voice = slug(text)
        if unicodedata.normalize("NFC", text) != voice:
            sentence = f"inbox/{shown}/ is left as it is: {shown!r} cannot be the name of a voice."
            await self.complaints.complain(name, sentence, await self.store.read(_what_to_call_it, voice))
            return self.rescan
        paths = [entry.path for entry in entries if not entry.partial]
        moved = await asyncio.to_thread(_move_into, self.place, name, os.fsencode(voice), paths)
        if moved:
            sentence = f"Files in inbox/{shown}/ are those of the voice {voice}: that is how voices are named."
            await self.store.write(events.notice, Level.INFO, sentence, f"Use inbox/{voice}/.", voice)
        if moved < len(paths):
            sentence = (
                f"{len(paths) - moved} files in inbox/{shown}/ cannot be moved to inbox/{voice}/, "
                f"which is how voices are named."
            )
            hint = "Files of the same name lie there, or they may not be moved: move them by hand."
            await self.complaints.complain(name, sentence, hint)
        return 0.0 if moved else self.rescan

    def present(self) -> list[pb.InboxEvent]:
        """What lies there and is not taken, and what to do about it."""
        standing = [
            (about, complaint) for about, complaint in self.complaints.standing.items() if not about.startswith(b"/")
        ]
        return [
            pb.InboxEvent(name=names.printable(about), state="settling", why=f"{complaint.sentence} {complaint.hint}")
            for about, complaint in standing
        ]


def _what_to_call_it(session: Session, voice: str) -> str:
    """What to do about a folder whose name comes nearest to `voice` (empty: to none)."""
    if not voice:
        return "Give it a name of lower-case letters, digits, '-' and '_'; then its files are taken."
    if session.get(Voice, voice) is None:
        return f"Rename it to inbox/{voice}/, and its files are taken: they make the voice {voice}."
    return (
        f"There is a voice {voice} already. Put its recordings into inbox/{voice}/; if these are "
        f"not, give the folder another name."
    )


def _move_into(inbox: InboxFolder, source: bytes, voice: bytes, paths: list[bytes]) -> int:
    """Move files from one folder of the inbox to another, where no file has their name. Returns how many."""
    moved = 0
    for path in paths:
        here, there = os.path.join(source, path), os.path.join(voice, path)
        with (
            contextlib.suppress(OSError),
            inbox.beside(here) as (before, name),
            inbox.beside(there, make=True) as (after, _),
        ):
            if not exists_in(after, name):
                os.rename(name, name, src_dir_fd=before, dst_dir_fd=after)
                moved += 1
    return moved
