"""A version as a package for another Myna (`daemon.package.version`)."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

from daemon.package import version as package
from daemon.package.archive import Member, Writer
from daemon.worker import versions
from daemon.worker.job import Channel
from engines import foreign, registry
from engines.errors import BadInput, WeightsMissing
from proto import worker_pb2 as wire

REPORT = ("report.md", "report.json")


def write(plan: wire.ExportPlan, aside: Path, channel: Channel) -> str:
    """Write the package to `aside`. Returns what it is, in words. Raises WeightsMissing for a version that is not
    whole, BadInput for one that does not tell its base, and what its engine raises."""
    folder, name = Path(plan.version_dir), plan.version_name
    about = versions.lineage(folder)
    if about is None:
        raise WeightsMissing(f"The folder of {name} is missing or incomplete.", f"It should be {folder}.")
    version = wire.PackedVersion()
    version.CopyFrom(plan.version)
    version.base = str(about.get("base") or "")
    if not version.base:
        raise BadInput(f"{name} does not tell which base it was trained on.", "Train the voice again, then export.")
    folded = aside.with_suffix("")
    try:
        if on := foreign.loaded_onto(folder):
            below = ", ".join(Path(one).name for one in on)
            channel.log("info", f"{name} is loaded onto version {below}: what leaves has them folded in.")
            version.kind = _alone(plan, about, folded, channel)
        return _packed(plan, folded if on else folder, version, aside, channel)
    finally:
        shutil.rmtree(folded, ignore_errors=True)


def _alone(plan: wire.ExportPlan, about: dict[str, Any], folded: Path, channel: Channel) -> str:
    """Write the version as one that needs no other, with its report. Returns its kind."""
    folder = Path(plan.version_dir)
    shutil.rmtree(folded, ignore_errors=True)  # of an attempt that was killed
    folded.mkdir()
    channel.progress(0, 1, "parts", f"folding what {plan.version_name} is loaded onto into it")
    kind = foreign.write_alone(registry.learner(plan.engine), folder, folded)
    for name in REPORT:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, folded / name)
    lineage = json.dumps({**about, "kind": kind}, indent=1, sort_keys=True) + "\n"
    (folded / package.ABOUT).write_text(lineage, encoding="utf-8")
    return kind


def _packed(plan: wire.ExportPlan, folder: Path, version: wire.PackedVersion, aside: Path, channel: Channel) -> str:
    version.base_weights = foreign.base_weights(folder)
    places = {f"{package.OWN}/{path.name}": path for path in folder.iterdir() if path.is_file()}
    places |= {f"{package.SAMPLES}/{path.name}": path for path in Path(plan.samples_dir).glob("*.wav")}
    files = {name: _measured(name, path, channel) for name, path in sorted(places.items()) if package.is_place(name)}
    total, done = sum(one.size for one in files.values()), 0
    with aside.open("wb") as out:
        writer = Writer(out)
        for member, content in package.written(files.values(), version, plan.consent):
            writer.add(member, io.BytesIO(content))
        for member in files.values():
            channel.progress(done, total, "bytes", member.name)
            with _opened(places[member.name]) as file:
                writer.add(member, file, channel.check)
            done += member.size
        writer.close()
    spoken = sum(one.startswith(package.SAMPLES) for one in files)
    return f"{plan.version_name} is a package, with its report and {spoken} lines that it spoke"


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
