"""Freeing disk where a person asks for it: the weights of versions, and packages in `exports/`. Nothing else in Myna
deletes what was made.

The rows come first: from that commit on no job can want the weights, and a kill before it changes nothing. Whoever
starts after a kill later than that finds rows of purged versions whose folders do not say that all is deleted
(`daemon.home.purged_folder`), and deletes the rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Version
from daemon.database.store import Store, caller_of
from daemon.errors import BadRequest, MynaError, NotNow
from daemon.home import export_files, purged_folder
from daemon.machine.disk_space import folder_size
from daemon.state import purgeable, voices
from daemon.state.purgeable import Left
from daemon.state.values import VersionState
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.purge")


class Purging:
    """Measures and deletes. `alone`: held while folders of voices are changed."""

    def __init__(self, home: Path, store: Store, alone: asyncio.Lock) -> None:
        self._home = home
        self._store = store
        self._alone = alone

    async def purge(self, request: pb.PurgeRequest) -> pb.PurgeResponse:
        """What was deleted, or with `dry_run` would be. Raises what `purgeable.named` and `in_states` raise, and NotNow
        for files that cannot be deleted."""
        if request.versions and request.states:
            raise BadRequest("Versions and states were given.", "Name versions, or states, not both.")
        if request.exports and request.states:
            raise BadRequest("A package has no state.", "Name versions, or a voice for all its packages.")
        work = self._packages(request) if request.exports else self._versions(request)
        return await asyncio.shield(asyncio.create_task(work))  # who hangs up leaves it to its end

    async def _versions(self, request: pb.PurgeRequest) -> pb.PurgeResponse:
        async with self._alone:
            chosen, left = await self._store.read(_chosen, request, self._home)
            frees, stays = await asyncio.to_thread(_measured, self._home, chosen)
            if chosen and not request.dry_run:
                await self._store.write(purgeable.purge, request.voice, stays, self._home)
                await asyncio.to_thread(self._delete, chosen)
        return pb.PurgeResponse(
            purged=[
                pb.Purged(name=voices.spelt(row.voice, row.number), size=frees[row.number], state="purged")
                for row in chosen
            ],
            left=[_left(one) for one in left],
            freed=sum(frees.values()),
        )

    def _delete(self, chosen: Sequence[Version]) -> None:
        failed: list[str] = []
        for row in chosen:
            try:
                purged_folder.delete(self._home / row.path, _samples(self._home, row))
            except OSError as error:
                log.error("The weights of %s@%d cannot be deleted: %s", row.voice, row.number, error)
                failed.append(f"{error.filename or self._home / row.path} ({error.strerror})")
        if failed:
            sentence = f"The versions are purged, but files of them cannot be deleted: {', '.join(failed)}."
            raise NotNow(sentence, "Let the daemon's user write there; mynad deletes them at its next start.")

    async def _packages(self, request: pb.PurgeRequest) -> pb.PurgeResponse:
        files = await self._store.read(_files, request, self._home)
        there = [path for path in files if path.is_file()]
        sizes = {path.name: path.stat().st_size for path in there}
        if not request.dry_run:
            for path in there:
                try:
                    await asyncio.to_thread(purged_folder.delete_file, path)
                except OSError as error:
                    sentence = f"{path} cannot be deleted: {error.strerror}."
                    raise NotNow(sentence, "Let the daemon's user write there, then try again.") from None
        return pb.PurgeResponse(
            purged=[pb.Purged(name=name, size=size, state="purged") for name, size in sizes.items()],
            freed=sum(sizes.values()),
        )


def finish(store: Store, home: Path) -> None:
    """At the start, before anybody works: delete what a kill left of purged versions."""
    for row, path in store.read_now(_unfinished, home):
        try:
            purged_folder.delete(path, _samples(home, row))
        except OSError as error:
            log.error("The weights of %s@%d cannot be deleted: %s", row.voice, row.number, error)
            continue
        log.info("The weights of %s@%d are deleted now; the last mynad had not finished.", row.voice, row.number)


def _unfinished(session: Session, home: Path) -> list[tuple[Version, Path]]:
    found = []
    for row in session.scalars(select(Version).where(Version.state == VersionState.PURGED)):
        try:
            path = voices.own_folder(session, row, home)
        except MynaError:  # another's: it is left alone
            continue
        if path.is_dir() and purged_folder.noted(path) is not True:
            found.append((row, path))
    return found


def _chosen(session: Session, request: pb.PurgeRequest, home: Path) -> tuple[list[Version], list[Left]]:
    if request.versions:
        return purgeable.named(session, request.voice, request.versions, home), []
    return purgeable.in_states(session, request.voice, request.states, home)


def _measured(home: Path, chosen: Sequence[Version]) -> tuple[dict[int, int], dict[int, int]]:
    """Of each version's number, (bytes that purging frees, bytes that stay in its folder)."""
    frees, stays = {}, {}
    for row in chosen:
        folder = home / row.path
        weights = purged_folder.size(purged_folder.weights(folder))
        frees[row.number] = weights + purged_folder.size(purged_folder.large_samples(_samples(home, row)))
        stays[row.number] = max(0, folder_size(folder) - weights)
    return frees, stays


def _samples(home: Path, row: Version) -> Path:
    return home / "samples" / row.voice / str(row.number)


def _left(one: Left) -> pb.Purged:
    return pb.Purged(name=one.name, state=one.reason, sentence=" ".join(filter(None, one.words)))


def _files(session: Session, request: pb.PurgeRequest, home: Path) -> list[Path]:
    """Where packages of these versions (or all of the voice's, those of its datasets too; without a voice, all) are, if
    there are any. A person is not shown what is older than their voice: another one had its name then."""
    if not request.voice:
        return export_files.every(home)
    owner = voices.get(session, request.voice)
    of = select(Version.number).where(Version.voice == owner.name)
    numbers = set(request.versions or session.scalars(of))
    found = export_files.of_voice(home, owner.name, numbers if request.versions else None)
    mine = [one.path for one in found if one.number in numbers or not one.number]
    if caller_of(session).everything:
        return mine
    return [path for path in mine if path.is_file() and path.stat().st_mtime >= owner.created.timestamp()]
