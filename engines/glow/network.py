"""The acoustic model: Coqui's GlowTTS at a size that trains on a CPU, with a table of speakers, kept as safetensors and
JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from engines import coqui
from engines.errors import EngineError
from engines.glow import mel, phonemes

WEIGHTS, SETTINGS = "model.safetensors", "model.json"
#: Spread of what `spoken` adds to the means: as in speech at the usual temperature.
SPOKEN_NOISE = 0.1


@dataclass(frozen=True)
class Settings:
    """Size and vocabulary of a network. A version keeps its base's."""

    symbols: tuple[str, ...] = phonemes.SYMBOLS  #: token id = index
    phonemizer: str = phonemes.PHONEMIZER
    speakers: tuple[str, ...] = ("base",)  #: rows of the speaker table
    hidden: int = 96  #: channels of encoder, decoder and speaker embedding
    encoder_layers: int = 4
    filter: int = 384  #: channels of the encoder's feed-forward layers
    flow_blocks: int = 8
    block_layers: int = 3
    duration_hidden: int = 128
    dropout: Mapping[str, float] = field(default_factory=lambda: {"encoder": 0.1, "decoder": 0.05, "duration": 0.1})


def build(settings: Settings) -> torch.nn.Module:
    """A GlowTTS with fresh weights (from torch's global generator), without data-dependent initialisation."""
    with coqui.imports():
        from TTS.tts.models.glow_tts import GlowTTS

    config = coqui_config(settings)
    config.audio = None  # else Coqui prepares spectrograms for itself, which mel.py makes here: two seconds of librosa
    network: torch.nn.Module = GlowTTS(config)
    return network


def coqui_config(settings: Settings) -> Any:
    """Coqui's own configuration of the network, also what `engines.glow.export` writes."""
    with coqui.imports():
        from TTS.tts.configs.glow_tts_config import GlowTTSConfig
        from TTS.tts.configs.shared_configs import BaseAudioConfig, CharactersConfig

    return GlowTTSConfig(
        # Coqui counts the vocabulary by characters, so each symbol stands there as one: from a private-use block.
        characters=CharactersConfig(
            characters_class="TTS.tts.utils.text.characters.Graphemes", pad=settings.symbols[0], eos="", bos="",
            blank="", characters="".join(chr(0xE000 + index) for index in range(1, len(settings.symbols))),
            punctuations="", is_unique=False, is_sorted=False,
        ),
        audio=BaseAudioConfig(
            sample_rate=mel.SAMPLE_RATE, fft_size=mel.N_FFT, win_length=mel.N_FFT, hop_length=mel.HOP,
            num_mels=mel.N_MELS, mel_fmin=0, mel_fmax=mel.SAMPLE_RATE // 2, signal_norm=False, do_trim_silence=False,
        ),
        speakers=list(settings.speakers),
        hidden_channels_enc=settings.hidden,
        hidden_channels_dec=settings.hidden,
        hidden_channels_dp=settings.duration_hidden,
        num_flow_blocks_dec=settings.flow_blocks,
        num_block_layers=settings.block_layers,
        dropout_p_dp=settings.dropout["duration"],
        dropout_p_dec=settings.dropout["decoder"],
        encoder_params={
            "kernel_size": 3, "dropout_p": settings.dropout["encoder"], "num_layers": settings.encoder_layers,
            "num_heads": 2, "hidden_channels_ffn": settings.filter, "rel_attn_window_size": 4, "input_length": None,
        },
        use_speaker_embedding=True,
        data_dep_init_steps=0,
    )  # fmt: skip


