"""Bringing an engine's base here, in a worker of the CPU lane: over the network, on from where it broke off, or from a
folder.

Each file appears under its name only when it is whole, the biggest last; until all are there the engine is not ready. A
cancelled or failed fetch keeps what came.
"""

from __future__ import annotations

import time
from pathlib import Path

from daemon.kinds.fetch import recogniser, separator
from daemon.kinds.fetch.moving import Progress, copy, room
from daemon.worker.job import Channel
from engines import registry, separators, torch_file, weights
from engines.base import EngineInfo
from engines.download import download, is_published, part_of
from engines.errors import WeightsMissing
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder
from engines.recognisers import PUBLISHED
from proto import worker_pb2 as wire


def run(plan: wire.FetchPlan, channel: Channel) -> str:
    """Make the base, the recogniser, or what takes music out whole. Raises WeightsMissing when what came, or what the
    folder has, is not that."""
    if plan.engine in PUBLISHED:
        return recogniser.run(plan, channel)
    if plan.engine in separators.PUBLISHED:
        return separator.run(plan, channel)
    info, folder = registry.info(plan.engine), Path(plan.folder)
    began = time.monotonic()
    with disk_full_is_a_sentence(f"the folder of the base of {info.name}"):
        make_folder(folder)
    for leftover in folder.glob(f"{TEMPORARY}*"):  # of a killed attempt: a base is fetched by one job at a time
        leftover.unlink()
    if plan.source:
        _adopt(info, Path(plan.source), folder, channel)
        return f"The base of {info.name} was taken from {plan.source}."
    progress = Progress(channel, sum(file.size for file in info.weights))
    room(folder, progress.total - weights.present(info, folder))
    by_hand = False  #: some of it was here already, from a fetch that broke off or whoever put it here
    for file in info.weights:
        channel.check()
        if (folder / file.name).is_file():
            by_hand = by_hand or not is_published(file, folder / file.name)
        else:
            url = f"{plan.mirror.rstrip('/')}/{file.name}" if plan.mirror else file.url
            part = part_of(file, folder)
            progress.here = progress.done + (part.stat().st_size if part.is_file() else 0)
            channel.log("info", f"{file.name} ({file.size:,} bytes) comes from {url}.")
            download(file, url, folder, progress.at)
        progress.done += file.size
    if by_hand:
        registry.check_base(info.name, folder)
    return (
        f"The base of {info.name} is here, {progress.total / 1e9:.1f} GB after "
        f"{time.monotonic() - began:.0f} s: {info.licence}."
    )


def _adopt(info: EngineInfo, source: Path, folder: Path, channel: Channel) -> None:
    """Copy a whole base from `source`. Copied, never linked: Coqui's own loader writes over the model.pth that it
    loads."""
    channel.progress(0, 0, "bytes", "checking the files")
    if lacking := weights.missing(info, source):
        registry.check_base(info.name, source)  # says so in the engine's words
        raise WeightsMissing(f"{source} lacks {lacking[0].name}.", "Give a folder that has all of it.")
    others = [file for file in info.weights if not is_published(file, source / file.name)]
    if others:  # somebody's own, or damaged; what is published needs no second look
        registry.check_base(info.name, source)
    for file in others:
        channel.check()
        if file.name.endswith(".pth") and (record := torch_file.broken_record(source / file.name)):
            raise WeightsMissing(
                f"{file.name} is damaged: the bytes of {record} are not what was saved.", "Get it again."
            )
        if file.sha256:
            channel.log("info", f"{file.name} is not the published one: it is taken as it is.")
    room(folder, sum((source / file.name).stat().st_size for file in info.weights))
    progress = Progress(channel, sum((source / file.name).stat().st_size for file in info.weights))
    for file in info.weights:
        copy(source / file.name, folder / file.name, progress)
