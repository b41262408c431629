"""A request without what its engine cannot say: found before it speaks, and never left out in silence."""

from __future__ import annotations

from dataclasses import replace

from daemon.worker.job import Channel
from engines.base import Speaks, SpeechRequest
from engines.text import unspeakable


def sayable(engine: Speaks, request: SpeechRequest, channel: Channel) -> tuple[SpeechRequest, list[str]]:
    """The request as it can be spoken, and the stretches of its text that were left out, which the log names. Raises
    BadInput where nothing is left."""
    stretches = engine.unspeakable(request.text, request.language)
    text = unspeakable.speakable(engine.info.name, request.text, stretches)
    if stretches:
        channel.log(
            "warning", f"Left out, since the engine {engine.info.name} cannot say it: {unspeakable.names(stretches)}."
        )
    return replace(request, text=text), list(dict.fromkeys(stretch.text for stretch in stretches))