def save(
    network: torch.nn.Module,
    settings: Settings,
    folder: Path,
    dtype: torch.dtype = torch.float32,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write WEIGHTS and SETTINGS into an existing folder; `more` goes into the JSON beside the settings."""
    state = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in network.state_dict().items()}
    (folder / WEIGHTS).write_bytes(safetensors.torch.save(state))  # save_file would make it readable by its owner only
    (folder / SETTINGS).write_text(
        json.dumps({"settings": asdict(settings), **(more or {})}, ensure_ascii=False, indent=1) + "\n"
    )


def load(folder: Path) -> tuple[torch.nn.Module, Settings]:
    """Read what `save` wrote, as float32 on the CPU. Raises EngineError if files are missing or do not fit together."""
    settings = read_settings(folder)
    network = build(settings)
    try:
        state = safetensors.torch.load_file(folder / WEIGHTS)
        network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    except (OSError, safetensors.SafetensorError, RuntimeError) as error:
        raise EngineError(
            f"The weights in {folder} cannot be loaded: {error}", "Restore the folder, or train the voice again."
        ) from error
    return network, settings


def read_settings(folder: Path) -> Settings:
    """The settings beside a network's weights. Raises EngineError if they cannot be read or were made for another
    phonemizer."""
    try:
        stored = json.loads((folder / SETTINGS).read_text())["settings"]
        stored |= {"symbols": tuple(stored["symbols"]), "speakers": tuple(stored["speakers"])}
        settings = Settings(**stored)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(
            f"{folder / SETTINGS} cannot be read: {error}", "Restore the folder, or train the voice again."
        ) from error
    if settings.phonemizer != phonemes.PHONEMIZER or settings.symbols != phonemes.SYMBOLS:
        raise EngineError(
            f"The model in {folder} was trained with the phonemes of {settings.phonemizer}; Myna now "
            f"speaks {phonemes.PHONEMIZER}.",
            "Train the voice again from the present base.",
        )
    return settings


def initialise(
    network: Any,
    texts: torch.Tensor,
    text_lengths: torch.Tensor,
    mels: torch.Tensor,
    mel_lengths: torch.Tensor,
    speakers: torch.Tensor,
) -> None:
    """Data-dependent initialisation of the decoder's ActNorm layers from one batch, as `forward` takes it. Only for a
    network trained from nothing: it overwrites them."""
    for flow in network.decoder.flows:
        if hasattr(flow, "set_ddi"):
            flow.set_ddi(True)
    with torch.no_grad():
        forward(network, texts, text_lengths, mels, mel_lengths, speakers)


def forward(
    network: Any,
    texts: torch.Tensor,
    text_lengths: torch.Tensor,
    mels: torch.Tensor,
    mel_lengths: torch.Tensor,
    speakers: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """GlowTTS's training pass. texts (batch, tokens) int64, mels (batch, N_MELS, frames) float32 normalised log-mels,
    lengths and speakers (batch,) int64, all on the network's device. Returns Coqui's outputs: "z", "y_mean" and
    "y_log_scale" (batch, frames, N_MELS), "logdet" (batch,), "durations_log" and "total_durations_log" (batch, tokens,
    1), "alignments" (batch, frames, tokens). Frames go in pairs: an odd last one is left out."""
    outputs: dict[str, torch.Tensor] = network.forward(
        texts, text_lengths, mels.transpose(1, 2), mel_lengths, aux_input={"speaker_ids": speakers, "d_vectors": None}
    )
    return outputs


def losses(
    network: Any, outputs: Mapping[str, torch.Tensor], text_lengths: torch.Tensor, mel_lengths: torch.Tensor
) -> dict[str, torch.Tensor]:
    """GlowTTS's losses of what `forward` gave, lengths (batch,) int64: scalars () float32 with a gradient, means over
    the batch: "mle" (negative log-likelihood of a mel value, nats), "duration" (squared error of logs), "loss" their
    sum. Those of Coqui's GlowTTSLoss, which has the host look whether each is a number before it goes on."""
    squeeze = network.num_squeeze
    frames = torch.div(mel_lengths, squeeze, rounding_mode="floor") * squeeze
    z, mean, log_scale, logdet, durations, total_durations = (
        outputs[name].float()
        for name in ("z", "y_mean", "y_log_scale", "logdet", "durations_log", "total_durations_log")
    )
    pz = torch.sum(log_scale) + 0.5 * torch.sum(torch.exp(-2 * log_scale) * (z - mean) ** 2)
    mle = 0.5 * math.log(2 * math.pi) + (pz - torch.sum(logdet)) / (torch.sum(frames) * z.shape[2])
    duration = torch.sum((durations - total_durations) ** 2) / torch.sum(text_lengths)
    return {"loss": mle + duration, "mle": mle, "duration": duration}


def spoken(
    network: Any,
    outputs: Mapping[str, torch.Tensor],
    mels: torch.Tensor,
    mel_lengths: torch.Tensor,
    speakers: torch.Tensor,
) -> torch.Tensor:
    """How far what the network would say lies from the recordings, of what `forward` gave: a scalar () float32 with a
    gradient, the mean absolute difference of normalised log-mels. The means are laid along the recordings' own
    alignment, and go back through the flows: in training at SPOKEN_NOISE, as in speech; in measuring without noise.

    Likelihood alone does not teach that: what is spoken lies far nearer to the means than any recording does, where
    the flows are never looked at. The base learns it (`engines.glow.recipe`); a voice that starts from a base that has
    needs it no more (MODEL_CARD.md)."""
    frames = min(outputs["y_mean"].shape[1], mels.shape[-1])
    laid = said(network, outputs, mel_lengths, speakers, SPOKEN_NOISE if network.training else 0.0)
    mask = _mask(network, outputs, mel_lengths)
    off = (laid[..., :frames].float() - mels[..., :frames]).abs() * mask[..., :frames]
    return torch.sum(off) / (torch.sum(mask) * mels.shape[1])


def said(
    network: Any, outputs: Mapping[str, torch.Tensor], mel_lengths: torch.Tensor, speakers: torch.Tensor, noise: float
) -> torch.Tensor:
    """What the network says along the recordings' own alignment, of what `forward` gave: normalised log-mels (batch,
    N_MELS, frames), the means with noise of that spread back through the flows."""
    mask = _mask(network, outputs, mel_lengths)
    means = outputs["y_mean"].float().transpose(1, 2)
    voice = network._get_speaker_conditioning({"speaker_ids": speakers}, "emb_g")
    latent = (means + (torch.randn_like(means) * noise if noise else 0.0)) * mask
    laid: torch.Tensor = network.decoder(latent, mask, g=voice, reverse=True)[0]
    return laid


def _mask(network: Any, outputs: Mapping[str, torch.Tensor], mel_lengths: torch.Tensor) -> torch.Tensor:
    """1 where a clip has frames in whole pairs, (batch, 1, frames)."""
    lengths = torch.div(mel_lengths, network.num_squeeze, rounding_mode="floor") * network.num_squeeze
    frames = torch.arange(outputs["y_mean"].shape[1], device=mel_lengths.device)
    whole: torch.Tensor = frames[None] < lengths[:, None]
    return whole.float()[:, None]


def pad(arrays: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack tensors (..., n_i) along a new first axis, zeros at the end of the last one; and the lengths (batch,)."""
    longest = max(array.shape[-1] for array in arrays)
    stacked = torch.stack([torch.nn.functional.pad(array, (0, longest - array.shape[-1])) for array in arrays])
    return stacked, torch.tensor([array.shape[-1] for array in arrays])
