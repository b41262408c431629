"""Which recordings a voice is heard from before it speaks: long enough to hear it, clean, and few, since the model
reads them before every text."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from engines.audio import clip as clip_file
from engines.base import Clip, Features
from engines.cutting.quality import snr_db
from engines.errors import BadInput
from engines.fish.codec_stream import Stream
from engines.fish.features import SAMPLE_RATE, Encoder
from engines.fish.prompts import Reference
from engines.tensor_file import write_tensors

#: Seconds of reference that are heard, as the authors advise; a training hears one clip.
HEARD = 10.0
#: Clips that are looked at, the best in length first.
_LOOKED_AT = 16
#: Seconds of a clip that suits best, and what a second off is worth against cleaner sound, dB.
_BEST, _OFF = 6.0, 3.0


def of(base: Path, clips: Sequence[Clip]) -> tuple[Reference, ...]:
    """A voice's references: its best clips, the best first, until they make up `HEARD` seconds. Does not depend on the
    clips' order. Raises BadInput if none can be read."""
    near = sorted(clips, key=lambda clip: (abs(clip.seconds - _BEST), clip.sha256))[:_LOOKED_AT]
    worth: dict[str, float] = {}
    for clip in near:
        try:
            clean = snr_db(clip_file.read(clip.path, SAMPLE_RATE), SAMPLE_RATE)
        except BadInput:
            continue  # told of when it was encoded
        worth[clip.sha256] = clean - _OFF * abs(clip.seconds - _BEST)
    chosen: list[Clip] = []
    for clip in sorted((one for one in near if one.sha256 in worth), key=lambda one: (-worth[one.sha256], one.sha256)):
        if not chosen or sum(one.seconds for one in chosen) + clip.seconds <= HEARD:
            chosen.append(clip)
    made = _encoded(base, chosen) if chosen else []
    if not made:
        raise BadInput(
            "There is no reference recording of this voice that can be read.", "Add recordings of at least a second."
        )
    return tuple(Reference(tuple(one["text"].tolist()), one["codes"].astype(np.int16)) for one in made)


def _encoded(base: Path, clips: Sequence[Clip]) -> list[Features]:
    """Those that can be read."""
    encoder, made = Encoder(base), []
    for clip in clips:
        with contextlib.suppress(BadInput):  # told of when it was encoded to be trained on
            made.append(encoder.encode(clip))
    return made


def sound(codec: Any, references: Sequence[Reference]) -> NDArray[np.float32]:
    """References as the codec's speaking half says them, one after the other, (samples,)."""
    with torch.inference_mode():
        said = [Stream(codec)(torch.from_numpy(one.codes.T.astype(np.int64)), last=True) for one in references]
    return torch.cat(said).cpu().numpy() if said else np.zeros(0, np.float32)


def save(path: Path, references: Sequence[Reference]) -> None:
    """Write a voice's references as tokens."""
    tensors = {}
    for number, one in enumerate(references):
        tensors[f"{number}.text"] = torch.tensor(one.text, dtype=torch.int32)
        tensors[f"{number}.codes"] = torch.from_numpy(one.codes)
    write_tensors(path, tensors)


def load(path: Path) -> tuple[Reference, ...]:
    """What `save` wrote."""
    tensors = load_file(path)
    return tuple(
        Reference(tuple(tensors[f"{number}.text"].tolist()), tensors[f"{number}.codes"].numpy())
        for number in range(len(tensors) // 2)
    )
