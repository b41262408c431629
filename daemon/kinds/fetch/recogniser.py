"""Bringing a Whisper model here: from the hub that it is published on, or from a folder."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.kinds.fetch.moving import brought
from daemon.worker.job import Channel
from engines.base import WeightsFile
from engines.errors import EngineError, WeightsMissing
from engines.recognisers import BESIDE, NEEDED, PUBLISHED, is_model
from proto import worker_pb2 as wire

#: Environment variable by which huggingface_hub is told another hub.
HUB = "HF_ENDPOINT"
#: Seconds that the hub may take to tell which files there are.
PATIENCE = 20.0


def run(plan: wire.FetchPlan, channel: Channel) -> str:
    """Make the model whole. Raises WeightsMissing where a folder has none, EngineError and DiskFull; what came
    stays."""
    source = Path(plan.source)
    if plan.source and not is_model(source):
        raise WeightsMissing(f"{source} holds no Whisper model.", f"It needs {', '.join(NEEDED)} (CTranslate2 format).")
    given = [path for name in (*NEEDED, *BESIDE) if (path := source / name).is_file()] if plan.source else []
    how = brought(plan, channel, lambda: published(PUBLISHED[plan.engine]), given)
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
