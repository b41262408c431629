"""Which recordings a voice is taken from: long enough to hear it, clean, and like the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from engines.audio import clip as clip_file
from engines.base import Clip
from engines.cutting.quality import snr_db
from engines.device import send
from engines.errors import BadInput

SAMPLE_RATE = 22_050
#: Clips that are looked at, the longest first: a hundred more would not be better, and each is read.
_LOOKED_AT = 24
#: Seconds from which a clip is long enough to hear a voice well.
_LONG = 2.0
#: What a cosine of 0.1 to the mean of the voice is worth against cleaner sound, dB.
_SIMILARITY = 10.0


def best(xtts: Any, clips: Sequence[Clip], seconds: float) -> list[torch.Tensor]:
    """Sound (1, samples) at SAMPLE_RATE of the voice's best clips, the best first, until they make up `seconds`; all
    that can be read where there are no more. Does not depend on the clips' order. Raises BadInput if none can be
    read."""
    heard: list[tuple[Clip, torch.Tensor]] = []
    for clip in sorted(clips, key=lambda clip: (-clip.seconds, clip.sha256))[:_LOOKED_AT]:
        try:
            heard.append((clip, torch.from_numpy(clip_file.read(clip.path, SAMPLE_RATE))[None]))
        except BadInput:
            continue  # told of when it was encoded
    if not heard:
        raise BadInput(
            "There is no reference recording of this voice that can be read.", "Add recordings of at least a second."
        )
    if sum(clip.seconds for clip, _ in heard) > seconds:
        heard = _ranked(xtts, heard)
    chosen: list[torch.Tensor] = []
    for _, sound in heard:
        chosen.append(sound)
        if sum(one.shape[-1] for one in chosen) >= seconds * SAMPLE_RATE:
            break
    return chosen


def embedding(xtts: Any, sound: torch.Tensor) -> torch.Tensor:
    """Speaker embedding (1, 512, 1), as the vocoder takes it, of sound (1, samples)."""
    embedded: torch.Tensor = xtts.get_speaker_embedding(send(sound, next(xtts.gpt.parameters()).device), SAMPLE_RATE)
    return embedded


@torch.inference_mode()
def similarity(xtts: Any, samples: torch.Tensor, rate: int, speaker: torch.Tensor) -> float:
    """Cosine of sound (n,) float32 at `rate` Hz and the voice (1, 512, 1), by the base's own speaker encoder; 0 for
    what is shorter than half a second, too little to tell."""
    if len(samples) < rate // 2:
        return 0.0
    own = xtts.get_speaker_embedding(samples[None].to(speaker.device), rate)
    return float(torch.nn.functional.cosine_similarity(own.flatten(), speaker.flatten(), dim=0))


def _ranked(xtts: Any, heard: list[tuple[Clip, torch.Tensor]]) -> list[tuple[Clip, torch.Tensor]]:
    """The cleanest and most like the voice first; short ones only after all that are long enough."""
    voices = torch.stack([embedding(xtts, sound).flatten() for _, sound in heard])
    alike = torch.nn.functional.cosine_similarity(voices, voices.mean(dim=0, keepdim=True)).tolist()
    clean = [snr_db(sound[0].numpy(), SAMPLE_RATE) for _, sound in heard]
    worth = {clip.sha256: clean[i] + 10 * _SIMILARITY * alike[i] for i, (clip, _) in enumerate(heard)}
    return sorted(heard, key=lambda one: (one[0].seconds < _LONG, -worth[one[0].sha256], one[0].sha256))
