"""Bringing here what takes music out of recordings: from where it is published, or from a folder."""

from __future__ import annotations

from pathlib import Path

from daemon.kinds.fetch.moving import brought
from daemon.worker.job import Channel
from engines import separators
from engines.errors import WeightsMissing
from proto import worker_pb2 as wire


def run(plan: wire.FetchPlan, channel: Channel) -> str:
    """Make the model whole. Raises WeightsMissing where a folder has none, EngineError and DiskFull; what came
    stays."""
    model, source = separators.PUBLISHED[plan.engine], Path(plan.source)
    if plan.source and not separators.is_model(plan.engine, source):
        raise WeightsMissing(f"{source} holds no {model.title}.", f"It needs {model.file.name}, as it is published.")
    how = brought(plan, channel, lambda: [model.file], [source / model.file.name])
    return f"{plan.engine} is here, {how}. Of its licence: {model.terms} ({model.terms_url})."
