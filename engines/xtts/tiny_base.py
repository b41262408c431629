"""A base in XTTS-v2's own file format that is small enough to make in seconds: random weights, for tests and for trying
the way out.

    python -m engines.xtts.tiny_base FOLDER

GPT, codes and vocabulary are small; vocoder, speaker encoder and DVAE have fixed sizes in coqui-tts (74 M parameters),
so most of their weights are overlapping views of one bank of noise, which the files then hold once. What it says is
noise of about the right length.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from engines import coqui
from engines.xtts import network
from engines.xtts.features import SAMPLE_RATE

with coqui.imports():
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.layers.tortoise.arch_utils import TorchMelSpectrogram
    from TTS.tts.layers.xtts.dvae import DiscreteVAE
    from TTS.tts.models.xtts import Xtts

SEED = 7


@dataclass(frozen=True)
class Size:
    """What of XTTS-v2 can be chosen."""

    layers: int
    channels: int
    heads: int
    codes: int
    tokens: int  #: in the vocabulary; beyond letters and given texts' pieces they stand for nothing
    bank: int  #: floats of noise that stand for the parts of fixed size; 0 gives those weights of their own


TINY = Size(layers=3, channels=128, heads=2, codes=256, tokens=0, bank=500_000)
#: As published: 467 M parameters. Takes half a minute and 2.1 GB; for benchmarks.
FULL = Size(layers=30, channels=1_024, heads=16, codes=1_024, tokens=6_681, bank=0)
#: Codes after which speech ends, on average, where nothing was learned.
MEAN_CODES = 40
#: Spread of the noise: about that of a trained convolution.
SPREAD = 0.03
#: Parameters with more values than this are views of the bank.
LARGE = 20_000
LETTERS = (
    "abcdefghijklmnopqrstuvwxyz0123456789.,;:!?'\"-()¡¿%&"
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœßąćęłńśźżčďěňřšťůžğışőű"
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
    "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيًٌٍَُِّْ،؛؟"
    "".join(map(chr, range(0x0900, 0x0980)))
)
SPEAKERS = {"Tiny Low": 110.0, "Tiny High": 210.0}  # by fundamental frequency, Hz


def write(folder: Path, size: Size = TINY, texts: Sequence[str] = ()) -> None:
    """Write all six files into `folder`, which is made; the same ones each time. The vocabulary has pieces that `texts`
    are made of."""
    folder.mkdir(parents=True, exist_ok=True)
    state = torch.random.get_rng_state()
    torch.manual_seed(SEED)
    try:
        _tokenizer(size, texts).save(str(folder / "vocab.json"))
        config = _config(folder, size)
        bank = torch.randn(size.bank) * SPREAD
        norms = _mel(None)(_voice(130.0, 6.0)[None]).abs().mean(dim=(0, 2))
        torch.save(norms, folder / "mel_stats.pth")
        torch.save(_dvae(bank, norms, size.codes), folder / "dvae.pth")
        xtts = Xtts(config)
        xtts.mel_stats = norms
        _stop_in_time(xtts.gpt, size.codes)
        torch.save(
            {
                "model": _over_bank(
                    xtts.state_dict(), dict(xtts.hifigan_decoder.named_parameters(prefix="hifigan_decoder")), bank
                )
            },
            folder / "model.pth",
        )
        (folder / "config.json").write_text(json.dumps(config.to_dict(), indent=1) + "\n", encoding="utf-8")
        loaded = network.load(folder)
        torch.save({name: _speaker(loaded, pitch) for name, pitch in SPEAKERS.items()}, folder / "speakers_xtts.pth")
    finally:
        torch.random.set_rng_state(state)


def _config(folder: Path, size: Size) -> XttsConfig:
    config = XttsConfig()
    arguments = config.model_args
    arguments.gpt_layers, arguments.gpt_n_model_channels, arguments.gpt_n_heads = size.layers, size.channels, size.heads
    arguments.decoder_input_dim = size.channels
    arguments.gpt_num_audio_tokens = size.codes + 2
    arguments.gpt_start_audio_token, arguments.gpt_stop_audio_token = size.codes, size.codes + 1
    arguments.gpt_use_perceiver_resampler, arguments.gpt_use_masking_gt_prompt_approach = True, False
    tokenizer = network.read_tokenizer(folder)
    arguments.gpt_number_text_tokens = tokenizer.get_number_tokens()
    arguments.gpt_start_text_token = tokenizer.tokenizer.token_to_id("[START]")
    arguments.gpt_stop_text_token = tokenizer.tokenizer.token_to_id("[STOP]")
    return config


def _tokenizer(size: Size, texts: Sequence[str]) -> Tokenizer:
    """Letters, and pieces learned from texts; the special tokens where XTTS-v2 has them."""
    special = ["[STOP]", "[UNK]", "[SPACE]", *(f"[{language}]" for language in XttsConfig().languages), "[START]"]
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=max(size.tokens, len(special) + len(set(LETTERS))), special_tokens=special,
        initial_alphabet=sorted(set(LETTERS)), limit_alphabet=len(set(LETTERS)), show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator([text.lower() for text in texts], trainer)
    missing = size.tokens - tokenizer.get_vocab_size()
    tokenizer.add_tokens([f"[unused {number}]" for number in range(missing)])
    return tokenizer


def _dvae(bank: torch.Tensor, norms: torch.Tensor, codes: int) -> dict[str, torch.Tensor]:
    """State of a DVAE whose codes are among its own encoder's outputs: else most would never be used."""
    dvae = DiscreteVAE(
        channels=80, normalization=None, positional_dims=1, num_tokens=codes, codebook_dim=512, hidden_dim=512,
        num_resnet_blocks=3, kernel_size=3, num_layers=2, use_transposed_convs=False,
    ).eval()  # fmt: skip
    state = _over_bank(dvae.state_dict(), dict(dvae.named_parameters()), bank)
    dvae.load_state_dict(state, assign=True)
    heard = torch.stack([_voice(pitch, 12.0) for pitch in (90.0, 120.0, 160.0, 220.0)])
    with torch.no_grad():
        outputs = dvae.encoder(_mel(norms)(heard)).transpose(1, 2).flatten(0, 1)
    codebook = outputs[torch.randperm(len(outputs))[:codes]].T.contiguous()
    state |= {"codebook.embed": codebook, "codebook.embed_avg": codebook}
    return state


