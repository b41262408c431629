"""What lies in the inbox but in no voice's folder: loose files, folders that are named as no voice can be, packages, closed folders."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import names, refused
from daemon.arrivals import Arrivals, Entry, Listing
from daemon.state import events, recordings
from daemon.voice_folder import AFTER_FAILURE, Identity

if TYPE_CHECKING:
    from daemon.store import Store


class Strays:
    """Deals with them once they have settled."""

    def __init__(self, home: Path, settle: float, store: Store) -> None:
        self.home = home
        self.root = os.fsencode(home / "inbox")
        self.settle = settle
        self.store = store
        self._arrivals: dict[bytes, Arrivals] = {}  #: by folder; b"" is the inbox itself
        self._unreadable: set[bytes] = set()
        self._told: set[tuple[str, bytes, Identity]] = set()  #: packages that a notice was given of

    async def deal(self, listing: Listing, touched: dict[bytes, set[bytes]], now: float) -> float:
        """Do what is due. `touched`: paths that events told of, by folder. Returns seconds until something may be due again."""
        await self._complain(listing.unreadable)
        wait = await self._loose(listing.loose, set(touched), now)
        for name, entries in listing.folders.items():
            if not names.is_voice(name):
                wait = min(wait, await self._misnamed(name, entries, touched.get(name, set()), now))
        return wait

    async def _loose(self, entries: list[Entry], touched: set[bytes], now: float) -> float:
        """Files in the inbox itself belong to no voice."""
        at = self._arrivals.setdefault(b"", Arrivals(self.settle))
        at.update(entries, now, touched)
        wait = math.inf
        for entry in entries:
            if entry.partial:
                continue
            if (left := at.left(entry, now)) > 0:
                wait = min(wait, left)
            elif entry.path.lower().endswith(names.PACKAGE_ENDING):
                await self.package("", entry)
            else:
                sentence = entry.odd or "It lies in the inbox itself, so it cannot be told whose voice it is."
                hint = "Put it into a folder that is named as the voice: inbox/anna/."
                if await asyncio.to_thread(refused.try_refuse, self.root, os.path.join(self.root, entry.path), sentence, hint):
                    why = f"{sentence} {hint}"
                    await self.store.write(recordings.tell, "", names.printable(entry.path), "refused", why)
        return wait

    async def _misnamed(self, name: bytes, entries: list[Entry], touched: set[bytes], now: float) -> float:
        """A folder whose name is no voice's: its settled files go to the voice that the name comes nearest to, or are refused."""
        at = self._arrivals.setdefault(name, Arrivals(self.settle))
        at.update(entries, now, touched)
        lefts = [at.left(entry, now) for entry in entries if not entry.partial]
        if not lefts or max(lefts) > 0:
            return max(lefts, default=math.inf)
        shown, voice = names.printable(name), names.slug(name.decode("utf-8", errors="replace"))
        if not voice:
            sentence, hint = f"{shown!r} cannot be the name of a voice.", "Use letters, digits, '-' and '_'."
            if await asyncio.to_thread(refused.try_refuse, self.root, os.path.join(self.root, name), sentence, hint):
                await self.store.write(recordings.tell, "", shown, "refused", f"{sentence} {hint}")
            return math.inf
        moved = await asyncio.to_thread(_move_into, self.root, name, os.fsencode(voice), [e.path for e in entries if not e.partial])
        if moved:
            sentence = f"Files in inbox/{shown}/ are those of the voice {voice}: that is how voices are named."
            await self.store.write(events.notice, "info", sentence, f"Use inbox/{voice}/.", voice)
        return 0.0 if moved else AFTER_FAILURE

    async def package(self, voice: str, entry: Entry) -> None:
        """Say once that packages are left alone."""
        if (voice, entry.path, entry.identity) not in self._told:
            self._told.add((voice, entry.path, entry.identity))
            sentence = f"{names.printable(entry.path)} is a package; packages come with a later version of Myna."
            await self.store.write(events.notice, "info", sentence, "It is left where it is.", voice)

    async def _complain(self, unreadable: dict[bytes, str]) -> None:
        for path in unreadable.keys() - self._unreadable:
            shown = names.printable(os.path.relpath(path, os.fsencode(self.home)))
            sentence = f"The folder {shown} cannot be read: {unreadable[path].lower()}."
            await self.store.write(events.notice, "warning", sentence, "Give the daemon's user permission to read it.")
        self._unreadable = set(unreadable)


def _move_into(root: bytes, source: bytes, voice: bytes, paths: list[bytes]) -> int:
    """Move files from one folder of the inbox to another, where no file has their name. Returns how many."""
    moved = 0
    for path in paths:
        target = os.path.join(root, voice, path)
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if not os.path.lexists(target):
                os.rename(os.path.join(root, source, path), target)
                moved += 1
    return moved
