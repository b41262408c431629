"""Sending a version elsewhere, in a worker of the CPU lane: its package, its model card, and last a manifest.

What is there with our bytes is not sent again, and everything is read back: a push has succeeded when what can be
fetched from there has the SHA-256 of what was packed here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from daemon import settings
from daemon.kinds.export import worker as export
from daemon.kinds.push import card
from daemon.package import version as version_package
from daemon.package.archive import Member, Reader
from daemon.package.header import read_header
from daemon.places import manifest
from daemon.places.manifest import CARD, FILE, Manifest
from daemon.places.place import parse
from daemon.places.remote import Remote, Tell, has, opened, told
from daemon.worker.job import Channel
from engines.errors import BadInput, EngineError
from engines.files import disk_full_is_a_sentence, write_whole
from proto import worker_pb2 as wire


def run(plan: wire.PushPlan, channel: Channel) -> str:
    """Send it. Raises what an export raises, BadInput where another version is there under its name, and EngineError
    with what the place says."""
    package, name = Path(plan.export.file), plan.export.version_name
    place, site = parse(plan.url).folder(name.replace("@", "-")), settings.load(channel.home).push
    if not package.is_file():  # else of a killed attempt: whole, since it has its name
        export.run(plan.export, channel)
    with disk_full_is_a_sentence("what is to be pushed"):
        pushed = _described(plan, package)
        write_whole(package.with_name(FILE), manifest.written(pushed), FILE)
    with disk_full_is_a_sentence(f"what goes to {place}"), told(place, site):
        remote = opened(place, site, package.parent)
        _refuse_another(remote, pushed, str(place))
        sending = _Sending(remote, channel, str(place))
        files = [package, package.with_name(CARD), package.with_name(FILE)]
        sending.total = 2 * sum(file.stat().st_size for file in files)
        for file in files:
            sending.put(file)
    return (
        f"{name} is at {place}: {package.stat().st_size / 1e6:.0f} MB, read back and compared. "
        f"`myna pull {place}` takes it in elsewhere."
    )


def _described(plan: wire.PushPlan, package: Path) -> Manifest:
    """Write the model card, and say what there is to send."""
    with package.open("rb") as file:
        reader = Reader(file)
        packed = version_package.read_manifest(reader, read_header(reader))
    write_whole(package.with_name(CARD), card.written(plan, package.name).encode(), CARD)
    weights = version_package.digest({name: member.sha256 for name, member in packed.weights.items()})
    return Manifest(plan.export.version_name, weights, _measured(package), (_measured(package.with_name(CARD)),))


def _measured(path: Path) -> Member:
    with path.open("rb") as file:
        return Member(path.name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _refuse_another(remote: Remote, mine: Manifest, where: str) -> None:
    """What is there under these names and is not this version, or a version before it in a repository, stays: it was
    pushed from another home, or a person wrote it. Raises BadInput."""
    hint = "Push to another place, or delete that one there."
    if (size := remote.size(FILE)) is not None:
        there = manifest.read(remote.read(FILE), size)
        voices = [one.version.partition("@")[0] for one in (there, mine)]
        if voices[0] != voices[1] or (there.version == mine.version and there.weights != mine.weights):
            raise BadInput(f"{where} holds {there.version} already, which is not this {mine.version}.", hint)
    elif not _is_ours(remote, CARD):
        raise BadInput(f"{where} holds a {CARD} that Myna did not write.", hint)


def _is_ours(remote: Remote, name: str) -> bool:
    """Whether there is no card, or one that an attempt before wrote."""
    size = remote.size(name)
    return size is None or (size <= manifest.LONGEST and card.MARK in b"".join(remote.read(name)))


class _Sending:
    """Files on their way, one after another."""

    def __init__(self, remote: Remote, channel: Channel, where: str) -> None:
        self.remote = remote
        self.channel = channel
        self.where = where
        self.total = 0  #: bytes to send and to read back
        self._done = 0  #: of these, of the files before

    def put(self, file: Path) -> None:
        """Have it there, whole. Raises EngineError when what is there is not what was sent."""
        mine = _measured(file)
        if has(self.remote, mine.name, mine.size, mine.sha256, self._tell("looking at", mine.name, mine.size)):
            self.channel.log("info", f"{mine.name} is there already, whole.")
        else:
            self.remote.send(file, mine.name, self._tell("sending", mine.name, 0))
            if not has(
                self.remote, mine.name, mine.size, mine.sha256, self._tell("reading back", mine.name, mine.size)
            ):
                raise EngineError(
                    f"{mine.name} came to {self.where} with other bytes than were sent.",
                    "`myna retry` sends it again; should it stay so, see what is between here and there.",
                )
            self.channel.log("info", f"{mine.name} was sent ({mine.size:,} bytes) and read back.")
        self.channel.lasting()
        self._done += 2 * mine.size

    def _tell(self, what: str, name: str, before: int) -> Tell:
        def tell(have: int) -> None:
            self.channel.check()
            self.channel.progress(self._done + before + have, self.total, "bytes", f"{what} {name}")

        return tell