def _over_bank(
    state: dict[str, torch.Tensor], parameters: dict[str, Any], bank: torch.Tensor
) -> dict[str, torch.Tensor]:
    """The state with every large one of `parameters` a view of the bank, if there is one; rows start at different
    places."""
    return {
        name: _view(bank, value.shape) if len(bank) and name in parameters and value.numel() > LARGE else value
        for name, value in state.items()
    }


def _view(bank: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    row = math.prod(shape[1:])
    inner = [math.prod(shape[axis + 1 :]) for axis in range(1, len(shape))]
    step = max(1, (len(bank) - row) // shape[0])
    return bank.as_strided(shape, (step, *inner))


def _stop_in_time(gpt: Any, codes: int) -> None:
    """Let the stop code come after MEAN_CODES codes, on average."""
    with torch.no_grad():
        gpt.mel_head.bias.zero_()
        gpt.mel_head.bias[gpt.stop_audio_token] = math.log(codes / MEAN_CODES)


def _speaker(xtts: Any, pitch: float) -> dict[str, torch.Tensor]:
    voice = _voice(pitch, 6.0)[None]
    return {
        "gpt_cond_latent": xtts.get_gpt_cond_latents(voice, SAMPLE_RATE).clone(),
        "speaker_embedding": xtts.get_speaker_embedding(voice, SAMPLE_RATE).clone(),
    }


def _voice(pitch: float, seconds: float) -> torch.Tensor:
    """Something with a fundamental, harmonics, hiss and syllables, (samples,)."""
    time = torch.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * math.pi * torch.cumsum(pitch * (1 + 0.2 * torch.sin(2 * math.pi * 0.7 * time)), 0) / SAMPLE_RATE
    tone = sum(torch.sin(harmonic * phase) / harmonic for harmonic in range(1, 20))
    syllables = torch.sin(2 * math.pi * 3.1 * time).clamp(min=0.02)
    return 0.2 * syllables * tone + 0.03 * torch.sin(2 * math.pi * 1.3 * time).abs() * torch.randn(len(time))


def _mel(norms: torch.Tensor | None) -> TorchMelSpectrogram:
    mel = TorchMelSpectrogram(mel_norm_file=None)
    mel.mel_norms = norms
    return mel


if __name__ == "__main__":
    write(Path(sys.argv[1]))
