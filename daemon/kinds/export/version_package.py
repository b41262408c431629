"""A version as a package for another Myna (`daemon.package.version`)."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from daemon.package import version as package
from daemon.package.archive import Member, Writer
from daemon.worker import versions
from daemon.worker.job import Channel
from engines import foreign
from engines.errors import BadInput, WeightsMissing
from proto import worker_pb2 as wire


def write(plan: wire.ExportPlan, aside: Path, channel: Channel) -> str:
    """Write the package to `aside`. Returns what it is, in words. Raises WeightsMissing for a version that is not
    whole, BadInput for one that cannot leave alone."""
    folder, name = Path(plan.version_dir), plan.version_name
    about = versions.lineage(folder)
    if about is None:
        raise WeightsMissing(f"The folder of {name} is missing or incomplete.", f"It should be {folder}.")
    if on := foreign.loaded_onto(folder):
        below = ", ".join(Path(one).name for one in on)
        raise BadInput(
            f"{name} holds adapters on top of others of its voice (version {below}), and cannot leave without them.",
            "Export that one, or train from the base (`myna train VOICE --from base`) and export what comes of it.",
        )
    version = wire.PackedVersion()
    version.CopyFrom(plan.version)
    version.base = str(about.get("base") or "")
    if not version.base:
        raise BadInput(f"{name} does not tell which base it was trained on.", "Train the voice again, then export.")
    places = {f"{package.OWN}/{path.name}": path for path in folder.iterdir() if path.is_file()}
    places |= {f"{package.SAMPLES}/{path.name}": path for path in Path(plan.samples_dir).glob("*.wav")}
    files = {name: _measured(name, path, channel) for name, path in sorted(places.items()) if package.is_place(name)}
    total, done = sum(one.size for one in files.values()), 0
    with aside.open("wb") as out:
        writer = Writer(out)
        for member, content in package.written(files.values(), version):
            writer.add(member, io.BytesIO(content))
        for member in files.values():
            channel.progress(done, total, "bytes", member.name)
            with _opened(places[member.name]) as file:
                writer.add(member, file, channel.check)
            done += member.size
        writer.close()
    spoken = sum(one.startswith(package.SAMPLES) for one in files)
    return f"{name} is a package, with its report and {spoken} lines that it spoke"


def _measured(name: str, path: Path, channel: Channel) -> Member:
    channel.check()
    with _opened(path) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Member(name, file.tell(), sha256)


def _opened(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        hint = "Bring it back from a copy, then export again."
        raise BadInput(f"{path} cannot be read: {error.strerror}.", hint) from None
