"""What a voice's engine made of a dataset's clips, as far as it is in the cache: it goes along with an export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from daemon.worker.job import Channel
from engines import registry
from engines.base import Clip
from engines.errors import EngineError
from engines.language import without_region
from proto import worker_pb2 as wire

if TYPE_CHECKING:
    from engines.features import FeatureCache


def cached(plan: wire.ExportPlan, channel: Channel) -> Iterator[tuple[Clip, FeatureCache]]:
    """The kept clips that were encoded, in order, and where their features are; the log tells of others."""
    from engines.features import FeatureCache  # brings numpy along, which an export without features does without

    data, folder = plan.dataset, channel.home / "features" / plan.engine
    try:
        cache = FeatureCache(registry.learner(plan.engine), folder)
    except EngineError as error:
        channel.log("warning", f"No features go along: {error}")
        return
    language = without_region(data.language)
    for one in data.clips:
        clip = one.clip
        if not clip.kept:
            continue
        of = Clip(clip.sha256, channel.home / clip.path, clip.text, language, clip.end - clip.start)
        if cache.read(of) is not None:
            yield of, cache
        else:
            channel.log("info", f"The clip {clip.sha256[:12]} has not been encoded; its features do not go along.")
