"""A dataset as a package for another Myna (`daemon.package`)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from daemon.kinds.export import encoded
from daemon.package import manifest
from daemon.package.archive import Member, Writer
from daemon.worker.job import Channel
from engines.errors import BadInput
from proto import worker_pb2 as wire


def write(plan: wire.ExportPlan, aside: Path, channel: Channel) -> str:
    """Write the package to `aside`. Returns what it is, in words. Raises BadInput for a file that has changed."""
    data, home = plan.dataset, channel.home
    files = _sounds(data, home)
    features = sorted(set(_features(plan, channel))) if plan.features else []
    for path in features:
        channel.check()
        files[path] = _measured(home, path)
    total, done = sum(one.size for one in files.values()), 0
    with aside.open("wb") as out:
        writer = Writer(out)
        for member, content in manifest.written(files.values(), data, plan.consent):
            writer.add(member, io.BytesIO(content))
        for member in files.values():
            channel.progress(done, total, "bytes", member.name)
            with _opened(home / member.name) as file:
                writer.add(member, file, channel.check)
            done += member.size
        writer.close()
    held = sum(clip.held_out for clip in data.clips)
    kept = sum(clip.clip.kept for clip in data.clips) - held
    return (
        f"Dataset #{data.number} of {data.voice} is a package of {len(data.recordings)} recordings, {kept} clips to "
        f"train on and {held} held out" + (f", with the features of {len(features)} clips" if plan.features else "")
    )


def _sounds(data: wire.PackedDataset, home: Path) -> dict[str, Member]:
    """Recordings and clips, in the order of their names. What they are named by is their SHA-256."""
    paths = {one.path: one.sha256 for one in data.recordings}
    paths |= {one.clip.path: one.clip.sha256 for one in data.clips if one.clip.path}
    found = {}
    for path, sha256 in sorted(paths.items()):
        try:
            found[path] = Member(path, (home / path).stat().st_size, sha256)
        except OSError as error:
            raise _gone(home / path, error) from None
    return found


def _features(plan: wire.ExportPlan, channel: Channel) -> Iterator[str]:
    """Paths, relative to the home, of what the engine made of the dataset's clips: as many as there are."""
    return (str(cache.path(clip).relative_to(channel.home)) for clip, cache in encoded.cached(plan, channel))


def _measured(home: Path, path: str) -> Member:
    with _opened(home / path) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Member(path, file.tell(), sha256)


def _opened(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise _gone(path, error) from None


def _gone(path: Path, error: OSError) -> BadInput:
    return BadInput(f"{path} cannot be read: {error.strerror}.", "Bring it back from a copy, then export again.")
