"""The model classes of fish-speech 0.1.0, and no more of it: its `inference.py` sets compiler options when it is
imported, its `dac/inference.py` looks for a checkout around itself and fails when pip-installed, and its server modules
bring a web stack.

What these imports need is installed by `make setup` (`pyproject.toml`, extra `fish`).
"""

from __future__ import annotations

from engines import coqui, import_stand_ins
from engines.errors import EngineError

coqui.prepare()  # transformers and audiotools import torchaudio, whose wheel carries a CUDA extension
try:
    with import_stand_ins.without_event_files():  # which audiotools.ml would write
        from fish_speech.models.dac.modded_dac import DAC, ModelArgs, WindowLimitedTransformer
        from fish_speech.models.dac.rvq import DownsampleResidualVectorQuantize
        from fish_speech.models.text2semantic.llama import (
            DualARModelArgs,
            DualARTransformer,
            precompute_freqs_cis,
        )
        from fish_speech.tokenizer import IM_END_TOKEN, MODALITY_INTERLEAVE_TOKEN, FishTokenizer
        from loguru import logger
except ImportError as error:
    raise EngineError(
        f"The engine fish needs the package fish-speech, which is not whole here ({error}).",
        "Install it as `make setup` does: fish-speech, descript-audio-codec and descript-audiotools without their "
        "dependencies, and the extra: pip install 'myna-voice[fish]'.",
    ) from error

logger.disable("fish_speech")  # it reports each loading on stderr

__all__ = [
    "DAC",
    "IM_END_TOKEN",
    "MODALITY_INTERLEAVE_TOKEN",
    "DownsampleResidualVectorQuantize",
    "DualARModelArgs",
    "DualARTransformer",
    "FishTokenizer",
    "ModelArgs",
    "WindowLimitedTransformer",
    "precompute_freqs_cis",
]
