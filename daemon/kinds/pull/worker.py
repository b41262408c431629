"""Fetching a version from elsewhere, in a worker of the CPU lane. Nothing of it has its name before it is whole and has
the SHA-256 that the manifest tells; of a killed attempt, what came is kept."""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon import settings
from daemon.home import imports
from daemon.machine.disk_space import DiskSpace
from daemon.package.archive import Member, Reader
from daemon.package.header import read_header
from daemon.places import manifest
from daemon.places.manifest import FILE
from daemon.places.place import Place, parse
from daemon.places.remote import Remote, opened, told
from daemon.worker.job import Channel
from engines.errors import BadInput, DiskFull
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder, sync_file, sync_folder
from proto import worker_pb2 as wire


def run(plan: wire.PullPlan, channel: Channel) -> str:
    """Fetch the package. Raises BadInput where there is none, or not the one that the manifest tells; DiskFull; and
    EngineError with what the place says."""
    place, path, site = parse(plan.url), Path(plan.path), settings.load(channel.home)
    make_folder(path.parent)
    if path.is_file():  # the attempt before was killed when it had ended
        path.replace(imports.part(path))
    with (
        disk_full_is_a_sentence("the package"),
        TemporaryDirectory(prefix=TEMPORARY, dir=path.parent) as aside,
        told(place, site.push),
    ):
        remote = opened(place, site.push, Path(aside))
        pushed = _manifest(remote, place)
        if short := DiskSpace(channel.home, site.min_free_disk).missing(2 * pushed.package.size):
            hint = "Free some space, then `myna retry` goes on."
            raise DiskFull(f"The disk is {short / 1e9:.1f} GB short of what {place} holds.", hint)
        _fetch(remote, pushed.package, imports.part(path), channel)
    _check(imports.part(path), pushed.package)
    sync_file(imports.part(path))
    imports.part(path).replace(path)
    sync_folder(path.parent)
    return f"{pushed.version} was fetched from {place}: {pushed.package.size / 1e6:.0f} MB."


def _manifest(remote: Remote, place: Place) -> manifest.Manifest:
    size = remote.size(FILE)
    if size is None:
        raise BadInput(
            f"{place} has no {FILE}: no version was pushed into it, or its push has not ended.",
            "Name the folder of one version, as `myna push` told it.",
        )
    return manifest.read(remote.read(FILE), size)


def _fetch(remote: Remote, package: Member, part: Path, channel: Channel) -> None:
    """On from what an attempt before left. No byte more than the manifest tells is written."""
    have = part.stat().st_size if part.exists() else 0
    if have > package.size:
        part.unlink()
        have = 0
    if remote.size(package.name) != package.size:
        raise _other_size(package)
    with part.open("ab") as here:
        if have == package.size:
            return
        for block in remote.read(package.name, have):
            channel.check()
            have += len(block)
            if have > package.size:
                break
            here.write(block)
            here.flush()
            channel.lasting()
            channel.progress(have, package.size, "bytes", f"fetching {package.name}")
    if have != package.size:
        part.unlink()
        raise _other_size(package)


def _other_size(package: Member) -> BadInput:
    return BadInput(f"{package.name} has not the size there that its manifest tells.", "Push the version again.")


def _check(part: Path, package: Member) -> None:
    """Raises BadInput for what is not the package, which goes."""
    with part.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        if sha256 != package.sha256:
            raise BadInput(f"{package.name} has not the SHA-256 that its manifest tells.", "Push the version again.")
        with part.open("rb") as file:
            read_header(Reader(file))
    except BadInput:
        part.unlink()
        raise
