"""fish-speech 0.1.0 as its authors run it, for comparison: its own loading, generation and codec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.fish import codec, codec_shape, upstream, weights

assert upstream  # torchaudio beside this torch, before stock is imported
from fish_speech.models.text2semantic import inference  # noqa: E402


def model(folder: Path) -> Any:
    """Stock's loaded model."""
    loaded, _ = inference.init_model(str(folder), "cpu", torch.float32)
    return loaded


def generated(
    loaded: Any,
    text: str,
    references: list[tuple[str, NDArray[np.int16]]],
    seed: int,
    most: int,
    *,
    temperature: float = 0.8,
    top_p: float = 0.8,
    repetition_penalty: float = 1.1,
) -> torch.Tensor:
    """Codes (10, frames) that stock says."""
    torch.manual_seed(seed)
    found = inference.generate_long(
        model=loaded,
        device="cpu",
        decode_one_token=inference.decode_one_token_ar,
        text=text,
        max_new_tokens=most,
        temperature=temperature,
        top_p=top_p,
        repetition_penalty=repetition_penalty,
        prompt_text=[said for said, _ in references],
        prompt_tokens=[torch.from_numpy(codes.astype(np.int64)) for _, codes in references],
    )
    said: torch.Tensor = next(one.codes for one in found if one.action == "sample")
    return said


def decoded(folder: Path, codes: torch.Tensor) -> torch.Tensor:
    """Sound (n,) by stock's codec, whose sizes are those of the file: its own configuration has the published ones."""
    path = folder / "codec.pth"
    built = codec.build(codec_shape.of(weights.codec_shapes(path), path.name)).eval()
    built.load_state_dict(torch.load(path, weights_only=True))
    with torch.no_grad():
        sound, _ = built.decode(codes[None], torch.tensor([codes.shape[1]]))
    return sound[0, 0]  # type: ignore[no-any-return]
