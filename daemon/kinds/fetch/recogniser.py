"""Bringing a Whisper model here: from the hub that it is published on, or from a folder.

It comes to lie where it is looked for when all of it is here: until then its files are in a folder beside, where a
fetch that broke off goes on.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from daemon.kinds.fetch.moving import Progress, copy, room
from daemon.worker.job import Channel
from engines.base import WeightsFile
from engines.download import download, part_of
from engines.errors import EngineError, WeightsMissing
from engines.files import TEMPORARY, disk_full_is_a_sentence, make_folder, sync_folder
from engines.recognisers import BESIDE, NEEDED, PUBLISHED, is_model
from engines.weights import PART
from proto import worker_pb2 as wire

#: Environment variable by which huggingface_hub is told another hub.
HUB = "HF_ENDPOINT"
#: Seconds that the hub may take to tell which files there are.
PATIENCE = 20.0


def run(plan: wire.FetchPlan, channel: Channel) -> str:
    """Make the model whole. Raises WeightsMissing where a folder has none, EngineError and DiskFull; what came
    stays."""
    final, source = Path(plan.folder), Path(plan.source)
    aside = final.parent.parent / (plan.engine + PART)
    began = time.monotonic()
    if final.is_dir() and any(final.iterdir()):
        raise WeightsMissing(f"{final} is in the way: it holds no whole model.", "Move it away, then fetch again.")
    if plan.source and not is_model(source):
        raise WeightsMissing(f"{source} holds no Whisper model.", f"It needs {', '.join(NEEDED)} (CTranslate2 format).")
    with disk_full_is_a_sentence(f"the folder of {plan.engine}"):
        make_folder(aside)
    for leftover in aside.glob(f"{TEMPORARY}*"):
        leftover.unlink()
    if plan.source:
        size = _take([path for name in (*NEEDED, *BESIDE) if (path := source / name).is_file()], aside, channel)
    else:
        size = _fetch(published(PUBLISHED[plan.engine]), plan.mirror, aside, channel)
    with disk_full_is_a_sentence(f"the folder of {plan.engine}"):
        make_folder(final.parent)
    aside.replace(final)
    sync_folder(final.parent)
    how = f"taken from {source}" if plan.source else f"{size / 1e9:.1f} GB after {time.monotonic() - began:.0f} s"
    return f"{plan.engine} is here, {how}: it hears recordings from now on."


def published(repository: str) -> tuple[WeightsFile, ...]:
    """The files of a model as the hub tells them, the biggest last. Raises EngineError."""
    from huggingface_hub import HfApi, hf_hub_url

    hub = os.environ.get(HUB) or None
    try:
        found = HfApi(endpoint=hub).model_info(repository, files_metadata=True, timeout=PATIENCE)
    except Exception as error:  # the library lets through what is below it, which is another one with its version
        said = str(error).strip().splitlines()
        raise EngineError(
            f"The hub does not tell which files {repository} has: {said[0] if said else type(error).__name__}.",
            "See whether this machine reaches it, then fetch again; or take the model from a folder: "
            "`myna engines add NAME FOLDER`.",
        ) from None
    files = [
        WeightsFile(
            one.rfilename,
            hf_hub_url(repository, one.rfilename, revision=found.sha, endpoint=hub),
            one.lfs.sha256 if one.lfs is not None else "",
            one.size or 0,
        )
        for one in found.siblings or ()
        if one.rfilename in (*NEEDED, *BESIDE)
    ]
    if lacking := [name for name in NEEDED if name not in {file.name for file in files}]:
        raise EngineError(f"{repository} has no {', '.join(lacking)} any more.", "Take the model from a folder.")
    return tuple(sorted(files, key=lambda file: file.size))


def _fetch(files: tuple[WeightsFile, ...], mirror: str, aside: Path, channel: Channel) -> int:
    progress = Progress(channel, sum(file.size for file in files))
    here = [path for file in files for path in (aside / file.name, part_of(file, aside)) if path.is_file()]
    room(aside, progress.total - sum(path.stat().st_size for path in here))
    for file in files:
        channel.check()
        url = f"{mirror.rstrip('/')}/{file.name}" if mirror else file.url
        part = part_of(file, aside)
        progress.here = progress.done + (part.stat().st_size if part.is_file() else 0)
        channel.log("info", f"{file.name} ({file.size:,} bytes) comes from {url}.")
        download(file, url, aside, progress.at)
        progress.done += file.size
    return progress.total


def _take(files: list[Path], aside: Path, channel: Channel) -> int:
    shutil.rmtree(aside)  # of another source
    aside.mkdir()
    progress = Progress(channel, sum(file.stat().st_size for file in files))
    room(aside, progress.total)
    for file in files:
        copy(file, aside / file.name, progress)
    return progress.total
