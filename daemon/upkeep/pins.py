"""Files of running trainings, held open.

A training removes its older checkpoints while it goes on, and all of them at its end. A file that is open stays
readable when it is removed, on any file system and without a trace on the disk; so all that runs at work have is opened
at once, a moment after the database was copied, and read when its turn comes.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.upkeep import checkpoints, contents
from daemon.upkeep.contents import Seen
from daemon.upkeep.known import Known

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Moved(Exception):
    """A training removed what the copied database rests on before it could be held: copy the database again."""


@contextmanager
def held(home: Path, known: Known, lenient: Collection[int] = ()) -> Iterator[dict[str, tuple[Seen, int]]]:
    """By path, files of live runs with their descriptors. Checkpoints that are newer than the database knows are left
    out: the run goes on from the one before, and says again what it said. Where all are newer, so much was told
    meanwhile that the database has to be copied again; but of the runs in `lenient`, the oldest is taken (a run that
    tells little is ahead of what it told). Raises Moved."""
    found: dict[str, tuple[Seen, int]] = {}
    try:
        _many_files()
        for run, step in sorted(known.live.items()):
            _hold(home, f"runs/{run}", step, found, lenient=run in lenient)
        yield found
    finally:
        for _, descriptor in found.values():
            os.close(descriptor)


def _hold(home: Path, folder: str, step: int, found: dict[str, tuple[Seen, int]], *, lenient: bool) -> None:
    there = checkpoints.steps(home / folder)
    within = [one for one in there if one <= step]
    if there and not within:
        if not lenient:
            raise Moved
        within = there[:1]
    left = {checkpoints.path(home / folder, one).name for one in there if one not in within}
    for seen in contents.walked(home, folder):
        parts = seen.path.removeprefix(f"{folder}/").split("/")
        if parts[0] == "checkpoints" and parts[1] in left:
            continue
        try:
            descriptor = os.open(home / seen.path, _READ)
        except OSError:
            if parts[0] == "checkpoints":
                raise Moved from None
            continue
        found[seen.path] = (Seen.of(seen.path, os.fstat(descriptor)), descriptor)
    if there:  # all of one, or it was being removed while we looked
        for one in within:
            _whole(folder, one, found)


def _whole(folder: str, step: int, found: dict[str, tuple[Seen, int]]) -> None:
    """Raises Moved for a checkpoint that is not all there. What never was whole is not our business: its `state.json`
    is written last."""
    place = str(checkpoints.path(Path(folder), step))
    state = found.get(f"{place}/{checkpoints.STATE}")
    if state is None:
        raise Moved
    with suppress(ValueError):
        named = checkpoints.files(os.pread(state[1], state[0].size, 0))
        if any(f"{place}/{name}" not in found for name in named):
            raise Moved


def _many_files() -> None:
    """A few runs with a few checkpoints each; still, more than a thousand files can be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 65_536)), hard))
