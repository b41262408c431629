"""A sentence, streamed: is there sound, is it finite, and when is the first heard?"""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
import torch

from engines.base import SpeechRequest
from engines.self_test.bench import Bench
from engines.self_test.result import Check, Reason, Result, failed, passed
from engines.xtts.engine import XttsEngine

#: Codes of the sentence, 21.5 of which are a second.
CODES = 80
TEXT = "The boat came in just before the storm, and the whole harbour was on its feet."


def stream(bench: Bench) -> Result:
    """The second of two, since in the first what is kept for later is made. The tiny model says noise."""
    engine = XttsEngine()
    model = engine.load(None, device=str(bench.device))
    gpt: Any = model.module  # what learned nothing ends anywhere: it is to go on for some seconds
    gpt.max_gen_mel_tokens = CODES
    bias = gpt.mel_head.bias.detach().clone()
    bias[gpt.stop_audio_token] = -1e4
    gpt.mel_head.bias = torch.nn.Parameter(bias, requires_grad=False)
    logging.getLogger("engines.speaking").setLevel(logging.ERROR)  # that it does not end is told, too
    request = SpeechRequest(TEXT, seed=3, options={"retries": 0})
    for _ in engine.speak(model, request):
        pass
    began, first, seconds, chunks, finite = time.perf_counter(), 0.0, 0.0, 0, True
    for chunk in engine.speak(model, request):
        first = first or time.perf_counter() - began
        chunks += 1
        seconds += len(chunk.samples) / chunk.sample_rate
        finite = finite and bool(np.isfinite(chunk.samples).all())
    figures = {
        "first_seconds": first, "total_seconds": time.perf_counter() - began, "sound_seconds": seconds,
        "chunks": float(chunks),
    }  # fmt: skip
    if not finite or chunks < 2:
        return failed(Check.SPEECH, Reason.NO_SOUND, figures)
    return passed(Check.SPEECH, figures)
